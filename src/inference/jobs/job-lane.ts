import PQueue from 'p-queue';
import type { Clock } from '../../clock.ts';
import { FrescoError } from '../../fresco-error.ts';
import type { UserKey } from '../../ids.ts';
import type { Logger } from '../../logger.ts';
import type { GenerationEvent, JobOrder, JobRunner, JobSnapshot, Lane, LaneStats } from '../contract.ts';
import type { DurationMemory } from './duration-memory.ts';
import { EventChannel } from './event-channel.ts';
import { afterEnd, afterStart, evenState, type FairState, fairOrder, startTimes } from './fair-order.ts';

/** How much one lane does at once and how much it lets wait. */
export interface LaneLimits {
  /** Jobs that run at once. */
  readonly concurrency: number;
  readonly maxWaiting: number;
  /** Running time a job may take; waiting does not count. */
  readonly deadlineMs: number;
}

export interface LaneTools {
  readonly runner: JobRunner;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly durations: DurationMemory;
}

interface Job {
  readonly order: JobOrder;
  readonly sequence: number;
  readonly submittedMs: number;
  readonly channel: EventChannel;
  readonly abort: AbortController;
  readonly keep: AbortController;
  startedMs: number | undefined;
  chargedMs: number;
  ended: boolean;
  told: { readonly position: number; readonly etaMs: number | undefined } | undefined;
}

/** The owner's share is counted with this where no past job tells how long one runs. */
const unknownCostMs = 5_000;
/** While someone waits, everyone's ETA is looked at this often. */
const announceMs = 5_000;

/** One lane: who waits, who runs, whose turn is next. p-queue gives out the places; the fair order fills them. */
export class JobLane {
  readonly lane: Lane;
  readonly limits: LaneLimits;
  readonly #tools: LaneTools;
  readonly #places: PQueue;
  readonly #waiting = new Map<string, Job>();
  readonly #running = new Map<string, Job>();
  #shares: FairState = evenState;
  #sequence = 0;
  #finished = 0;
  #failed = 0;
  #announcing = false;
  #ticking = false;

