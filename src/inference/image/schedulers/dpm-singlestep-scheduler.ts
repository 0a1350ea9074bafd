import { FrescoError } from '../../../fresco-error.ts';
import { axpby, scaled } from '../../runtime/tensor-math.ts';
import { type Scheduler, type SchedulerPlan, type StepInput, type StepOutput, unscaled, wholeStepStart } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { clippedCount } from './dpm-multistep-scheduler.ts';
import { applied, type DpmMove, dpmFirstOrder, dpmWeights, drawsNoise, followsNoise, slope } from './dpm-update.ts';
import { noisedByStrength, solverPlan, solverPrediction, strengthAt } from './solver-plan.ts';

const repeated = (pattern: readonly number[], times: number): number[] => Array.from({ length: Math.max(times, 0) }, () => pattern).flat();

/** The order of each call: 1, 2 (, 3) again and again, lower at the end. Source: `get_order_list` of the class. */
function orderList(config: SchedulerConfig, steps: number): number[] {
  const lowerFinal = config.lowerOrderFinal || steps % config.solverOrder !== 0 || config.finalSigmasType === 'zero';
  const whole = Math.floor(steps / config.solverOrder);
  const rest = steps % config.solverOrder;
  let orders = repeated([1, 2, 3].slice(0, config.solverOrder), whole);
  if (lowerFinal && config.solverOrder === 3) {
    orders = rest === 0 ? [...repeated([1, 2, 3], whole - 1), 1, 2, 1] : [...orders, ...[1, 2].slice(0, rest)];
  } else if (lowerFinal && config.solverOrder === 2) {
    orders = rest === 0 ? [...repeated([1, 2], whole - 1), 1, 1] : [...orders, 1];
  }
  return config.finalSigmasType === 'zero' ? [...orders.slice(0, -1), 1] : orders;
}

function secondOrder(move: DpmMove): Float32Array {
  const { plan, target, outputs } = move;
  const [to, middle, from] = [0, 1, 2].map((back) => strengthAt(plan, target - back));
  const ratio = (middle!.lambda - from!.lambda) / (to!.lambda - from!.lambda);
  const [older, newer] = outputs.slice(-2);
  return applied(move, dpmWeights(plan.config.algorithmType, plan.config.solverType === 'heun', from!, to!), [older!, slope(newer!, older!, ratio)]);
}

function thirdOrder(move: DpmMove): Float32Array {
  const { plan, target, outputs } = move;
  const [to, late, early, from] = [0, 1, 2, 3].map((back) => strengthAt(plan, target - back));
  const h = to!.lambda - from!.lambda;
  const r0 = (late!.lambda - from!.lambda) / h;
  const r1 = (early!.lambda - from!.lambda) / h;
  const [m2, m1, m0] = outputs.slice(-3);
  const near = slope(m1!, m2!, r1);
  const far = slope(m0!, m2!, r0);
  const weights = dpmWeights(plan.config.algorithmType, true, from!, to!);
  if (plan.config.solverType !== 'heun') return applied(move, weights, [m2!, far]);
  const bend = axpby(1, far, -1, near);
  return applied(move, weights, [m2!, axpby(r0 / (r0 - r1), near, -r1 / (r0 - r1), far), scaled(2 / (r0 - r1), bend)]);
}

function checked(config: SchedulerConfig): SchedulerConfig {
  const algorithmType = config.algorithmType === 'deis' ? 'dpmsolver++' : config.algorithmType;
  const solverType = config.solverType === 'heun' ? 'heun' : 'midpoint';
  const fits = ['dpmsolver++', 'sde-dpmsolver++', 'dpmsolver'].includes(algorithmType) && (algorithmType.endsWith('++') || config.finalSigmasType !== 'zero');
  if (!fits) {
    const problem = `algorithm_type ${algorithmType} with final_sigmas_type ${config.finalSigmasType} is not supported by DPM++ 2S`;
    throw new FrescoError('model-unsupported', { model: 'scheduler_config.json', problem });
  }
  return { ...config, algorithmType, solverType, timestepSpacing: 'linspace', rescaleBetasZeroSnr: false }; // the class knows no other spacing and no rescale
}

/**
 * DPM-Solver++ singlestep: "DPM++ 2S".
 * Source: Lu et al. 2022 (arXiv 2211.01095), algorithm 1; goldens from diffusers `scheduling_dpmsolver_singlestep.py`.
 */
export const dpmSinglestepScheduler: Scheduler = {
  className: 'DPMSolverSinglestepScheduler',
  family: 'sigma',
  plan: (config: SchedulerConfig, steps: number): SchedulerPlan =>
    solverPlan(checked(config), steps, { lastByFormula: false, roundsKarras: true, usable: (alphas) => config.trainTimesteps - clippedCount(config, alphas) }),
  scaleInput: unscaled,
  step: (plan: SchedulerPlan, input: StepInput): StepOutput => {
    const outputs = [...input.state.history, solverPrediction(plan, input, followsNoise(plan))].slice(-plan.config.solverOrder);
    const noise = drawsNoise(plan) ? input.noise() : undefined;
    const order = Math.min(orderList(plan.config, plan.steps)[input.index] ?? 1, outputs.length); // a run that starts late has fewer outputs
    const sample = order === 1 ? input.latents : (input.state.sample ?? input.latents);
    const move: DpmMove = { plan, target: input.index + 1, sample, outputs, noise };
    const previous = order === 1 ? dpmFirstOrder(move) : order === 2 ? secondOrder(move) : thirdOrder(move);
    const denoised = followsNoise(plan) ? solverPrediction(plan, input, false) : outputs[outputs.length - 1]!;
    return { previous, denoised, state: { calls: input.state.calls + 1, history: outputs, sample, lastOrder: order } };
  },
  addNoise: noisedByStrength,
  startIndex: wholeStepStart,
};
