import type { Clock } from '../clock.ts';
import type { Message } from '../commands/contract.ts';

export interface EditLatestOptions {
  /** Brings one state to the platform. Called with one state at a time. */
  readonly edit: (message: Message) => Promise<void>;
  /** How long to leave the message alone before this state may follow the one before. */
  readonly gapMs: (next: Message) => number;
  readonly clock: Clock;
  /** A state before the last could not be shown; the job goes on. */
  readonly onFailedPreview: (error: unknown) => void;
}

/**
 * The pacer of one message: one edit in flight, the newest state wins, the last state always arrives,
 * and no state follows another faster than the platform's budget.
 */
export class EditLatest {
  readonly #options: EditLatestOptions;
  #next: Message | undefined;
  #loop: Promise<void> | undefined;
  readonly #finishing = new AbortController();
  #lastEditMs = Number.NEGATIVE_INFINITY;

  constructor(options: EditLatestOptions) {
    this.#options = options;
  }

  /** Shows this state soon, unless a newer one overtakes it. Never throws. */
  show(message: Message): void {
    if (this.#finishing.signal.aborted) return;
    this.#next = message;
    this.#loop ??= this.#drain();
  }

  /** Shows the last state, after the edit in flight; states not yet shown are dropped. Throws what the platform threw. */
  async finish(message: Message): Promise<void> {
    this.#finishing.abort(); // nobody waits for a gap before a state that is dropped
    this.#next = undefined;
    await this.#loop;
    await this.#keepGap(message);
    await this.#options.edit(message);
  }

  async #drain(): Promise<void> {
    while (this.#next !== undefined) {
      await this.#keepGap(this.#next, this.#finishing.signal);
      await this.#showNewest();
    }
    this.#loop = undefined; // in the same turn as the look at #next, so that no state falls between two loops
  }

  async #showNewest(): Promise<void> {
    const message = this.#next; // what is newest now that the gap has passed
    this.#next = undefined;
    if (message === undefined) return;
    try {
      await this.#options.edit(message);
    } catch (error) {
      this.#options.onFailedPreview(error);
    }
    this.#lastEditMs = this.#options.clock.now();
  }

  async #keepGap(next: Message, signal?: AbortSignal): Promise<void> {
    const { clock, gapMs } = this.#options;
    const restMs = this.#lastEditMs + gapMs(next) - clock.now();
    if (restMs > 0) await clock.wait(restMs, signal);
  }
}
