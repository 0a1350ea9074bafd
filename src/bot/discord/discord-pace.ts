import type { Clock } from '../../clock.ts';

/** Previews give way: whatever must arrive goes first, and one request of each window is kept free for it. */
export type Urgency = 'needed' | 'preview';

interface Bucket {
  remaining: number;
  resetAtMs: number;
}
interface Turn {
  readonly urgency: Urgency;
  readonly go: () => void;
}
interface Lane {
  readonly turns: Turn[];
  readonly buckets: Map<string, Bucket>;
  inFlight: number;
  restUntilMs: number;
  /** Ends the pause until there may be room. */
  pause: AbortController | undefined;
}

export interface RateHeaders {
  get(name: string): string | null;
}

export interface DiscordPaceOptions {
  readonly clock: Clock;
  /** Added to each reset, for the way there and back. */
  readonly marginMs: number;
}

/** Lanes nobody has used since their limits ended are forgotten beyond this number. */
const laneCap = 500;

/**
 * The budget of each channel (and of each interaction token), as the responses' own rate-limit headers tell it.
 * One request at a time goes to a lane, none before its bucket has room, what must arrive before previews, and among equals the first come.
 */
export class DiscordPace {
  readonly #clock: Clock;
  readonly #marginMs: number;
  readonly #lanes = new Map<string, Lane>();
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #previewsRestUntilMs = Number.NEGATIVE_INFINITY;

  constructor({ clock, marginMs }: DiscordPaceOptions) {
    this.#clock = clock;
    this.#marginMs = marginMs;
  }

  /** Runs `send` as soon as the lane has room. Rejects with the signal's reason when it aborts before the turn came. */
  async run<Result>(lane: string, urgency: Urgency, send: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    const state = this.#lane(lane);
    await this.#turn(state, urgency, signal);
    try {
      return await send();
    } finally {
      state.inFlight -= 1;
      this.#tick(state);
    }
  }

  /** Learns from a response. */
  observe(lane: string, headers: RateHeaders): void {
    const remaining = Number(headers.get('x-ratelimit-remaining') ?? Number.NaN);
    const resetAfterMs = Number(headers.get('x-ratelimit-reset-after') ?? Number.NaN) * 1000;
    if (Number.isNaN(remaining) || Number.isNaN(resetAfterMs)) return;
    const hash = headers.get('x-ratelimit-bucket') ?? '';
    this.#lane(lane).buckets.set(hash, { remaining, resetAtMs: this.#clock.now() + resetAfterMs + this.#marginMs });
  }

  /** After a 429: nothing more for this lane (or, without one, at all) for so long. */
  rest(lane: string | undefined, forMs: number): void {
    const untilMs = this.#clock.now() + forMs + this.#marginMs;
    if (lane === undefined) this.#restUntilMs = Math.max(this.#restUntilMs, untilMs);
    else {
      const state = this.#lane(lane);
      state.restUntilMs = Math.max(state.restUntilMs, untilMs);
    }
  }

  /** Discord bans an address after too many invalid requests: previews stop in time, so that what must arrive still may. */
  restPreviews(forMs: number): void {
    this.#previewsRestUntilMs = Math.max(this.#previewsRestUntilMs, this.#clock.now() + forMs);
  }

  #lane(name: string): Lane {
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    if (this.#lanes.size >= laneCap) this.#sweep();
    const lane: Lane = { turns: [], buckets: new Map(), inFlight: 0, restUntilMs: Number.NEGATIVE_INFINITY, pause: undefined };
    this.#lanes.set(name, lane);
    return lane;
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const [name, lane] of this.#lanes) {
      const isIdle =
        lane.turns.length === 0 && lane.inFlight === 0 && lane.restUntilMs <= now && [...lane.buckets.values()].every(({ resetAtMs }) => resetAtMs <= now);
      if (isIdle) this.#lanes.delete(name);
    }
  }

  #turn(lane: Lane, urgency: Urgency, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const leave = (): void => {
        const at = lane.turns.indexOf(turn);
        if (at < 0) return;
        lane.turns.splice(at, 1);
        reject(signal?.reason);
      };
      const turn: Turn = {
        urgency,
        go: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      lane.turns.push(turn);
      this.#tick(lane);
    });
  }

  /** Gives the next turn where there is room, and comes back when there may be. */
  #tick(lane: Lane): void {
    lane.pause?.abort(); // somebody more urgent may have come
    lane.pause = undefined;
    if (lane.inFlight > 0) return;
    const urgent = lane.turns.find(({ urgency }) => urgency === 'needed');
    const next = urgent ?? lane.turns[0];
    if (next === undefined) return;
    const waitMs = this.#roomInMs(lane, next.urgency);
    if (waitMs > 0) {
      const pause = new AbortController();
      lane.pause = pause;
      void this.#clock.wait(waitMs, pause.signal).then(() => {
        if (!pause.signal.aborted) this.#tick(lane);
      });
      return;
    }
    lane.turns.splice(lane.turns.indexOf(next), 1);
    lane.inFlight += 1;
    for (const bucket of lane.buckets.values()) bucket.remaining -= 1;
    next.go();
  }

  #roomInMs(lane: Lane, urgency: Urgency): number {
    const now = this.#clock.now();
    const kept = urgency === 'preview' ? 1 : 0;
    const waits = [this.#restUntilMs - now, lane.restUntilMs - now];
    if (urgency === 'preview') waits.push(this.#previewsRestUntilMs - now);
    for (const [hash, bucket] of lane.buckets) {
      if (bucket.resetAtMs <= now) lane.buckets.delete(hash);
      else if (bucket.remaining <= kept) waits.push(bucket.resetAtMs - now);
    }
    return Math.max(0, ...waits);
  }
}
