import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { GenerationEvent, ModelFolder, RunControl, TextEngine, TextRequest } from '../../../src/inference/contract.ts';
import { OrtRuntime } from '../../../src/inference/runtime/ort-session.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const goldens = path.join(root, 'test/goldens/text');

export const families = ['llama', 'qwen2', 'qwen3', 'gemma2', 'gemma3', 'phi3', 'mistral', 'gpt2', 'opt', 'llama-fp16'] as const;
export type Family = (typeof families)[number];

export interface GreedyGolden {
  readonly prompts: readonly string[];
  readonly promptIds: readonly (readonly number[])[];
  readonly maxTokens: number;
  readonly ids: Readonly<Record<Family, readonly (readonly number[])[]>>;
}

export function golden<Content>(file: string): Content {
  return JSON.parse(readFileSync(path.join(goldens, file), 'utf8'));
}

export const modelFolder = (folder: string): ModelFolder => ({ id: path.basename(folder), kind: 'text', folder, memoryBytes: 1 });
export const tiny = (family: Family): ModelFolder => modelFolder(path.join(goldens, 'tiny', family));
export const smollm2 = modelFolder(path.join(root, 'models/smollm2-135m-instruct'));
export const cpu = (threads = 1): OrtRuntime => new OrtRuntime({ device: 'cpu', threads });

/** A request for a greedy reply that adds nothing of Fresco's, changed by `part`. */
export function request(part: Partial<TextRequest> = {}): TextRequest {
  return {
    kind: 'text',
    model: 'tiny',
    input: { form: 'raw', text: 'Hello there' },
    sampling: { temperature: 0 },
    maxTokens: 12,
    stop: [],
    continueLast: false,
    useDefaults: false,
    ...part,
  };
}

export const chat = (...contents: readonly string[]): TextRequest['input'] => ({
  form: 'messages',
  messages: contents.map((content, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content })),
});

export interface Control extends RunControl {
  readonly cancel: AbortController;
  readonly keeper: AbortController;
}
export function control(): Control {
  const cancel = new AbortController();
  const keeper = new AbortController();
  return { cancel, keeper, signal: cancel.signal, keep: keeper.signal };
}

export type Finished = Extract<GenerationEvent, { type: 'finished' }>;
export interface Reply {
  readonly events: readonly GenerationEvent[];
  readonly text: string;
  readonly ids: readonly number[];
  readonly notices: readonly string[];
  readonly finished: Finished;
}

/** Reads a whole reply. Fails when it does not end with exactly one `finished`. */
export async function replyOf(engine: TextEngine, asked: TextRequest, steering: RunControl = control()): Promise<Reply> {
  const events: GenerationEvent[] = [];
  for await (const event of engine.generate(asked, steering)) events.push(event);
  const deltas = events.filter((event) => event.type === 'text-delta');
  const ends = events.filter((event) => event.type === 'finished');
  const [finished] = ends;
  if (finished === undefined || ends.length > 1 || events.at(-1) !== finished) throw new Error('a reply ends with one finished event');
  return {
    events,
    text: deltas.map(({ text }) => text).join(''),
    ids: deltas.flatMap(({ tokenIds }) => tokenIds),
    notices: events.filter((event) => event.type === 'notice').map(({ code }) => code),
    finished,
  };
}
