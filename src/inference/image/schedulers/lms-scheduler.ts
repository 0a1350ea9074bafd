import { axpby, combine, type Term } from '../../runtime/tensor-math.ts';
import { type Scheduler, type SchedulerPlan, type StepInput, type StepOutput, wholeStepStart } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { noisedBySigma, predictFromSigma } from './prediction.ts';
import { scaledBySigma, sigmaPlan } from './sigma-plan.ts';

const maxOrder = 4;
/** Gauss–Legendre nodes and weights on [−1, 1]: exact up to degree 5, and the integrand has degree 3. */
const nodes = [-Math.sqrt(0.6), 0, Math.sqrt(0.6)] as const;
const weights = [5 / 9, 8 / 9, 5 / 9] as const;

/** ∫ of the Lagrange basis polynomial of level `index − current` over the step from `index` to the next level. */
function coefficient(sigmas: Float32Array, index: number, order: number, current: number): number {
  const start = sigmas[index]!;
  const half = (sigmas[index + 1]! - start) / 2;
  let integral = 0;
  for (const [i, node] of nodes.entries()) {
    const tau = start + half * (1 + node);
    let product = 1;
    for (let k = 0; k < order; k += 1) {
      if (k !== current) product *= (tau - sigmas[index - k]!) / (sigmas[index - current]! - sigmas[index - k]!);
    }
    integral += half * weights[i]! * product;
  }
  return integral;
}

/** Linear multistep over noise levels, Adams–Bashforth of order 4 with uneven steps. Source: k-diffusion `sample_lms`; goldens from diffusers `scheduling_lms_discrete.py`. */
export const lmsScheduler: Scheduler = {
  className: 'LMSDiscreteScheduler',
  family: 'sigma',
  plan: (config: SchedulerConfig, steps: number): SchedulerPlan =>
    sigmaPlan({ ...config, finalSigmasType: 'zero', interpolationType: 'linear', timestepType: 'discrete', rescaleBetasZeroSnr: false }, steps),
  scaleInput: scaledBySigma,
  step: (plan: SchedulerPlan, input: StepInput): StepOutput => {
    const { index, latents, state } = input;
    const sigma = plan.sigmas[index]!;
    const denoised = predictFromSigma(plan, sigma, input);
    const history = [...state.history, axpby(1 / sigma, latents, -1 / sigma, denoised)].slice(-maxOrder);
    const order = Math.min(index + 1, maxOrder); // by position, as diffusers has it: a run that starts late leaves out the slopes it lacks
    const terms = [...history].reverse().map((slope, current): Term => [current < order ? coefficient(plan.sigmas, index, order, current) : 0, slope]);
    return { previous: combine([1, latents], ...terms), denoised, state: { ...state, calls: state.calls + 1, history } };
  },
  addNoise: noisedBySigma,
  startIndex: wholeStepStart,
};
