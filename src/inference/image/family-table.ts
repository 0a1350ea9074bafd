import { FrescoError } from '../../fresco-error.ts';
import { fluxFamily } from './families/flux-family.ts';
import type { ImageFamily } from './families/image-family.ts';
import { lcmFamily, sdxlLcmFamily } from './families/lcm-family.ts';
import { sd1Family } from './families/sd1-family.ts';
import { sd2Family } from './families/sd2-family.ts';
import { sd3Family } from './families/sd3-family.ts';
import { sdxlFamily } from './families/sdxl-family.ts';
import { sdxlRefinerFamily } from './families/sdxl-refiner-family.ts';
import { sdxlTurboFamily, turboFamily } from './families/turbo-family.ts';
import type { ImageModelFiles } from './model-files.ts';

/** Every family, the more particular before the more general. A new one is a file in `families/` and a line here. */
export const imageFamilies: readonly ImageFamily[] = [
  fluxFamily,
  sd3Family,
  sdxlRefinerFamily,
  sdxlLcmFamily,
  sdxlTurboFamily,
  sdxlFamily,
  lcmFamily,
  turboFamily,
  sd2Family,
  sd1Family,
];

/** The family of a model's files. Throws 'model-unsupported' for a pipeline that none of them is. */
export function familyOf(files: ImageModelFiles): ImageFamily {
  const found = imageFamilies.find((family) => family.matches(files));
  if (found !== undefined) return found;
  throw new FrescoError('model-unsupported', { model: files.model, problem: `its pipeline is ${files.className.slice(0, 80)}` });
}
