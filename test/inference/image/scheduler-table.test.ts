import { describe, expect, it } from 'vitest';
import { FrescoError } from '../../../src/fresco-error.ts';
import { schedulerConfigFor, schedulerFileSchema } from '../../../src/inference/image/scheduler-config.ts';
import { chooseSampler, findSampler, samplerNames } from '../../../src/inference/image/scheduler-table.ts';
import { schedulerContract } from '../../contracts/scheduler-contract.ts';

const stableDiffusion = {
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  clip_sample: false,
  steps_offset: 1,
  skip_prk_steps: true,
} as const;

describe('every sampler keeps the contract', () => {
  for (const name of samplerNames()) {
    const { scheduler, config } = chooseSampler({ ...stableDiffusion, _class_name: 'PNDMScheduler' }, name);
    schedulerContract(name, scheduler, config);
  }
});

describe('names', () => {
  it.each([
    ['DPM++ 2M Karras', 'DPMSolverMultistepScheduler', { useKarrasSigmas: true, algorithmType: 'dpmsolver++' }],
    ['dpm++ 2m sde exponential', 'DPMSolverMultistepScheduler', { useExponentialSigmas: true, algorithmType: 'sde-dpmsolver++' }],
    ['unipc beta', 'UniPCMultistepScheduler', { useBetaSigmas: true }],
    ['dpmpp_2m', 'DPMSolverMultistepScheduler', { algorithmType: 'dpmsolver++', useKarrasSigmas: false }],
    ['euler a', 'EulerAncestralDiscreteScheduler', {}],
    ['EULER', 'EulerDiscreteScheduler', { useKarrasSigmas: false }],
    ['k_euler', 'EulerDiscreteScheduler', {}],
    ['ddim', 'DDIMScheduler', {}],
    ['PLMS', 'PNDMScheduler', {}],
    ['UniPCMultistepScheduler', 'UniPCMultistepScheduler', {}],
    ['DPMSolverSinglestep', 'DPMSolverSinglestepScheduler', {}],
    ['FlowMatchEulerDiscreteScheduler', 'FlowMatchEulerDiscreteScheduler', {}],
    ['lms-karras', 'LMSDiscreteScheduler', { useKarrasSigmas: true }],
  ])('%s is %s', (name, className, settings) => {
    const { scheduler, config } = chooseSampler({}, name);
    expect(scheduler.className).toBe(className);
    expect(config).toMatchObject(settings);
  });

  it('finds every shown name again', () => {
    for (const name of samplerNames()) expect(findSampler(name).name).toBe(name);
    expect(samplerNames()).toContain('DPM++ 2S Karras');
    expect(new Set(samplerNames()).size).toBe(samplerNames().length);
  });

  it.each(['', 'dpm++', 'ddim karras', 'euler b', 'DPM++ 3M SDE', 'toString', '__proto__'])('%j is unknown, and the error lists what is known', (name) => {
    const failure = (() => {
      try {
        return findSampler(name);
      } catch (error) {
        return error;
      }
    })();
    if (!FrescoError.is(failure, 'sampler-unknown')) throw failure;
    expect(failure.facts.sampler).toBe(name);
    expect(failure.facts.known).toEqual(samplerNames());
  });

  it("takes the model file's own scheduler with all its settings when none is asked for", () => {
    const { name, config } = chooseSampler({ _class_name: 'DPMSolverMultistepScheduler', algorithm_type: 'sde-dpmsolver++', use_karras_sigmas: true });
    expect(name).toBe('DPM++ 2M');
    expect(config).toMatchObject({ algorithmType: 'sde-dpmsolver++', useKarrasSigmas: true });
  });
});

describe('scheduler files', () => {
  it('gives a silent file the defaults of the class that reads it', () => {
    expect(schedulerConfigFor('DDIMScheduler', {})).toMatchObject({ clipSample: true, timestepSpacing: 'leading', betaSchedule: 'linear' });
    expect(schedulerConfigFor('EulerDiscreteScheduler', {})).toMatchObject({ clipSample: false, timestepSpacing: 'linspace' });
    expect(schedulerConfigFor('LCMScheduler', {})).toMatchObject({ betaSchedule: 'scaled_linear', originalInferenceSteps: 50 });
  });

  it('refuses values of the wrong kind', () => {
    expect(() => schedulerFileSchema.parse({ prediction_type: 'guess' })).toThrow();
    expect(() => schedulerFileSchema.parse({ num_train_timesteps: 0 })).toThrow();
    expect(() => schedulerFileSchema.parse({ solver_order: 4 })).toThrow();
  });

  it.each([
    ['DDPM', { variance_type: 'learned_range' }],
    ['PNDM', { prediction_type: 'sample', skip_prk_steps: true }],
    ['DPM++ 2M', { prediction_type: 'flow_prediction' }],
    ['DPMSolverMultistepScheduler', { algorithm_type: 'dpmsolver' }],
    ['DPMSolverSinglestepScheduler', { algorithm_type: 'sde-dpmsolver' }],
    ['Flow Euler', { use_dynamic_shifting: true }],
  ])('%s says what it does not support in %o', (name, file) => {
    const { scheduler, config } = chooseSampler(schedulerFileSchema.parse(file), name);
    const latents = new Float32Array(16).fill(0.5);
    const run = () => {
      const plan = scheduler.plan(config, 4);
      scheduler.step(plan, { index: 0, latents, modelOutput: latents, state: { calls: 0, history: [], lastOrder: 0 }, noise: () => latents });
    };
    expect(run).toThrow(expect.objectContaining({ code: 'model-unsupported' }));
  });
});
