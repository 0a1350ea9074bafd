import { FrescoError } from '../../fresco-error.ts';
import { at } from '../runtime/tensor-math.ts';
import { betaQuantile } from './beta-quantile.ts';
import type { SchedulerConfig } from './scheduler-config.ts';

/**
 * Tables that every sampler starts from: ᾱ by training timestep, noise levels σ = √((1−ᾱ)/ᾱ) and the spaced timesteps of a run.
 * Rounding follows torch and numpy step by step (float32 where they hold float32), because 1 − ᾱ near 1 magnifies a last bit a thousandfold.
 * Source: diffusers 0.39 `schedulers/scheduling_*.py`; every table is compared in test/inference/image/schedulers.test.ts.
 */
const f32 = Math.fround;

/** `torch.linspace` in float32: it counts from both ends to the middle. */
function torchLinspace(start: number, end: number, count: number): Float32Array {
  const first = f32(start);
  const last = f32(end);
  const step = count > 1 ? f32(f32(last - first) / (count - 1)) : 0;
  return Float32Array.from({ length: count }, (_, i) => (i < Math.floor(count / 2) ? f32(first + step * i) : f32(last - step * (count - i - 1))));
}

/** `numpy.linspace`: float64, the last value exact. */
export function linspace(start: number, end: number, count: number): number[] {
  const step = count > 1 ? (end - start) / (count - 1) : 0;
  return Array.from({ length: count }, (_, i) => (i === count - 1 && count > 1 ? end : i * step + start));
}

/** Rounds halves to even, as numpy and torch do. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

const alphaBarCurves = {
  squaredcos_cap_v2: (time: number) => Math.cos((((time + 0.008) / 1.008) * Math.PI) / 2) ** 2,
  exp: (time: number) => Math.exp(time * -12),
  laplace: (time: number) => {
    const logSnr = -0.5 * (time <= 0.5 ? 1 : -1) * Math.log(1 - 2 * Math.abs(0.5 - time) + 1e-6);
    const snr = Math.exp(logSnr);
    return Math.sqrt(snr / (1 + snr));
  },
} as const;

function betasFromCurve(curve: (time: number) => number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.min(1 - curve((i + 1) / count) / curve(i / count), 0.999));
}

function betasOf(config: SchedulerConfig): Float32Array {
  const { betaStart, betaEnd, trainTimesteps, betaSchedule, trainedBetas } = config;
  if (trainedBetas !== undefined) return Float32Array.from(trainedBetas);
  switch (betaSchedule) {
    case 'linear':
      return torchLinspace(betaStart, betaEnd, trainTimesteps);
    case 'scaled_linear':
      return torchLinspace(Math.sqrt(betaStart), Math.sqrt(betaEnd), trainTimesteps).map((root) => root * root);
    case 'sigmoid':
      return torchLinspace(-6, 6, trainTimesteps).map((x) => f32(f32(1 / (1 + Math.exp(-x))) * (betaEnd - betaStart)) + betaStart);
    case 'squaredcos_cap_v2':
    case 'exp':
    case 'laplace':
      return betasFromCurve(alphaBarCurves[betaSchedule], trainTimesteps);
    default:
      return betaSchedule satisfies never;
  }
}

/** `torch.cumprod` of a float32 vector: it multiplies in double and stores float32. */
function cumulativeProduct(values: Float32Array): Float32Array {
  let product = 1;
  return values.map((value) => {
    product *= value;
    return product;
  });
}

/** Betas moved so that the last training step is pure noise. Source: Lin et al. 2023 (arXiv 2305.08891), algorithm 1. */
function withZeroTerminalSnr(betas: Float32Array): Float32Array {
  const roots = cumulativeProduct(betas.map((beta) => 1 - beta)).map(Math.sqrt);
  const first = at(roots, 0);
  const last = at(roots, roots.length - 1);
  const stretch = f32(first / f32(first - last));
  const alphaBars = roots.map((root) => f32(f32(root - last) * stretch)).map((root) => root * root);
  return alphaBars.map((alphaBar, i) => 1 - (i === 0 ? alphaBar : f32(alphaBar / at(alphaBars, i - 1))));
}

/**
 * ᾱ by training timestep, float32.
 * With zero terminal SNR the last ᾱ is 0; samplers that divide by it (`keepFinite`) take 2⁻²⁴ instead, as diffusers does.
 */
export function trainAlphas(config: SchedulerConfig, keepFinite: boolean): Float32Array {
  const betas = betasOf(config);
  const alphas = cumulativeProduct((config.rescaleBetasZeroSnr ? withZeroTerminalSnr(betas) : betas).map((beta) => 1 - beta));
  if (config.rescaleBetasZeroSnr && keepFinite) alphas[alphas.length - 1] = leastAlpha;
  return alphas;
}

/** The ᾱ that stands for "no signal left" where a sampler divides by it. */
const leastAlpha = 2 ** -24;

/** σ by training timestep, float32. For the least ᾱ it is 4096: the root lies a hair under the middle of two floats, and torch's vectorised root rounds it up. */
export function sigmasFromAlphas(alphas: Float32Array): Float32Array {
  return alphas.map((alpha) => (alpha === leastAlpha ? 4096 : Math.sqrt(f32(f32(1 - alpha) / alpha))));
}

