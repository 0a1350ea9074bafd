import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { seedSchema } from '../src/ids.ts';
import type { ImageRequest, ModelFolder } from '../src/inference/contract.ts';
import { openImageEngine } from '../src/inference/image/image-engine.ts';
import { describeImageModel } from '../src/inference/image/image-request-check.ts';
import { readImageModel } from '../src/inference/image/model-files.ts';
import { openPromptTokenizer } from '../src/inference/image/prompt-tokenizer.ts';
import { chooseSampler } from '../src/inference/image/scheduler-table.ts';
import { type GraphSession, OrtRuntime } from '../src/inference/runtime/ort-session.ts';
import { tensorAs } from '../src/inference/runtime/tensor.ts';
import { MemoryBlobStore } from '../test/fakes/memory-blob-store.ts';

/**
 * Whole pictures through the engine beside the same graph runs alone, and, where a Python with onnxruntime and diffusers is named,
 * beside a Python loop with diffusers' scheduler around the same files: all in turn, in one run.
 * Usage: tsx bench/image.ts [--model DIR] [--python PATH] [--rounds n] [--steps n] [--threads n]
 */
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: join(import.meta.dirname, '../models/pocket-painter') },
    python: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string' },
    threads: { type: 'string', default: '2' },
  },
});
if (!existsSync(join(values.model, 'model_index.json'))) {
  process.stdout.write(`image: skipped, there is no image model in ${values.model}\n`);
  process.exit(0);
}
const folder: ModelFolder = { id: basename(values.model), kind: 'image', folder: resolve(values.model), memoryBytes: 1 };
const rounds = Number(values.rounds);
const threads = Number(values.threads);
const runtime = new OrtRuntime({ device: 'cpu', threads });
const info = await describeImageModel(folder);
const files = await readImageModel(folder);
const steps = values.steps === undefined ? info.defaultSteps : Number(values.steps);
const request: ImageRequest = {
  kind: 'image',
  model: folder.id,
  prompt: 'a red apple on a blue background',
  seed: seedSchema.parse(1),
  count: 1,
  steps,
  guidanceScale: Math.max(2, info.defaultGuidanceScale),
  previews: true,
};
const signals = { signal: new AbortController().signal, keep: new AbortController().signal };

const engine = await openImageEngine(folder, runtime, { blobs: new MemoryBlobStore(), safety: false });
interface Whole {
  readonly totalMs: number;
  readonly sessionMs: number;
  readonly loopMs: number;
  readonly previews: number;
  readonly firstPreviewStep: number | undefined;
}
/** One picture; the loop is what passes from the first to the last step outside of graph runs, previews included. */
async function whole(seed: number): Promise<Whole> {
  const startedMs = performance.now();
  let previews = 0;
  let firstPreviewStep: number | undefined;
  let pictureMs = 0;
  for await (const event of engine.generate({ ...request, seed: seedSchema.parse(seed) }, signals)) {
    if (event.type === 'step' && event.preview !== undefined) {
      previews += 1;
      firstPreviewStep ??= event.step;
    }
    if (event.type === 'step' && event.step === event.steps) pictureMs = performance.now();
    if (event.type === 'finished') {
      const totalMs = performance.now() - startedMs;
      const sessionMs = event.timings.sessionMs ?? 0;
      const afterMs = performance.now() - pictureMs;
      return { totalMs, sessionMs, loopMs: totalMs - sessionMs - Math.max(0, afterMs - decodeMs), previews, firstPreviewStep };
    }
  }
  throw new Error('the engine did not finish');
}

/** The same runs of the same graphs on ready tensors and nothing else. */
const sessions: GraphSession[] = [];
for (const graph of [...files.textEncoders.map((encoder) => encoder.graph), files.denoiser.graph, files.vaeDecoder.graph])
  sessions.push(await runtime.open(graph.path));
