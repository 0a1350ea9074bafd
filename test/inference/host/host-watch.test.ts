import { describe, expect, it } from 'vitest';
import { HostWatch, type Patience } from '../../../src/inference/host/host-watch.ts';

const patience: Patience = { tickMs: 10, graceMs: 20, silenceMs: 100, cancelMs: 50 };

/** Looks every tick until `untilMs`; the first verdict, or undefined. */
function lookUntil(watch: HostWatch, fromMs: number, untilMs: number): string | undefined {
  for (let nowMs = fromMs; nowMs <= untilMs; nowMs += patience.tickMs) {
    const verdict = watch.look(nowMs);
    if (verdict !== undefined) return `${verdict} @${nowMs}`;
  }
  return undefined;
}

describe('HostWatch', () => {
  it('lets an announced call have its whole budget and its grace, and no more', () => {
    const watch = new HostWatch(patience, 0);
    watch.blocking({ what: 'load', budgetMs: 500 });
    expect(lookUntil(watch, 10, 2000)).toBe('it is past its time in: load @530');
  });

  it('does not take a host for hung that is silent within an announced call', () => {
    const watch = new HostWatch(patience, 0);
    watch.blocking({ what: 'load', budgetMs: 500 });
    expect(lookUntil(watch, 10, 500)).toBeUndefined();
    watch.blocking(undefined);
    watch.heard();
    expect(lookUntil(watch, 510, 600)).toBeUndefined();
  });

  it('finds a host that announced nothing and says nothing', () => {
    expect(lookUntil(new HostWatch(patience, 0), 10, 2000)).toBe('it is silent @110');
  });

  it('counts no time in which main itself did not run', () => {
    const watch = new HostWatch(patience, 0);
    watch.blocking({ what: 'run', budgetMs: 100 });
    expect(watch.look(1_000_000)).toBeUndefined();
    watch.blocking(undefined);
    expect(watch.look(2_000_000)).toBeUndefined();
  });

  it('lets the call go on in which a cancel came, and gives time after it', () => {
    const watch = new HostWatch(patience, 0);
    watch.blocking({ what: 'run', budgetMs: 300 });
    watch.cancelled(1);
    expect(lookUntil(watch, 10, 300)).toBeUndefined();
    watch.blocking(undefined);
    watch.heard();
    expect(lookUntil(watch, 310, 350)).toBeUndefined();
    expect(lookUntil(watch, 360, 400)).toBe('it ignores a cancel @360');
  });

  it('finds a host that ignores a cancel while it goes from call to call', () => {
    const watch = new HostWatch(patience, 0);
    watch.cancelled(1);
    let verdict: string | undefined;
    for (let nowMs = 10; nowMs <= 200 && verdict === undefined; nowMs += 10) {
      watch.blocking({ what: 'run', budgetMs: 1000 });
      verdict = watch.look(nowMs);
      watch.blocking(undefined);
      watch.heard();
    }
    expect(verdict).toBe('it ignores a cancel');
  });

  it('forgets a cancel that was obeyed', () => {
    const watch = new HostWatch(patience, 0);
    watch.cancelled(1);
    watch.ended(1);
    expect(lookUntil(watch, 10, 90)).toBeUndefined();
  });
});
