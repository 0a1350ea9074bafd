import type { Clock } from '../../clock.ts';
import { AfterAcks } from '../after-acks.ts';
import { QuietTime } from '../quiet-time.ts';

/** No work waits longer than this for others to be acknowledged. */
const longestMs = 1000;

/** Many ask at once: first all are acknowledged, in the three seconds that Discord gives, then the work for them begins. */
export class Rush {
  readonly #clock: Clock;
  readonly #quiet: QuietTime;
  readonly #afterAcks = new AfterAcks();
  #pending = 0;
  #waiting: (() => void)[] = [];

  /** `rushClock` measures the moment of quiet. */
  constructor({ clock, rushClock }: { readonly clock: Clock; readonly rushClock: Clock }) {
    this.#clock = clock;
    this.#quiet = new QuietTime(rushClock);
  }

  /** Counts as not yet acknowledged until `answer` settles. */
  async during(answer: Promise<void>): Promise<void> {
    this.#quiet.asked();
    this.#pending += 1;
    try {
      await answer;
    } finally {
      this.#pending -= 1;
      if (this.#pending === 0) for (const go of this.#waiting.splice(0)) go();
    }
  }

  /** Resolves when nobody asks just now, nobody waits for an acknowledgement, and it is this work's turn. */
  async turn(): Promise<void> {
    await this.#quiet.come();
    await this.#allAcknowledged();
    await this.#afterAcks.turn();
  }

  /** Resolves at the latest after a second. */
  async #allAcknowledged(): Promise<void> {
    if (this.#pending <= 1) return; // the one that asks is still counted
    const given = new AbortController();
    const quiet = new Promise<void>((resolve) => this.#waiting.push(resolve));
    await Promise.race([quiet, this.#clock.wait(longestMs, given.signal)]);
    given.abort();
  }
}
