import { FrescoError } from '../../../fresco-error.ts';
import type { ImageModelFiles } from '../model-files.ts';
import type { LatentSize } from './image-family.ts';

/**
 * Inpainting checkpoints of any family: the denoiser takes, behind the latents, a mask of one channel and the encoded picture with
 * its masked part blanked. True when these files are one. Throws 'model-unsupported' for any other surplus of channels.
 */
export function isInpaintModel(files: ImageModelFiles): boolean {
  if (files.denoiser.graph.component === 'transformer' && files.inputChannels === 4 * files.latentChannels) return false; // packed tokens
  const surplus = files.inputChannels - files.latentChannels;
  if (surplus === 0) return false;
  if (surplus === files.latentChannels + 1) return true;
  throw new FrescoError('model-unsupported', {
    model: files.model,
    problem: `its denoiser takes ${files.inputChannels} channels for ${files.latentChannels} latent ones`,
  });
}

/** A mask of one byte a pixel at the size of the latents: nearest pixel, 1 where it is painted. Source: torch `interpolate(mode='nearest')`, binarised at ½. */
export function latentMask(mask: { readonly data: Uint8Array; readonly width: number; readonly height: number }, size: LatentSize): Float32Array {
  const out = new Float32Array(size.height * size.width);
  for (let y = 0; y < size.height; y += 1) {
    const fromY = Math.floor((y * mask.height) / size.height);
    for (let x = 0; x < size.width; x += 1) {
      const fromX = Math.floor((x * mask.width) / size.width);
      out[y * size.width + x] = (mask.data[fromY * mask.width + fromX] ?? 0) >= 127.5 ? 1 : 0;
    }
  }
  return out;
}

/** Planes [3, height, width] with the part to be painted at 0, mid grey in [−1, 1]. */
export function blanked(planes: Float32Array, mask: { readonly data: Uint8Array }): Float32Array {
  const area = planes.length / 3;
  const out = new Float32Array(planes.length);
  for (let index = 0; index < planes.length; index += 1) out[index] = (mask.data[index % area] ?? 0) >= 127.5 ? 0 : (planes[index] ?? 0);
  return out;
}

/** [mask, masked latents] behind one another: what such a denoiser is fed beside the latents. */
export function extraChannelsOf(mask: Float32Array, maskedLatents: Float32Array): Float32Array {
  const out = new Float32Array(mask.length + maskedLatents.length);
  out.set(mask);
  out.set(maskedLatents, mask.length);
  return out;
}
