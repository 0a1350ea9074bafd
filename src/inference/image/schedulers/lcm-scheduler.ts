import { FrescoError } from '../../../fresco-error.ts';
import { axpby } from '../../runtime/tensor-math.ts';
import { checkSteps, trainAlphas } from '../noise-schedule.ts';
import { type PlanExtra, type Scheduler, type SchedulerPlan, type StepInput, type StepOutput, unscaled, wholeStepStart } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { alphaAt, heldInRange, noisedByAlpha, predictFromAlpha } from './prediction.ts';

const dataSpread = 0.5;

/** Every ⌊T/original⌋-th training timestep up to the strength, from the highest, thinned evenly to the steps asked for. */
function lcmTimesteps(config: SchedulerConfig, steps: number, extra: PlanExtra): Float32Array {
  const original = extra.originalSteps ?? config.originalInferenceSteps;
  const strength = extra.strength ?? 1;
  const stride = Math.floor(config.trainTimesteps / original);
  const count = Math.trunc(original * strength);
  if (count < steps) {
    throw new FrescoError('option-invalid', {
      option: 'steps',
      found: `${steps}`,
      expected: `at most ${count}: ${original} trained steps at strength ${strength}`,
    });
  }
  return Float32Array.from({ length: steps }, (_, i) => (count - Math.floor(i * (count / steps))) * stride - 1);
}

/**
 * Multistep consistency sampling: each call predicts the clean latents, which are then noised again for the next.
 * Source: Luo et al. 2023 (arXiv 2310.04378), algorithm 3 with σ_data = 0.5; goldens from diffusers `scheduling_lcm.py`.
 */
export const lcmScheduler: Scheduler = {
  className: 'LCMScheduler',
  family: 'alpha',
  plan: (config: SchedulerConfig, steps: number, extra: PlanExtra = {}): SchedulerPlan => {
    checkSteps(steps, config.trainTimesteps);
    const timesteps = lcmTimesteps(config, steps, extra);
    return { config, steps, timesteps, sigmas: new Float32Array(0), alphas: trainAlphas(config, false), initNoiseSigma: 1, order: 1, eta: 0, warmUpCalls: 0 };
  },
  scaleInput: unscaled,
  step: (plan: SchedulerPlan, input: StepInput): StepOutput => {
    const timestep = plan.timesteps[input.index] ?? 0;
    const time = timestep * plan.config.timestepScaling;
    const keep = dataSpread ** 2 / (time ** 2 + dataSpread ** 2);
    const take = time / Math.sqrt(time ** 2 + dataSpread ** 2);
    const predicted = heldInRange(plan, predictFromAlpha(plan, alphaAt(plan, timestep), input).denoised, input.batch ?? 1);
    const denoised = axpby(take, predicted, keep, input.latents);
    const state = { ...input.state, calls: input.state.calls + 1 };
    if (input.index === plan.steps - 1) return { previous: denoised, denoised, state };
    const alphaBarNext = alphaAt(plan, plan.timesteps[input.index + 1] ?? timestep);
    return { previous: axpby(Math.sqrt(alphaBarNext), denoised, Math.sqrt(1 - alphaBarNext), input.noise()), denoised, state };
  },
  addNoise: noisedByAlpha,
  startIndex: wholeStepStart,
};
