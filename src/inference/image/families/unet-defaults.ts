import { sidesOf } from '../model-config.ts';
import type { ImageModelFiles } from '../model-files.ts';
import type { FamilyDefaults } from './image-family.ts';

/**
 * How far a UNet shrinks its latents inside. torch handles sides it can't halve evenly, but that decision is made while a graph is traced,
 * so ONNX exports fail on them; 8 (four levels, as in Stable Diffusion 1 and 2) where the old layout has no configuration.
 */
const halvings = ({ denoiser }: ImageModelFiles): number => 2 ** ((denoiser.config.block_out_channels?.length ?? 4) - 1);

/** Native size from the denoiser's `sample_size` times the VAE's scale, else `fallback` pixels; then what the model's own file says. */
export function defaultsOf(
  files: ImageModelFiles,
  family: Omit<FamilyDefaults, 'nativeWidth' | 'nativeHeight' | 'multiple'> & { readonly fallback: number; readonly patch?: number },
): FamilyDefaults {
  const { own, vaeScale, denoiser } = files;
  const cells = sidesOf(denoiser.config.sample_size);
  const { fallback, patch, ...rest } = family;
  return {
    ...rest,
    nativeWidth: own.width ?? (cells === undefined ? fallback : cells.width * vaeScale),
    nativeHeight: own.height ?? (cells === undefined ? fallback : cells.height * vaeScale),
    multiple: own.multiple ?? vaeScale * (patch ?? halvings(files)),
    steps: own.steps ?? rest.steps,
    guidanceScale: own.guidance_scale ?? rest.guidanceScale,
    guidanceRescale: own.guidance_rescale ?? rest.guidanceRescale,
  };
}
