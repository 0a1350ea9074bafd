import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ModelFolder } from '../../../src/inference/contract.ts';
import type { Picture } from '../../../src/inference/image/picture.ts';
import { enlargeByLanczos, Upscaler } from '../../../src/inference/image/upscale.ts';
import { OrtRuntime } from '../../../src/inference/runtime/ort-session.ts';
import { controlOf, failureOf } from '../../contracts/image-engine-contract.ts';
import { goldenCase, goldenFolder, goldenValues } from './golden-cases.ts';
import { enlargerFile } from './onnx-graphs.ts';

const runtime = new OrtRuntime({ device: 'cpu', threads: 1 });
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fresco-upscale-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const upscaler = async (bytes: Uint8Array): Promise<Upscaler> => {
  await writeFile(join(folder, 'model.onnx'), bytes);
  return Upscaler.open({ id: 'enlarger', kind: 'upscaler', folder, memoryBytes: 1 }, runtime);
};
const noisy = (width: number, height: number): Picture => ({
  data: Uint8Array.from({ length: width * height * 3 }, (_, index) => (index * 2_654_435_761) % 251),
  width,
  height,
});
const enlarged = ({ data, width, height }: Picture, factor: number): Uint8Array =>
  Uint8Array.from({ length: width * height * factor * factor * 3 }, (_, index) => {
    const pixel = Math.floor(index / 3);
    const [x, y] = [Math.floor((pixel % (width * factor)) / factor), Math.floor(pixel / (width * factor) / factor)];
    return data[(y * width + x) * 3 + (index % 3)]!;
  });

it.each([
  ['in one piece', { side: undefined, width: 40, height: 24, factor: 2 }],
  ['in overlapping tiles, without a seam', { side: undefined, width: 530, height: 300, factor: 2 }],
  ['through a graph of a fixed size, edges filled up and cut off again', { side: 64, width: 150, height: 40, factor: 4 }],
])('an upscaler enlarges exactly %s', async (_, { side, width, height, factor }) => {
  await using model = await upscaler(enlargerFile(factor, side));
  const picture = noisy(width, height);
  const larger = await model.enlarge(picture, factor, controlOf().control);
  expect([larger.width, larger.height]).toEqual([width * factor, height * factor]);
  const expected = enlarged(picture, factor);
  expect(larger.data.findIndex((value, index) => Math.abs(value - expected[index]!) > 1)).toBe(-1);
});

it('a graph for ×2 gives ×4 by running twice, and one for ×4 gives ×2 by shrinking', async () => {
  await using twice = await upscaler(enlargerFile(2));
  expect(await twice.enlarge(noisy(20, 20), 4, controlOf().control)).toMatchObject({ width: 80, height: 80 });
  await using fourfold = await upscaler(enlargerFile(4));
  expect(await fourfold.enlarge(noisy(20, 20), 2, controlOf().control)).toMatchObject({ width: 40, height: 40 });
});

it('the golden upscaler gives what onnxruntime gives in Python', async () => {
  const golden = goldenCase('upscaler-x2');
  await using model = await Upscaler.open({ id: 'upscaler-x2', kind: 'upscaler', folder: join(goldenFolder, 'models/upscaler-x2'), memoryBytes: 1 }, runtime);
  const { decodePicture } = await import('../../../src/inference/image/image-codec.ts');
  const { readFile } = await import('node:fs/promises');
  const picture = await decodePicture(await readFile(join(goldenFolder, golden.initImage!)));
  const larger = await model.enlarge(picture, 2, controlOf().control);
  const { image } = goldenValues(golden);
  expect(larger.data).toHaveLength(image.length);
  expect(larger.data.findIndex((value, index) => Math.abs(value - Math.min(1, Math.max(0, image[index]!)) * 255) > 1)).toBe(-1);
});

it('a cancelled enlargement ends between two tiles', async () => {
  await using model = await upscaler(enlargerFile(2));
  const { control, cancel } = controlOf();
  const failure = await failureOf(model.enlarge(noisy(600, 600), 2, control, () => cancel.abort()));
  expect(failure.code).toBe('cancelled');
});

it('an enlargement past the limit is refused with it', async () => {
  await using model = await upscaler(enlargerFile(2));
  const flat: Picture = { data: new Uint8Array(0), width: 5000, height: 5000 };
  expect(await failureOf(model.enlarge(flat, 4, controlOf().control))).toMatchObject({ code: 'picture-too-large', facts: { width: 20_000, height: 20_000 } });
  expect((await failureOf(enlargeByLanczos(flat, 4))).code).toBe('picture-too-large');
});

it.each([
  ['a missing graph', undefined, 'model.onnx', 'missing'],
  ['an empty graph', new Uint8Array(0), 'model.onnx', 'empty'],
  ['a damaged graph', new Uint8Array(100).fill(7), 'model.onnx', ''],
])('an upscaler folder with %s is refused by the name of the file', async (_, bytes, file, problem) => {
  await rm(join(folder, 'model.onnx'), { force: true });
  if (bytes !== undefined) await writeFile(join(folder, 'model.onnx'), bytes);
  const model: ModelFolder = { id: 'enlarger', kind: 'upscaler', folder, memoryBytes: 1 };
  expect(await failureOf(Upscaler.open(model, runtime))).toMatchObject({
    code: 'model-broken',
    facts: { model: 'enlarger', file, problem: expect.stringContaining(problem) },
  });
});

it('without a model Lanczos enlarges', async () => {
  expect(await enlargeByLanczos(noisy(32, 16), 4)).toMatchObject({ width: 128, height: 64 });
});
