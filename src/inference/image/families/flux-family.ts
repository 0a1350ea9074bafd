import { type Conditioning, row } from '../conditioning.ts';
import type { ImageModelFiles } from '../model-files.ts';
import { fluxMatrix } from '../preview-matrices.ts';
import type { PromptEncoders } from '../prompt-encoder.ts';
import type { PlanExtra } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { need, needPooled } from './clip-conditioning.ts';
import { flowShiftFor } from './flow-shift.ts';
import type { ImageFamily, LatentSize, PromptWish } from './image-family.ts';
import { defaultsOf } from './unet-defaults.ts';

/** Tokens of the T5 part: 512 for dev, 256 for schnell, which was trained with no more. */
const t5Tokens = (files: ImageModelFiles): number => (embedsGuidance(files) ? 512 : 256);

const embedsGuidance = (files: ImageModelFiles): boolean =>
  files.denoiser.config.guidance_embeds ?? files.denoiser.inputs.some(({ name }) => name === 'guidance');

/** Flux's conditioning: T5 as the sequence, CLIP's pooled vector, positions of text (zeros) and picture tokens, guidance as a number. */
async function conditionFlux(files: ImageModelFiles, encoders: PromptEncoders, wish: PromptWish): Promise<Conditioning> {
  const clip = need((await encoders.encode(1, [wish.prompt], { kind: 'last' }))[0]);
  const t5 = need((await encoders.encode(2, [wish.prompt], { kind: 'last' }, t5Tokens(files)))[0]);
  const pooled = needPooled(clip, 'text_encoder/model.onnx');
  const rows = Math.floor(wish.height / (files.vaeScale * 2));
  const columns = Math.floor(wish.width / (files.vaeScale * 2));
  const pictureIds = Array.from({ length: rows * columns }, (_, cell) => [0, Math.floor(cell / columns), cell % columns]).flat();
  return {
    positive: {
      encoder_hidden_states: row(t5.hidden, [t5.tokens, t5.width]),
      pooled_projections: row(pooled, [pooled.length]),
      ...(embedsGuidance(files) ? { guidance: row([wish.guidanceScale], []) } : {}),
    },
    negative: undefined,
    shared: { img_ids: row(pictureIds, [rows * columns, 3]), txt_ids: row(new Float32Array(t5.tokens * 3), [t5.tokens, 3]) },
  };
}

function planExtra(config: SchedulerConfig, { height, width }: LatentSize, steps: number): PlanExtra {
  const sigmas = Array.from({ length: steps }, (_, index) => (steps === 1 ? 1 : 1 + (index * (1 / steps - 1)) / (steps - 1)));
  return { sigmas, ...(config.useDynamicShifting ? { mu: flowShiftFor(config, (height / 2) * (width / 2)) } : {}) };
}

/** FLUX.1 dev and schnell: rectified flow on 16 channels, 2 × 2 cells packed to one token. */
export const fluxFamily: ImageFamily = {
  name: 'flux',
  title: 'FLUX.1',
  matches: ({ className, denoiser }) => className.startsWith('Flux') || denoiser.config._class_name === 'FluxTransformer2DModel',
  defaults: (files) => {
    const isGuided = embedsGuidance(files);
    const defaults = defaultsOf(files, {
      fallback: 1024,
      patch: 2,
      steps: isGuided ? 28 : 4,
      guidanceScale: isGuided ? 3.5 : 0,
      guidanceRescale: 0,
      strength: 0.6,
    });
    return files.own.width === undefined || files.own.width === null
      ? { ...defaults, nativeWidth: 128 * files.vaeScale, nativeHeight: 128 * files.vaeScale }
      : defaults; // the config's sample_size counts other cells
  },
  condition: conditionFlux,
  planExtra,
  isFlow: true,
  timestepScale: 1 / 1000,
  layout: 'packed',
  inpaintStartsFromNoise: false,
  previewMatrix: fluxMatrix,
};
