import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { freshState, type PlanExtra, type SchedulerPlan } from '../../../src/inference/image/scheduler.ts';
import { schedulerConfigFor, schedulerFileSchema } from '../../../src/inference/image/scheduler-config.ts';
import { findSampler } from '../../../src/inference/image/scheduler-table.ts';
import { TorchGenerator } from '../../../src/inference/runtime/torch-random.ts';

const folder = new URL('../../goldens/image/', import.meta.url);

const caseSchema = z.object({
  class: z.string(),
  config: schedulerFileSchema,
  steps: z.int(),
  calls: z.int(),
  extra: z
    .object({
      mu: z.number().optional(),
      sigmas: z.array(z.number()).optional(),
      strength: z.number().optional(),
      originalSteps: z.number().optional(),
      eta: z.number().optional(),
    })
    .default({}),
  start: z.number().optional(),
});
const fileSchema = z.object({ seed: z.int(), shape: z.array(z.int()), cases: z.array(caseSchema) });

export interface SchedulerGolden extends z.infer<typeof caseSchema> {
  readonly name: string;
  readonly seed: number;
  readonly timesteps: Float32Array;
  /** The starting latents, then those after every call. */
  readonly latents: readonly Float32Array[];
}

/** Every trajectory that diffusers gave: see test/goldens/image/make_scheduler_goldens.py. */
export function schedulerGoldens(): readonly SchedulerGolden[] {
  return ['schedulers', 'schedulers-beta'].flatMap(goldensIn);
}

function goldensIn(name: string): readonly SchedulerGolden[] {
  const file = fileSchema.parse(JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')));
  const bytes = readFileSync(new URL(`${name}.f32`, folder));
  const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const size = file.shape.reduce((product, length) => product * length, 1);
  let offset = 0;
  const take = (count: number): Float32Array => {
    offset += count;
    return numbers.subarray(offset - count, offset);
  };
  const goldens = file.cases.map((entry) => {
    const timesteps = take(entry.calls);
    const latents = Array.from({ length: entry.calls + 1 }, () => take(size));
    return { ...entry, name: nameOf(entry), seed: file.seed, timesteps, latents };
  });
  if (offset !== numbers.length) throw new RangeError(`${name}.f32 holds ${numbers.length} numbers, its cases ${offset}`);
  return goldens;
}

function nameOf(entry: z.infer<typeof caseSchema>): string {
  const settings = Object.entries({ ...entry.config, ...entry.extra, start: entry.start })
    .filter(([key, value]) => value !== undefined && !key.startsWith('beta_start') && !key.startsWith('beta_end'))
    .map(([key, value]) => `${key}=${Array.isArray(value) ? `${value.length} values` : value}`);
  return `${entry.class} ${entry.steps} steps ${settings.join(' ')}`;
}

const spacing = Math.fround(2 / 15); // torch.linspace(-1, 1, 16), whose step is float32
const pattern = Float32Array.from({ length: 16 }, (_, i) => (i < 8 ? -1 + spacing * i : 1 - spacing * (15 - i)));

function extraOf(golden: SchedulerGolden): PlanExtra {
  const { mu, sigmas, strength, originalSteps, eta } = golden.extra;
  return {
    ...(mu === undefined ? {} : { mu }),
    ...(sigmas === undefined ? {} : { sigmas }),
    ...(strength === undefined ? {} : { strength }),
    ...(originalSteps === undefined ? {} : { originalSteps }),
    ...(eta === undefined ? {} : { eta }),
  };
}

/**
 * Latents of a run from noise. At σ = 4096 the last bit of the noise, which torch's vectorised logarithm rounds otherwise, would be above the tolerance:
 * there the golden's own start is taken.
 */
function startOf(golden: SchedulerGolden, noise: Float32Array, plan: SchedulerPlan): Float32Array {
  const start = golden.latents[0];
  return plan.initNoiseSigma > 1000 && start !== undefined ? start : noise.map((value) => value * plan.initNoiseSigma);
}

export interface Replay {
  readonly plan: SchedulerPlan;
  readonly begin: number;
  readonly latents: readonly Float32Array[];
}

/** Our own run of a golden case, from the seed alone. */
export function replay(golden: SchedulerGolden): Replay {
  const { scheduler } = findSampler(golden.class);
  const plan = scheduler.plan(schedulerConfigFor(golden.class, golden.config), golden.steps, extraOf(golden));
  const generator = new TorchGenerator(golden.seed);
  const noise = generator.normal(16);
  const begin = golden.start === undefined ? 0 : scheduler.startIndex(plan, golden.start);
  let x = golden.start === undefined ? startOf(golden, noise, plan) : scheduler.addNoise(plan, begin, pattern, noise);
  const latents = [x];
  let state = freshState;
  for (let index = begin; index < plan.timesteps.length; index += 1) {
    const fed = scheduler.scaleInput(plan, index, x);
    const time = Math.fround((plan.timesteps[index] ?? 0) / 1000);
    const modelOutput = fed.map((value, i) => 0.5 * value + Math.fround((pattern[i] ?? 0) * time));
    const result = scheduler.step(plan, { index, latents: x, modelOutput, state, noise: () => generator.normal(16) });
    x = result.previous;
    state = result.state;
    latents.push(x);
  }
  return { plan, begin, latents };
}

/** The largest |ours − theirs| / max(1, |theirs|). */
export function worstError(ours: Float32Array, theirs: Float32Array): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  return ours.reduce((worst, value, i) => {
    const expected = theirs[i] ?? Number.NaN;
    const error = Math.abs(value - expected) / Math.max(1, Math.abs(expected));
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
  }, 0);
}
