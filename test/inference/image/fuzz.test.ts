import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FrescoError } from '../../../src/fresco-error.ts';
import { seedSchema } from '../../../src/ids.ts';
import type { ImageRequest } from '../../../src/inference/contract.ts';
import { decodeMask, decodePicture, encodeJpeg, encodePng, encodePreview } from '../../../src/inference/image/image-codec.ts';
import { openImageEngine } from '../../../src/inference/image/image-engine.ts';
import { describeImageModel } from '../../../src/inference/image/image-request-check.ts';
import { readPictureParameters, writePictureParameters } from '../../../src/inference/image/png-parameters.ts';
import { OrtRuntime } from '../../../src/inference/runtime/ort-session.ts';
import { controlOf, eventsOf } from '../../contracts/image-engine-contract.ts';
import { MemoryBlobStore } from '../../fakes/memory-blob-store.ts';
import { goldenFolder } from './golden-cases.ts';
import { miniModelGraphs } from './onnx-graphs.ts';

/** A small generator of its own, so that a failing case is found again by its number. */
function randomOf(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9;
    state ^= state >>> 13;
    return (state >>> 0) % below;
  };
}

const strange: readonly unknown[] = [null, 0, -1, 1e9, 1e308, 0.5, '', 'x', [], {}, true, [1, 2, 3], 'NaN', [null, null], ['a', 'b']];

function mutateJson(text: string, random: (below: number) => number): string {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null) return 'null';
  const entries = Object.entries(parsed);
  const chosen = random(entries.length);
  return JSON.stringify(
    Object.fromEntries(
      random(4) === 0
        ? entries.filter((_, index) => index !== chosen)
        : entries.map(([key, value], index) => [key, index === chosen ? strange[random(strange.length)] : value]),
    ),
  );
}

/** Cuts, overwrites, empties or scrambles the bytes of a file. */
function mutateBytes(bytes: Buffer, random: (below: number) => number): Buffer {
  const changed = Buffer.from(bytes);
  switch (random(5)) {
    case 0:
      return changed.subarray(0, random(changed.length));
    case 1:
      return Buffer.alloc(0);
    case 2:
      for (let count = 1 + random(8); count > 0; count -= 1) changed[random(Math.min(200, changed.length))] = random(256);
      return changed;
    case 3:
      for (let count = 1 + random(30); count > 0; count -= 1) changed[random(changed.length)] = random(256);
      return changed;
    default:
      return Buffer.from(Array.from({ length: random(400) }, () => random(256)));
  }
}

const runtime = new OrtRuntime({ device: 'cpu', threads: 1 });
/** A model of trivial graphs, so that hundreds of folders can be tried, and real ones of several families for a few. */
const bases = [
  { base: 'mini', rounds: 225 },
  { base: 'sd1-taesd', rounds: 7 },
  { base: 'turbo', rounds: 6 },
  { base: 'sd3-no-t5', rounds: 6 },
  { base: 'sd1-old-layout', rounds: 6 },
] as const;

async function copyOf(base: string): Promise<string> {
  const folder = join(work, base);
  if (base !== 'mini') {
    await cp(join(goldenFolder, 'models', base), folder, { recursive: true });
    return folder;
  }
  for (const part of ['tokenizer', 'scheduler', 'model_index.json']) await cp(join(goldenFolder, 'models/sd1', part), join(folder, part), { recursive: true });
  const configs = {
    unet: { in_channels: 4, out_channels: 4, sample_size: 4, block_out_channels: [4], cross_attention_dim: 1 },
    vae_decoder: { latent_channels: 4, block_out_channels: [4, 4, 4, 4], scaling_factor: 0.18215 },
    text_encoder: { max_position_embeddings: 77, hidden_size: 1, model_type: 'clip_text_model' },
  };
  for (const [part, config] of Object.entries(configs)) {
    await mkdir(join(folder, part), { recursive: true });
    await writeFile(join(folder, part, 'config.json'), JSON.stringify(config));
  }
  for (const [file, make] of Object.entries(miniModelGraphs)) await writeFile(join(folder, file), make());
  return folder;
}

