import { FrescoError } from '../../../fresco-error.ts';
import { axpby, combine, type Term } from '../../runtime/tensor-math.ts';
import { type Scheduler, type SchedulerPlan, type StepInput, type StepOutput, unscaled, wholeStepStart } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { noisedByStrength, solverPlan, solverPrediction, strengthAt } from './solver-plan.ts';

/** Gaussian elimination with row exchange; for the 1×1 to 3×3 systems of the corrector. */
function solved(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  const size = rows.length;
  for (let column = 0; column < size; column += 1) {
    const pivot = rows.reduce((best, row, i) => (i >= column && Math.abs(row[column]!) > Math.abs(rows[best]![column]!) ? i : best), column);
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    for (let i = 0; i < size; i += 1) {
      if (i === column) continue;
      const factor = rows[i]![column]! / rows[column]![column]!;
      rows[i] = rows[i]!.map((value, j) => value - factor * rows[column]![j]!);
    }
  }
  return rows.map((row, i) => row[size]! / row[i]!);
}

/** What predictor and corrector share for a step between two levels: B(h), h·φ1(h) and the moments of the order conditions. */
interface Conditions {
  readonly scale: number;
  readonly firstOrder: number;
  readonly ratios: readonly number[];
  readonly matrix: readonly (readonly number[])[];
  readonly right: readonly number[];
}

/** Order conditions for the step from level `from` to `from + 1`, with `order − 1` earlier levels. Source: UniPC, section 3.2. */
function conditionsOf(plan: SchedulerPlan, from: number, order: number): Conditions {
  const start = strengthAt(plan, from);
  const h = strengthAt(plan, from + 1).lambda - start.lambda;
  const signed = plan.config.predictX0 ? -h : h;
  const firstOrder = Math.expm1(signed);
  const scale = plan.config.solverType === 'bh1' ? signed : firstOrder;
  const ratios = [...Array.from({ length: order - 1 }, (_, i) => (strengthAt(plan, from - 1 - i).lambda - start.lambda) / h), 1];
  let phi = firstOrder / signed - 1;
  let factorial = 1;
  const matrix: number[][] = [];
  const right: number[] = [];
  for (let i = 1; i <= order; i += 1) {
    matrix.push(ratios.map((ratio) => ratio ** (i - 1)));
    right.push((phi * factorial) / scale);
    factorial *= i + 1;
    phi = phi / signed - 1 / factorial;
  }
  return { scale, firstOrder, ratios, matrix, right };
}

/** The two weights that carry the sample and the newest output over the step, and the weight of all corrections. */
function carried(plan: SchedulerPlan, from: number, conditions: Conditions): { readonly sample: number; readonly output: number; readonly correction: number } {
  const start = strengthAt(plan, from);
  const end = strengthAt(plan, from + 1);
  return plan.config.predictX0
    ? { sample: end.spread / start.spread, output: -end.alpha * conditions.firstOrder, correction: -end.alpha * conditions.scale }
    : { sample: end.alpha / start.alpha, output: -end.spread * conditions.firstOrder, correction: -end.spread * conditions.scale };
}

/** (older − newest)/ratio for each earlier output. `outputs` newest last. */
function slopes(outputs: readonly Float32Array[], ratios: readonly number[]): Float32Array[] {
  const newest = outputs[outputs.length - 1]!;
  return ratios.slice(0, -1).map((ratio, i) => axpby(1 / ratio, outputs[outputs.length - 2 - i]!, -1 / ratio, newest));
}

/** One update of the solver. `outputs` newest last; the newest belongs to the level that the step starts from. */
interface Update {
  readonly plan: SchedulerPlan;
  /** Level that the step starts from. */
  readonly from: number;
  readonly sample: Float32Array;
  readonly outputs: readonly Float32Array[];
  readonly order: number;
}

function predicted(update: Update): Float32Array {
  const { plan, from, sample, outputs, order } = update;
  const conditions = conditionsOf(plan, from, order);
  const weights = carried(plan, from, conditions);
  const inner = conditions.matrix.slice(0, -1).map((row) => row.slice(0, -1));
  const rhos = order === 2 ? [0.5] : solved(inner, conditions.right.slice(0, -1));
  const terms = slopes(outputs, conditions.ratios).map((slope, i): Term => [weights.correction * rhos[i]!, slope]);
  return combine([weights.sample, sample], [weights.output, outputs[outputs.length - 1]!], ...terms);
}

/** The same step taken again, now that the model has been asked at its end. */
function corrected(update: Update, fresh: Float32Array): Float32Array {
  const { plan, from, sample, outputs, order } = update;
  const conditions = conditionsOf(plan, from, order);
  const weights = carried(plan, from, conditions);
  const rhos = order === 1 ? [0.5] : solved(conditions.matrix, conditions.right);
  const terms = slopes(outputs, conditions.ratios).map((slope, i): Term => [weights.correction * rhos[i]!, slope]);
  const last = weights.correction * rhos[rhos.length - 1]!;
  return combine([weights.sample, sample], [weights.output - last, outputs[outputs.length - 1]!], [last, fresh], ...terms);
}

function checked(config: SchedulerConfig): SchedulerConfig {
  if (config.useDynamicShifting && config.useFlowSigmas) {
    throw new FrescoError('model-unsupported', { model: 'scheduler_config.json', problem: 'UniPC with use_dynamic_shifting is not supported' });
  }
  return { ...config, solverType: config.solverType === 'bh1' ? 'bh1' : 'bh2' };
}

/**
 * UniPC: a multistep predictor, and a corrector that costs no further model call.
 * Source: Zhao et al. 2023 (arXiv 2302.04867), algorithms 5 to 8; goldens from diffusers `scheduling_unipc_multistep.py`.
 */
export const unipcScheduler: Scheduler = {
  className: 'UniPCMultistepScheduler',
  family: 'sigma',
  plan: (config: SchedulerConfig, steps: number): SchedulerPlan =>
    solverPlan(checked(config), steps, { lastByFormula: true, roundsKarras: true, usable: () => config.trainTimesteps }),
  scaleInput: unscaled,
  step: (plan: SchedulerPlan, input: StepInput): StepOutput => {
    const { state, index } = input;
    const { solverOrder, lowerOrderFinal, predictX0, disableCorrector } = plan.config;
    const fresh = solverPrediction(plan, input, !predictX0);
    const corrects = index > 0 && state.sample !== undefined && !disableCorrector.includes(index - 1);
    const sample =
      corrects && state.sample !== undefined
        ? corrected({ plan, from: index - 1, sample: state.sample, outputs: state.history, order: state.lastOrder }, fresh)
        : input.latents;
    const outputs = [...state.history, fresh].slice(-solverOrder);
    const wanted = lowerOrderFinal ? Math.min(solverOrder, plan.steps - index) : solverOrder;
    const order = Math.min(wanted, state.calls + 1);
    const previous = predicted({ plan, from: index, sample, outputs, order });
    const denoised = predictX0 ? fresh : solverPrediction(plan, input, false);
    return { previous, denoised, state: { calls: state.calls + 1, history: outputs, sample, lastOrder: order } };
  },
  addNoise: noisedByStrength,
  startIndex: wholeStepStart,
};
