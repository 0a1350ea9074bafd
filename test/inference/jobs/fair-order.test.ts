import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { userKeySchema } from '../../../src/ids.ts';
import { afterEnd, afterStart, evenState, fairOrder, jainIndex, startTimes, type WaitingJob } from '../../../src/inference/jobs/fair-order.ts';

const job = (owner: string, sequence: number, costMs = 1000): WaitingJob => ({ owner: userKeySchema.parse(owner), sequence, costMs });
const names = (jobs: readonly WaitingJob[]) => jobs.map(({ owner, sequence }) => `${owner}${sequence}`).join(' ');
const jobsArbitrary = fc
  .array(fc.record({ owner: fc.constantFrom('a', 'b', 'c', 'd'), costMs: fc.integer({ min: 1, max: 60_000 }) }), { maxLength: 60 })
  .map((list) => list.map(({ owner, costMs }, sequence) => job(owner, sequence, costMs)));

describe('fairOrder', () => {
  it('takes turns between owners, whoever came first with many', () => {
    expect(names(fairOrder([job('a', 0), job('a', 1), job('a', 2), job('b', 3), job('c', 4), job('b', 5)], evenState))).toBe('a0 b3 c4 a1 b5 a2');
  });

  it('lets an owner of short jobs have several turns to one long job of another', () => {
    expect(names(fairOrder([job('a', 0, 3000), job('a', 1, 3000), job('b', 2), job('b', 3), job('b', 4)], evenState))).toBe('a0 b2 b3 b4 a1');
  });

  it('puts back who was served a moment ago, by as much as it really took', () => {
    const a = userKeySchema.parse('a');
    const served = afterStart(evenState, { owner: a, costMs: 2000 });
    expect(names(fairOrder([job('a', 0), job('b', 1), job('b', 2)], served))).toBe('b1 b2 a0');
    expect(names(fairOrder([job('a', 0), job('b', 1), job('b', 2)], afterEnd(served, { owner: a, chargedMs: 2000, ranMs: 500 }, 2)))).toBe('b1 a0 b2');
  });

  it('lets nobody who waits be overtaken for ever by newcomers', () => {
    const late = userKeySchema.parse('late');
    let state = afterStart(evenState, { owner: late, costMs: 5000 });
    let overtaken = 0;
    for (let sequence = 1; ; sequence += 1) {
      const next = fairOrder([job('late', 0), job(`newcomer ${sequence}`, sequence), job('steady', 1)], state)[0]!;
      if (next.owner === late) break;
      state = afterEnd(afterStart(state, next), { owner: next.owner, chargedMs: next.costMs, ranMs: next.costMs }, 3);
      overtaken += 1;
      expect(overtaken).toBeLessThan(20);
    }
  });

  it('keeps every job, and each owner’s own jobs in the order they came', () => {
    fc.assert(
      fc.property(jobsArbitrary, (jobs) => {
        const ordered = fairOrder(jobs, evenState);
        expect(ordered.map(({ sequence }) => sequence).sort((left, right) => left - right)).toEqual(jobs.map(({ sequence }) => sequence));
        for (const owner of ['a', 'b', 'c', 'd']) {
          const own = ordered.filter((each) => each.owner === owner).map(({ sequence }) => sequence);
          expect(own).toEqual([...own].sort((left, right) => left - right));
        }
      }),
    );
  });

  it('never gives an owner a turn while another with less running time waits', () => {
    fc.assert(
      fc.property(jobsArbitrary, (jobs) => {
        const given = new Map<string, number>();
        const ordered = fairOrder(jobs, evenState);
        ordered.forEach((each, index) => {
          const own = given.get(each.owner) ?? 0;
          for (const other of ordered.slice(index)) expect(own).toBeLessThanOrEqual(given.get(other.owner) ?? 0);
          given.set(each.owner, own + each.costMs);
        });
      }),
    );
  });
});

describe('startTimes', () => {
  it('fills each free place first', () => {
    expect(startTimes([10, 10, 10, 10], [5], 2)).toEqual([0, 5, 10, 15]);
  });
  it('knows no start behind a job of unknown length', () => {
    expect(startTimes([Number.NaN, 10], [], 1)).toEqual([0, Number.NaN]);
  });
});

describe('jainIndex', () => {
  it('is 1 for equal shares and 1/n for one who has everything', () => {
    expect([jainIndex([3, 3, 3]), jainIndex([9, 0, 0]), jainIndex([0, 0])]).toEqual([1, 1 / 3, 1]);
  });
});
