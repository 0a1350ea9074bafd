import type { SchedulerConfig } from './scheduler-config.ts';

/** What a run adds to the model's own scheduler configuration. */
export interface PlanExtra {
  /** Shift of a flow model with dynamic shifting. */
  readonly mu?: number;
  /** LCM's own image-to-image pipeline puts the strength into its table of timesteps; elsewhere `startIndex` takes it. */
  readonly strength?: number;
  /** LCM: steps of the schedule it was distilled from, where it is not the configured one. */
  readonly originalSteps?: number;
  /** DDIM: 0 is deterministic, 1 is as noisy as DDPM. */
  readonly eta?: number;
  /** Flow: noise levels before the shift, instead of the scheduler's own (Flux: from 1 down to 1/steps). */
  readonly sigmas?: readonly number[];
}

/** A schedule for one number of steps; plain data, shared by every step. */
export interface SchedulerPlan {
  readonly config: SchedulerConfig;
  readonly steps: number;
  /** The model clock, one entry for each model call, falling. */
  readonly timesteps: Float32Array;
  /** Noise levels, one for each call and the level after the last; empty for the alpha family. */
  readonly sigmas: Float32Array;
  /** ᾱ by training timestep; empty for flow. */
  readonly alphas: Float32Array;
  /** Pure noise times this is where a picture from text starts. */
  readonly initNoiseSigma: number;
  /** Model calls for each step: 2 for Heun. */
  readonly order: number;
  readonly eta: number;
  /** PNDM: how many of the timesteps belong to its Runge–Kutta start. */
  readonly warmUpCalls: number;
}

/** What earlier steps leave for later ones; a fresh object after every step. */
export interface SchedulerState {
  /** Model calls made so far in this run, wherever it started. */
  readonly calls: number;
  /** Model outputs, derivatives or denoised latents of earlier calls as the sampler needs them, newest last. */
  readonly history: readonly Float32Array[];
  /** Latents kept from an earlier call. */
  readonly sample?: Float32Array;
  /** Order of the last update (UniPC). */
  readonly lastOrder: number;
}

export const freshState: SchedulerState = { calls: 0, history: [], lastOrder: 0 };

/** All arrays are float32 [batch, channels, height, width], flat. */
export interface StepInput {
  /** Position in `timesteps`. */
  readonly index: number;
  /** As the sampler holds them, not scaled for the model. */
  readonly latents: Float32Array;
  /** The model's output for `scaleInput(latents)`, after guidance. */
  readonly modelOutput: Float32Array;
  readonly state: SchedulerState;
  /** Fresh normal noise for the whole batch; called only where the sampler draws, so that seeds agree with diffusers. */
  readonly noise: () => Float32Array;
  /** Pictures in the batch; only dynamic thresholding needs to know. */
  readonly batch?: number;
}
export interface StepOutput {
  /** The latents that enter the next step. */
  readonly previous: Float32Array;
  /** The predicted clean latents x̂0, for the preview. */
  readonly denoised: Float32Array;
  readonly state: SchedulerState;
}

/**
 * One sampler as pure functions: it keeps nothing between calls.
 * `alpha`: works on ᾱ of integer timesteps; `sigma`: on noise levels of a variance-exploding or -preserving process; `flow`: rectified flow.
 */
export interface Scheduler {
  /** diffusers' class name. */
  readonly className: string;
  readonly family: 'alpha' | 'sigma' | 'flow';
  /** Throws 'option-invalid' for steps it can't take, 'model-unsupported' for a configuration it can't follow. */
  plan(config: SchedulerConfig, steps: number, extra?: PlanExtra): SchedulerPlan;
  /** What the model is fed at `index`. */
  scaleInput(plan: SchedulerPlan, index: number, latents: Float32Array): Float32Array;
  step(plan: SchedulerPlan, input: StepInput): StepOutput;
  /** Clean latents brought to the noise level of `index` (image to image, masked blending). */
  addNoise(plan: SchedulerPlan, index: number, clean: Float32Array, noise: Float32Array): Float32Array;
  /**
   * Where in `timesteps` a run of the given strength begins; `timesteps.length` when nothing is left to do.
   * Source: `get_timesteps` of diffusers' image-to-image pipelines (whole steps for alpha and sigma, floats for flow).
   */
  startIndex(plan: SchedulerPlan, strength: number): number;
}

/** `startIndex` of the alpha and sigma families. */
export function wholeStepStart(plan: SchedulerPlan, strength: number): number {
  const kept = Math.min(Math.trunc(plan.steps * strength), plan.steps);
  return kept === 0 ? plan.timesteps.length : (plan.steps - kept) * plan.order;
}

/** Latents fed to the model as they are. */
export function unscaled(_plan: SchedulerPlan, _index: number, latents: Float32Array): Float32Array {
  return latents;
}
