import { FrescoError } from '../../fresco-error.ts';
import type { RunControl } from '../contract.ts';
import { allFinite } from '../runtime/tensor-math.ts';
import { yieldToLoop } from '../runtime/yield-to-loop.ts';
import type { Denoiser } from './denoiser.ts';
import { guide } from './guidance.ts';
import { freshState, type Scheduler, type SchedulerPlan } from './scheduler.ts';

export interface DenoiseRun {
  readonly denoiser: Denoiser;
  readonly scheduler: Scheduler;
  readonly plan: SchedulerPlan;
  /** Calls [from, to) of the plan are made. */
  readonly from: number;
  readonly to: number;
  readonly batch: number;
  readonly guidanceScale: number;
  readonly guidanceRescale: number;
  /** Fresh normal noise for the whole batch, each picture from its own generator. */
  readonly noise: () => Float32Array;
  /** Puts the kept part of a start picture back after call `index` (masked blending). */
  readonly blend?: (latents: Float32Array, index: number) => Float32Array;
}

/** What is known after one call of the denoiser; arrays are [batch, channels, height, width] and must not be changed. */
export interface DenoiseStep {
  /** Position in the plan's timesteps. */
  readonly index: number;
  /** Calls made, and to make, in this run. */
  readonly done: number;
  readonly calls: number;
  readonly latents: Float32Array;
  /** The predicted clean latents, for previews. */
  readonly denoised: Float32Array;
}
export interface DenoiseEnd {
  readonly latents: Float32Array;
  /** Calls made when the person said "stop here"; undefined when the loop ran to its end. */
  readonly stoppedAt: number | undefined;
}

/** Throws what the signal was aborted with when that is ours, else 'cancelled'. */
export function throwIfCancelled(signal: AbortSignal): void {
  if (!signal.aborted) return;
  const reason: unknown = signal.reason;
  throw reason instanceof FrescoError ? reason : new FrescoError('cancelled', { by: 'request' }, { cause: reason });
}

/**
 * The denoising loop: scale, run, guide, step; gives the process's messages their turn between two calls.
 * On `control.keep` it ends after the running call with the predicted clean latents. Throws 'cancelled', 'not-a-number', what the graph throws.
 */
export async function* denoise(run: DenoiseRun, start: Float32Array, control: RunControl): AsyncGenerator<DenoiseStep, DenoiseEnd, void> {
  const { denoiser, scheduler, plan, from, to, batch } = run;
  let latents = start;
  let state = freshState;
  for (let index = from; index < to; index += 1) {
    throwIfCancelled(control.signal);
    const rows = await denoiser.run(scheduler.scaleInput(plan, index, latents), plan.timesteps[index] ?? 0);
    const modelOutput = denoiser.isGuided ? guide(rows, batch, run.guidanceScale, run.guidanceRescale) : rows;
    const { previous, denoised, state: next } = scheduler.step(plan, { index, latents, modelOutput, state, noise: run.noise, batch });
    if (!allFinite(previous)) throw new FrescoError('not-a-number', { where: `the latents of step ${index - from + 1} of ${to - from}` });
    state = next;
    latents = run.blend?.(previous, index) ?? previous;
    const done = index - from + 1;
    await yieldToLoop();
    yield { index, done, calls: to - from, latents, denoised };
    if (control.keep.aborted && index + 1 < to) return { latents: run.blend?.(denoised, plan.timesteps.length - 1) ?? denoised, stoppedAt: done };
  }
  throwIfCancelled(control.signal);
  return { latents, stoppedAt: undefined };
}