let work = '';
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'fresco-fuzz-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

const request: ImageRequest = {
  kind: 'image',
  model: 'broken',
  prompt: 'a fox',
  seed: seedSchema.parse(1),
  count: 1,
  steps: 2,
  width: 64,
  height: 64,
  previews: true,
};

/** Undefined when all went well; else what was said. Anything but a FrescoError with a cause or facts that name a file fails the test. */
async function tryFolder(folder: string): Promise<string | undefined> {
  const model = { id: 'broken', kind: 'image', folder, memoryBytes: 1 } as const;
  try {
    await describeImageModel(model);
    await using engine = await openImageEngine(model, runtime, { blobs: new MemoryBlobStore(), safety: true, memoryBudgetBytes: 200_000_000 });
    await eventsOf(engine.generate(request, controlOf().control));
    return undefined;
  } catch (error) {
    if (!(error instanceof FrescoError)) throw error;
    return error.message;
  }
}

it('250 broken model folders are refused by name or painted with, and never crash', async () => {
  let refused = 0;
  for (const { base, rounds } of bases) {
    const folder = await copyOf(base);
    expect(await tryFolder(folder), `${base}, whole`).toBeUndefined();
    const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    for (let round = 0; round < rounds; round += 1) {
      const random = randomOf(base.length * 1000 + round);
      const file = files[random(files.length)]!;
      const before = await readFile(file);
      const choice = random(6);
      if (choice === 0) await rm(file);
      else await writeFile(file, file.endsWith('.json') && choice < 5 ? mutateJson(before.toString('utf8'), random) : mutateBytes(before, random));
      const said = await tryFolder(folder).catch((error: unknown) => {
        throw new Error(`${base} round ${round}, ${file.slice(folder.length)}: ${String(error)}`, { cause: error });
      });
      if (said !== undefined) {
        refused += 1;
        expect(said, `${base} round ${round}`).toMatch(
          /^(model-broken|model-unsupported|shape-mismatch|size-unsupported|option-invalid|sampler-unknown|not-a-number|memory-budget|out-of-memory|lora-unfit|picture-blocked) \{".{5,}/,
        );
        expect(said.includes(work), `${said} names no path of the machine`).toBe(false);
      }
      await writeFile(file, before);
    }
    expect(await tryFolder(folder), `${base}, put back`).toBeUndefined();
  }
  expect(refused).toBeGreaterThan(100); // the fuzz does break things
}, 120_000);

it('250 broken pictures are refused with a reason or decoded, and never crash', async () => {
  const picture = { data: Uint8Array.from({ length: 48 * 40 * 3 }, (_, index) => (index * 31) % 256), width: 48, height: 40 };
  const png = await encodePng(picture);
  const sources = [
    png,
    await encodeJpeg(picture),
    (await encodePreview(picture, 48)).bytes,
    await readFile(join(import.meta.dirname, 'pictures/animated.gif')),
    await readFile(join(import.meta.dirname, 'pictures/cmyk.jpg')),
    writePictureParameters(png, { prompt: 'x', model: 'm', width: 1, height: 1, steps: 1, guidanceScale: 1, sampler: 's', seed: seedSchema.parse(1) }),
  ];
  let refused = 0;
  for (let round = 0; round < 250; round += 1) {
    const random = randomOf(50_000 + round);
    const bytes = mutateBytes(Buffer.from(sources[round % sources.length]!), random);
    for (const read of [decodePicture, decodeMask, async (given: Uint8Array): Promise<unknown> => readPictureParameters(given)]) {
      try {
        await read(bytes);
      } catch (error) {
        if (!(error instanceof FrescoError)) throw new Error(`round ${round}`, { cause: error });
        refused += 1;
        expect(error.message).toMatch(/^(picture-unreadable|picture-too-large|size-unsupported) \{".{5,}/);
      }
    }
  }
  expect(refused).toBeGreaterThan(200);
}, 60_000);
