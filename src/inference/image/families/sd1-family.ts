import { stableDiffusionMatrix } from '../preview-matrices.ts';
import { conditionWithOneEncoder } from './clip-conditioning.ts';
import type { ImageFamily } from './image-family.ts';
import { defaultsOf } from './unet-defaults.ts';

/** Stable Diffusion 1.x, and every small model in its layout: one encoder, one UNet; all sizes come from the configs. */
export const sd1Family: ImageFamily = {
  name: 'sd1',
  title: 'Stable Diffusion 1',
  matches: ({ className }) => className.startsWith('StableDiffusion') && !/^StableDiffusion(XL|3)/.test(className),
  defaults: (files) => defaultsOf(files, { fallback: 512, steps: 25, guidanceScale: 7.5, guidanceRescale: 0, strength: 0.8 }),
  condition: conditionWithOneEncoder,
  planExtra: () => ({}),
  isFlow: false,
  timestepScale: 1,
  layout: 'planes',
  inpaintStartsFromNoise: true,
  previewMatrix: stableDiffusionMatrix,
};
