import type { ImageModelFiles } from '../model-files.ts';
import { portSize } from './clip-conditioning.ts';
import type { ImageFamily } from './image-family.ts';
import { sd1Family } from './sd1-family.ts';
import { sdxlFamily } from './sdxl-family.ts';
import { defaultsOf } from './unet-defaults.ts';

const embedsGuidance = (files: ImageModelFiles): boolean => Boolean(files.denoiser.config.time_cond_proj_dim) || portSize(files, 'timestep_cond') !== undefined;
const hasLcmScheduler = ({ scheduler }: ImageModelFiles): boolean => scheduler._class_name === 'LCMScheduler';

/** Latent consistency models: guidance as an embedding where they are fully distilled, as a plain scale of 1 where an LCM LoRA was merged. */
export const lcmFamily: ImageFamily = {
  ...sd1Family,
  name: 'lcm',
  title: 'Latent Consistency Model',
  matches: (files) => files.className.startsWith('LatentConsistencyModel') || (sd1Family.matches(files) && (embedsGuidance(files) || hasLcmScheduler(files))),
  defaults: (files) => defaultsOf(files, { fallback: 512, steps: 4, guidanceScale: embedsGuidance(files) ? 8.5 : 1, guidanceRescale: 0, strength: 0.8 }),
};

/** The same on SDXL. */
export const sdxlLcmFamily: ImageFamily = {
  ...sdxlFamily,
  name: 'lcm',
  title: 'Latent Consistency Model XL',
  matches: (files) => sdxlFamily.matches(files) && (embedsGuidance(files) || hasLcmScheduler(files)),
  defaults: (files) => defaultsOf(files, { fallback: 1024, steps: 4, guidanceScale: embedsGuidance(files) ? 8.5 : 1, guidanceRescale: 0, strength: 0.3 }),
};
