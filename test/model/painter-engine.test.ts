import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { seedSchema } from '../../src/ids.ts';
import type { GenerationEvent, ImageEngine, ImageRequest, ModelFolder } from '../../src/inference/contract.ts';
import { decodePicture, encodePng } from '../../src/inference/image/image-codec.ts';
import { openImageEngine } from '../../src/inference/image/image-engine.ts';
import { describeImageModel } from '../../src/inference/image/image-request-check.ts';
import { OrtRuntime } from '../../src/inference/runtime/ort-session.ts';
import { controlOf, eventsOf, failureOf, imageEngineContract, only } from '../contracts/image-engine-contract.ts';
import { MemoryBlobStore } from '../fakes/memory-blob-store.ts';

const root = join(import.meta.dirname, '../..');
const folder: ModelFolder = { id: 'pocket-painter', kind: 'image', folder: join(root, 'models/pocket-painter'), memoryBytes: 200_000_000 };
const goldens = join(root, 'test/goldens/painter');
const casesSchema = z.looseObject({
  cases: z.array(
    z.looseObject({
      prompt: z.string(),
      negative: z.string().nullish(),
      seed: seedSchema,
      steps: z.int(),
      guidanceScale: z.number(),
      guidanceRescale: z.number(),
      width: z.int(),
      height: z.int(),
      file: z.string(),
    }),
  ),
});
const { cases } = casesSchema.parse(JSON.parse(await readFile(join(goldens, 'cases.json'), 'utf8')));
const runtime = new OrtRuntime({ device: 'cpu', threads: 2 });
const request: ImageRequest = {
  kind: 'image',
  model: 'pocket-painter',
  prompt: 'a red apple on a blue background',
  seed: seedSchema.parse(7),
  count: 1,
  previews: false,
};

let blobs = new MemoryBlobStore();
let engine: ImageEngine;
beforeAll(async () => {
  engine = await openImageEngine(folder, runtime, { blobs, safety: true });
});
afterAll(() => engine[Symbol.asyncDispose]());
const paint = (change: Partial<ImageRequest> = {}): Promise<readonly GenerationEvent[]> =>
  eventsOf(engine.generate({ ...request, ...change }, controlOf().control));

imageEngineContract('the engine on the pocket painter', async () => {
  blobs = new MemoryBlobStore();
  const own = await openImageEngine(folder, runtime, { blobs, safety: true });
  return { engine: own, blobs, request: { ...request, steps: 6 }, [Symbol.asyncDispose]: () => own[Symbol.asyncDispose]() };
});

describe('the pocket painter', () => {
  it('loads by its folder alone, with its own size, steps, guidance and sampler', async () => {
    const info = await describeImageModel(folder);
    expect(info).toMatchObject({ model: 'pocket-painter', takesPicture: true, hasFixedSize: false });
    const [image] = only(await paint({ steps: 2 }), 'image');
    expect(image).toMatchObject({
      width: info.nativeWidth,
      height: info.nativeHeight,
      parameters: { sampler: info.defaultSampler, guidanceScale: info.defaultGuidanceScale },
    });
  });

  it.each(cases.map((golden) => [golden.prompt, golden.seed, golden] as const))(
    'paints %s (seed %d) as a Python loop with diffusers around the same files does, within 2 of 255',
    async (_, __, golden) => {
      const own = new MemoryBlobStore();
      await using parity = await openImageEngine(folder, runtime, { blobs: own, safety: false });
      const { prompt, seed, steps, guidanceScale, guidanceRescale, width, height } = golden;
      const negative = golden.negative === null || golden.negative === undefined || golden.negative === '' ? {} : { negativePrompt: golden.negative };
      const events = await eventsOf(
        parity.generate({ ...request, prompt, seed, steps, guidanceScale, guidanceRescale, width, height, ...negative }, controlOf().control),
      );
      expect(only(events, 'notice')).toEqual([]);
      const ours = await decodePicture(await own.get(only(events, 'image')[0]!.blob));
      const theirs = await decodePicture(await readFile(join(goldens, golden.file)));
      expect([ours.width, ours.height]).toEqual([theirs.width, theirs.height]);
      const largest = ours.data.reduce((most, value, index) => Math.max(most, Math.abs(value - theirs.data[index]!)), 0);
      expect(largest).toBeLessThanOrEqual(2);
    },
  );

  it('draws the nearest thing it knows for a prompt outside of its world, and says so', async () => {
    const events = await paint({ prompt: 'quantum chromodynamics lecture', steps: 2 });
    expect(only(events, 'notice')).toMatchObject([{ code: 'nearest-concept', facts: { model: 'pocket-painter' } }]);
    expect(only(events, 'image')).toHaveLength(1);
  });

  it('shows a preview within the first fifth of its steps', async () => {
    const steps = only(await paint({ previews: true }), 'step');
    expect(steps.find(({ preview }) => preview !== undefined)?.step).toBeLessThanOrEqual(steps.length / 5);
  });

  it('starts from a picture, paints a masked part of it and grows it', async () => {
    const info = await describeImageModel(folder);
    const own = new MemoryBlobStore();
    await using painter = await openImageEngine(folder, runtime, { blobs: own, safety: false });
    const [width, height] = [info.nativeWidth, info.nativeHeight];
    const white = { data: new Uint8Array(width * height * 3).fill(255), width, height };
    const half = { data: Uint8Array.from({ length: width * height * 3 }, (_, index) => (index % (width * 3) < (width * 3) / 2 ? 0 : 255)), width, height };
    const initImage = await own.put(await encodePng(white), 'png');
    const mask = await own.put(await encodePng(half), 'png');
    for (const change of [
      { initImage, strength: 0.6 },
      { initImage, mask, finish: true },
      { initImage, outpaint: { left: 0, top: 0, right: info.multiple, bottom: 0 } },
    ]) {
      const events = await eventsOf(painter.generate({ ...request, steps: 6, ...change }, controlOf().control));
      expect(only(events, 'image')).toHaveLength(1);
    }
  });

  it('refuses a size that its graphs can not take', async () => {
    expect((await failureOf(paint({ width: 250, height: 250 }))).code).toBe('size-unsupported');
  });
});
