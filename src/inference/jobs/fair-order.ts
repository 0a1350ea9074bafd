import type { UserKey } from '../../ids.ts';

/** One job that waits, as the order sees it. */
export interface WaitingJob {
  readonly owner: UserKey;
  /** Order of submission; ties go to the lower one. */
  readonly sequence: number;
  /** How long it will probably run. */
  readonly costMs: number;
}

/**
 * How far a lane's service has come and where each owner stands in it, in milliseconds of running time:
 * an owner behind `virtualMs` has had no more than their share and joins at it.
 */
export interface FairState {
  readonly virtualMs: number;
  readonly finishMs: ReadonlyMap<UserKey, number>;
}

/** Nobody has had anything: how a lane begins, and where it is again whenever it falls idle. */
export const evenState: FairState = { virtualMs: 0, finishMs: new Map() };

/** Where the owner's next job starts in the lane's service. */
export function startTag(state: FairState, owner: UserKey): number {
  return Math.max(state.virtualMs, state.finishMs.get(owner) ?? 0);
}

/** The state after `job` was given a place, charged with what it will probably cost. */
export function afterStart(state: FairState, { owner, costMs }: { readonly owner: UserKey; readonly costMs: number }): FairState {
  return { ...state, finishMs: new Map([...state.finishMs, [owner, startTag(state, owner) + Math.max(1, costMs)]]) };
}

/**
 * The state after a job ended: its owner's charge becomes what it really took, and the lane's service has come as much
 * further as each of the `owners` (who have jobs waiting or running) could have of it; so newcomers, who join there,
 * can't keep anyone waiting for ever.
 */
export function afterEnd(state: FairState, job: { readonly owner: UserKey; readonly chargedMs: number; readonly ranMs: number }, owners: number): FairState {
  const virtualMs = state.virtualMs + job.ranMs / Math.max(1, owners);
  const finishMs = (state.finishMs.get(job.owner) ?? state.virtualMs) + job.ranMs - job.chargedMs;
  const all = new Map([...state.finishMs, [job.owner, finishMs]]);
  return { virtualMs, finishMs: new Map([...all].filter(([, tag]) => tag > virtualMs)) }; // whoever is behind counts as being level
}

/**
 * The order in which waiting jobs will start: always a job of the owner who has had, and is about to have, the least
 * running time; that owner's oldest first. With equal jobs and no recent use this is round robin between owners, and a
 * newcomer waits for no more than one job of each other.
 * Source: start-time fair queueing (Goyal, Vin, Cheng 1996), with costs learned from past jobs and mended when a job ends.
 */
export function fairOrder<Job extends WaitingJob>(jobs: readonly Job[], state: FairState): Job[] {
  const tagOf = new Map<UserKey, number>();
  return [...jobs]
    .sort((left, right) => left.sequence - right.sequence)
    .map((job) => {
      const tag = tagOf.get(job.owner) ?? startTag(state, job.owner);
      tagOf.set(job.owner, tag + Math.max(1, job.costMs));
      return { job, tag };
    })
    .sort((left, right) => left.tag - right.tag || left.job.sequence - right.job.sequence)
    .map(({ job }) => job);
}

/**
 * When each waiting job may start, in milliseconds from now: each takes the place that is free first.
 * `runningMs` holds what is left of each running job; `places` is the lane's concurrency.
 */
export function startTimes(costsMs: readonly number[], runningMs: readonly number[], places: number): number[] {
  const freeAt = [...runningMs, ...Array.from({ length: Math.max(0, places - runningMs.length) }, () => 0)];
  return costsMs.map((costMs) => {
    const place = freeAt.reduce((best, value, index) => (value < (freeAt[best] ?? 0) ? index : best), 0);
    const startMs = freeAt[place] ?? 0;
    freeAt[place] = startMs + costMs;
    return startMs;
  });
}

/** Jain's index of fairness: 1 when all shares are equal, 1/n when one has everything (Jain, Chiu, Hawe 1984). */
export function jainIndex(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares);
}
