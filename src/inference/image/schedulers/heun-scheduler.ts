import { axpby, clamped, combine } from '../../runtime/tensor-math.ts';
import { type Scheduler, type SchedulerPlan, type StepInput, type StepOutput, wholeStepStart } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { noisedBySigma, predictFromSigma } from './prediction.ts';
import { scaledBySigma, sigmaPlan } from './sigma-plan.ts';

const twice = (values: Float32Array): number[] => Array.from(values).flatMap((value) => [value, value]);

/** Heun's second-order method: a call at each end of a step, so 2N − 1 calls. Source: Karras et al. 2022 (arXiv 2206.00364), algorithm 1; goldens from diffusers `scheduling_heun_discrete.py`. */
export const heunScheduler: Scheduler = {
  className: 'HeunDiscreteScheduler',
  family: 'sigma',
  plan: (config: SchedulerConfig, steps: number): SchedulerPlan => {
    const plan = sigmaPlan({ ...config, finalSigmasType: 'zero', interpolationType: 'linear', timestepType: 'discrete', rescaleBetasZeroSnr: false }, steps);
    return {
      ...plan,
      order: 2,
      timesteps: Float32Array.from([plan.timesteps[0]!, ...twice(plan.timesteps.subarray(1))]),
      sigmas: Float32Array.from([plan.sigmas[0]!, ...twice(plan.sigmas.subarray(1, -1)), plan.sigmas[plan.sigmas.length - 1]!]),
    };
  },
  scaleInput: scaledBySigma,
  step: (plan: SchedulerPlan, input: StepInput): StepOutput => {
    const { state, latents, index } = input;
    const firstSlope = state.history[0];
    const isFirst = firstSlope === undefined || state.sample === undefined;
    const sigma = plan.sigmas[index]!;
    const predicted = predictFromSigma(plan, sigma, input);
    const denoised = plan.config.clipSample ? clamped(predicted, plan.config.clipSampleRange) : predicted;
    const slope = axpby(1 / sigma, latents, -1 / sigma, denoised);
    const calls = state.calls + 1;
    if (isFirst) {
      const gap = plan.sigmas[index + 1]! - sigma;
      return { previous: axpby(1, latents, gap, slope), denoised, state: { calls, history: [slope], sample: latents, lastOrder: 1 } };
    }
    const gap = sigma - plan.sigmas[index - 1]!;
    const previous = combine([1, state.sample], [gap / 2, firstSlope], [gap / 2, slope]);
    return { previous, denoised, state: { calls, history: [], lastOrder: 2 } };
  },
  addNoise: noisedBySigma,
  startIndex: wholeStepStart,
};
