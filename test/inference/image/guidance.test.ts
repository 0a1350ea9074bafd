import { expect, it } from 'vitest';
import { guidanceEmbedding, guide } from '../../../src/inference/image/guidance.ts';
import { standardDeviation } from '../../../src/inference/runtime/tensor-math.ts';

it('guidance moves from the negative row through the positive one', () => {
  expect([...guide(Float32Array.of(1, 2, 3, 5), 1, 2, 0)]).toEqual([5, 8]);
  expect([...guide(Float32Array.of(1, 2, 3, 5), 1, 1, 0)]).toEqual([3, 5]);
});

it('a full rescale gives each picture of a batch the spread of its own positive row', () => {
  const rows = Float32Array.from({ length: 32 }, (_, index) => Math.sin(index * 1.7) * (index < 8 ? 3 : 1));
  const guided = guide(rows, 2, 9, 1);
  for (const picture of [0, 1]) {
    const positive = rows.subarray(16 + picture * 8, 24 + picture * 8);
    expect(standardDeviation(guided.subarray(picture * 8, picture * 8 + 8))).toBeCloseTo(standardDeviation(positive), 5);
  }
});

it('the guidance embedding of LCM is what diffusers gives for 7.5 in 256 numbers', () => {
  const embedding = guidanceEmbedding(8.5, 256);
  const expected = [-0.8512359, 0.8421312, 0.0118763];
  for (const [index, value] of expected.entries()) expect(embedding[index]).toBeCloseTo(value, 3); // angles near 7,500 leave three digits to float32
  for (const [index, value] of [-0.5247833, 0.5392727, -0.9999295].entries()) expect(embedding[128 + index]).toBeCloseTo(value, 3);
  expect(guidanceEmbedding(8.5, 7).at(-1)).toBe(0);
});
