import { FrescoError } from '../../../fresco-error.ts';
import { axpby, scaled } from '../../runtime/tensor-math.ts';
import { type Scheduler, type SchedulerPlan, type StepInput, type StepOutput, unscaled, wholeStepStart } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { applied, type DpmMove, dpmFirstOrder, dpmWeights, drawsNoise, followsNoise, slope } from './dpm-update.ts';
import { noisedByStrength, solverPlan, solverPrediction, strengthAt } from './solver-plan.ts';

/** `torch.searchsorted` over λ from the noisy end: how many training timesteps lie under `lambda_min_clipped`. */
export function clippedCount(config: SchedulerConfig, alphas: Float32Array): number {
  if (config.lambdaMinClipped === Number.NEGATIVE_INFINITY) return 0;
  return alphas.filter((alpha) => Math.log(Math.sqrt(alpha)) - Math.log(Math.sqrt(1 - alpha)) < config.lambdaMinClipped).length;
}

function secondOrder(move: DpmMove): Float32Array {
  const { plan, target, outputs } = move;
  const [from, before, to] = [strengthAt(plan, target - 1), strengthAt(plan, target - 2), strengthAt(plan, target)];
  const ratio = (from.lambda - before.lambda) / (to.lambda - from.lambda);
  const newest = outputs[outputs.length - 1]!;
  const weights = dpmWeights(plan.config.algorithmType, plan.config.solverType === 'heun', from, to);
  return applied(move, weights, [newest, slope(newest, outputs[outputs.length - 2]!, ratio)]);
}

function thirdOrder(move: DpmMove): Float32Array {
  const { plan, target, outputs } = move;
  const [to, from, before, oldest] = [0, 1, 2, 3].map((back) => strengthAt(plan, target - back));
  const h = to!.lambda - from!.lambda;
  const r0 = (from!.lambda - before!.lambda) / h;
  const r1 = (before!.lambda - oldest!.lambda) / h;
  const [m2, m1, m0] = outputs.slice(-3);
  const near = slope(m0!, m1!, r0);
  const far = slope(m1!, m2!, r1);
  const bend = axpby(1, near, -1, far);
  const weights = dpmWeights(plan.config.algorithmType, true, from!, to!);
  return applied(move, weights, [m0!, axpby(1, near, r0 / (r0 + r1), bend), scaled(1 / (r0 + r1), bend)]);
}

function orderAt(plan: SchedulerPlan, index: number, known: number): number {
  const { solverOrder, lowerOrderFinal, eulerAtFinal, finalSigmasType } = plan.config;
  const isShort = lowerOrderFinal && plan.steps < 15;
  const isLast = index === plan.steps - 1;
  if (solverOrder === 1 || known < 2 || (isLast && (eulerAtFinal || isShort || finalSigmasType === 'zero'))) return 1;
  if (solverOrder === 2 || known < 3 || (index === plan.steps - 2 && isShort)) return 2;
  return 3;
}

function checked(config: SchedulerConfig): SchedulerConfig {
  const algorithmType = config.algorithmType === 'deis' ? 'dpmsolver++' : config.algorithmType; // diffusers rewrites what belongs to its sister classes
  const solverType = config.solverType === 'heun' ? 'heun' : 'midpoint';
  const known = ['dpmsolver++', 'sde-dpmsolver++', 'dpmsolver', 'sde-dpmsolver'];
  const problem = !known.includes(algorithmType)
    ? `algorithm_type ${algorithmType} is not supported`
    : algorithmType === 'sde-dpmsolver' && config.solverOrder === 3
      ? 'sde-dpmsolver has no third order'
      : !algorithmType.endsWith('++') && config.finalSigmasType === 'zero'
        ? `final_sigmas_type zero does not fit algorithm_type ${algorithmType}`
        : undefined;
  if (problem !== undefined) throw new FrescoError('model-unsupported', { model: 'scheduler_config.json', problem });
  return { ...config, algorithmType, solverType };
}

/**
 * DPM-Solver++ multistep: "DPM++ 2M", and with `sde-dpmsolver++` "DPM++ 2M SDE".
 * Source: Lu et al. 2022 (arXiv 2211.01095), algorithm 2; goldens from diffusers `scheduling_dpmsolver_multistep.py`.
 */
export const dpmMultistepScheduler: Scheduler = {
  className: 'DPMSolverMultistepScheduler',
  family: 'sigma',
  plan: (config: SchedulerConfig, steps: number): SchedulerPlan =>
    solverPlan(checked(config), steps, {
      lastByFormula: false,
      roundsKarras: config.betaSchedule !== 'squaredcos_cap_v2',
      usable: (alphas) => config.trainTimesteps - clippedCount(config, alphas),
    }),
  scaleInput: unscaled,
  step: (plan: SchedulerPlan, input: StepInput): StepOutput => {
    const outputs = [...input.state.history, solverPrediction(plan, input, followsNoise(plan))].slice(-plan.config.solverOrder);
    const noise = drawsNoise(plan) ? input.noise() : undefined;
    const move: DpmMove = { plan, target: input.index + 1, sample: input.latents, outputs, noise };
    const order = orderAt(plan, input.index, outputs.length);
    const previous = order === 1 ? dpmFirstOrder(move) : order === 2 ? secondOrder(move) : thirdOrder(move);
    const denoised = followsNoise(plan) ? solverPrediction(plan, input, false) : outputs[outputs.length - 1]!;
    return { previous, denoised, state: { calls: input.state.calls + 1, history: outputs, lastOrder: order } };
  },
  addNoise: noisedByStrength,
  startIndex: wholeStepStart,
};
