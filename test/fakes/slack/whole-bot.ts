import sharp from 'sharp';
import { type BlobRef, seedSchema } from '../../../src/ids.ts';
import type { GenerationEvent, InferenceRequest } from '../../../src/inference/contract.ts';
import type { Settings } from '../../../src/settings.ts';
import { MemoryBlobStore } from '../memory-blob-store.ts';
import { type ScriptedRun, ScriptedRunner } from '../scripted-runner.ts';
import type { FakeSlack } from './fake-slack.ts';
import { SlackBench } from './slack-bench.ts';
import { openScriptedDesk } from './slack-desk.ts';
import { buttonsOf } from './slack-person.ts';
import { type FakeMessage, slackIds } from './slack-state.ts';

export const png = new Uint8Array(
  await sharp({ create: { width: 64, height: 64, channels: 3, background: '#884422' } })
    .png()
    .toBuffer(),
);
const webp = new Uint8Array(
  await sharp({ create: { width: 64, height: 64, channels: 3, background: '#446688' } })
    .webp()
    .toBuffer(),
);
export const mention = `<@${slackIds.bot}>`;
export const started: GenerationEvent = { type: 'started', model: 'test', device: 'cpu' };
export const delta = (text: string): GenerationEvent => ({ type: 'text-delta', text, tokenIds: [1] });
export const step = (at: number, of = 10): GenerationEvent => ({
  type: 'step',
  step: at,
  steps: of,
  image: 0,
  preview: { bytes: webp, mediaType: 'image/webp', width: 64, height: 64 },
});
const seed = seedSchema.parse(7);

interface Whole {
  readonly bench: SlackBench;
  readonly runner: ScriptedRunner;
  readonly blob: BlobRef;
  readonly image: (request: InferenceRequest) => GenerationEvent;
  readonly restart: (runner: ScriptedRunner) => Promise<void>;
}

export async function openWhole(
  options: {
    settings?: (defaults: Settings) => Settings;
    script?: (run: ScriptedRun, whole: Pick<Whole, 'image'>) => void;
    before?: (slack: FakeSlack) => void;
    concurrency?: number;
  } = {},
): Promise<Whole> {
  const blobs = new MemoryBlobStore();
  const blob = await blobs.put(png, 'png');
  const image = (request: InferenceRequest): GenerationEvent => {
    const prompt = request.kind === 'image' ? request.prompt : '';
    return {
      type: 'image',
      index: 0,
      blob,
      seed,
      width: 64,
      height: 64,
      parameters: { prompt, model: 'test', width: 64, height: 64, steps: 10, guidanceScale: 4, sampler: 'DDIM', seed },
    };
  };
  const { script } = options;
  const runner = new ScriptedRunner(script === undefined ? undefined : (run) => script(run, { image }));
  let store: Awaited<ReturnType<typeof openScriptedDesk>>['store'] | undefined;
  const concurrency = options.concurrency ?? 1;
  const bench = await SlackBench.open({
    blobs,
    desk: async (parts) => {
      const opened = await openScriptedDesk(parts, { runner, concurrency });
      store = opened.store;
      return opened.desk;
    },
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    ...(options.before === undefined ? {} : { before: options.before }),
  });
  const restart = async (next: ScriptedRunner): Promise<void> => {
    const { clock, settings } = bench;
    const { desk } = await openScriptedDesk({ clock, blobs, settings }, { runner: next, concurrency, ...(store === undefined ? {} : { store }) });
    await bench.replace(desk);
  };
  return { bench, runner, blob, image, restart };
}

/** Every run answers at once, text or picture. */
export const answersAll = (run: ScriptedRun, { image }: Pick<Whole, 'image'>): void => {
  if (run.request.kind === 'text') run.emit(started, delta(`Answer to ${lastWords(run.request)}`));
  else run.emit(started, step(3), step(6), image(run.request));
  run.finish();
};
function lastWords(request: InferenceRequest): string {
  return request.kind === 'text' && request.input.form === 'messages' ? (request.input.messages.findLast(({ role }) => role === 'user')?.content ?? '') : '';
}
export const labels = (message: FakeMessage | undefined): string[] => (message === undefined ? [] : buttonsOf(message).map(({ label }) => label));

/** So that `await using` closes the bench of what was opened. */
export async function disposable(opening: Promise<Whole>): Promise<Whole & AsyncDisposable> {
  const whole = await opening;
  return { ...whole, [Symbol.asyncDispose]: () => whole.bench[Symbol.asyncDispose]() };
}
