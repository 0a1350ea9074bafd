import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { seedSchema } from '../../../src/ids.ts';
import type { ModelFolder } from '../../../src/inference/contract.ts';

export const goldenFolder = join(import.meta.dirname, '../../goldens/image');

const caseSchema = z.object({
  name: z.string(),
  folder: z.string(),
  mode: z.enum(['text-to-image', 'image-to-image', 'inpainting', 'upscale']),
  prompt: z.string().default(''),
  negativePrompt: z.string().nullish(),
  seed: seedSchema.default(seedSchema.parse(0)),
  count: z.int().default(1),
  steps: z.int().default(1),
  guidanceScale: z.number().default(1),
  guidanceRescale: z.number().default(0),
  sampler: z.string().nullish(),
  schedulerOverrides: z.record(z.string(), z.unknown()).default({}),
  width: z.int().default(0),
  height: z.int().default(0),
  strength: z.number().optional(),
  initImage: z.string().optional(),
  mask: z.string().optional(),
  clipSkip: z.int().default(0),
  loras: z.array(z.object({ name: z.string(), weight: z.number() })).default([]),
  denoisingEnd: z.number().optional(),
  denoisingStart: z.number().optional(),
  tolerance: z.number().default(1e-3),
  latentsTolerance: z.number().optional(),
  file: z.string(),
  latentsShape: z.array(z.int()).default([]),
  imageShape: z.array(z.int()),
});
export type GoldenCase = z.infer<typeof caseSchema>;

export const goldenCases: readonly GoldenCase[] = z
  .object({ cases: z.array(caseSchema) })
  .parse(JSON.parse(readFileSync(join(goldenFolder, 'manifest.json'), 'utf8'))).cases;

export function goldenCase(name: string): GoldenCase {
  const found = goldenCases.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no golden case ${name}`);
  return found;
}

const product = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1);

/** Latents after each call and the final picture [batch, height, width, 3] in [0, 1], as diffusers gave them. */
export function goldenValues(golden: GoldenCase): { readonly latents: readonly Float32Array[]; readonly image: Float32Array } {
  const bytes = readFileSync(join(goldenFolder, golden.file));
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const [calls = 0, ...shape] = golden.latentsShape;
  const each = product(shape);
  return { latents: Array.from({ length: calls }, (_, call) => values.subarray(call * each, (call + 1) * each)), image: values.subarray(calls * each) };
}

export const modelFolder = (name: string): ModelFolder => ({ id: name, kind: 'image', folder: join(goldenFolder, 'models', name), memoryBytes: 1_000_000 });

/** The largest difference relative to max(1, |expected|). */
export function largestDifference(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let index = 0; index < expected.length; index += 1) {
    const difference = Math.abs(actual[index]! - expected[index]!) / Math.max(1, Math.abs(expected[index]!));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
