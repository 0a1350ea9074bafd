import { FrescoError } from '../../../fresco-error.ts';
import { axpby, clamped, scaled } from '../../runtime/tensor-math.ts';
import type { SchedulerPlan, StepInput } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';

const f32 = Math.fround;

/** x − σ·ε, in float32 after every operation. A plain loop, like the next two: `map` takes ten times as long on arrays of this size. */
function withoutNoise(latents: Float32Array, sigma: number, noise: Float32Array): Float32Array {
  const result = new Float32Array(latents.length);
  for (let i = 0; i < latents.length; i += 1) result[i] = latents[i]! - f32(sigma * noise[i]!);
  return result;
}

/** x/(σ²+1) − v·σ/√(σ²+1), in float32 after every operation. */
function withoutVelocity(latents: Float32Array, sigma: number, velocity: Float32Array): Float32Array {
  const variance = f32(f32(sigma ** 2) + 1);
  const weight = f32(-sigma / f32(Math.sqrt(variance)));
  const result = new Float32Array(latents.length);
  for (let i = 0; i < latents.length; i += 1) result[i] = f32(velocity[i]! * weight) + f32(latents[i]! / variance);
  return result;
}

/** Throws 'model-unsupported': this sampler can't follow what the model predicts. */
export function unfitPrediction(config: SchedulerConfig, sampler: string): FrescoError {
  return new FrescoError('model-unsupported', { model: 'scheduler_config.json', problem: `${sampler} can't follow prediction_type ${config.predictionType}` });
}

/** x̂0 and ε from a model output at signal strength √ᾱ and noise strength √(1−ᾱ), before any clipping. */
export function predictFromAlpha(plan: SchedulerPlan, alphaBar: number, input: StepInput): { readonly denoised: Float32Array; readonly noise: Float32Array } {
  const { latents, modelOutput } = input;
  const signal = Math.sqrt(alphaBar);
  const spread = Math.sqrt(1 - alphaBar);
  switch (plan.config.predictionType) {
    case 'epsilon':
      return { denoised: axpby(1 / signal, latents, -spread / signal, modelOutput), noise: modelOutput };
    case 'sample':
      return { denoised: modelOutput, noise: axpby(1 / spread, latents, -signal / spread, modelOutput) };
    case 'v_prediction':
      return { denoised: axpby(signal, latents, -spread, modelOutput), noise: axpby(signal, modelOutput, spread, latents) };
    case 'flow_prediction':
      throw unfitPrediction(plan.config, 'a sampler of timesteps');
    default:
      return plan.config.predictionType satisfies never;
  }
}

/**
 * x̂0 from a model output at noise level σ of a variance-exploding process (latents are x0 + σ·ε).
 * Rounds to float32 after every operation, as torch does: with zero terminal SNR σ begins at 4096, where a last bit is larger than the tolerance.
 */
export function predictFromSigma(plan: SchedulerPlan, sigma: number, input: StepInput): Float32Array {
  const { latents, modelOutput } = input;
  switch (plan.config.predictionType) {
    case 'epsilon':
      return withoutNoise(latents, sigma, modelOutput);
    case 'sample':
      return modelOutput;
    case 'v_prediction':
      return withoutVelocity(latents, sigma, modelOutput);
    case 'flow_prediction':
      throw unfitPrediction(plan.config, 'a sampler of noise levels');
    default:
      return plan.config.predictionType satisfies never;
  }
}

/** x + (x − x̂0)/σ·(target − σ): a straight line through x and x̂0, in float32 after every operation for the reason given above. */
export function alongSlope(latents: Float32Array, denoised: Float32Array, sigma: number, target: number): Float32Array {
  const gap = f32(target - sigma);
  const result = new Float32Array(latents.length);
  for (let i = 0; i < latents.length; i += 1) {
    const x = latents[i]!;
    result[i] = x + f32(f32(f32(x - denoised[i]!) / sigma) * gap);
  }
  return result;
}

/** x̂0 held in range where the configuration says so: dynamic thresholding, else plain clipping. */
export function heldInRange(plan: SchedulerPlan, denoised: Float32Array, batch: number): Float32Array {
  if (plan.config.thresholding) return dynamicallyThresholded(plan.config, denoised, batch);
  return plan.config.clipSample ? clamped(denoised, plan.config.clipSampleRange) : denoised;
}

/** Each picture held at a high percentile of its own magnitudes and divided by it. Source: Imagen (arXiv 2205.11487), section 2.3. */
export function dynamicallyThresholded(config: SchedulerConfig, denoised: Float32Array, batch: number): Float32Array {
  const result = new Float32Array(denoised.length);
  const size = denoised.length / batch;
  for (let start = 0; start < denoised.length; start += size) {
    const picture = denoised.subarray(start, start + size);
    const magnitudes = picture.map(Math.abs).sort();
    const position = config.dynamicThresholdingRatio * (size - 1);
    const below = magnitudes[Math.floor(position)] ?? 0;
    const above = magnitudes[Math.ceil(position)] ?? below;
    const percentile = below + (above - below) * (position - Math.floor(position));
    const limit = Math.min(Math.max(percentile, 1), config.sampleMaxValue);
    result.set(scaled(1 / limit, clamped(picture, limit)), start);
  }
  return result;
}

/** √ᾱ·x0 + √(1−ᾱ)·noise, at the plan's timestep of `index`. */
export function noisedByAlpha(plan: SchedulerPlan, index: number, clean: Float32Array, noise: Float32Array): Float32Array {
  const alphaBar = alphaAt(plan, plan.timesteps[index] ?? 0);
  return axpby(Math.sqrt(alphaBar), clean, Math.sqrt(1 - alphaBar), noise);
}

/** x0 + σ·noise, at the plan's level of `index`. */
export function noisedBySigma(plan: SchedulerPlan, index: number, clean: Float32Array, noise: Float32Array): Float32Array {
  return axpby(1, clean, plan.sigmas[index] ?? 0, noise);
}

/** ᾱ at a training timestep; before the first one it is 1, or ᾱ of the first where the configuration says so. */
export function alphaAt(plan: SchedulerPlan, timestep: number): number {
  if (timestep >= 0) return plan.alphas[Math.min(timestep, plan.alphas.length - 1)] ?? 1;
  return plan.config.setAlphaToOne ? 1 : (plan.alphas[0] ?? 1);
}
