import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seedSchema } from '../../../src/ids.ts';
import { argmax, keepLikely, penaliseRepetition, type SamplingRule, sampleToken } from '../../../src/inference/text/sample-token.ts';
import { seededRandom } from '../../../src/inference/text/seeded-random.ts';
import { golden } from './tiny-models.ts';

interface Case {
  readonly rule: Partial<SamplingRule>;
  readonly seen: readonly number[];
  readonly logits: readonly number[];
  readonly kept: readonly number[];
  readonly values: readonly number[];
}
const neutral: SamplingRule = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };

describe('sampling', () => {
  it.each(golden<readonly Case[]>('sampling.json'))('leaves what transformers leaves under $rule', ({ rule, seen, logits, kept, values }) => {
    const scores = Float32Array.from(logits);
    const whole = { ...neutral, ...rule };
    penaliseRepetition(scores, new Set(seen), whole.repetitionPenalty);
    expect(keepLikely(scores, whole)).toEqual(kept);
    for (const [index, id] of kept.entries()) expect(scores[id]).toBeCloseTo(values[index] ?? Number.NaN, 4);
  });

  it('is greedy at temperature 0, after the penalty', () => {
    const rule = { ...neutral, temperature: 0, repetitionPenalty: 2 };
    expect(sampleToken(Float32Array.of(1, 3, 2.9), [1], rule, () => 0.99)).toBe(2);
    expect(sampleToken(Float32Array.of(-1, -3, -1.5), [0], rule, () => 0.99)).toBe(2);
  });

  it('draws each token as often as its probability says', () => {
    const random = seededRandom(seedSchema.parse(1));
    const counts = [0, 0, 0];
    for (let draw = 0; draw < 20_000; draw += 1) {
      const id = sampleToken(Float32Array.of(Math.log(0.5), Math.log(0.3), Math.log(0.2)), [], neutral, random);
      counts[id] = (counts[id] ?? 0) + 1;
    }
    for (const [id, probability] of [0.5, 0.3, 0.2].entries()) expect(Math.abs((counts[id] ?? 0) / 20_000 - probability)).toBeLessThan(0.015);
  });

  it('keeps the best token under every rule, and no less of them than top-k says when top-k is alone', () => {
    const logits = fc.array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(
        logits,
        fc.integer({ min: 1, max: 90 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, topK, topP, minP) => {
          const best = argmax(Float32Array.from(values));
          expect(keepLikely(Float32Array.from(values), { ...neutral, topK, topP, minP })).toContain(best);
          const sorted = [...Float32Array.from(values)].sort((left, right) => right - left);
          const floor = sorted[Math.min(topK, sorted.length) - 1] ?? 0;
          const expected = [...Float32Array.from(values).keys()].filter((id) => (Float32Array.from(values)[id] ?? 0) >= floor);
          expect(keepLikely(Float32Array.from(values), { ...neutral, topK })).toEqual(expected);
        },
      ),
    );
  });

  it('says that logits are not numbers instead of choosing', () => {
    expect(() => sampleToken(Float32Array.of(Number.NaN, Number.NaN), [], neutral, () => 0)).toThrow(expect.objectContaining({ code: 'not-a-number' }));
  });
});

describe('seededRandom', () => {
  it('repeats itself for a seed, differs between seeds, and stays in [0, 1) evenly', () => {
    const take = (seed: number, count: number): number[] => Array.from({ length: count }, seededRandom(seedSchema.parse(seed)));
    expect(take(7, 20)).toEqual(take(7, 20));
    expect(take(7, 5)).not.toEqual(take(8, 5));
    const draws = take(0, 20_000);
    expect(draws.every((value) => value >= 0 && value < 1)).toBe(true);
    const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
  });
});
