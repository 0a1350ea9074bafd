import { describe, expect, it } from 'vitest';
import { EditLatest } from '../../src/bot/edit-latest.ts';
import type { Clock } from '../../src/clock.ts';
import type { Message } from '../../src/commands/contract.ts';

const message = (text: string, final = false): Message => ({ kind: 'chat', text, pictures: [], actions: [], final });

/** A clock that stands still until it is moved. */
function stillClock(): Clock & { move(ms: number): void } {
  let now = 0;
  let waiting: { at: number; wake: () => void }[] = [];
  return {
    now: () => now,
    wait: (ms) => new Promise((resolve) => waiting.push({ at: now + ms, wake: resolve })),
    move: (ms) => {
      now += ms;
      const due = waiting.filter(({ at }) => at <= now);
      waiting = waiting.filter(({ at }) => at > now);
      for (const { wake } of due) wake();
    },
  };
}

/** Lets all promises that are ready go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Resolves after so many turns of the promise queue. */
async function later(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await undefined;
}

function bench(gapMs = 1000) {
  const clock = stillClock();
  const shown: string[] = [];
  const failed: unknown[] = [];
  const gates: (() => void)[] = [];
  let isGated = false;
  let failNext = false;
  const pacer = new EditLatest({
    edit: async ({ text }) => {
      if (isGated) await new Promise<void>((resolve) => gates.push(resolve));
      if (failNext) {
        failNext = false;
        throw new Error('refused');
      }
      shown.push(text);
    },
    gapMs: () => gapMs,
    clock,
    onFailedPreview: (error) => failed.push(error),
  });
  return {
    pacer,
    clock,
    shown,
    failed,
    gates,
    gate: () => {
      isGated = true;
    },
    failOnce: () => {
      failNext = true;
    },
  };
}

describe('EditLatest', () => {
  it('shows the first state at once and the newest after the gap', async () => {
    const { pacer, clock, shown } = bench();
    pacer.show(message('one'));
    await settle();
    pacer.show(message('two'));
    pacer.show(message('three'));
    await settle();
    expect(shown).toEqual(['one']);
    clock.move(1000);
    await settle();
    expect(shown).toEqual(['one', 'three']);
  });

  it('has one edit in flight', async () => {
    const { pacer, gates, gate, shown } = bench(0);
    gate();
    pacer.show(message('one'));
    pacer.show(message('two'));
    await settle();
    pacer.show(message('three'));
    await settle();
    expect(gates).toHaveLength(1);
    gates[0]?.();
    await settle();
    expect(shown).toEqual(['two']);
    expect(gates).toHaveLength(2);
  });

  it('always shows the last state, after the gap, and nothing later', async () => {
    const { pacer, clock, shown } = bench();
    pacer.show(message('one'));
    await settle();
    pacer.show(message('two'));
    const finished = pacer.finish(message('end', true));
    pacer.show(message('late'));
    clock.move(1000);
    await settle();
    clock.move(1000);
    await finished;
    expect(shown).toEqual(['one', 'end']);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 8])('loses no state that comes %i turns after an edit ended', async (turns) => {
    const shown: string[] = [];
    const pacer: EditLatest = new EditLatest({
      edit: async ({ text }) => {
        shown.push(text);
        if (text === 'one') void later(turns).then(() => pacer.show(message('two')));
      },
      gapMs: () => 0,
      clock: stillClock(),
      onFailedPreview: () => undefined,
    });
    pacer.show(message('one'));
    await settle();
    await settle();
    expect(shown).toEqual(['one', 'two']);
  });

  it('survives a state that could not be shown, and says so', async () => {
    const { pacer, clock, shown, failed, failOnce } = bench();
    failOnce();
    pacer.show(message('one'));
    await settle();
    clock.move(1000);
    pacer.show(message('two'));
    await settle();
    expect(failed).toHaveLength(1);
    expect(shown).toEqual(['two']);
  });

  it('tells when the last state could not be shown', async () => {
    const { pacer, failOnce } = bench();
    failOnce();
    await expect(pacer.finish(message('end', true))).rejects.toThrow('refused');
  });
});
