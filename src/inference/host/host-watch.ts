import type { BlockingCall } from '../runtime/ort-session.ts';

/** How patient main is, in milliseconds. */
export interface Patience {
  /** Between two looks; each sends a ping. */
  readonly tickMs: number;
  /** A call may be so much longer than it announced. */
  readonly graceMs: number;
  /** A host that announced nothing may be silent so long. */
  readonly silenceMs: number;
  /** A cancelled job may go on so long outside of announced calls. */
  readonly cancelMs: number;
}

/** Generous, for a starved machine is no hang: work that is merely slow has always ended by then. */
export const patient: Patience = { tickMs: 5_000, graceMs: 30_000, silenceMs: 180_000, cancelMs: 30_000 };

/**
 * Tells a host that hangs from one that works. Time is counted in looks: a look that comes late (main itself was starved,
 * the machine slept) counts at most twice its length, so nobody is killed for time in which nobody could run.
 */
export class HostWatch {
  readonly #patience: Patience;
  #countedMs = 0;
  #lookedMs: number;
  #heardMs = 0;
  #call: { readonly what: string; readonly sinceMs: number; readonly untilMs: number } | undefined;
  /** By task: since when the host could have obeyed; undefined while it is still in the call during which it was asked. */
  readonly #cancels = new Map<number, number | undefined>();

  constructor(patience: Patience, nowMs: number) {
    this.#patience = patience;
    this.#lookedMs = nowMs;
  }

  /** What the host is inside of, as it announced. */
  get call(): string | undefined {
    return this.#call?.what;
  }

  /** Any message came. */
  heard(): void {
    this.#heardMs = this.#countedMs;
  }

  /** The host announced a blocking call, or (undefined) its end. */
  blocking(call: BlockingCall | undefined): void {
    const sinceMs = this.#countedMs;
    this.#call = call === undefined ? undefined : { what: call.what, sinceMs, untilMs: sinceMs + call.budgetMs + this.#patience.graceMs };
    if (call !== undefined) return;
    for (const [id, askedMs] of this.#cancels) if (askedMs === undefined) this.#cancels.set(id, sinceMs);
  }

  cancelled(id: number): void {
    if (!this.#cancels.has(id)) this.#cancels.set(id, this.#call === undefined ? this.#countedMs : undefined);
  }

  ended(id: number): void {
    this.#cancels.delete(id);
  }

  /** One look; a reason to kill the host, or undefined. */
  look(nowMs: number): string | undefined {
    const { tickMs, silenceMs, cancelMs } = this.#patience;
    this.#countedMs += Math.min(Math.max(0, nowMs - this.#lookedMs), 2 * tickMs);
    this.#lookedMs = nowMs;
    if (this.#call !== undefined && this.#countedMs > this.#call.untilMs) return `it is past its time in: ${this.#call.what}`;
    if (this.#call === undefined && this.#countedMs - this.#heardMs > silenceMs) return 'it is silent';
    const reachedMs = this.#call?.sinceMs ?? this.#countedMs; // a call that began in time may end in its own time
    const ignored = [...this.#cancels.values()].some((askedMs) => askedMs !== undefined && reachedMs - askedMs > cancelMs);
    return ignored ? 'it ignores a cancel' : undefined;
  }
}