  constructor(lane: Lane, limits: LaneLimits, tools: LaneTools) {
    this.lane = lane;
    this.limits = limits;
    this.#tools = tools;
    this.#places = new PQueue({ concurrency: limits.concurrency });
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Resolves when nothing waits and the runner has let go of every job. */
  whenIdle(): Promise<void> {
    return this.#places.onIdle();
  }

  waitingOf(owner: UserKey): number {
    return [...this.#waiting.values()].filter((job) => job.order.owner === owner).length;
  }

  add(order: JobOrder): AsyncIterable<GenerationEvent> {
    const job: Job = {
      order,
      sequence: this.#sequence,
      submittedMs: this.#tools.clock.now(),
      channel: new EventChannel(() => this.end(order.id, new FrescoError('cancelled', { by: order.owner }))),
      abort: new AbortController(),
      keep: new AbortController(),
      startedMs: undefined,
      chargedMs: 0,
      ended: false,
      told: undefined,
    };
    this.#sequence += 1;
    this.#waiting.set(order.id, job);
    job.channel.push({ type: 'queued', position: this.#running.size + this.#waiting.size - 1, etaMs: undefined });
    this.#announce();
    this.#tick().catch(() => {}); // the clock's wait never rejects
    this.#places.add(() => this.#runNext()).catch((error: unknown) => this.#tools.logger.error({ cause: error }, 'a job left its lane in disorder'));
    return job.channel;
  }

  /** Ends a waiting or running job with `error`; false where there is none. */
  end(id: string, error: FrescoError): boolean {
    const job = this.#waiting.get(id) ?? this.#running.get(id);
    if (job === undefined || job.ended) return false;
    this.#waiting.delete(id);
    this.#settle(job, error);
    job.abort.abort(error); // its place is free only when the runner has really let go
    this.#announce();
    return true;
  }

  endWaiting(error: FrescoError): void {
    for (const id of this.#waiting.keys()) this.end(id, error);
    this.#places.clear();
  }

  endAll(error: FrescoError): void {
    this.endWaiting(error);
    for (const id of this.#running.keys()) this.end(id, error);
  }

  keep(id: string): boolean {
    const job = this.#running.get(id);
    if (job === undefined || job.ended) return false;
    job.keep.abort();
    return true;
  }

  pause(): void {
    this.#places.pause();
  }

  resume(): void {
    this.#places.start();
  }

  snapshot(): JobSnapshot[] {
    const { durations, clock } = this.#tools;
    const running = [...this.#running.values()].filter((job) => !job.ended);
    return [
      ...running.map((job) => {
        const expectedMs = durations.expectedMs(job.order.request);
        const etaMs = expectedMs === undefined ? undefined : wholeSeconds(expectedMs - (clock.now() - (job.startedMs ?? clock.now())));
        return { id: job.order.id, owner: job.order.owner, lane: this.lane, state: 'running' as const, position: 0, etaMs };
      }),
      ...this.#forecast().map(({ job, position, etaMs }) => ({
        id: job.order.id,
        owner: job.order.owner,
        lane: this.lane,
        state: 'waiting' as const,
        position,
        etaMs,
      })),
    ];
  }

  stats(): LaneStats {
    const { size: waiting } = this.#waiting;
    return { lane: this.lane, waiting, running: this.#running.size, finished: this.#finished, failed: this.#failed, paused: this.#places.isPaused };
  }

  /** When the first waiting job (of `owner`, where given) probably starts. */
  firstStartMs(owner?: UserKey): number | undefined {
    return this.#forecast().find(({ job }) => owner === undefined || job.order.owner === owner)?.etaMs;
  }

  async #runNext(): Promise<void> {
    const job = this.#inOrder()[0];
    if (job === undefined) return; // the job this place was asked for was cancelled
    const { clock, durations, runner, logger } = this.#tools;
    this.#waiting.delete(job.order.id);
    this.#running.set(job.order.id, job);
    job.startedMs = clock.now();
    job.chargedMs = durations.expectedMs(job.order.request) ?? unknownCostMs;
    this.#shares = afterStart(this.#shares, { owner: job.order.owner, costMs: job.chargedMs });
    this.#announce();
    const over = new AbortController();
    const watch = this.#watchDeadline(job, over.signal);
    try {
      await this.#play(job, runner.run(job.order.request, { signal: job.abort.signal, keep: job.keep.signal, jobId: job.order.id }));
    } catch (error) {
      if (!(error instanceof FrescoError)) logger.error({ jobId: job.order.id, cause: error }, 'a job failed unexpectedly');
      this.#settle(job, error instanceof FrescoError ? error : new FrescoError('internal', { reference: job.order.id.slice(0, 8) }, { cause: error }));
    } finally {
      over.abort();
      await watch;
      this.#running.delete(job.order.id);
      this.#account(job, clock.now() - job.startedMs);
      this.#announce();
    }
  }

  async #play(job: Job, events: AsyncIterable<GenerationEvent>): Promise<void> {
    const { clock, durations } = this.#tools;
    const startedMs = clock.now();
    for await (const event of events) {
      if (event.type !== 'finished') job.channel.push(event);
      else {
        durations.learn(job.order.request, clock.now() - startedMs);
        job.channel.push({ ...event, timings: { ...event.timings, waitedMs: startedMs - job.submittedMs } });
        this.#settle(job);
      }
    }
    if (!job.ended) throw new Error('the run ended without a result');
  }

  async #watchDeadline(job: Job, over: AbortSignal): Promise<void> {
    const limitMs = this.limits.deadlineMs;
    await this.#tools.clock.wait(limitMs, over);
    if (!over.aborted) this.end(job.order.id, new FrescoError('deadline-exceeded', { limitMs }));
  }

  #settle(job: Job, error?: FrescoError): void {
    if (job.ended) return;
    job.ended = true;
    if (error === undefined) {
      this.#finished += 1;
      job.channel.close();
      return;
    }
    if (error.code !== 'cancelled') this.#failed += 1;
    job.channel.fail(error);
  }

  #account(job: Job, ranMs: number): void {
    const owners = new Set([job, ...this.#waiting.values(), ...this.#running.values()].map(({ order }) => order.owner)).size;
    const idle = this.#running.size === 0 && this.#waiting.size === 0;
    this.#shares = idle ? evenState : afterEnd(this.#shares, { owner: job.order.owner, chargedMs: job.chargedMs, ranMs }, owners);
  }

  #inOrder(): Job[] {
    const { durations } = this.#tools;
    const entries = [...this.#waiting.values()].map((job) => ({
      job,
      owner: job.order.owner,
      sequence: job.sequence,
      costMs: durations.expectedMs(job.order.request) ?? unknownCostMs,
    }));
    return fairOrder(entries, this.#shares).map(({ job }) => job);
  }

  #forecast(): { job: Job; position: number; etaMs: number | undefined }[] {
    const { durations, clock } = this.#tools;
    const now = clock.now();
    const ordered = this.#inOrder();
    const running = [...this.#running.values()];
    const leftMs = running.map((job) => Math.max(0, (durations.expectedMs(job.order.request) ?? Number.NaN) - (now - (job.startedMs ?? now))));
    const costsMs = ordered.map((job) => durations.expectedMs(job.order.request) ?? Number.NaN); // unknown: so is every later start
    const startsMs = startTimes(costsMs, leftMs, this.limits.concurrency);
    return ordered.map((job, index) => {
      const startMs = startsMs[index] ?? Number.NaN;
      return { job, position: running.length + index, etaMs: Number.isNaN(startMs) ? undefined : wholeSeconds(startMs) };
    });
  }

  /** Tells everyone who waits what changed for them; many changes in one turn are told once. */
  #announce(): void {
    if (this.#announcing) return;
    this.#announcing = true;
    queueMicrotask(() => {
      this.#announcing = false;
      for (const { job, position, etaMs } of this.#forecast()) {
        if (job.told?.position === position && job.told.etaMs === etaMs) continue;
        job.told = { position, etaMs };
        job.channel.push({ type: 'queued', position, etaMs });
      }
    });
  }

  async #tick(): Promise<void> {
    if (this.#ticking) return;
    this.#ticking = true;
    while (this.#waiting.size > 0) {
      await this.#tools.clock.wait(announceMs);
      this.#announce();
    }
    this.#ticking = false;
  }
}

/** Whole seconds, so that an ETA that hardly changed is not told again. */
function wholeSeconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1000) * 1000);
}
