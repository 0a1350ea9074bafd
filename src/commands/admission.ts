import type { Clock } from '../clock.ts';
import { FrescoError } from '../fresco-error.ts';
import type { UserKey } from '../ids.ts';
import type { JobQueue, JobSnapshot, Lane } from '../inference/contract.ts';
import type { LimitSettings } from '../settings.ts';
import { limitsFor, type PersonalLimits } from './access-policy.ts';
import type { Principal } from './contract.ts';

const hourMs = 3_600_000;
/** Told where no past job says how long one takes. */
const unknownRetryMs = 15_000;
const seenHoldsMs = 1000;

/** A place in the queue, kept from the moment of asking; it counts as waiting until the job starts. */
export interface Ticket {
  readonly owner: UserKey;
  readonly limits: PersonalLimits;
  /** Jobs of the lane that were open before this one. */
  readonly ahead: number;
  /** True the first time. */
  started(): boolean;
  /** Frees the place; a job that never ran is given back to the hour's quota. */
  ended(): void;
}

interface Count {
  waiting: number;
  running: number;
}

/** Decides from memory, at once, whether a job may come in, so that a refusal is the acknowledgement itself. */
export class Admission {
  readonly #queue: JobQueue;
  readonly #limits: LimitSettings;
  readonly #clock: Clock;
  readonly #waitingByOwner = new Map<UserKey, number>();
  readonly #lanes: { readonly [Name in Lane]: Count } = { text: { waiting: 0, running: 0 }, image: { waiting: 0, running: 0 } };
  readonly #asked = new Map<UserKey, number[]>();
  /** The queue as it was a moment ago: hundreds may be refused in one second. */
  #seen: { readonly jobs: readonly JobSnapshot[]; readonly atMs: number } | undefined;
  isDraining = false;

  constructor(options: {
    readonly queue: JobQueue;
    readonly limits: LimitSettings;
    readonly clock: Clock;
    /** What was asked within the last hour, before a restart. */
    readonly recent: readonly { readonly owner: UserKey; readonly atMs: number }[];
  }) {
    this.#queue = options.queue;
    this.#limits = options.limits;
    this.#clock = options.clock;
    for (const { owner, atMs } of options.recent) this.#asked.set(owner, [...(this.#asked.get(owner) ?? []), atMs]);
  }

  /** Throws 'shutting-down', 'paused', 'too-many-waiting', 'queue-full', 'quota-reached'. */
  admit(principal: Principal, owner: UserKey, lane: Lane): Ticket {
    if (this.isDraining) throw new FrescoError('shutting-down', {});
    if (this.#queue.stats().some(({ paused }) => paused)) throw new FrescoError('paused', {});
    const limits = limitsFor(principal, this.#limits);
    const own = this.#waitingByOwner.get(owner) ?? 0;
    if (own >= limits.waiting) throw new FrescoError('too-many-waiting', { waiting: own, limit: limits.waiting, retryAfterMs: this.#startsInMs(owner) });
    const count = this.#lanes[lane];
    const limit = this.#limits.waitingPerLane;
    if (count.waiting >= limit) throw new FrescoError('queue-full', { waiting: count.waiting, limit, retryAfterMs: this.#startsInMs() });
    this.#checkQuota(owner, limits.perHour);
    return this.#issue(owner, lane, limits);
  }

  /** A place for a job that was let in before a restart. */
  readmit(principal: Principal, owner: UserKey, lane: Lane): Ticket {
    return this.#issue(owner, lane, limitsFor(principal, this.#limits));
  }

  #issue(owner: UserKey, lane: Lane, limits: PersonalLimits): Ticket {
    const count = this.#lanes[lane];
    const ahead = count.waiting + count.running;
    const askedAtMs = this.#clock.now();
    let state: 'waiting' | 'running' | 'ended' = 'waiting';
    this.#asked.set(owner, [...(this.#asked.get(owner) ?? []), askedAtMs]);
    this.#addWaiting(owner, count, 1);
    return {
      owner,
      limits,
      ahead,
      started: () => {
        if (state !== 'waiting') return false;
        state = 'running';
        this.#addWaiting(owner, count, -1);
        count.running += 1;
        return true;
      },
      ended: () => {
        if (state === 'waiting') {
          this.#addWaiting(owner, count, -1);
          this.#giveBack(owner, askedAtMs);
        } else if (state === 'running') count.running -= 1;
        state = 'ended';
      },
    };
  }

  #addWaiting(owner: UserKey, count: Count, change: 1 | -1): void {
    count.waiting += change;
    const own = (this.#waitingByOwner.get(owner) ?? 0) + change;
    if (own === 0) this.#waitingByOwner.delete(owner);
    else this.#waitingByOwner.set(owner, own);
  }

  #checkQuota(owner: UserKey, perHour: number | undefined): void {
    const now = this.#clock.now();
    const recent = (this.#asked.get(owner) ?? []).filter((atMs) => atMs > now - hourMs);
    if (recent.length === 0) this.#asked.delete(owner);
    else this.#asked.set(owner, recent);
    if (perHour === undefined || recent.length < perHour) return;
    const frees = recent[recent.length - perHour] ?? now;
    throw new FrescoError('quota-reached', { used: recent.length, limit: perHour, retryAfterMs: frees + hourMs - now });
  }

  #giveBack(owner: UserKey, askedAtMs: number): void {
    const asked = this.#asked.get(owner) ?? [];
    const index = asked.lastIndexOf(askedAtMs);
    if (index >= 0) this.#asked.set(owner, asked.toSpliced(index, 1));
  }

  #startsInMs(owner?: UserKey): number {
    const nowMs = this.#clock.now();
    if (this.#seen === undefined || nowMs - this.#seen.atMs >= seenHoldsMs) this.#seen = { jobs: this.#queue.snapshot(), atMs: nowMs };
    const waiting = this.#seen.jobs.filter((job) => job.state === 'waiting' && (owner === undefined || job.owner === owner));
    const etas = waiting.flatMap(({ etaMs }) => etaMs ?? []);
    return etas.length === 0 ? unknownRetryMs : Math.max(1000, Math.min(...etas));
  }
}
