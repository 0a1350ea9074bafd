import { z } from 'zod';

const spacingSchema = z.enum(['leading', 'trailing', 'linspace']);
const predictionSchema = z.enum(['epsilon', 'v_prediction', 'sample', 'flow_prediction']);
const betaScheduleSchema = z.enum(['linear', 'scaled_linear', 'squaredcos_cap_v2', 'sigmoid', 'laplace', 'exp']);
const flag = z.boolean().nullish();
const figure = z.number().nullish();

/** `scheduler_config.json` as diffusers writes it; keys of other schedulers are let be. */
export const schedulerFileSchema = z.looseObject({
  _class_name: z.string().optional(),
  num_train_timesteps: z.int().min(1).max(100_000).nullish(),
  beta_start: figure,
  beta_end: figure,
  beta_schedule: betaScheduleSchema.nullish(),
  trained_betas: z.array(z.number()).nullish(),
  prediction_type: predictionSchema.nullish(),
  timestep_spacing: spacingSchema.nullish(),
  steps_offset: z.int().nullish(),
  set_alpha_to_one: flag,
  rescale_betas_zero_snr: flag,
  use_karras_sigmas: flag,
  use_exponential_sigmas: flag,
  use_beta_sigmas: flag,
  use_lu_lambdas: flag,
  use_flow_sigmas: flag,
  flow_shift: figure,
  clip_sample: flag,
  clip_sample_range: figure,
  thresholding: flag,
  dynamic_thresholding_ratio: figure,
  sample_max_value: figure,
  final_sigmas_type: z.enum(['zero', 'sigma_min']).nullish(),
  solver_order: z.int().min(1).max(3).nullish(),
  algorithm_type: z.string().nullish(),
  solver_type: z.string().nullish(),
  lower_order_final: flag,
  euler_at_final: flag,
  lambda_min_clipped: figure,
  predict_x0: flag,
  disable_corrector: z.array(z.int()).nullish(),
  skip_prk_steps: flag,
  variance_type: z.string().nullish(),
  interpolation_type: z.enum(['linear', 'log_linear']).nullish(),
  timestep_type: z.enum(['discrete', 'continuous']).nullish(),
  original_inference_steps: z.int().min(1).nullish(),
  timestep_scaling: figure,
  sigma_min: figure,
  sigma_max: figure,
  shift: figure,
  use_dynamic_shifting: flag,
  base_shift: figure,
  max_shift: figure,
  base_image_seq_len: figure,
  max_image_seq_len: figure,
  invert_sigmas: flag,
  shift_terminal: figure,
  time_shift_type: z.enum(['exponential', 'linear']).nullish(),
  stochastic_sampling: flag,
});
export type SchedulerFile = z.infer<typeof schedulerFileSchema>;

/** What a scheduler goes by: the file's values, and where it is silent the defaults of the scheduler's own class. */
export interface SchedulerConfig {
  readonly trainTimesteps: number;
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly betaSchedule: z.infer<typeof betaScheduleSchema>;
  readonly trainedBetas: readonly number[] | undefined;
  readonly predictionType: z.infer<typeof predictionSchema>;
  readonly timestepSpacing: z.infer<typeof spacingSchema>;
  readonly stepsOffset: number;
  readonly setAlphaToOne: boolean;
  readonly rescaleBetasZeroSnr: boolean;
  readonly useKarrasSigmas: boolean;
  readonly useExponentialSigmas: boolean;
  readonly useBetaSigmas: boolean;
  readonly useLuLambdas: boolean;
  readonly useFlowSigmas: boolean;
  readonly flowShift: number;
  readonly clipSample: boolean;
  readonly clipSampleRange: number;
  readonly thresholding: boolean;
  readonly dynamicThresholdingRatio: number;
  readonly sampleMaxValue: number;
  readonly finalSigmasType: 'zero' | 'sigma_min';
  readonly solverOrder: number;
  readonly algorithmType: string;
  readonly solverType: string;
  readonly lowerOrderFinal: boolean;
  readonly eulerAtFinal: boolean;
  readonly lambdaMinClipped: number;
  readonly predictX0: boolean;
  readonly disableCorrector: readonly number[];
  readonly skipPrkSteps: boolean;
  readonly varianceType: string;
  readonly interpolationType: 'linear' | 'log_linear';
  readonly timestepType: 'discrete' | 'continuous';
  readonly originalInferenceSteps: number;
  readonly timestepScaling: number;
  readonly sigmaMin: number | undefined;
  readonly sigmaMax: number | undefined;
  readonly shift: number;
  readonly useDynamicShifting: boolean;
  readonly baseShift: number;
  readonly maxShift: number;
  readonly baseImageSeqLen: number;
  readonly maxImageSeqLen: number;
  readonly invertSigmas: boolean;
  readonly shiftTerminal: number | undefined;
  readonly timeShiftType: 'exponential' | 'linear';
  readonly stochasticSampling: boolean;
}

