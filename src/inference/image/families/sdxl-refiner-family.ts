import type { ImageFamily } from './image-family.ts';
import { sdxlFamily } from './sdxl-family.ts';

/** SDXL's refiner: the second encoder alone and an aesthetic score among the time ids; it works on a picture or on half-finished latents. */
export const sdxlRefinerFamily: ImageFamily = {
  ...sdxlFamily,
  name: 'sdxl-refiner',
  title: 'Stable Diffusion XL refiner',
  matches: (files) => sdxlFamily.matches(files) && files.textEncoders.length === 1 && files.textEncoders[0]?.slot === 2,
};
