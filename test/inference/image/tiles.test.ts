import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Planes, runTiled } from '../../../src/inference/image/tiles.ts';

const repeated = async ({ data, channels, height, width }: Planes): Promise<Planes> => {
  const out = new Float32Array(channels * height * width * 4);
  for (let index = 0; index < out.length; index += 1) {
    const [x, y, channel] = [index % (width * 2), Math.floor(index / (width * 2)) % (height * 2), Math.floor(index / (width * height * 4))];
    out[index] = data[(channel * height + Math.floor(y / 2)) * width + Math.floor(x / 2)]!;
  }
  return { data: out, channels, height: height * 2, width: width * 2 };
};

it('tiles of any size, overlapped and mixed, give what one piece gives where a graph works by the pixel', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 8, max: 20 }), async (height, width, tile) => {
      const planes = { data: Float32Array.from({ length: 2 * height * width }, (_, index) => Math.cos(index)), channels: 2, height, width };
      const whole = await repeated(planes);
      const tiled = await runTiled(planes, { tile, overlap: 4, scale: 2, run: repeated });
      expect([tiled.height, tiled.width]).toEqual([whole.height, whole.width]);
      expect(tiled.data.findIndex((value, index) => Math.abs(value - whole.data[index]!) > 1e-5)).toBe(-1);
    }),
    { numRuns: 60 },
  );
});

it('no tile is larger than asked, and a picture that fits is run once', async () => {
  const sizes: number[] = [];
  const note = async (planes: Planes): Promise<Planes> => {
    sizes.push(Math.max(planes.height, planes.width));
    return planes;
  };
  await runTiled({ data: new Float32Array(100 * 30), channels: 1, height: 100, width: 30 }, { tile: 40, overlap: 8, scale: 1, run: note });
  expect(Math.max(...sizes)).toBe(40);
  expect(sizes.length).toBeGreaterThan(2);
  sizes.length = 0;
  await runTiled({ data: new Float32Array(40 * 30), channels: 1, height: 40, width: 30 }, { tile: 40, overlap: 8, scale: 1, run: note });
  expect(sizes).toHaveLength(1);
});
