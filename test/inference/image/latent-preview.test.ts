import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PreviewCadence, previewOf, readPreviewMatrix } from '../../../src/inference/image/latent-preview.ts';
import { stableDiffusionMatrix } from '../../../src/inference/image/preview-matrices.ts';
import { failureOf } from '../../contracts/image-engine-contract.ts';

describe('a preview from latents', () => {
  it('is Σ c·row + bias, (x + 1)/2, in bytes', () => {
    const latents = Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0); // four channels of two cells: the first channel is 1 in the first cell
    const { data, width, height } = previewOf(latents, { height: 1, width: 2 }, stableDiffusionMatrix);
    expect([width, height]).toEqual([2, 1]);
    expect([...data]).toEqual([...[0.3512, 0.2297, 0.3227].map((value) => Math.round(((value + 1) / 2) * 255)), 128, 128, 128]);
  });

  it('of several pixels a cell has them in place', () => {
    const matrix = { cells: 2, rows: [Array.from({ length: 12 }, (_, column) => (column < 3 ? 1 : -1))], bias: new Array<number>(12).fill(0) };
    const { data, width, height } = previewOf(Float32Array.of(1, -1), { height: 1, width: 2 }, matrix);
    expect([width, height]).toEqual([4, 2]);
    expect([0, 1, 2, 3].map((x) => data[x * 3])).toEqual([255, 0, 0, 255]);
    expect([0, 1, 2, 3].map((x) => data[(4 + x) * 3])).toEqual([0, 0, 255, 255]);
  });
});

describe('preview.json', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fresco-preview-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const read = (channels: number): ReturnType<typeof readPreviewMatrix> => readPreviewMatrix({ model: 'm', folder }, channels);

  it('is not needed', async () => {
    expect(await read(4)).toBeUndefined();
  });

  it('gives the model its own matrix', async () => {
    await writeFile(join(folder, 'preview.json'), JSON.stringify({ cells: 1, rows: [[1, 2, 3]], bias: [0, 0, 0.5] }));
    expect(await read(1)).toEqual({ cells: 1, rows: [[1, 2, 3]], bias: [0, 0, 0.5] });
  });

  it.each([
    ['of other channels', { cells: 1, rows: [[1, 2, 3]] }],
    ['with ragged rows', { cells: 1, rows: [[1, 2, 3], [1]] }],
    ['without rows', {}],
  ])('%s is refused by name', async (_, content) => {
    await writeFile(join(folder, 'preview.json'), JSON.stringify(content));
    expect(await failureOf(read(2))).toMatchObject({ code: 'model-broken', facts: { file: 'preview.json' } });
  });
});

describe('the cadence of previews', () => {
  it.each([
    [20, 2],
    [30, 3],
    [4, 1],
  ])('in a run of %d quick steps brings one preview, early enough to arrive a step later within the first fifth', (calls, first) => {
    const cadence = new PreviewCadence(0);
    const shown: number[] = [];
    for (let done = 1; done <= calls; done += 1) {
      if (!cadence.isDue(done, calls, done * 3)) continue;
      shown.push(done);
      cadence.shown(done * 3, done * 3 + 1);
    }
    expect(shown).toEqual([first]);
  });

  it('in a slow run is by time, at least 200 ms apart, and never after the last step', () => {
    const cadence = new PreviewCadence(0);
    const shown: number[] = [];
    for (let done = 1; done <= 20; done += 1) {
      if (!cadence.isDue(done, 20, done * 80)) continue;
      shown.push(done);
      cadence.shown(done * 80, done * 80 + 2);
    }
    expect(shown.slice(0, 4)).toEqual([2, 5, 8, 11]);
    expect(shown).not.toContain(20);
  });

  it('waits longer when previews cost more than their share', () => {
    const cadence = new PreviewCadence(0);
    const shown: number[] = [];
    for (let done = 1; done <= 20; done += 1) {
      if (!cadence.isDue(done, 20, done * 500)) continue;
      shown.push(done);
      cadence.shown(done * 500, done * 500 + 60);
    }
    expect(shown.length * 60).toBeLessThan(20 * 500 * 0.03 + 61);
  });
});
