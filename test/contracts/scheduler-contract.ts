import { expect, it } from 'vitest';
import type { FrescoError } from '../../src/fresco-error.ts';
import { freshState, type Scheduler, type SchedulerPlan, type StepOutput } from '../../src/inference/image/scheduler.ts';
import type { SchedulerConfig } from '../../src/inference/image/scheduler-config.ts';
import { TorchGenerator } from '../../src/inference/runtime/torch-random.ts';

const size = 32;

function modelOutput(plan: SchedulerPlan, index: number, fed: Float32Array): Float32Array {
  return fed.map((value) => 0.4 * value + (plan.timesteps[index] ?? 0) / 4000);
}

function walk(scheduler: Scheduler, plan: SchedulerPlan, seed: number, begin = 0): readonly StepOutput[] {
  const generator = new TorchGenerator(seed);
  let latents: Float32Array = generator.normal(size).map((value) => value * plan.initNoiseSigma);
  let state = freshState;
  return Array.from({ length: plan.timesteps.length - begin }, (_, i) => {
    const index = begin + i;
    const output = modelOutput(plan, index, scheduler.scaleInput(plan, index, latents));
    const result = scheduler.step(plan, { index, latents, modelOutput: output, state, noise: () => generator.normal(size), batch: 2 });
    latents = result.previous;
    state = result.state;
    return result;
  });
}

/** What every sampler must hold, whatever its formulas. */
export function schedulerContract(name: string, scheduler: Scheduler, config: SchedulerConfig): void {
  const plan = scheduler.plan(config, 8);

  it(`${name} plans falling timesteps within the training range, one for each model call`, () => {
    const calls = plan.timesteps.length;
    expect(calls).toBeGreaterThanOrEqual(8);
    expect([...plan.timesteps].every((time, i) => time >= 0 && time <= config.trainTimesteps && (i === 0 || time <= (plan.timesteps[i - 1] ?? 0)))).toBe(true);
    expect(plan.timesteps[0]).toBeGreaterThan(plan.timesteps[calls - 1] ?? Number.NaN);
    if (scheduler.family !== 'alpha') expect(plan.sigmas).toHaveLength(calls + 1);
  });

  it(`${name} gives the same run for the same seed, and another for another`, () => {
    expect(walk(scheduler, plan, 5)).toEqual(walk(scheduler, plan, 5));
    expect(walk(scheduler, plan, 5).at(-1)?.previous).not.toEqual(walk(scheduler, plan, 6).at(-1)?.previous);
  });

  it(`${name} leaves latents, model output and state as they were`, () => {
    const latents = new TorchGenerator(1).normal(size);
    const output = new TorchGenerator(2).normal(size);
    const noise = new TorchGenerator(3).normal(size);
    const history = [new TorchGenerator(4).normal(size)];
    const kept = structuredClone({ latents, output, noise, history });
    const index = Math.min(1, plan.timesteps.length - 1);
    const first = scheduler.step(plan, { index: 0, latents, modelOutput: output, state: freshState, noise: () => noise, batch: 2 });
    const before = structuredClone(first.state);
    scheduler.step(plan, { index, latents: first.previous, modelOutput: output, state: first.state, noise: () => noise, batch: 2 });
    scheduler.scaleInput(plan, 0, latents);
    scheduler.addNoise(plan, 0, latents, noise);
    expect({ latents, output, noise, history }).toEqual(kept);
    expect(first.state).toEqual(before);
  });

  it(`${name} predicts clean latents at every step and ends in finite ones`, () => {
    const results = walk(scheduler, plan, 9);
    expect(results.every(({ denoised, previous }) => denoised.length === size && previous.length === size)).toBe(true);
    expect(results.every(({ denoised, previous }) => [...denoised, ...previous].every(Number.isFinite))).toBe(true);
  });

  it(`${name} starts later for less strength, and has nothing to do when a strength leaves no step`, () => {
    const starts = [1, 0.75, 0.5, 0.25].map((strength) => scheduler.startIndex(plan, strength));
    expect(starts[0]).toBe(0);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(new Set(starts).size).toBe(4);
    if (scheduler.family !== 'flow') expect(scheduler.startIndex(scheduler.plan(config, 2), 0.1)).toBe(scheduler.plan(config, 2).timesteps.length);
  });

  it(`${name} runs from the middle of its schedule, as image to image does`, () => {
    const begin = scheduler.startIndex(plan, 0.5);
    const results = walk(scheduler, plan, 4, begin);
    expect(results).toHaveLength(plan.timesteps.length - begin);
    expect(results.every(({ previous }) => [...previous].every(Number.isFinite))).toBe(true);
  });

  it(`${name} adds less noise the later the step`, () => {
    const clean = new Float32Array(size);
    const noise = new Float32Array(size).fill(1);
    const first = scheduler.addNoise(plan, 0, clean, noise)[0] ?? Number.NaN;
    const last = scheduler.addNoise(plan, plan.timesteps.length - 1, clean, noise)[0] ?? Number.NaN;
    expect(first).toBeGreaterThan(last);
    expect(last).toBeGreaterThan(0);
  });

  it(`${name} refuses a number of steps that makes no schedule`, () => {
    for (const steps of [0, -1, 2.5, 100_000]) {
      expect(() => scheduler.plan(config, steps)).toThrow(expect.objectContaining({ code: 'option-invalid' }) satisfies Partial<FrescoError>);
    }
  });
}
