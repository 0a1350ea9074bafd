import type { Clock } from '../../clock.ts';

/** Slack repeats an event for minutes, and for a day when delayed events are on. */
const keepMs = 24 * 60 * 60_000;
const mostKeys = 50_000;

/** Remembers what was taken in already; bounded in time and number. */
export class SeenKeys {
  readonly #clock: Clock;
  readonly #seen = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True the first time for this key; it is remembered at once, before any work begins. */
  isNew(key: string): boolean {
    const nowMs = this.#clock.now();
    const atMs = this.#seen.get(key);
    if (atMs !== undefined && nowMs - atMs < keepMs) return false;
    this.#seen.delete(key);
    this.#seen.set(key, nowMs);
    for (const [oldest, since] of this.#seen) {
      if (this.#seen.size <= mostKeys && nowMs - since < keepMs) break;
      this.#seen.delete(oldest);
    }
    return true;
  }
}
