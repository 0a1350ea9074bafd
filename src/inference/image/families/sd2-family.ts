import type { ImageModelFiles } from '../model-files.ts';
import type { ImageFamily } from './image-family.ts';
import { sd1Family } from './sd1-family.ts';
import { defaultsOf } from './unet-defaults.ts';

const isOpenClip = ({ denoiser, textEncoders }: ImageModelFiles): boolean =>
  denoiser.config.cross_attention_dim === 1024 || textEncoders[0]?.config.hidden_size === 1024 || Array.isArray(denoiser.config['attention_head_dim']);

/** Stable Diffusion 2.x: an OpenCLIP encoder shipped without its last layer, ε or v by the scheduler's configuration, 512 or 768 pixels. */
export const sd2Family: ImageFamily = {
  ...sd1Family,
  name: 'sd2',
  title: 'Stable Diffusion 2',
  matches: (files) => sd1Family.matches(files) && isOpenClip(files),
  defaults: (files) => defaultsOf(files, { fallback: 768, steps: 25, guidanceScale: 7.5, guidanceRescale: 0, strength: 0.8 }),
};
