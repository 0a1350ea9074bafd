import { FrescoError } from '../../fresco-error.ts';
import type { Scheduler } from './scheduler.ts';
import { type SchedulerConfig, type SchedulerFile, schedulerConfigFor } from './scheduler-config.ts';
import { ddimScheduler } from './schedulers/ddim-scheduler.ts';
import { ddpmScheduler } from './schedulers/ddpm-scheduler.ts';
import { dpmMultistepScheduler } from './schedulers/dpm-multistep-scheduler.ts';
import { dpmSinglestepScheduler } from './schedulers/dpm-singlestep-scheduler.ts';
import { eulerAncestralScheduler } from './schedulers/euler-ancestral-scheduler.ts';
import { eulerScheduler } from './schedulers/euler-scheduler.ts';
import { flowMatchEulerScheduler } from './schedulers/flow-match-euler-scheduler.ts';
import { heunScheduler } from './schedulers/heun-scheduler.ts';
import { lcmScheduler } from './schedulers/lcm-scheduler.ts';
import { lmsScheduler } from './schedulers/lms-scheduler.ts';
import { pndmScheduler } from './schedulers/pndm-scheduler.ts';
import { unipcScheduler } from './schedulers/unipc-scheduler.ts';

interface Entry {
  readonly scheduler: Scheduler;
  /** Other spellings that people use; spaces, case, `-` and `_` don't count. */
  readonly aliases: readonly string[];
  readonly overrides: Partial<SchedulerConfig>;
  /** Takes "Karras", "Exponential" and "Beta" behind its name. */
  readonly ownSigmas: boolean;
}

const plain = { overrides: {}, ownSigmas: false } as const;
const bySigmas = { overrides: {}, ownSigmas: true } as const;
const deterministic: Partial<SchedulerConfig> = { algorithmType: 'dpmsolver++' };
const stochastic: Partial<SchedulerConfig> = { algorithmType: 'sde-dpmsolver++' };

/** Samplers by the name people know. */
const samplers = {
  'Euler a': { scheduler: eulerAncestralScheduler, aliases: ['Euler Ancestral', 'k_euler_a', 'k_euler_ancestral'], ...plain },
  Euler: { scheduler: eulerScheduler, aliases: ['k_euler'], ...bySigmas },
  'DPM++ 2M': { scheduler: dpmMultistepScheduler, aliases: ['dpmpp 2m', 'k_dpmpp_2m'], ...bySigmas, overrides: deterministic },
  'DPM++ 2M SDE': { scheduler: dpmMultistepScheduler, aliases: ['dpmpp 2m sde', 'k_dpmpp_2m_sde'], ...bySigmas, overrides: stochastic },
  'DPM++ 2S': { scheduler: dpmSinglestepScheduler, aliases: ['dpmpp 2s'], ...bySigmas, overrides: deterministic },
  UniPC: { scheduler: unipcScheduler, aliases: ['uni pc'], ...bySigmas },
  DDIM: { scheduler: ddimScheduler, aliases: [], ...plain },
  PNDM: { scheduler: pndmScheduler, aliases: ['PLMS'], ...plain },
  DDPM: { scheduler: ddpmScheduler, aliases: [], ...plain },
  Heun: { scheduler: heunScheduler, aliases: ['k_heun'], ...bySigmas },
  LMS: { scheduler: lmsScheduler, aliases: ['k_lms'], ...bySigmas },
  LCM: { scheduler: lcmScheduler, aliases: [], ...plain },
  'Flow Euler': { scheduler: flowMatchEulerScheduler, aliases: ['Flow Match Euler', 'FlowMatchEuler'], ...bySigmas },
} as const satisfies Readonly<Record<string, Entry>>;

const levels = {
  Karras: { useKarrasSigmas: true, useExponentialSigmas: false, useBetaSigmas: false, useLuLambdas: false },
  Exponential: { useKarrasSigmas: false, useExponentialSigmas: true, useBetaSigmas: false, useLuLambdas: false },
  Beta: { useKarrasSigmas: false, useExponentialSigmas: false, useBetaSigmas: true, useLuLambdas: false },
} as const satisfies Readonly<Record<string, Partial<SchedulerConfig>>>;

/** A sampler found by name: its scheduler and the configuration keys that the name stands for. */
export interface SamplerChoice {
  /** The name to show. */
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly overrides: Partial<SchedulerConfig>;
}

const keyOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[\s_-]+/g, '')
    .replace(/scheduler$/, '');

function buildIndex(): ReadonlyMap<string, SamplerChoice> {
  const index = new Map<string, SamplerChoice>();
  const entries: readonly (readonly [string, Entry])[] = Object.entries(samplers);
  for (const [name, entry] of entries) {
    const spellings = [name, ...entry.aliases];
    const choice = { name, scheduler: entry.scheduler, overrides: entry.overrides };
    for (const spelling of spellings) index.set(keyOf(spelling), choice);
    for (const [level, overrides] of entry.ownSigmas ? Object.entries(levels) : []) {
      const leveled = { name: `${name} ${level}`, scheduler: entry.scheduler, overrides: { ...entry.overrides, ...overrides } };
      for (const spelling of spellings) index.set(keyOf(`${spelling} ${level}`), leveled);
    }
  }
  for (const [name, { scheduler }] of entries) {
    const key = keyOf(scheduler.className);
    if (!index.has(key)) index.set(key, { name, scheduler, overrides: {} }); // a class name takes the file's own settings as they are
  }
  return index;
}

const index = buildIndex();

/** Every sampler name to show, for completions and messages: plain ones first, then those with their own noise levels. */
export function samplerNames(): readonly string[] {
  const names = new Set([...index.values()].map((choice) => choice.name));
  return [...names].sort((a, b) => rank(a) - rank(b));
}

function rank(name: string): number {
  return Object.keys(levels).findIndex((level) => name.endsWith(` ${level}`)) + 1;
}

/**
 * A sampler by the name people know ("DPM++ 2M Karras", "euler a") or by diffusers' class name; case, spaces, `-` and `_` don't count.
 * Throws 'sampler-unknown' with the known names.
 */
export function findSampler(name: string): SamplerChoice {
  const choice = index.get(keyOf(name));
  if (choice === undefined) throw new FrescoError('sampler-unknown', { sampler: name, known: samplerNames() });
  return choice;
}

/** A scheduler ready to plan. */
export interface ChosenSampler extends SamplerChoice {
  readonly config: SchedulerConfig;
}

/**
 * The sampler of one run: the one asked for, else the one the model's scheduler file names, under that file's settings.
 * Throws 'sampler-unknown' for a name, and for a file whose class is not supported.
 */
export function chooseSampler(file: SchedulerFile, asked?: string, overrides: Partial<SchedulerConfig> = {}): ChosenSampler {
  const choice = findSampler(asked ?? file._class_name ?? 'PNDM');
  return { ...choice, config: schedulerConfigFor(choice.scheduler.className, file, { ...choice.overrides, ...overrides }) };
}
