import { FrescoError } from '../../../fresco-error.ts';
import { axpby, combine } from '../../runtime/tensor-math.ts';
import type { SchedulerPlan } from '../scheduler.ts';
import { type Strength, strengthAt } from './solver-plan.ts';

/** Weights of one DPM-Solver update: x' = sample·x + first·D0 + second·D1 + third·D2 + fresh·z. */
export interface DpmWeights {
  readonly sample: number;
  readonly first: number;
  readonly second: number;
  readonly third: number;
  readonly fresh: number;
}

/**
 * Weights for a step from strength `from` to `to` over h = λ' − λ.
 * Source: DPM-Solver (arXiv 2206.00927) and DPM-Solver++ (arXiv 2211.01095), the SDE variants from its appendix; goldens from diffusers.
 * `midpoint` halves the first-order weight for D1; `heun` (and order 3) integrates it exactly. Throws 'model-unsupported'.
 */
export function dpmWeights(algorithm: string, exact: boolean, from: Strength, to: Strength): DpmWeights {
  const h = to.lambda - from.lambda;
  switch (algorithm) {
    case 'dpmsolver++': {
      const decay = Math.expm1(-h);
      const first = -to.alpha * decay;
      return {
        sample: to.spread / from.spread,
        first,
        second: exact ? to.alpha * (decay / h + 1) : first / 2,
        third: -to.alpha * ((decay + h) / h ** 2 - 0.5),
        fresh: 0,
      };
    }
    case 'sde-dpmsolver++': {
      const decay = -Math.expm1(-2 * h);
      const first = to.alpha * decay;
      return {
        sample: (to.spread / from.spread) * Math.exp(-h),
        first,
        second: exact ? to.alpha * (decay / (-2 * h) + 1) : first / 2,
        third: to.alpha * ((decay - 2 * h) / (2 * h) ** 2 - 0.5),
        fresh: to.spread * Math.sqrt(decay),
      };
    }
    case 'dpmsolver': {
      const growth = Math.expm1(h);
      const first = -to.spread * growth;
      return {
        sample: to.alpha / from.alpha,
        first,
        second: exact ? -to.spread * (growth / h - 1) : first / 2,
        third: -to.spread * ((growth - h) / h ** 2 - 0.5),
        fresh: 0,
      };
    }
    case 'sde-dpmsolver': {
      const growth = Math.expm1(h);
      const first = -2 * to.spread * growth;
      return {
        sample: to.alpha / from.alpha,
        first,
        second: exact ? -2 * to.spread * (growth / h - 1) : first / 2,
        third: Number.NaN, // not defined by diffusers either; order 3 is refused before it gets here
        fresh: to.spread * Math.sqrt(Math.expm1(2 * h)),
      };
    }
    default:
      throw new FrescoError('model-unsupported', { model: 'scheduler_config.json', problem: `algorithm_type ${algorithm} is not supported` });
  }
}

/** True for the algorithms that follow ε instead of x̂0. */
export function followsNoise(plan: SchedulerPlan): boolean {
  return plan.config.algorithmType === 'dpmsolver' || plan.config.algorithmType === 'sde-dpmsolver';
}

export function drawsNoise(plan: SchedulerPlan): boolean {
  return plan.config.algorithmType.startsWith('sde-');
}

export interface DpmMove {
  readonly plan: SchedulerPlan;
  /** Level index that the step ends at. */
  readonly target: number;
  /** Latents that the step starts from. */
  readonly sample: Float32Array;
  /** Converted model outputs, newest last; `outputs[k]` belongs to level `target − outputs.length + k`. */
  readonly outputs: readonly Float32Array[];
  readonly noise: Float32Array | undefined;
}

const outputAt = (move: DpmMove, back: number): Float32Array => move.outputs[move.outputs.length - 1 - back]!;

/** Applies weights to D0, D1, D2 that are there. */
export function applied(move: DpmMove, weights: DpmWeights, differences: readonly Float32Array[]): Float32Array {
  const [d0, d1, d2] = differences;
  return combine(
    [weights.sample, move.sample],
    ...(d0 === undefined ? [] : ([[weights.first, d0]] as const)),
    ...(d1 === undefined ? [] : ([[weights.second, d1]] as const)),
    ...(d2 === undefined ? [] : ([[weights.third, d2]] as const)),
    ...(move.noise === undefined ? [] : ([[weights.fresh, move.noise]] as const)),
  );
}

/** Order 1: D0 alone, from the level before the target. */
export function dpmFirstOrder(move: DpmMove): Float32Array {
  const weights = dpmWeights(move.plan.config.algorithmType, false, strengthAt(move.plan, move.target - 1), strengthAt(move.plan, move.target));
  return applied(move, weights, [outputAt(move, 0)]);
}

/** (newer − older)/ratio: a divided difference of outputs. */
export function slope(newer: Float32Array, older: Float32Array, ratio: number): Float32Array {
  return axpby(1 / ratio, newer, -1 / ratio, older);
}
