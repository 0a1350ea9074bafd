import { FrescoError } from '../../../fresco-error.ts';
import { axpby, combine } from '../../runtime/tensor-math.ts';
import { spacedTimesteps, trainAlphas } from '../noise-schedule.ts';
import { type Scheduler, type SchedulerPlan, type StepInput, type StepOutput, unscaled, wholeStepStart } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { alphaAt, heldInRange, noisedByAlpha, predictFromAlpha } from './prediction.ts';

/** The spread of the fresh noise. `beta` is 1 − ᾱ_t/ᾱ_before. Throws 'model-unsupported' for variances that the model itself predicts. */
function spreadOf(config: SchedulerConfig, posteriorVariance: number, beta: number): number {
  switch (config.varianceType) {
    case 'fixed_small':
    case 'fixed_small_log':
      return Math.sqrt(Math.max(posteriorVariance, 1e-20));
    case 'fixed_large':
      return Math.sqrt(beta);
    default:
      throw new FrescoError('model-unsupported', { model: 'scheduler_config.json', problem: `variance_type ${config.varianceType} is not supported` });
  }
}

/** Ancestral sampling of denoising diffusion models. Source: Ho et al. 2020 (arXiv 2006.11239), equations 6 and 7; goldens from diffusers `scheduling_ddpm.py`. */
export const ddpmScheduler: Scheduler = {
  className: 'DDPMScheduler',
  family: 'alpha',
  plan: (config: SchedulerConfig, steps: number): SchedulerPlan => ({
    config,
    steps,
    timesteps: Float32Array.from(spacedTimesteps(config, steps, true)),
    sigmas: new Float32Array(0),
    alphas: trainAlphas(config, false),
    initNoiseSigma: 1,
    order: 1,
    eta: 0,
    warmUpCalls: 0,
  }),
  scaleInput: unscaled,
  step: (plan: SchedulerPlan, input: StepInput): StepOutput => {
    const timestep = plan.timesteps[input.index] ?? 0;
    const before = plan.timesteps[input.index + 1];
    const alphaBar = alphaAt(plan, timestep);
    const alphaBarBefore = before === undefined ? 1 : alphaAt(plan, before);
    const alpha = alphaBar / alphaBarBefore;
    const beta = 1 - alpha;
    const denoised = heldInRange(plan, predictFromAlpha(plan, alphaBar, input).denoised, input.batch ?? 1);
    const shrink = (1 - alphaBarBefore) / (1 - alphaBar);
    const mean = axpby((Math.sqrt(alphaBarBefore) * beta) / (1 - alphaBar), denoised, Math.sqrt(alpha) * shrink, input.latents);
    const previous = timestep > 0 ? combine([1, mean], [spreadOf(plan.config, shrink * beta, beta), input.noise()]) : mean;
    return { previous, denoised, state: { ...input.state, calls: input.state.calls + 1 } };
  },
  addNoise: noisedByAlpha,
  startIndex: wholeStepStart,
};
