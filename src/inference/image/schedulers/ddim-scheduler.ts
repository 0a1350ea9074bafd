import { combine } from '../../runtime/tensor-math.ts';
import { spacedTimesteps, trainAlphas } from '../noise-schedule.ts';
import { type PlanExtra, type Scheduler, type SchedulerPlan, type StepInput, type StepOutput, unscaled, wholeStepStart } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { alphaAt, heldInRange, noisedByAlpha, predictFromAlpha } from './prediction.ts';

/** Denoising diffusion implicit models. Source: Song et al. 2020 (arXiv 2010.02502), equation 12; goldens from diffusers `scheduling_ddim.py`. */
export const ddimScheduler: Scheduler = {
  className: 'DDIMScheduler',
  family: 'alpha',
  plan: (config: SchedulerConfig, steps: number, extra: PlanExtra = {}): SchedulerPlan => ({
    config,
    steps,
    timesteps: Float32Array.from(spacedTimesteps(config, steps, true)),
    sigmas: new Float32Array(0),
    alphas: trainAlphas(config, false),
    initNoiseSigma: 1,
    order: 1,
    eta: extra.eta ?? 0,
    warmUpCalls: 0,
  }),
  scaleInput: unscaled,
  step: (plan: SchedulerPlan, input: StepInput): StepOutput => {
    const timestep = plan.timesteps[input.index] ?? 0;
    const before = timestep - Math.floor(plan.config.trainTimesteps / plan.steps); // not the next listed timestep: diffusers keeps it so for linspace too
    const alphaBar = alphaAt(plan, timestep);
    const alphaBarBefore = alphaAt(plan, before);
    const predicted = predictFromAlpha(plan, alphaBar, input);
    const denoised = heldInRange(plan, predicted.denoised, input.batch ?? 1);
    const variance = ((1 - alphaBarBefore) / (1 - alphaBar)) * (1 - alphaBar / alphaBarBefore);
    const spread = plan.eta * Math.sqrt(variance);
    const direction = Math.sqrt(Math.max(0, 1 - alphaBarBefore - spread ** 2));
    const previous = combine(
      [Math.sqrt(alphaBarBefore), denoised],
      [direction, predicted.noise],
      ...(plan.eta > 0 ? ([[spread, input.noise()]] as const) : []),
    );
    return { previous, denoised, state: { ...input.state, calls: input.state.calls + 1 } };
  },
  addNoise: noisedByAlpha,
  startIndex: wholeStepStart,
};