const commonDefaults: SchedulerConfig = {
  trainTimesteps: 1000,
  betaStart: 0.0001,
  betaEnd: 0.02,
  betaSchedule: 'linear',
  trainedBetas: undefined,
  predictionType: 'epsilon',
  timestepSpacing: 'linspace',
  stepsOffset: 0,
  setAlphaToOne: true,
  rescaleBetasZeroSnr: false,
  useKarrasSigmas: false,
  useExponentialSigmas: false,
  useBetaSigmas: false,
  useLuLambdas: false,
  useFlowSigmas: false,
  flowShift: 1,
  clipSample: false,
  clipSampleRange: 1,
  thresholding: false,
  dynamicThresholdingRatio: 0.995,
  sampleMaxValue: 1,
  finalSigmasType: 'zero',
  solverOrder: 2,
  algorithmType: 'dpmsolver++',
  solverType: 'midpoint',
  lowerOrderFinal: true,
  eulerAtFinal: false,
  lambdaMinClipped: Number.NEGATIVE_INFINITY,
  predictX0: true,
  disableCorrector: [],
  skipPrkSteps: false,
  varianceType: 'fixed_small',
  interpolationType: 'linear',
  timestepType: 'discrete',
  originalInferenceSteps: 50,
  timestepScaling: 10,
  sigmaMin: undefined,
  sigmaMax: undefined,
  shift: 1,
  useDynamicShifting: false,
  baseShift: 0.5,
  maxShift: 1.15,
  baseImageSeqLen: 256,
  maxImageSeqLen: 4096,
  invertSigmas: false,
  shiftTerminal: undefined,
  timeShiftType: 'exponential',
  stochasticSampling: false,
};

/** Where a class of diffusers departs from the common defaults (`__init__` of each scheduler, diffusers 0.39). */
const classDefaults: Readonly<Record<string, Partial<SchedulerConfig>>> = {
  DDIMScheduler: { clipSample: true, timestepSpacing: 'leading' },
  DDPMScheduler: { clipSample: true, timestepSpacing: 'leading' },
  PNDMScheduler: { setAlphaToOne: false, timestepSpacing: 'leading' },
  HeunDiscreteScheduler: { betaStart: 0.00085, betaEnd: 0.012 },
  DPMSolverSinglestepScheduler: { lowerOrderFinal: false },
  UniPCMultistepScheduler: { solverType: 'bh2' },
  LCMScheduler: { betaStart: 0.00085, betaEnd: 0.012, betaSchedule: 'scaled_linear', timestepSpacing: 'leading' },
};

/**
 * The configuration of the scheduler class `className` under the values of a scheduler file, which may have been written for another class:
 * keys that are there count, keys that are missing take the defaults of `className`, as diffusers' `from_config` does.
 */
export function schedulerConfigFor(className: string, file: SchedulerFile, overrides: Partial<SchedulerConfig> = {}): SchedulerConfig {
  const defaults = { ...commonDefaults, ...classDefaults[className] };
  return {
    ...defaults,
    ...noiseFrom(file, defaults),
    ...samplingFrom(file, defaults),
    ...solverFrom(file, defaults),
    ...flowFrom(file, defaults),
    ...overrides,
  };
}