/** Linear interpolation of a table at a fractional index, held at its ends (`numpy.interp`). */
export function interpolate(table: Float32Array, index: number): number {
  if (index <= 0) return at(table, 0);
  if (index >= table.length - 1) return at(table, table.length - 1);
  const low = Math.floor(index);
  const base = at(table, low);
  return (at(table, low + 1) - base) * (index - low) + base;
}

/** The fractional timestep whose log σ is that of `sigma`. `logSigmas` rises. */
export function timestepOfSigma(sigma: number, logSigmas: Float32Array): number {
  const logSigma = Math.log(Math.max(sigma, 1e-10));
  let low = 0;
  for (let i = 0; i < logSigmas.length; i += 1) if (logSigma >= at(logSigmas, i)) low = i;
  low = Math.min(low, logSigmas.length - 2);
  const below = at(logSigmas, low);
  const weight = Math.min(1, Math.max(0, (below - logSigma) / (below - at(logSigmas, low + 1))));
  return (1 - weight) * low + weight * (low + 1);
}

/** Throws 'option-invalid' unless 1 ≤ steps ≤ limit. */
export function checkSteps(steps: number, limit: number): void {
  if (Number.isInteger(steps) && steps >= 1 && steps <= limit) return;
  throw new FrescoError('option-invalid', { option: 'steps', found: `${steps}`, expected: `a whole number from 1 to ${limit}` });
}

/** `numpy.arange(last, 0, −ratio)` without the extra element that its rounding gives for some lengths. */
function countdown(last: number, ratio: number, steps: number): number[] {
  const delta = last - ratio - last;
  return Array.from({ length: Math.min(steps, Math.ceil(last / ratio)) }, (_, i) => last + i * delta);
}

/**
 * Spaced timesteps of one run, falling; fractional for `linspace` unless `whole`.
 * Source: `set_timesteps` of DDIM, DDPM, PNDM (whole) and Euler, Heun, LMS (float32).
 */
export function spacedTimesteps(config: SchedulerConfig, steps: number, whole: boolean): number[] {
  const { trainTimesteps, timestepSpacing, stepsOffset } = config;
  checkSteps(steps, trainTimesteps);
  switch (timestepSpacing) {
    case 'linspace':
      return linspace(0, trainTimesteps - 1, steps)
        .reverse()
        .map(whole ? roundHalfEven : f32);
    case 'leading': {
      const ratio = Math.floor(trainTimesteps / steps);
      return Array.from({ length: steps }, (_, i) => Math.min((steps - 1 - i) * ratio + stepsOffset, trainTimesteps - 1));
    }
    case 'trailing':
      return countdown(trainTimesteps, trainTimesteps / steps, steps).map((time) => roundHalfEven(time) - 1);
    default:
      return timestepSpacing satisfies never;
  }
}

/** Spaced timesteps of the DPM++ and UniPC solvers, which leave out the end of a grid of one more point. `lastTimestep` is the count of usable ones. */
export function solverTimesteps(config: SchedulerConfig, steps: number, lastTimestep: number): number[] {
  const { trainTimesteps, timestepSpacing, stepsOffset } = config;
  checkSteps(steps, trainTimesteps - 1);
  switch (timestepSpacing) {
    case 'linspace':
      return linspace(0, lastTimestep - 1, steps + 1)
        .map(roundHalfEven)
        .reverse()
        .slice(0, -1);
    case 'leading': {
      const ratio = Math.floor(lastTimestep / (steps + 1));
      return Array.from({ length: steps }, (_, i) => (steps - i) * ratio + stepsOffset);
    }
    case 'trailing':
      return countdown(lastTimestep, trainTimesteps / steps, steps).map((time) => roundHalfEven(time) - 1);
    default:
      return timestepSpacing satisfies never;
  }
}

/** True when the configuration asks for noise levels by a formula instead of by timestep. */
export function hasOwnSigmas(config: SchedulerConfig): boolean {
  return config.useKarrasSigmas || config.useExponentialSigmas || config.useBetaSigmas;
}

/**
 * Noise levels by formula between two ends: Karras et al. 2022 (arXiv 2206.00364), equation 5, with ρ = 7; or evenly in log σ; or by the quantiles of a
 * beta distribution (Lee et al. 2024, arXiv 2407.12173).
 */
export function sigmasByFormula(config: SchedulerConfig, ends: { readonly max: number; readonly min: number }, steps: number): number[] {
  const max = config.sigmaMax ?? ends.max;
  const min = config.sigmaMin ?? ends.min;
  if (config.useExponentialSigmas) return linspace(Math.log(max), Math.log(min), steps).map(Math.exp);
  if (config.useBetaSigmas) return linspace(0, 1, steps).map((ramp) => min + betaQuantile(1 - ramp) * (max - min));
  const rho = 7;
  const maxRoot = max ** (1 / rho);
  const minRoot = min ** (1 / rho);
  return linspace(0, 1, steps).map((ramp) => (maxRoot + ramp * (minRoot - maxRoot)) ** rho);
}

/** The level after the last step: 0, or σ of the first training timestep. */
export function finalSigma(config: SchedulerConfig, alphas: Float32Array): number {
  return config.finalSigmasType === 'zero' ? 0 : at(sigmasFromAlphas(alphas.subarray(0, 1)), 0);
}
