import { axpby } from '../../runtime/tensor-math.ts';
import {
  finalSigma,
  hasOwnSigmas,
  interpolate,
  linspace,
  roundHalfEven,
  sigmasByFormula,
  sigmasFromAlphas,
  solverTimesteps,
  timestepOfSigma,
  trainAlphas,
} from '../noise-schedule.ts';
import type { SchedulerPlan, StepInput } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { dynamicallyThresholded, unfitPrediction } from './prediction.ts';

/**
 * What the exponential-integrator solvers share (DPM++ 2M, 2M SDE, 2S, UniPC): latents are α·x0 + s·ε with α = 1/√(1+σ²), s = σα.
 * For flow models (`use_flow_sigmas`) α = 1 − σ and s = σ.
 */

/** Signal and noise strength at level σ, and λ = ln α − ln s. At σ = 0, λ is infinite and the formulas still end in x̂0. */
export interface Strength {
  readonly alpha: number;
  readonly spread: number;
  readonly lambda: number;
}

export function strengthAt(plan: SchedulerPlan, index: number): Strength {
  const sigma = plan.sigmas[index]!;
  const alpha = plan.config.useFlowSigmas ? 1 - sigma : 1 / Math.sqrt(sigma ** 2 + 1);
  const spread = plan.config.useFlowSigmas ? sigma : sigma * alpha;
  return { alpha, spread, lambda: Math.log(alpha) - Math.log(spread) };
}

/** How the classes differ where diffusers' code does. */
export interface SolverQuirks {
  /** UniPC takes the formula's own last level when the final σ isn't zero, the others that of the first training timestep. */
  readonly lastByFormula: boolean;
  /** How timesteps found from Karras levels become whole. */
  readonly roundsKarras: boolean;
  /** Training timesteps that stay usable under `lambda_min_clipped`. */
  readonly usable: (alphas: Float32Array) => number;
}

export function solverPlan(config: SchedulerConfig, steps: number, quirks: SolverQuirks): SchedulerPlan {
  const alphas = trainAlphas(config, true);
  const table = sigmasFromAlphas(alphas);
  let timesteps = solverTimesteps(config, steps, quirks.usable(alphas));
  let levels = timesteps.map((timestep) => interpolate(table, timestep));
  let last = finalSigma(config, alphas);
  if (config.useLuLambdas && !config.useKarrasSigmas) {
    const logs = table.map(Math.log);
    levels = linspace(logs[logs.length - 1]!, logs[0]!, steps).map(Math.exp);
    timesteps = wholeTimesteps(config, levels, table, quirks);
  } else if (hasOwnSigmas(config)) {
    levels = sigmasByFormula(config, { max: table[table.length - 1]!, min: table[0]! }, steps);
    timesteps = wholeTimesteps(config, levels, table, quirks);
    if (quirks.lastByFormula && last !== 0) last = levels[levels.length - 1]!;
  } else if (config.useFlowSigmas) {
    levels = flowLevels(config, steps, quirks);
    timesteps = levels.map((sigma) => Math.trunc(sigma * config.trainTimesteps));
    if (quirks.lastByFormula && last !== 0) last = levels[levels.length - 1]!;
  }
  const sigmas = Float32Array.from([...levels, last]);
  return { config, steps, timesteps: Float32Array.from(timesteps), sigmas, alphas, initNoiseSigma: 1, order: 1, eta: 0, warmUpCalls: 0 };
}

function wholeTimesteps(config: SchedulerConfig, levels: readonly number[], table: Float32Array, quirks: SolverQuirks): number[] {
  const logTable = table.map(Math.log);
  const rounds = (config.useKarrasSigmas || config.useLuLambdas) && quirks.roundsKarras; // the others are cut off, not rounded
  return levels.map((sigma) => timestepOfSigma(sigma, logTable)).map(rounds ? roundHalfEven : Math.trunc);
}

function flowLevels(config: SchedulerConfig, steps: number, quirks: SolverQuirks): number[] {
  const shift = (sigma: number) => (config.flowShift * sigma) / (1 + (config.flowShift - 1) * sigma);
  const low = 1 / config.trainTimesteps;
  if (!quirks.lastByFormula) {
    return linspace(1, low, steps + 1)
      .map((alpha) => shift(1 - alpha))
      .reverse()
      .slice(0, -1);
  }
  const levels = linspace(1, low, steps + 1)
    .slice(0, -1)
    .map(shift);
  return levels.map((sigma, i) => (i === 0 && Math.abs(sigma - 1) < 1e-6 ? sigma - 1e-6 : sigma)); // at exactly 1 ln α would be infinite
}

/** x̂0 or ε (`wantsNoise`) from the model's output, thresholded where the configuration says so. */
export function solverPrediction(plan: SchedulerPlan, input: StepInput, wantsNoise: boolean): Float32Array {
  const { latents, modelOutput, index } = input;
  const { alpha, spread } = strengthAt(plan, index);
  const denoised = solverDenoised(plan, input);
  const held = plan.config.thresholding ? dynamicallyThresholded(plan.config, denoised, input.batch ?? 1) : denoised;
  if (!wantsNoise) return held;
  if (plan.config.predictionType === 'epsilon' && !plan.config.thresholding) return modelOutput;
  return axpby(1 / spread, latents, -alpha / spread, held);
}

function solverDenoised(plan: SchedulerPlan, { latents, modelOutput, index }: StepInput): Float32Array {
  const { alpha, spread } = strengthAt(plan, index);
  switch (plan.config.predictionType) {
    case 'epsilon':
      return axpby(1 / alpha, latents, -spread / alpha, modelOutput);
    case 'sample':
      return modelOutput;
    case 'v_prediction':
      return axpby(alpha, latents, -spread, modelOutput);
    case 'flow_prediction':
      if (!plan.config.useFlowSigmas) throw unfitPrediction(plan.config, 'a solver without use_flow_sigmas');
      return axpby(1, latents, -plan.sigmas[index]!, modelOutput);
    default:
      return plan.config.predictionType satisfies never;
  }
}

/** α·x0 + s·noise at the plan's level of `index`. */
export function noisedByStrength(plan: SchedulerPlan, index: number, clean: Float32Array, noise: Float32Array): Float32Array {
  const { alpha, spread } = strengthAt(plan, index);
  return axpby(alpha, clean, spread, noise);
}
