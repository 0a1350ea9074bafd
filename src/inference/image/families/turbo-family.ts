import type { ImageModelFiles } from '../model-files.ts';
import type { ImageFamily } from './image-family.ts';
import { sd1Family } from './sd1-family.ts';
import { sdxlFamily } from './sdxl-family.ts';
import { defaultsOf } from './unet-defaults.ts';

/** Adversarially distilled models keep their teacher's class; their scheduler file gives them away: Euler, trailing, one to four steps, no v-prediction. */
function isTurbo({ scheduler, model }: ImageModelFiles): boolean {
  const isEuler = /^Euler(Ancestral)?DiscreteScheduler$/.test(scheduler._class_name ?? '');
  return (
    (isEuler && scheduler.timestep_spacing === 'trailing' && scheduler.prediction_type !== 'v_prediction' && scheduler.rescale_betas_zero_snr !== true) ||
    /turbo/i.test(model)
  );
}

const fewSteps = { fallback: 512, steps: 4, guidanceScale: 0, guidanceRescale: 0, strength: 0.5 } as const;

/** SD Turbo: one encoder, one to four steps, no guidance. */
export const turboFamily: ImageFamily = {
  ...sd1Family,
  name: 'turbo',
  title: 'SD Turbo',
  matches: (files) => sd1Family.matches(files) && isTurbo(files),
  defaults: (files) => defaultsOf(files, fewSteps),
};

/** SDXL Turbo: the same with SDXL's two encoders. */
export const sdxlTurboFamily: ImageFamily = {
  ...sdxlFamily,
  name: 'turbo',
  title: 'SDXL Turbo',
  matches: (files) => sdxlFamily.matches(files) && isTurbo(files),
  defaults: (files) => ({
    ...defaultsOf(files, fewSteps),
    ...(files.own.width === undefined || files.own.width === null
      ? { nativeWidth: Math.min(512, defaultsOf(files, fewSteps).nativeWidth), nativeHeight: Math.min(512, defaultsOf(files, fewSteps).nativeHeight) }
      : {}),
  }),
};
