import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planRoom, type Resident } from '../../../src/inference/models/memory-budget.ts';

const resident = (key: string, bytes: number, lastUsedMs: number, users = 0): Resident => ({ key, bytes, lastUsedMs, users });

describe('planRoom', () => {
  it('lets nothing go while there is room', () => {
    expect(planRoom([resident('a', 40, 1)], 60, 100)).toEqual({ action: 'fits' });
  });

  it('lets the least recently used go first, and no more than it takes', () => {
    expect(planRoom([resident('new', 30, 3), resident('old', 30, 1), resident('mid', 30, 2)], 40, 100)).toEqual({ action: 'unload', keys: ['old'] });
  });

  it('never lets a used model go, and waits for it instead', () => {
    expect(planRoom([resident('used', 60, 1, 1), resident('idle', 30, 2)], 40, 100)).toEqual({ action: 'unload', keys: ['idle'] });
    expect(planRoom([resident('used', 60, 1, 1), resident('idle', 30, 2)], 50, 100)).toEqual({ action: 'wait' });
  });

  it('refuses what would not fit an empty budget, with both numbers', () => {
    expect(() => planRoom([], 101, 100)).toThrow(expect.objectContaining({ code: 'memory-budget', facts: { neededBytes: 101, budgetBytes: 100 } }));
  });

  it('never goes over the budget, whatever is there', () => {
    const residents = fc.array(fc.record({ bytes: fc.nat(50), lastUsedMs: fc.nat(9), users: fc.nat(1) }), { maxLength: 8 });
    fc.assert(
      fc.property(residents, fc.nat(100), (list, neededBytes) => {
        const all = list.map((each, index) => ({ ...each, key: `${index}` }));
        const plan = planRoom(all, neededBytes, 100);
        if (plan.action === 'wait') return;
        const gone = plan.action === 'unload' ? plan.keys : [];
        const left = all.filter(({ key }) => !gone.includes(key)).reduce((sum, { bytes }) => sum + bytes, 0);
        expect(left + neededBytes).toBeLessThanOrEqual(100);
        expect(all.filter(({ key, users }) => gone.includes(key) && users > 0)).toEqual([]);
      }),
    );
  });
});
