import {
  finalSigma,
  hasOwnSigmas,
  interpolate,
  linspace,
  sigmasByFormula,
  sigmasFromAlphas,
  spacedTimesteps,
  timestepOfSigma,
  trainAlphas,
} from '../noise-schedule.ts';
import type { SchedulerPlan } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';

const f32 = Math.fround;

/**
 * The plan of the k-diffusion samplers (Euler, Euler ancestral, Heun, LMS): noise levels at the spaced timesteps or by formula between their ends.
 * Source: Karras et al. 2022 (arXiv 2206.00364); `set_timesteps` of diffusers `scheduling_euler_discrete.py`.
 */
export function sigmaPlan(config: SchedulerConfig, steps: number): SchedulerPlan {
  const alphas = trainAlphas(config, true);
  const table = sigmasFromAlphas(alphas);
  const logTable = table.map(Math.log);
  let timesteps = spacedTimesteps(config, steps, false);
  let levels = timesteps.map((timestep) => interpolate(table, timestep));
  if (config.interpolationType === 'log_linear') {
    levels = linspace(logTable[logTable.length - 1] ?? 0, logTable[0] ?? 0, steps + 1).map(Math.exp);
  }
  if (hasOwnSigmas(config)) {
    levels = sigmasByFormula(config, { max: levels[0] ?? 0, min: levels[levels.length - 1] ?? 0 }, steps);
    timesteps = levels.map((sigma) => timestepOfSigma(sigma, logTable));
  }
  const sigmas = Float32Array.from([...levels, finalSigma(config, alphas)]);
  if (config.timestepType === 'continuous' && config.predictionType === 'v_prediction') {
    timesteps = Array.from(sigmas.subarray(0, -1), (sigma) => 0.25 * Math.log(sigma));
  }
  return {
    config,
    steps,
    timesteps: Float32Array.from(timesteps),
    sigmas,
    alphas,
    initNoiseSigma: startLevel(config, sigmas),
    order: 1,
    eta: 0,
    warmUpCalls: 0,
  };
}

function startLevel(config: SchedulerConfig, sigmas: Float32Array): number {
  const highest = sigmas.reduce((max, sigma) => Math.max(max, sigma), 0);
  return config.timestepSpacing === 'leading' ? f32(Math.sqrt(f32(f32(highest ** 2) + 1))) : highest;
}

/** Latents brought to unit variance: x/√(σ²+1), rounded as torch rounds it. */
export function scaledBySigma(plan: SchedulerPlan, index: number, latents: Float32Array): Float32Array {
  const sigma = plan.sigmas[index] ?? 0;
  const deviation = f32(Math.sqrt(f32(f32(sigma ** 2) + 1)));
  const result = new Float32Array(latents.length);
  for (let i = 0; i < latents.length; i += 1) result[i] = latents[i]! / deviation;
  return result;
}
