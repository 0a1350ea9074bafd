import type { Clock } from '../../clock.ts';

/** No work waits longer than this for others to be acknowledged. */
const longestMs = 1000;

/** Many ask at once: first all are acknowledged, in the three seconds that Discord gives, then the work for them begins. */
export class Rush {
  readonly #clock: Clock;
  #pending = 0;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts as not yet acknowledged until `answer` settles. */
  async during(answer: Promise<void>): Promise<void> {
    this.#pending += 1;
    try {
      await answer;
    } finally {
      this.#pending -= 1;
      if (this.#pending === 0) for (const go of this.#waiting.splice(0)) go();
    }
  }

  /** Resolves when nobody waits for an acknowledgement, or after a second. */
  async over(): Promise<void> {
    if (this.#pending <= 1) return; // the one that asks is still counted
    const given = new AbortController();
    const quiet = new Promise<void>((resolve) => this.#waiting.push(resolve));
    await Promise.race([quiet, this.#clock.wait(longestMs, given.signal)]);
    given.abort();
  }
}
