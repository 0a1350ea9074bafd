import type { ImageModelFiles } from '../model-files.ts';
import type { ImageFamily } from './image-family.ts';
import { sd1Family } from './sd1-family.ts';
import { defaultsOf } from './unet-defaults.ts';

const isSecond = ({ denoiser, textEncoders, scheduler }: ImageModelFiles): boolean =>
  denoiser.config.cross_attention_dim === 1024 || (scheduler.prediction_type === 'v_prediction' && /^clip/.test(textEncoders[0]?.config.model_type ?? ''));

/** Stable Diffusion 2.x: an OpenCLIP encoder shipped without its last layer, ε or v by the scheduler's configuration, 512 or 768 pixels. */
export const sd2Family: ImageFamily = {
  ...sd1Family,
  name: 'sd2',
  title: 'Stable Diffusion 2',
  matches: (files) => sd1Family.matches(files) && isSecond(files),
  defaults: (files) => defaultsOf(files, { fallback: 768, steps: 25, guidanceScale: 7.5, guidanceRescale: 0, strength: 0.8 }),
};
