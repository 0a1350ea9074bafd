import { FrescoError } from '../../fresco-error.ts';
import type { SchedulerFile } from './scheduler-config.ts';
import { type ChosenSampler, chooseSampler, findSampler, type SamplerChoice, samplerNames } from './scheduler-table.ts';

/** Solvers that can follow a rectified flow (diffusers' `use_flow_sigmas`). */
const flowSolvers: ReadonlySet<string> = new Set(['DPMSolverMultistepScheduler', 'DPMSolverSinglestepScheduler', 'UniPCMultistepScheduler']);

/** In a flow model "Euler" means Euler along the flow, as in every UI. */
const flowName = (name: string): string => name.replace(/^Euler(?! a)/, 'Flow Euler');

/** Throws 'option-invalid' when a sampler can't follow the process that a family was trained on. */
export function checkSampler(choice: SamplerChoice, isFlow: boolean): void {
  const canFlow = choice.scheduler.family === 'flow' || flowSolvers.has(choice.scheduler.className);
  const canDiffuse = choice.scheduler.family !== 'flow';
  if (isFlow ? canFlow : canDiffuse) return;
  const fitting = samplerNames().filter((name) => {
    const { scheduler } = findSampler(name);
    return isFlow ? scheduler.family === 'flow' || flowSolvers.has(scheduler.className) : scheduler.family !== 'flow';
  });
  throw new FrescoError('option-invalid', { option: 'sampler', found: choice.name, expected: `one that fits this model: ${fitting.slice(0, 12).join(', ')}` });
}

/** The named sampler as a family of that kind runs it. Throws 'sampler-unknown', 'option-invalid'. */
export function findFitting(asked: string, isFlow: boolean): SamplerChoice {
  const plain = findSampler(asked);
  const choice = isFlow ? findSampler(flowName(plain.name)) : plain;
  checkSampler(choice, isFlow);
  return choice;
}

/** The sampler of one run, asked for or the model's own, set up for the model's process. Throws 'sampler-unknown', 'option-invalid'. */
export function samplerFor(file: SchedulerFile, isFlow: boolean, asked: string | undefined): ChosenSampler {
  if (asked === undefined) return chooseSampler(file);
  const choice = findFitting(asked, isFlow);
  if (!isFlow || choice.scheduler.family === 'flow') return chooseSampler(file, choice.name);
  return chooseSampler(file, choice.name, { useFlowSigmas: true, predictionType: 'flow_prediction', flowShift: file.shift ?? 1, useDynamicShifting: false });
}
