import { availableParallelism } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import type { TextRequest } from '../src/inference/contract.ts';
import { OrtRuntime } from '../src/inference/runtime/ort-session.ts';
import { openTextEngine } from '../src/inference/text/text-engine.ts';

/**
 * Prefill and decode of the embedded text model, beside transformers.js on the same files, turn by turn in one process.
 * `npm ci --ignore-scripts --prefix bench` once for the peer, then `npx tsx bench/text.ts [rounds] [threads]`.
 * Both are asked for 1 and for 1 + n tokens of the same fresh prompt: the first gives the prefill, the difference the decode.
 */
const rounds = Number(process.argv[2] ?? 5);
const threads = Number(process.argv[3] ?? Math.min(4, availableParallelism()));
const models = path.resolve(import.meta.dirname, '../models');
const model = 'smollm2-135m-instruct';

interface Contender {
  readonly name: string;
  /** Tokens of the prompt. */
  count(prompt: string): Promise<number>;
  /** Writes exactly `tokens` greedy tokens after the prompt. */
  write(prompt: string, tokens: number): Promise<void>;
}

async function fresco(): Promise<Contender> {
  const engine = await openTextEngine(
    { id: model, kind: 'text', folder: path.join(models, model), memoryBytes: 0 },
    new OrtRuntime({ device: 'cpu', threads }),
  );
  const never = new AbortController().signal;
  return {
    name: 'Fresco',
    count: async (prompt) => engine.tokenize(prompt).ids.length,
    write: async (prompt, tokens) => {
      const request: TextRequest = {
        kind: 'text',
        model,
        input: { form: 'raw', text: prompt },
        sampling: { temperature: 0 },
        maxTokens: tokens,
        stop: [],
        continueLast: false,
        useDefaults: false,
      };
      for await (const event of engine.generate(request, { signal: never, keep: never })) {
        if (event.type === 'finished' && event.usage.completionTokens !== tokens) throw new Error(`ended after ${event.usage.completionTokens} tokens`);
      }
    },
  };
}

interface Transformers {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
  readonly AutoTokenizer: { from_pretrained(id: string): Promise<(text: string) => { readonly input_ids: { readonly dims: readonly number[] } }> };
  readonly AutoModelForCausalLM: { from_pretrained(id: string, options: object): Promise<{ generate(options: object): Promise<unknown> }> };
}

async function transformersJs(): Promise<Contender | undefined> {
  const peer = '@huggingface/transformers';
  const found: Transformers | undefined = await import(peer).catch(() => undefined);
  if (found === undefined) return undefined;
  found.env.allowRemoteModels = false;
  found.env.localModelPath = models;
  const tokenizer = await found.AutoTokenizer.from_pretrained(model);
  const loaded = await found.AutoModelForCausalLM.from_pretrained(model, {
    dtype: 'q4',
    device: 'cpu',
    session_options: { intraOpNumThreads: threads, extra: { session: { intra_op: { allow_spinning: '0' } } } },
  });
  return {
    name: 'transformers.js',
    count: async (prompt) => tokenizer(prompt).input_ids.dims.at(-1) ?? 0,
    write: async (prompt, tokens) => {
      await loaded.generate({ ...tokenizer(prompt), max_new_tokens: tokens, min_new_tokens: tokens, do_sample: false });
    },
  };
}

/** A prompt of about `words` words that begins differently each time, so that no cache of an earlier one helps. */
function freshPrompt(number: number, words: number): string {
  const sentence = 'the old keeper climbed the stairs of the lighthouse and watched the grey sea while the wind told him stories of ships'.split(' ');
  return `Story ${number}: ${Array.from({ length: words }, (_, index) => sentence[index % sentence.length]).join(' ')} and then`;
}

async function timed(work: Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work;
  return performance.now() - startedMs;
}

const median = (values: readonly number[]): number => [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;

const contenders = [await fresco(), await transformersJs()].filter((contender) => contender !== undefined);
if (contenders.length === 1) process.stdout.write('transformers.js is not installed: npm ci --ignore-scripts --prefix bench\n');
process.stdout.write(`median of ${rounds} rounds, ${threads} threads, tokens per second\n\n| engine | prompt tokens | prefill | decode |\n|---|---|---|---|\n`);
for (const { words, answer } of [
  { words: 190, answer: 48 },
  { words: 960, answer: 16 },
]) {
  const rates = new Map(contenders.map(({ name }) => [name, { prefill: [] as number[], decode: [] as number[] }]));
  const promptTokens = (await contenders[0]?.count(freshPrompt(1, words))) ?? 0;
  for (let round = 0; round <= rounds; round += 1) {
    for (const contender of contenders) {
      const prefillMs = await timed(contender.write(freshPrompt(2 * round + 1, words), 1));
      const wholeMs = await timed(contender.write(freshPrompt(2 * round + 2, words), 1 + answer));
      if (round === 0) continue; // warm-up
      rates.get(contender.name)?.prefill.push((promptTokens / prefillMs) * 1000);
      rates.get(contender.name)?.decode.push((answer / Math.max(wholeMs - prefillMs, 1)) * 1000);
    }
  }
  for (const [name, { prefill, decode }] of rates) {
    process.stdout.write(`| ${name} | ${promptTokens} | ${median(prefill).toFixed(0)} | ${median(decode).toFixed(1)} |\n`);
  }
}
process.exit(0); // the peer has no way to let go of its session
