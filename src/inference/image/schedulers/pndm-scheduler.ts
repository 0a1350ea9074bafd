import { axpby, combine } from '../../runtime/tensor-math.ts';
import { spacedTimesteps, trainAlphas } from '../noise-schedule.ts';
import { type Scheduler, type SchedulerPlan, type SchedulerState, type StepInput, type StepOutput, unscaled, wholeStepStart } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { alphaAt, noisedByAlpha, predictFromAlpha, unfitPrediction } from './prediction.ts';

const kuttaSpan = 4;

/** Timesteps of the Runge–Kutta start: each of the first three whole steps is walked in two halves, four calls a step. */
function warmUpTimesteps(spaced: readonly number[], stride: number): number[] {
  const rising = spaced.slice(0, kuttaSpan).reverse(); // the last four in rising order
  const halves = rising.flatMap((timestep) => [timestep, timestep + Math.floor(stride / 2)]);
  const doubled = halves.slice(0, -1).flatMap((timestep) => [timestep, timestep]);
  return doubled.slice(1, -1).reverse();
}

function plan(config: SchedulerConfig, steps: number): SchedulerPlan {
  const spaced = spacedTimesteps(config, steps, true);
  const warmUp = config.skipPrkSteps ? [] : warmUpTimesteps(spaced, Math.floor(config.trainTimesteps / steps));
  const multistep = config.skipPrkSteps ? [...spaced.slice(0, 1), ...spaced.slice(1, 2), ...spaced.slice(1)] : spaced.slice(3);
  return {
    config,
    steps,
    timesteps: Float32Array.from([...warmUp, ...multistep]),
    sigmas: new Float32Array(0),
    alphas: trainAlphas(config, false),
    initNoiseSigma: 1,
    order: 1,
    eta: 0,
    warmUpCalls: warmUp.length,
  };
}

interface Move {
  readonly sample: Float32Array;
  readonly output: Float32Array;
  readonly from: number;
  readonly to: number;
  readonly state: SchedulerState;
}

/** Equation 9 of the paper: latents carried from one timestep to another along a model output. */
function transferred(schedule: SchedulerPlan, { sample, output, from, to }: Move): Float32Array {
  const alphaBar = alphaAt(schedule, from);
  const alphaBarTo = alphaAt(schedule, to);
  const noise = schedule.config.predictionType === 'v_prediction' ? axpby(Math.sqrt(alphaBar), output, Math.sqrt(1 - alphaBar), sample) : output;
  const weight = alphaBar * Math.sqrt(1 - alphaBarTo) + Math.sqrt(alphaBar * (1 - alphaBar) * alphaBarTo);
  return axpby(Math.sqrt(alphaBarTo / alphaBar), sample, -(alphaBarTo - alphaBar) / weight, noise);
}

/** One of the four calls of a Runge–Kutta step. The weighted sum so far travels as the newest entry of `history`, behind the outputs kept for later. */
function kuttaMove(schedule: SchedulerPlan, input: StepInput): Move {
  const { state, modelOutput, index } = input;
  const part = state.calls % 4;
  const stride = Math.floor(schedule.config.trainTimesteps / schedule.steps);
  const to = schedule.timesteps[index]! - (state.calls % 2 === 1 ? 0 : Math.floor(stride / 2));
  const from = schedule.timesteps[Math.floor(state.calls / 4) * 4]!;
  const kept = part === 0 ? state.history : state.history.slice(0, -1);
  const sumBefore = part === 0 ? undefined : state.history[state.history.length - 1];
  const weight = part === 0 || part === 3 ? 1 / 6 : 1 / 3;
  const sum = sumBefore === undefined ? combine([weight, modelOutput]) : axpby(1, sumBefore, weight, modelOutput);
  const sample = part === 0 ? input.latents : (state.sample ?? input.latents);
  const outputs = part === 0 ? [...kept, modelOutput] : kept;
  const history = part === 3 ? outputs : [...outputs, sum];
  return { sample, output: part === 3 ? sum : modelOutput, from, to, state: { ...state, calls: state.calls + 1, history, sample } };
}

function multistepOutput(history: readonly Float32Array[]): Float32Array {
  const [first, second, third, fourth] = [...history].reverse();
  if (first === undefined) throw new RangeError('a multistep update needs one output at least');
  if (second === undefined) return first;
  if (third === undefined) return axpby(3 / 2, first, -1 / 2, second);
  if (fourth === undefined) return combine([23 / 12, first], [-16 / 12, second], [5 / 12, third]);
  return combine([55 / 24, first], [-59 / 24, second], [37 / 24, third], [-9 / 24, fourth]);
}

/** One linear multistep call; the second call of a run goes over the first step again with the mean of both outputs. */
function multistepMove(schedule: SchedulerPlan, input: StepInput): Move {
  const { state, modelOutput, latents } = input;
  const stride = Math.floor(schedule.config.trainTimesteps / schedule.steps);
  const timestep = schedule.timesteps[input.index]!;
  const calls = state.calls + 1;
  if (state.calls === 1) {
    const output = axpby(0.5, modelOutput, 0.5, state.history[0] ?? modelOutput);
    return { sample: state.sample ?? latents, output, from: timestep + stride, to: timestep, state: { calls, history: state.history, lastOrder: 0 } };
  }
  const history = [...state.history.slice(-3), modelOutput];
  const kept: SchedulerState = { calls, history, lastOrder: 0, ...(state.calls === 0 ? { sample: latents } : {}) };
  return { sample: latents, output: multistepOutput(history), from: timestep, to: timestep - stride, state: kept };
}

/**
 * Pseudo numerical methods: linear multistep over ε, with or without the Runge–Kutta start (`skip_prk_steps`).
 * Source: Liu et al. 2022 (arXiv 2202.09778), equations 9, 12 and 13; goldens from diffusers `scheduling_pndm.py`.
 */
export const pndmScheduler: Scheduler = {
  className: 'PNDMScheduler',
  family: 'alpha',
  plan,
  scaleInput: unscaled,
  step: (schedule: SchedulerPlan, input: StepInput): StepOutput => {
    const { predictionType } = schedule.config;
    if (predictionType !== 'epsilon' && predictionType !== 'v_prediction') throw unfitPrediction(schedule.config, 'PNDM');
    const move = input.state.calls < schedule.warmUpCalls ? kuttaMove(schedule, input) : multistepMove(schedule, input);
    const { denoised } = predictFromAlpha(schedule, alphaAt(schedule, schedule.timesteps[input.index]!), input);
    return { previous: transferred(schedule, move), denoised, state: move.state };
  },
  addNoise: noisedByAlpha,
  startIndex: wholeStepStart,
};
