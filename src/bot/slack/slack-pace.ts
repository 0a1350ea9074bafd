import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import { slackFailure } from './slack-failure.ts';
import { type SlackMethodName, TokenBucket } from './slack-tiers.ts';

/** What goes first when not everything can: a last state, then a first sign of life, then progress, previews and tidying up. */
const priorities = ['final', 'first', 'progress', 'preview', 'tidy'] as const;
export type Priority = (typeof priorities)[number];

export interface Slot {
  readonly method: SlackMethodName;
  /** Posting is limited by channel too. */
  readonly channel?: string;
  readonly priority: Priority;
  /** Gives the place in the line up: `run` then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

interface Entry {
  readonly slot: Slot;
  readonly start: () => void;
}

/** One post a second and channel on average; two at once are tolerated. */
const channelBucket = { capacity: 2, perMs: 0.8 / 1000 };
/** What progress and previews must leave for first and last states, as a part of the bucket. */
const reservedShare = 0.4;
/** A call that Slack keeps refusing for its rate is given up after so many tries. */
const tries = 12;
const defaultRetryMs = 5000;

/**
 * The scheduler of all Slack calls: a bucket per method and, for posts, per channel. A call waits its turn by priority and is made
 * only when it fits, so that what it carries can be the newest state; a refused call waits as long as Slack says. No method and no channel waits for another.
 */
export class SlackPace {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #methods = new Map<string, TokenBucket>();
  readonly #channels = new Map<string, TokenBucket>();
  readonly #queues = new Map<SlackMethodName, Entry[]>();
  readonly #alarms = new Map<SlackMethodName, AbortController>();
  #finals = 0;

  constructor(options: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Finals that are waiting or on their way. */
  get finals(): number {
    return this.#finals;
  }

  /** Makes the call when it fits. `work` is called then, so it should read the newest state. Throws what the call threw, or the signal's reason. */
  async run<Result>(slot: Slot, work: () => Promise<Result>): Promise<Result> {
    if (slot.priority === 'final') this.#finals += 1;
    try {
      for (let attempt = 1; ; attempt += 1) {
        await this.#turn(slot, attempt > 1);
        try {
          return await work();
        } catch (error) {
          const failure = slackFailure(error);
          if (failure.kind !== 'rate-limited' || attempt >= tries) throw error;
          this.#blockFor(slot, failure.retryAfterMs ?? defaultRetryMs);
        }
      }
    } finally {
      if (slot.priority === 'final') this.#finals -= 1;
    }
  }

  /** True when the method has room right now and nobody waits for it. */
  hasRoom(method: SlackMethodName): boolean {
    return (this.#queues.get(method)?.length ?? 0) === 0 && this.#bucketOf(method).waitMs(this.#clock.now()) <= 0;
  }

  #turn(slot: Slot, isRetry: boolean): Promise<void> {
    const { signal, method } = slot;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const queue = this.#queueOf(method);
      const leave = (): void => {
        queue.splice(queue.indexOf(entry), 1);
        reject(signal?.reason);
      };
      const entry: Entry = {
        slot,
        start: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      if (isRetry) queue.unshift(entry);
      else queue.push(entry);
      this.#pump(method);
    });
  }

  #pump(method: SlackMethodName): void {
    this.#alarms.get(method)?.abort();
    const queue = this.#queueOf(method);
    for (;;) {
      const nowMs = this.#clock.now();
      const waits = queue.map((entry) => ({ entry, waitMs: this.#waitMs(entry.slot, nowMs), rank: priorities.indexOf(entry.slot.priority) }));
      const ready = waits.filter(({ waitMs }) => waitMs <= 0).sort((left, right) => left.rank - right.rank)[0];
      if (ready === undefined) {
        this.#wakeLater(method, Math.min(...waits.map(({ waitMs }) => waitMs)));
        return;
      }
      queue.splice(queue.indexOf(ready.entry), 1);
      this.#bucketOf(method).take(nowMs);
      const { channel } = ready.entry.slot;
      if (method === 'chat.postMessage' && channel !== undefined) this.#channelOf(channel).take(nowMs);
      ready.entry.start();
    }
  }

  #wakeLater(method: SlackMethodName, ms: number): void {
    if (!Number.isFinite(ms)) return;
    const alarm = new AbortController();
    this.#alarms.set(method, alarm);
    // at least a millisecond: a wait that rounds to nothing would turn in circles
    void this.#clock.wait(Math.max(1, Math.ceil(ms)), alarm.signal).then(() => {
      if (!alarm.signal.aborted) this.#pump(method);
    });
  }

  #waitMs({ method, channel, priority }: Slot, nowMs: number): number {
    const bucket = this.#bucketOf(method);
    const reserve = priority === 'final' || priority === 'first' ? 0 : bucket.capacity * reservedShare;
    const byMethod = bucket.waitMs(nowMs, reserve);
    return method === 'chat.postMessage' && channel !== undefined ? Math.max(byMethod, this.#channelOf(channel).waitMs(nowMs)) : byMethod;
  }

  #blockFor({ method, channel }: Slot, ms: number): void {
    this.#logger.warn({ method, retryAfterMs: ms }, 'Slack asked us to slow down');
    const untilMs = this.#clock.now() + ms;
    // posts are refused by channel: the others need not wait for this one
    if (method === 'chat.postMessage' && channel !== undefined) this.#channelOf(channel).block(untilMs);
    else this.#bucketOf(method).block(untilMs);
  }

  #bucketOf(method: SlackMethodName): TokenBucket {
    const known = this.#methods.get(method);
    if (known !== undefined) return known;
    const bucket = TokenBucket.ofMethod(method, this.#clock.now());
    this.#methods.set(method, bucket);
    return bucket;
  }

  #channelOf(channel: string): TokenBucket {
    const known = this.#channels.get(channel);
    if (known !== undefined) return known;
    const bucket = new TokenBucket({ ...channelBucket, nowMs: this.#clock.now() });
    if (this.#channels.size >= 5000) this.#channels.clear(); // full buckets are forgotten without harm
    this.#channels.set(channel, bucket);
    return bucket;
  }

  #queueOf(method: SlackMethodName): Entry[] {
    const known = this.#queues.get(method);
    if (known !== undefined) return known;
    const queue: Entry[] = [];
    this.#queues.set(method, queue);
    return queue;
  }
}
