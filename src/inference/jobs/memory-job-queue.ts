import type { Clock } from '../../clock.ts';
import { FrescoError } from '../../fresco-error.ts';
import type { JobId } from '../../ids.ts';
import type { Logger } from '../../logger.ts';
import { type JobHandle, type JobOrder, type JobQueue, type JobRunner, type JobSnapshot, type Lane, type LaneStats, laneOf } from '../contract.ts';
import { DurationMemory } from './duration-memory.ts';
import { JobLane, type LaneLimits } from './job-lane.ts';

export interface MemoryJobQueueOptions {
  readonly runner: JobRunner;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Jobs one owner may have waiting over both lanes; an order may name another number. */
  readonly maxWaitingPerOwner?: number;
  readonly lanes?: { readonly [Name in Lane]?: Partial<LaneLimits> };
}

const defaultLimits: { readonly [Name in Lane]: LaneLimits } = {
  text: { concurrency: 1, maxWaiting: 200, deadlineMs: 10 * 60_000 },
  image: { concurrency: 1, maxWaiting: 200, deadlineMs: 30 * 60_000 },
};
/** Told to a refused person where no past job says how long they run. */
const unknownRetryMs = 15_000;

/** The queue of one process: a text and an image lane, fair between owners, bounded; everything is decided from memory. */
export class MemoryJobQueue implements JobQueue {
  readonly #lanes: { readonly [Name in Lane]: JobLane };
  readonly #maxWaitingPerOwner: number;
  #paused = false;
  #draining = false;

  constructor({ runner, clock, logger, maxWaitingPerOwner = 5, lanes = {} }: MemoryJobQueueOptions) {
    const tools = { runner, clock, logger, durations: new DurationMemory() };
    this.#lanes = {
      text: new JobLane('text', { ...defaultLimits.text, ...lanes.text }, tools),
      image: new JobLane('image', { ...defaultLimits.image, ...lanes.image }, tools),
    };
    this.#maxWaitingPerOwner = maxWaitingPerOwner;
  }

  submit(order: JobOrder): JobHandle {
    if (this.#draining) throw new FrescoError('shutting-down', {});
    if (this.#paused) throw new FrescoError('paused', {});
    const lane = this.#lanes[laneOf(order.request)];
    const ownLimit = order.maxWaiting ?? this.#maxWaitingPerOwner;
    const own = this.#all().reduce((sum, each) => sum + each.waitingOf(order.owner), 0);
    if (own >= ownLimit) {
      const startMs = Math.min(...this.#all().map((each) => each.firstStartMs(order.owner) ?? Number.POSITIVE_INFINITY));
      throw new FrescoError('too-many-waiting', { waiting: own, limit: ownLimit, retryAfterMs: retryAfter(startMs) });
    }
    const limit = lane.limits.maxWaiting;
    if (lane.waitingCount >= limit) {
      throw new FrescoError('queue-full', { waiting: lane.waitingCount, limit, retryAfterMs: retryAfter(lane.firstStartMs() ?? Number.POSITIVE_INFINITY) });
    }
    return { id: order.id, events: lane.add(order) };
  }

  cancel(id: JobId, by: string): boolean {
    return this.#all().some((lane) => lane.end(id, new FrescoError('cancelled', { by })));
  }

  keep(id: JobId): boolean {
    return this.#all().some((lane) => lane.keep(id));
  }

  snapshot(): readonly JobSnapshot[] {
    return this.#all().flatMap((lane) => lane.snapshot());
  }

  stats(): readonly LaneStats[] {
    return this.#all().map((lane) => lane.stats());
  }

  pause(): void {
    this.#paused = true;
    for (const lane of this.#all()) lane.pause();
  }

  resume(): void {
    this.#paused = false;
    for (const lane of this.#all()) lane.resume();
  }

  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    if (this.#paused) for (const lane of this.#all()) lane.endWaiting(new FrescoError('shutting-down', {})); // nobody will start these any more
    await Promise.race([Promise.all(this.#all().map((lane) => lane.whenIdle())), aborted(signal)]);
    for (const lane of this.#all()) lane.endAll(new FrescoError('shutting-down', {}));
  }

  #all(): readonly JobLane[] {
    return [this.#lanes.text, this.#lanes.image];
  }
}

function retryAfter(startMs: number): number {
  return Number.isFinite(startMs) ? Math.max(1000, startMs) : unknownRetryMs;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
