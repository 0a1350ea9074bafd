import { type Scheduler, type SchedulerPlan, type StepInput, type StepOutput, wholeStepStart } from '../scheduler.ts';
import { alongSlope, noisedBySigma, predictFromSigma } from './prediction.ts';
import { scaledBySigma, sigmaPlan } from './sigma-plan.ts';

/** Euler steps along the probability-flow ODE, dx/dσ = (x − x̂0)/σ. Source: Karras et al. 2022 (arXiv 2206.00364), algorithm 1 without its second-order part; goldens from diffusers `scheduling_euler_discrete.py`. */
export const eulerScheduler: Scheduler = {
  className: 'EulerDiscreteScheduler',
  family: 'sigma',
  plan: sigmaPlan,
  scaleInput: scaledBySigma,
  step: (plan: SchedulerPlan, input: StepInput): StepOutput => {
    const sigma = plan.sigmas[input.index]!;
    const denoised = predictFromSigma(plan, sigma, input);
    return {
      previous: alongSlope(input.latents, denoised, sigma, plan.sigmas[input.index + 1]!),
      denoised,
      state: { ...input.state, calls: input.state.calls + 1 },
    };
  },
  addNoise: noisedBySigma,
  startIndex: wholeStepStart,
};
