import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FrescoError } from '../../src/fresco-error.ts';
import { seedSchema } from '../../src/ids.ts';
import type { GenerationEvent, ImageRequest, RunControl, TextRequest, UpscaleRequest } from '../../src/inference/contract.ts';
import type { HostServices } from '../../src/inference/host/engine-table.ts';
import { becomeHost } from '../../src/inference/host/host-process.ts';
import { yieldToLoop } from '../../src/inference/runtime/yield-to-loop.ts';

/**
 * A host with engines that do what the prompt says: `die at 3`, `hang at 2 for 5000`, `deaf`, `bug`, `refuse`, or else count
 * to ten. With `once` a death or a hang happens only the first time: a file in the data folder remembers. A model folder
 * named `…dies-in-load`, `…hangs-in-load` or `…breaks` does so while it is opened. Probing `webgpu` crashes the process.
 */
const steps = 10;

function firstTime(services: HostServices, what: string): boolean {
  const mark = join(services.settings.dataDir, `${what.replace(/\W+/g, '-')}.happened`);
  if (existsSync(mark)) return false;
  writeFileSync(mark, '');
  return true;
}

/** What a native crash looks like from outside. */
function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;) {
    // the signal is on its way
  }
}

function announce(call: { readonly what: string; readonly budgetMs: number } | undefined): void {
  process.send?.({ type: 'blocking', call });
}

function hang(budgetMs: number): never {
  announce({ what: 'run', budgetMs });
  for (;;) {
    // a graph run that never comes back
  }
}

async function* perform(prompt: string, control: RunControl, services: HostServices): AsyncGenerator<number, void, void> {
  const happens = !prompt.includes('once') || firstTime(services, prompt);
  const dieAt = Number(/die at (\d+)/.exec(prompt)?.[1] ?? -1);
  const [, hangAt, budgetMs] = /hang at (\d+) for (\d+)/.exec(prompt) ?? [];
  if (prompt.includes('bug')) throw new TypeError('a bug in the engine');
  if (prompt.includes('refuse')) throw new FrescoError('context-full', { tokens: 9, capacity: 8 });
  for (let step = 1; step <= steps || prompt.includes('endless') || prompt.includes('deaf'); step += 1) {
    await yieldToLoop();
    if (!prompt.includes('deaf') && control.signal.aborted) throw control.signal.reason;
    if (control.keep.aborted) return;
    if (happens && step === dieAt) die();
    if (happens && step === Number(hangAt)) hang(Number(budgetMs));
    if (step <= steps) yield step;
  }
}

async function open(folder: string, services: HostServices): Promise<void> {
  announce({ what: 'load', budgetMs: 10_000 });
  await yieldToLoop();
  const once = !folder.includes('once') || firstTime(services, 'load');
  if (folder.endsWith('dies-in-load') && once) die();
  if (folder.endsWith('hangs-in-load')) hang(20_000);
  if (folder.endsWith('breaks')) throw new FrescoError('model-broken', { model: 'breaks', file: 'onnx/model.onnx', problem: 'it is missing' });
  announce(undefined);
}

async function* text(request: TextRequest, control: RunControl, services: HostServices): AsyncGenerator<GenerationEvent, void, void> {
  services.logger.info({ tokens: steps }, 'the scripted engine writes');
  const prompt = request.input.form === 'raw' ? request.input.text : '';
  for await (const step of perform(prompt, control, services)) yield { type: 'text-delta', text: `${step} `, tokenIds: [step] };
  yield { type: 'finished', finishReason: control.keep.aborted ? 'stopped-early' : 'stop', usage: { completionTokens: steps }, timings: { totalMs: 1 } };
}

async function* image(request: ImageRequest | UpscaleRequest, control: RunControl, services: HostServices): AsyncGenerator<GenerationEvent, void, void> {
  const prompt = request.kind === 'image' ? request.prompt : '';
  for await (const step of perform(prompt, control, services)) {
    const preview = { bytes: Uint8Array.of(1, 2, step), mediaType: 'image/webp', width: 8, height: 8 } as const;
    yield { type: 'step', step, steps, image: 0, preview };
  }
  const blob = await services.blobs.put(Uint8Array.of(1, 2, 3), 'png');
  const seed = seedSchema.parse(7);
  const parameters = { prompt, model: request.model, width: 8, height: 8, steps, guidanceScale: 1, sampler: 'ddim', seed };
  yield { type: 'image', index: 0, blob, seed, width: 8, height: 8, parameters };
  yield { type: 'finished', finishReason: control.keep.aborted ? 'stopped-early' : 'stop', usage: { images: 1 }, timings: { totalMs: 1 } };
}

becomeHost({
  async openText(model, _runtime, services) {
    await open(model.folder, services);
    return {
      kind: 'text',
      generate: (request, control) => text(request, control, services),
      tokenize: () => ({ ids: [], tokens: [] }),
      async [Symbol.asyncDispose]() {},
    };
  },
  async openImage(model, _runtime, services) {
    await open(model.folder, services);
    return { kind: 'image', generate: (request, control) => image(request, control, services), async [Symbol.asyncDispose]() {} };
  },
  listDevices: async () => ['webgpu', 'cuda', 'cpu'],
  probe: async (device) => {
    if (device === 'webgpu') die();
    return device === 'cuda' ? { device, works: false, reason: 'no such library' } : { device, works: true };
  },
});