function noiseFrom(file: SchedulerFile, defaults: SchedulerConfig): Partial<SchedulerConfig> {
  return {
    trainTimesteps: file.num_train_timesteps ?? defaults.trainTimesteps,
    betaStart: file.beta_start ?? defaults.betaStart,
    betaEnd: file.beta_end ?? defaults.betaEnd,
    betaSchedule: file.beta_schedule ?? defaults.betaSchedule,
    trainedBetas: file.trained_betas ?? undefined,
    predictionType: file.prediction_type ?? defaults.predictionType,
    rescaleBetasZeroSnr: file.rescale_betas_zero_snr ?? false,
    setAlphaToOne: file.set_alpha_to_one ?? defaults.setAlphaToOne,
    varianceType: file.variance_type ?? defaults.varianceType,
  };
}

function samplingFrom(file: SchedulerFile, defaults: SchedulerConfig): Partial<SchedulerConfig> {
  return {
    timestepSpacing: file.timestep_spacing ?? defaults.timestepSpacing,
    stepsOffset: file.steps_offset ?? 0,
    useKarrasSigmas: file.use_karras_sigmas ?? false,
    useExponentialSigmas: file.use_exponential_sigmas ?? false,
    useBetaSigmas: file.use_beta_sigmas ?? false,
    useLuLambdas: file.use_lu_lambdas ?? false,
    clipSample: file.clip_sample ?? defaults.clipSample,
    clipSampleRange: file.clip_sample_range ?? defaults.clipSampleRange,
    thresholding: file.thresholding ?? false,
    dynamicThresholdingRatio: file.dynamic_thresholding_ratio ?? defaults.dynamicThresholdingRatio,
    sampleMaxValue: file.sample_max_value ?? defaults.sampleMaxValue,
    finalSigmasType: file.final_sigmas_type ?? defaults.finalSigmasType,
    interpolationType: file.interpolation_type ?? defaults.interpolationType,
    timestepType: file.timestep_type ?? defaults.timestepType,
    sigmaMin: file.sigma_min ?? undefined,
    sigmaMax: file.sigma_max ?? undefined,
  };
}

function solverFrom(file: SchedulerFile, defaults: SchedulerConfig): Partial<SchedulerConfig> {
  return {
    solverOrder: file.solver_order ?? defaults.solverOrder,
    algorithmType: file.algorithm_type ?? defaults.algorithmType,
    solverType: file.solver_type ?? defaults.solverType,
    lowerOrderFinal: file.lower_order_final ?? defaults.lowerOrderFinal,
    eulerAtFinal: file.euler_at_final ?? false,
    lambdaMinClipped: file.lambda_min_clipped ?? defaults.lambdaMinClipped,
    predictX0: file.predict_x0 ?? true,
    disableCorrector: file.disable_corrector ?? [],
    skipPrkSteps: file.skip_prk_steps ?? false,
    originalInferenceSteps: file.original_inference_steps ?? defaults.originalInferenceSteps,
    timestepScaling: file.timestep_scaling ?? defaults.timestepScaling,
  };
}

function flowFrom(file: SchedulerFile, defaults: SchedulerConfig): Partial<SchedulerConfig> {
  return {
    useFlowSigmas: file.use_flow_sigmas ?? false,
    flowShift: file.flow_shift ?? defaults.flowShift,
    shift: file.shift ?? defaults.shift,
    useDynamicShifting: file.use_dynamic_shifting ?? false,
    baseShift: file.base_shift ?? defaults.baseShift,
    maxShift: file.max_shift ?? defaults.maxShift,
    baseImageSeqLen: file.base_image_seq_len ?? defaults.baseImageSeqLen,
    maxImageSeqLen: file.max_image_seq_len ?? defaults.maxImageSeqLen,
    invertSigmas: file.invert_sigmas ?? false,
    shiftTerminal: file.shift_terminal ?? undefined,
    timeShiftType: file.time_shift_type ?? defaults.timeShiftType,
    stochasticSampling: file.stochastic_sampling ?? false,
  };
}
