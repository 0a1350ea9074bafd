import type { Clock } from '../../../src/clock.ts';

export interface RateRule {
  readonly limit: number;
  readonly windowMs: number;
}
export interface RateRules {
  /** POST and PATCH of messages in one channel: one shared counter, the stricter of the two readings. */
  readonly channelMessages: RateRule;
  /** The token of one interaction. */
  readonly interactionToken: RateRule;
  readonly other: RateRule;
  readonly global: RateRule;
}
/** About what is seen in practice; Discord publishes none. */
export const usualRates: RateRules = {
  channelMessages: { limit: 5, windowMs: 5000 },
  interactionToken: { limit: 5, windowMs: 2000 },
  other: { limit: 50, windowMs: 1000 },
  global: { limit: 50, windowMs: 1000 },
};

export interface RateVerdict {
  readonly headers: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;
  readonly isGlobal: boolean;
}

interface Window {
  used: number;
  startMs: number;
}

/** Buckets as Discord's: a window opens with its first request and is full until it ends. */
export class RateBuckets {
  rules: RateRules;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Pick<Clock, 'now'>, rules: RateRules = usualRates) {
    this.#clock = clock;
    this.rules = rules;
  }

  /** Counts a request. `major` is the channel, server or token the bucket belongs to. */
  take(bucket: keyof Omit<RateRules, 'global'>, hash: string, major: string, isGlobalExempt: boolean): RateVerdict {
    if (!isGlobalExempt) {
      const all = this.#count('global', this.rules.global);
      if (all.leftMs !== undefined) {
        const headers = { 'x-ratelimit-global': 'true', 'x-ratelimit-scope': 'global', 'retry-after': seconds(all.leftMs) };
        return { headers, retryAfterMs: all.leftMs, isGlobal: true };
      }
    }
    const rule = this.rules[bucket];
    const own = this.#count(`${hash}:${major}`, rule);
    const headers = {
      'x-ratelimit-limit': String(rule.limit),
      'x-ratelimit-remaining': String(own.remaining),
      'x-ratelimit-reset': String((this.#clock.now() + own.resetMs) / 1000),
      'x-ratelimit-reset-after': seconds(own.resetMs),
      'x-ratelimit-bucket': hash,
    };
    if (own.leftMs === undefined) return { headers, retryAfterMs: undefined, isGlobal: false };
    return { headers: { ...headers, 'x-ratelimit-scope': 'user', 'retry-after': seconds(own.leftMs) }, retryAfterMs: own.leftMs, isGlobal: false };
  }

  #count(key: string, rule: RateRule): { readonly remaining: number; readonly resetMs: number; readonly leftMs: number | undefined } {
    const now = this.#clock.now();
    const known = this.#windows.get(key);
    const window = known === undefined || now - known.startMs >= rule.windowMs ? { used: 0, startMs: now } : known;
    this.#windows.set(key, window);
    const resetMs = window.startMs + rule.windowMs - now;
    if (window.used >= rule.limit) return { remaining: 0, resetMs, leftMs: resetMs };
    window.used += 1;
    return { remaining: rule.limit - window.used, resetMs, leftMs: undefined };
  }
}

const seconds = (ms: number): string => (Math.max(1, ms) / 1000).toFixed(3);
