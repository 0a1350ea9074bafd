import { combine } from '../../runtime/tensor-math.ts';
import { type Scheduler, type SchedulerPlan, type StepInput, type StepOutput, wholeStepStart } from '../scheduler.ts';
import { alongSlope, noisedBySigma, predictFromSigma } from './prediction.ts';
import { scaledBySigma, sigmaPlan } from './sigma-plan.ts';

const f32 = Math.fround;

/** The level to step down to and the fresh noise that leads back up; in float32 like torch, because next² − up² cancels where σ is far above the next level. */
function ancestralLevels(sigma: number, next: number): { readonly up: number; readonly down: number } {
  const from = f32(sigma ** 2);
  const to = f32(next ** 2);
  const up = f32(Math.sqrt(f32(f32(to * f32(from - to)) / from)));
  return { up, down: f32(Math.sqrt(f32(to - f32(up ** 2)))) };
}

/** Euler steps below the next noise level and fresh noise back up to it; draws on every step, also the last. Source: k-diffusion `get_ancestral_step`; goldens from diffusers `scheduling_euler_ancestral_discrete.py`. */
export const eulerAncestralScheduler: Scheduler = {
  className: 'EulerAncestralDiscreteScheduler',
  family: 'sigma',
  plan: sigmaPlan,
  scaleInput: scaledBySigma,
  step: (plan: SchedulerPlan, input: StepInput): StepOutput => {
    const sigma = plan.sigmas[input.index]!;
    const next = plan.sigmas[input.index + 1]!;
    const { up, down } = ancestralLevels(sigma, next);
    const denoised = predictFromSigma(plan, sigma, input);
    const previous = combine([1, alongSlope(input.latents, denoised, sigma, down)], [up, input.noise()]);
    return { previous, denoised, state: { ...input.state, calls: input.state.calls + 1 } };
  },
  addNoise: noisedBySigma,
  startIndex: wholeStepStart,
};
