import type { Clock } from '../clock.ts';

/** So long nothing may come in before work begins; short beside the time to a first word. */
const quietMs = 25;
/** No work waits longer than this for others to be acknowledged. */
const longestMs = 400;

/** Many ask at once, each on a connection of their own: work begins when nobody has asked for a moment, so that all are answered first. */
export class QuietTime {
  readonly #clock: Clock;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Somebody asked just now. */
  asked(): void {
    this.#lastMs = this.#clock.now();
  }

  /** Resolves when nobody has asked for a moment, or after less than half a second. */
  async come(): Promise<void> {
    const untilMs = this.#clock.now() + longestMs;
    for (;;) {
      const nowMs = this.#clock.now();
      const restMs = Math.min(this.#lastMs + quietMs, untilMs) - nowMs;
      if (restMs <= 0) return;
      await this.#clock.wait(restMs);
    }
  }
}
