import { expect, it } from 'vitest';
import { allFinite, at, axpby, clamped, combine, concatenated, scaled, standardDeviation } from '../../../src/inference/runtime/tensor-math.ts';

const x = Float32Array.of(1, -2, 3);
const y = Float32Array.of(10, 20, -30);

it('combines arrays by weights', () => {
  expect([...axpby(2, x, 0.5, y)]).toEqual([7, 6, -9]);
  expect([...combine([1, x], [2, y], [-1, x])]).toEqual([20, 40, -60]);
  expect([...scaled(-3, x)]).toEqual([-3, 6, -9]);
  expect([...concatenated([x, y])]).toEqual([1, -2, 3, 10, 20, -30]);
});

it('leaves a term of weight 0 out, even where it is infinite', () => {
  expect([...combine([0, Float32Array.of(Number.POSITIVE_INFINITY, Number.NaN, 1)], [1, x])]).toEqual([1, -2, 3]);
});

it('refuses arrays of different length and indices outside', () => {
  expect(() => axpby(1, x, 1, Float32Array.of(1))).toThrow(expect.objectContaining({ code: 'shape-mismatch' }));
  expect(() => combine([1, x], [1, Float32Array.of(1)])).toThrow(expect.objectContaining({ code: 'shape-mismatch' }));
  expect(() => at(x, 3)).toThrow(expect.objectContaining({ code: 'shape-mismatch' }));
  expect(at(x, 2)).toBe(3);
});

it('clamps to both sides and finds what is not finite', () => {
  expect([...clamped(Float32Array.of(-5, 0.5, 5), 1)]).toEqual([-1, 0.5, 1]);
  expect(allFinite(x)).toBe(true);
  expect(allFinite(Float32Array.of(1, Number.NaN))).toBe(false);
  expect(allFinite(Float32Array.of(Number.NEGATIVE_INFINITY))).toBe(false);
});

it('takes the standard deviation with n − 1', () => {
  expect(standardDeviation(Float32Array.of(2, 4, 4, 4, 5, 5, 7, 9))).toBeCloseTo(2.13809, 5);
});
