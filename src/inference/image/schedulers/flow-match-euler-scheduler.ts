import { FrescoError } from '../../../fresco-error.ts';
import { axpby } from '../../runtime/tensor-math.ts';
import { checkSteps, hasOwnSigmas, linspace, sigmasByFormula } from '../noise-schedule.ts';
import { type PlanExtra, type Scheduler, type SchedulerPlan, type StepInput, type StepOutput, unscaled } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';

function shifted(config: SchedulerConfig, sigma: number, mu: number | undefined): number {
  if (!config.useDynamicShifting) return (config.shift * sigma) / (1 + (config.shift - 1) * sigma);
  if (mu === undefined) throw new FrescoError('model-unsupported', { model: 'scheduler_config.json', problem: 'use_dynamic_shifting needs the picture size' });
  const weight = config.timeShiftType === 'exponential' ? Math.exp(mu) : mu;
  return weight / (weight + (1 / sigma - 1));
}

/** Levels stretched so that the last one is `terminal`. */
function stretchedTo(sigmas: readonly number[], terminal: number): number[] {
  const scale = (1 - (sigmas[sigmas.length - 1] ?? 0)) / (1 - terminal);
  return sigmas.map((sigma) => 1 - (1 - sigma) / scale);
}

/** The scheduler's own levels: a line between its ends, of which the lower carries the shift already; it is shifted once more, as diffusers does. */
function ownSigmas(config: SchedulerConfig, steps: number): number[] {
  const lowest = Math.fround(1 / config.trainTimesteps);
  const end = config.useDynamicShifting ? lowest : Math.fround((config.shift * lowest) / (1 + (config.shift - 1) * lowest));
  return linspace(config.trainTimesteps, end * config.trainTimesteps, steps).map((time) => time / config.trainTimesteps);
}

/**
 * Euler steps along the straight paths of rectified flow: x' = x + (σ' − σ)·v.
 * Source: Esser et al. 2024 (arXiv 2403.03206); goldens from diffusers `scheduling_flow_match_euler_discrete.py`.
 */
export const flowMatchEulerScheduler: Scheduler = {
  className: 'FlowMatchEulerDiscreteScheduler',
  family: 'flow',
  plan: (config: SchedulerConfig, steps: number, extra: PlanExtra = {}): SchedulerPlan => {
    checkSteps(steps, config.trainTimesteps);
    let levels = (extra.sigmas ?? ownSigmas(config, steps)).map((sigma) => shifted(config, sigma, extra.mu));
    if (config.shiftTerminal !== undefined && config.shiftTerminal !== 0) levels = stretchedTo(levels, config.shiftTerminal);
    if (hasOwnSigmas(config)) {
      levels = sigmasByFormula({ ...config, sigmaMin: undefined, sigmaMax: undefined }, { max: levels[0]!, min: levels[levels.length - 1]! }, steps);
    }
    if (config.invertSigmas) levels = levels.map((sigma) => 1 - sigma);
    const sigmas = Float32Array.from([...levels, config.invertSigmas ? 1 : 0]);
    const timesteps = sigmas.subarray(0, -1).map((sigma) => sigma * config.trainTimesteps);
    return { config, steps, timesteps, sigmas, alphas: new Float32Array(0), initNoiseSigma: 1, order: 1, eta: 0, warmUpCalls: 0 };
  },
  scaleInput: unscaled,
  step: (plan: SchedulerPlan, input: StepInput): StepOutput => {
    const sigma = plan.sigmas[input.index]!;
    const next = plan.sigmas[input.index + 1]!;
    const denoised = axpby(1, input.latents, -sigma, input.modelOutput);
    const previous = plan.config.stochasticSampling ? axpby(1 - next, denoised, next, input.noise()) : axpby(1, input.latents, next - sigma, input.modelOutput);
    return { previous, denoised, state: { ...input.state, calls: input.state.calls + 1 } };
  },
  addNoise: (plan: SchedulerPlan, index: number, clean: Float32Array, noise: Float32Array): Float32Array => {
    const sigma = plan.sigmas[index] ?? 0;
    return axpby(sigma, noise, 1 - sigma, clean);
  },
  startIndex: (plan: SchedulerPlan, strength: number): number => {
    const kept = Math.min(plan.steps * strength, plan.steps); // not a whole number here: diffusers rounds the start, not the length
    return Math.trunc(Math.max(plan.steps - kept, 0));
  },
};