const cells = { height: info.nativeHeight / info.vaeScale, width: info.nativeWidth / info.vaeScale };
const tokens = files.textEncoders[0]?.config.max_position_embeddings ?? 77;
const [encoder] = files.textEncoders;
if (encoder === undefined || files.textEncoders.length > 1) throw new Error('the bench knows models with one text encoder');
const tokenizer = await openPromptTokenizer({ model: folder.id, folder: encoder.tokenizerFolder, slot: encoder.slot, config: encoder.config });
const ids = tokenizer.windows([request.prompt, '']).prompts.map((windows) => windows.flatMap((window) => [...window.ids]));
const length = ids[0]?.length ?? Math.min(tokens, 77);
let decodeMs = 0;
async function bare(): Promise<number> {
  const [text, denoiser, decoder] = sessions;
  if (text === undefined || denoiser === undefined || decoder === undefined) throw new Error('graphs are missing');
  const before = sessions.reduce((sum, session) => sum + session.spentMs, 0);
  const idsPort = text.inputs[0];
  const encoded = await text.run({ [idsPort?.name ?? '']: tensorAs(idsPort?.type ?? 'int64', ids.flat(), [2, length]) }, [text.outputs[0]?.name ?? '']);
  const hidden = Object.values(encoded)[0];
  const latents = Float32Array.from({ length: 2 * files.latentChannels * cells.height * cells.width }, (_, index) => Math.sin(index));
  const calls = chooseSampler(files.scheduler, files.own.sampler ?? undefined);
  for (const timestep of calls.scheduler.plan(calls.config, steps).timesteps) {
    const feeds = Object.fromEntries(
      denoiser.inputs.map((port) => {
        if (/hidden/.test(port.name) && hidden !== undefined) return [port.name, hidden];
        if (/timestep/.test(port.name)) return [port.name, tensorAs(port.type, [timestep], port.dims.length === 0 ? [] : [1])];
        return [port.name, tensorAs(port.type, latents, [2, files.latentChannels, cells.height, cells.width])];
      }),
    );
    await denoiser.run(feeds);
  }
  const beforeDecode = decoder.spentMs;
  const decodePort = decoder.inputs[0];
  await decoder.run({
    [decodePort?.name ?? '']: tensorAs(decodePort?.type ?? 'float32', latents.subarray(0, latents.length / 2), [
      1,
      files.latentChannels,
      cells.height,
      cells.width,
    ]),
  });
  decodeMs = decoder.spentMs - beforeDecode;
  return sessions.reduce((sum, session) => sum + session.spentMs, 0) - before;
}

/** The Python loop, kept open so that its imports and its loading don't count. */
function openPeer(python: string): { readonly paint: (seed: number) => Promise<{ totalMs: number; sessionMs: number }>; readonly close: () => void } {
  const child = spawn(python, [join(import.meta.dirname, 'image_peer.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.write(
    `${JSON.stringify({ folder: folder.folder, ids, steps, threads, guidance: request.guidanceScale, rescale: info.defaultGuidanceRescale, cells, sampler: files.own.sampler ?? null })}\n`,
  );
  return {
    paint: async (seed) => {
      child.stdin.write(`${seed}\n`);
      const line = await lines.next();
      if (line.done === true) throw new Error('the Python peer ended');
      const parsed: { totalMs: number; sessionMs: number } = JSON.parse(line.value);
      return parsed;
    },
    close: () => child.stdin.end(),
  };
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const peer = values.python === undefined ? undefined : openPeer(values.python);
await bare();
await whole(0);
await peer?.paint(0);
const wholes: Whole[] = [];
const bares: number[] = [];
const peers: { totalMs: number; sessionMs: number }[] = [];
for (let round = 1; round <= rounds; round += 1) {
  wholes.push(await whole(round));
  bares.push(await bare());
  if (peer !== undefined) peers.push(await peer.paint(round));
}
peer?.close();
await engine[Symbol.asyncDispose]();
const total = median(wholes.map(({ totalMs }) => totalMs));
const session = median(wholes.map(({ sessionMs }) => sessionMs));
const share = median(wholes.map(({ loopMs, sessionMs }) => loopMs / sessionMs));
process.stdout.write(
  `image: ${folder.id}, ${info.nativeWidth} × ${info.nativeHeight}, ${steps} steps with guidance, ${threads} threads, median of ${rounds}\n` +
    `whole picture ${total.toFixed(0)} ms; inside graphs ${session.toFixed(0)} ms; the same graph runs alone ${median(bares).toFixed(0)} ms\n` +
    `the loop around the graphs, previews included: ${(share * 100).toFixed(2)} % of its session time; ${wholes[0]?.previews ?? 0} previews, the first at step ${wholes[0]?.firstPreviewStep ?? '-'}\n`,
);
if (peers.length > 0) {
  const theirs = median(peers.map(({ totalMs }) => totalMs));
  process.stdout.write(
    `Python, onnxruntime with diffusers' scheduler: ${theirs.toFixed(0)} ms, inside graphs ${median(peers.map(({ sessionMs }) => sessionMs)).toFixed(0)} ms; ours is ${(total / theirs).toFixed(2)} × theirs\n`,
  );
} else process.stdout.write('Python peer: not run (name a Python that has onnxruntime, diffusers and Pillow with --python)\n');
