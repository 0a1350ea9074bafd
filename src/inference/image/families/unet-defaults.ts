import { sidesOf } from '../model-config.ts';
import type { ImageModelFiles } from '../model-files.ts';
import type { FamilyDefaults } from './image-family.ts';

/** Native size from the denoiser's `sample_size` times the VAE's scale, else `fallback` pixels; then what the model's own file says. */
export function defaultsOf(
  files: ImageModelFiles,
  family: Omit<FamilyDefaults, 'nativeWidth' | 'nativeHeight' | 'multiple'> & { readonly fallback: number; readonly patch?: number },
): FamilyDefaults {
  const { own, vaeScale, denoiser } = files;
  const cells = sidesOf(denoiser.config.sample_size);
  const { fallback, patch = 1, ...rest } = family;
  return {
    ...rest,
    nativeWidth: own.width ?? (cells === undefined ? fallback : cells.width * vaeScale),
    nativeHeight: own.height ?? (cells === undefined ? fallback : cells.height * vaeScale),
    multiple: vaeScale * patch,
    steps: own.steps ?? rest.steps,
    guidanceScale: own.guidance_scale ?? rest.guidanceScale,
    guidanceRescale: own.guidance_rescale ?? rest.guidanceRescale,
  };
}
