import type { Clock } from '../../../src/clock.ts';
import { SlackRefusal } from './slack-refusal.ts';

const minuteMs = 60_000;
/** Calls a minute and workspace, per method. */
const tierLimits = { 1: 1, 2: 20, 3: 50, 4: 100 } as const;
export type Tier = keyof typeof tierLimits | 'post' | 'free';

/** Posting: one a second and channel on average; bursts within ten seconds are tolerated. */
const postBurst = 10;
const postsPerMinute = 300;

/** Counts calls as strictly as Slack's page says: never more than the tier in any sixty seconds. */
export class SlackTiers {
  readonly #clock: Clock;
  readonly #calls = new Map<string, number[]>();
  /** How often something was refused, by method. */
  readonly refusals = new Map<string, number>();
  /** The most calls seen in any minute, by method. */
  readonly peaks = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws 'ratelimited' with the seconds to wait. A refused call does not count. */
  spend(method: string, tier: Tier, channel: string | undefined): void {
    if (tier === 'free') return;
    if (tier !== 'post') {
      this.#take(method, method, { limit: tierLimits[tier], windowMs: minuteMs });
      return;
    }
    this.#check(method, `${method} ${channel}`, { limit: postBurst, windowMs: postBurst * 1000 });
    this.#take(method, method, { limit: postsPerMinute, windowMs: minuteMs });
    this.#record(`${method} ${channel}`, postBurst * 1000);
  }

  #take(method: string, key: string, rule: { limit: number; windowMs: number }): void {
    this.#check(method, key, rule);
    this.#record(key, rule.windowMs);
  }

  #check(method: string, key: string, { limit, windowMs }: { limit: number; windowMs: number }): void {
    const since = this.#clock.now() - windowMs;
    const recent = (this.#calls.get(key) ?? []).filter((atMs) => atMs > since);
    if (recent.length < limit) return;
    this.refusals.set(method, (this.refusals.get(method) ?? 0) + 1);
    throw new SlackRefusal('ratelimited', {}, Math.max(1, Math.ceil(((recent[0] ?? 0) - since) / 1000)));
  }

  #record(key: string, windowMs: number): void {
    const since = this.#clock.now() - windowMs;
    const recent = [...(this.#calls.get(key) ?? []).filter((atMs) => atMs > since), this.#clock.now()];
    this.#calls.set(key, recent);
    this.peaks.set(key, Math.max(this.peaks.get(key) ?? 0, recent.length));
  }
}
