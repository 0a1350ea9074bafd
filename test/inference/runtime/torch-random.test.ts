import { expect, it } from 'vitest';
import { TorchGenerator } from '../../../src/inference/runtime/torch-random.ts';

// torch 2.15 on a CPU: torch.manual_seed(42); torch.randn(n)
const twenty = [
  1.92691529, 1.48728406, 0.900717199, -2.10552096, -0.758131146, 1.07831764, 0.800800562, 1.68062055, 0.355859905, -0.686622977, -0.493356347, 0.241487786,
  -0.23162432, 0.041759491, -0.251575291, 0.859858513, -0.309726775, -0.395710498, 0.803409338, -0.621595383,
];
const sixteenTail = [
  0.678418458, -1.23454487, -0.0430674776, -1.60466695, -0.752135277, 1.64872301, -0.392478645, -1.40360713, -0.727881312, -0.559430182, -0.768838882,
  0.76244539,
];
const ten = [0.336690366, 0.128809407, 0.234462366, 0.23033303, -1.12285638, -0.186328292, 2.20820141, -0.637997031, 0.461657226, 0.267350882];

function expectNear(actual: Iterable<number>, expected: readonly number[]): void {
  const values = [...actual];
  expect(values).toHaveLength(expected.length);
  for (const [i, value] of values.entries()) expect(Math.abs(value - (expected[i] ?? Number.NaN))).toBeLessThan(2e-6);
}

it('draws 20 values as torch does, whose last 16 are drawn anew', () => {
  expectNear(new TorchGenerator(42).normal(20), twenty);
});

it('draws a whole block of 16', () => {
  const values = new TorchGenerator(42).normal(16);
  expectNear(values.subarray(4), sixteenTail);
});

it('draws fewer than 16 one pair at a time in double', () => {
  expectNear(new TorchGenerator(42).normal(10), ten);
});

it('keeps the second half of a pair for the next small draw, whatever is drawn in between', () => {
  const generator = new TorchGenerator(42);
  expectNear(generator.normal(3), ten.slice(0, 3));
  expectNear(generator.normal(7), ten.slice(3));
  const other = new TorchGenerator(42);
  other.normal(1);
  other.normal(16);
  expectNear(other.normal(1), ten.slice(1, 2));
});

it('draws latents of a full picture and goes on from there', () => {
  const latents = new TorchGenerator(42).normal(4 * 64 * 64);
  expectNear(latents.subarray(16, 20), [1.64231694, -0.159597471, -0.497397542, 0.439589262]);
  expectNear(latents.subarray(-4), [-0.811144, -0.63575, 0.97281, -0.293406]);
  expect(latents.reduce((sum, value) => sum + value, 0)).toBeCloseTo(149.7648, 2);
  const generator = new TorchGenerator(42);
  generator.normal(4 * 8 * 8);
  expectNear(generator.normal(4 * 8 * 8).subarray(0, 4), [-0.685481608, 0.563558996, -1.50717509, -1.61066604]);
});

it('counts only the low 32 bits of a seed', () => {
  expect(new TorchGenerator(2 ** 33 + 5).normal(16)).toEqual(new TorchGenerator(5).normal(16));
  expect(new TorchGenerator(-1).normal(16)).toEqual(new TorchGenerator(0xffff_ffff).normal(16));
});
