import { describe, expect, it } from 'vitest';
import { ModelResidency } from '../../../src/inference/host/model-residency.ts';
import { FakeClock, settled } from '../../fakes/fake-clock.ts';

function start(budgetBytes: number) {
  const unloaded: string[] = [];
  const clock = new FakeClock();
  const residency = new ModelResidency({
    budgetBytes,
    clock,
    unload: async (lane, folder, isLast) => {
      unloaded.push(`${lane} ${folder}${isLast ? ' (its host is empty)' : ''}`);
    },
  });
  const acquire = (
    name: string,
    { bytes = 40, lane = 'text', signal = new AbortController().signal }: { bytes?: number; lane?: 'text' | 'image'; signal?: AbortSignal } = {},
  ) => residency.acquire(lane, { id: name, kind: lane, folder: name, memoryBytes: bytes }, signal);
  /** Loads a model and leaves it idle. */
  const load = async (name: string, options?: Parameters<typeof acquire>[1]) => {
    const lease = await acquire(name, options);
    lease.markLoaded();
    lease.release();
    await clock.advance(1);
  };
  return { residency, acquire, load, unloaded, held: () => residency.list().map(({ folder }) => folder) };
}

describe('ModelResidency', () => {
  it('keeps models as long as they fit', async () => {
    const { load, held, unloaded } = start(100);
    await load('a');
    await load('b', { lane: 'image' });
    expect([held(), unloaded]).toEqual([['a', 'b'], []]);
  });

  it('lets the least recently used go over all lanes, and tells when a host is empty then', async () => {
    const { load, held, unloaded } = start(100);
    await load('a');
    await load('b', { lane: 'image' });
    await load('a');
    await load('c');
    expect([held(), unloaded]).toEqual([['a', 'c'], ['image b (its host is empty)']]);
    await load('d');
    expect(unloaded.at(-1)).toBe('text a');
  });

  it('waits for a used model instead of taking it away', async () => {
    const { acquire, held, unloaded } = start(100);
    const used = await acquire('a', { bytes: 80 });
    used.markLoaded();
    let got = false;
    const waiting = acquire('b', { bytes: 80, lane: 'image' }).then(() => {
      got = true;
    });
    await settled();
    expect([got, unloaded]).toEqual([false, []]);
    used.release();
    await waiting;
    expect([held(), unloaded]).toEqual([['b'], ['text a (its host is empty)']]);
  });

  it('stops waiting when the job is cancelled', async () => {
    const { acquire } = start(100);
    await acquire('a', { bytes: 80 });
    const stop = new AbortController();
    const waiting = acquire('b', { bytes: 80, signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  it('forgets a model that failed to load, and all of a host that died', async () => {
    const { acquire, load, held, residency } = start(100);
    (await acquire('broken')).release();
    expect(held()).toEqual([]);
    await load('a');
    await load('b', { lane: 'image' });
    residency.forget('text');
    expect(held()).toEqual(['b']);
  });
});
