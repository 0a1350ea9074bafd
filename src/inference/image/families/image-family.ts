import type { Conditioning } from '../conditioning.ts';
import type { PreviewMatrix } from '../latent-preview.ts';
import type { ImageModelFiles } from '../model-files.ts';
import type { PromptEncoders } from '../prompt-encoder.ts';
import type { PlanExtra } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';

export type FamilyName = 'sd1' | 'sd2' | 'sdxl' | 'sdxl-refiner' | 'turbo' | 'lcm' | 'sd3' | 'flux';

/** What a family paints with when the person names nothing. */
export interface FamilyDefaults {
  /** Pixels a side. */
  readonly nativeWidth: number;
  readonly nativeHeight: number;
  /** Width and height must be multiples of it. */
  readonly multiple: number;
  readonly steps: number;
  readonly guidanceScale: number;
  readonly guidanceRescale: number;
  /** Of image to image. */
  readonly strength: number;
}

/** What a person asks of one picture, as a family needs it. */
export interface PromptWish {
  readonly prompt: string;
  /** Undefined where none was given, which is not the same as an empty one. */
  readonly negativePrompt: string | undefined;
  readonly guidanceScale: number;
  /** As people count: 0 and 1 are the last layer, 2 the last but one. */
  readonly clipSkip: number;
  readonly width: number;
  readonly height: number;
}

export interface LatentSize {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** One model family: all that differs from one pipeline to the next. A family is one file; `family-table.ts` lists them. */
export interface ImageFamily {
  readonly name: FamilyName;
  readonly title: string;
  /** True when the folder holds a model of this family; asked in the order of the table. */
  matches(files: ImageModelFiles): boolean;
  defaults(files: ImageModelFiles): FamilyDefaults;
  /** Encodes prompts to the rows that the denoiser takes. Throws 'option-invalid' for a clip skip the graphs can't give. */
  condition(files: ImageModelFiles, encoders: PromptEncoders, wish: PromptWish): Promise<Conditioning>;
  /** What this size and number of steps add to the scheduler's configuration. */
  planExtra(config: SchedulerConfig, size: LatentSize, steps: number): PlanExtra;
  /** Trained on straight paths from noise (rectified flow) instead of diffusion: other samplers fit. */
  readonly isFlow: boolean;
  /** The model clock that the graph is fed, from the scheduler's timestep. */
  readonly timestepScale: number;
  /** `packed`: the graph takes 2 × 2 cells as one token. */
  readonly layout: 'planes' | 'packed';
  /** Where a text-to-image start with full strength begins from in image-to-image inpainting: noise alone, or noised picture. */
  readonly inpaintStartsFromNoise: boolean;
  /** diffusers' masked blending decodes this family without the VAE's shift; copied, so that a seed gives the same picture. */
  readonly inpaintForgetsShift?: boolean;
  readonly previewMatrix: PreviewMatrix | undefined;
}
