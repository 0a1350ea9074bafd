import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeMask, decodePicture } from '../../../src/inference/image/image-codec.ts';
import { decodePainted, type PaintWish, paint } from '../../../src/inference/image/paint.ts';
import { PaintModel } from '../../../src/inference/image/paint-model.ts';
import { schedulerFileSchema } from '../../../src/inference/image/scheduler-config.ts';
import { chooseSampler } from '../../../src/inference/image/scheduler-table.ts';
import { OrtRuntime } from '../../../src/inference/runtime/ort-session.ts';
import { TorchGenerator } from '../../../src/inference/runtime/torch-random.ts';
import { silentLogger } from '../../../src/logger.ts';
import { controlOf } from '../../contracts/image-engine-contract.ts';
import { type GoldenCase, goldenCase, goldenCases, goldenFolder, goldenValues, largestDifference, modelFolder } from './golden-cases.ts';

const runtime = new OrtRuntime({ device: 'cpu', threads: 1 });
const open = (folder: string): Promise<PaintModel> =>
  PaintModel.open(modelFolder(folder), runtime, { budgetBytes: Number.POSITIVE_INFINITY, loraFolder: join(goldenFolder, 'loras'), logger: silentLogger });

async function wishOf(golden: GoldenCase, model: PaintModel): Promise<PaintWish> {
  const file = schedulerFileSchema.parse({ ...model.files.scheduler, ...golden.schedulerOverrides });
  return {
    prompt: golden.prompt,
    negativePrompt: golden.negativePrompt ?? undefined,
    width: golden.width,
    height: golden.height,
    steps: golden.steps,
    guidanceScale: golden.guidanceScale,
    guidanceRescale: golden.guidanceRescale,
    clipSkip: golden.clipSkip + 1, // diffusers counts the layers left out, people count the layer taken
    strength: golden.strength ?? 1,
    sampler: chooseSampler(file, golden.sampler ?? undefined),
    picture: golden.initImage === undefined ? undefined : await decodePicture(readFileSync(join(goldenFolder, golden.initImage))),
    mask: golden.mask === undefined ? undefined : await decodeMask(readFileSync(join(goldenFolder, golden.mask))),
    hiresFactor: undefined,
  };
}

/** Flux's goldens are packed tokens: [cells, 4·channels] to planes. */
function unpacked(tokens: Float32Array, channels: number, height: number, width: number): Float32Array {
  const out = new Float32Array(tokens.length);
  for (let channel = 0; channel < channels; channel += 1) {
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const cell = Math.floor(y / 2) * (width / 2) + Math.floor(x / 2);
        out[(channel * height + y) * width + x] = tokens[cell * channels * 4 + channel * 4 + (y % 2) * 2 + (x % 2)]!;
      }
    }
  }
  return out;
}

interface Run {
  readonly latents: readonly Float32Array[];
  /** [batch, height, width, 3] in [0, 1], clamped, not rounded. */
  readonly image: Float32Array;
}

async function run(golden: GoldenCase, model: PaintModel, second?: { readonly refiner: PaintModel; readonly from: number }): Promise<Run> {
  await model.useLoras(golden.loras);
  const generators = Array.from({ length: golden.count }, (_, index) => new TorchGenerator(golden.seed + index));
  const tools = { model, refiner: second?.refiner, generators, onDropped: () => {}, ...(second === undefined ? {} : { refinerFrom: second.from }) };
  const wish = await wishOf(golden, model);
  const steps = paint(tools, wish, controlOf().control);
  const latents: Float32Array[] = [];
  for (;;) {
    const next = await steps.next();
    if (next.done !== true) {
      latents.push(next.value.latents);
      continue;
    }
    const parts: number[] = [];
    for (let picture = 0; picture < golden.count; picture += 1) {
      const { data, width, height } = await decodePainted(next.value, wish, picture);
      for (let pixel = 0; pixel < width * height; pixel += 1) {
        for (let channel = 0; channel < 3; channel += 1) parts.push(Math.min(1, Math.max(0, data[channel * width * height + pixel]! / 2 + 0.5)));
      }
    }
    return { latents, image: Float32Array.from(parts) };
  }
}

function expectSame(actual: Run, golden: GoldenCase, model: PaintModel): void {
  const expected = goldenValues(golden);
  expect(actual.latents).toHaveLength(expected.latents.length);
  const { vaeScale, latentChannels } = model.files;
  for (const [call, values] of expected.latents.entries()) {
    const planes = model.family.layout === 'packed' ? unpacked(values, latentChannels, golden.height / vaeScale, golden.width / vaeScale) : values;
    expect(largestDifference(actual.latents[call]!, planes), `latents after call ${call + 1}`).toBeLessThan(golden.latentsTolerance ?? golden.tolerance);
  }
  expect(largestDifference(actual.image, expected.image), 'picture').toBeLessThan(golden.tolerance);
}

const single = goldenCases.filter(({ mode, denoisingEnd, denoisingStart }) => mode !== 'upscale' && denoisingEnd === undefined && denoisingStart === undefined);

describe.each([...new Set(single.map(({ folder }) => folder))])('%s', (folder) => {
  it.each(single.filter((golden) => golden.folder === folder).map((golden) => [golden.name, golden] as const))(
    '%s gives the latents of every step and the picture that diffusers gives, from the seed alone',
    async (_, golden) => {
      await using model = await open(folder);
      expectSame(await run(golden, model), golden, model);
    },
  );
});

it('SDXL and its refiner share a run as two pipelines of diffusers do', async () => {
  await using base = await open('sdxl');
  await using refiner = await open('sdxl-refiner');
  const first = goldenCase('sdxl-two-stage-base');
  const second = goldenCase('sdxl-two-stage-refiner');
  const whole = await run(first, base, { refiner, from: first.denoisingEnd! });
  const latents = [...goldenValues(first).latents, ...goldenValues(second).latents];
  expect(whole.latents).toHaveLength(latents.length);
  for (const [call, values] of latents.entries()) expect(largestDifference(whole.latents[call]!, values), `latents after call ${call + 1}`).toBeLessThan(1e-3);
  expect(largestDifference(whole.image, goldenValues(second).image)).toBeLessThan(1e-3);
});

it('a LoRA moves the picture, and without it the model is what it was', async () => {
  await using model = await open('sd1');
  const golden = goldenCase('sd1-ddim');
  const before = await run(golden, model);
  const moved = await run({ ...golden, loras: [{ name: 'kohya', weight: 0.8 }] }, model);
  const after = await run(golden, model);
  expect(largestDifference(moved.image, before.image)).toBeGreaterThan(0.01);
  expect(largestDifference(after.image, before.image)).toBe(0);
});
