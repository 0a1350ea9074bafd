import { type Conditioning, type RowFeeds, row } from '../conditioning.ts';
import type { ImageModelFiles } from '../model-files.ts';
import { sdxlMatrix } from '../preview-matrices.ts';
import type { EncodedPrompt, LayerChoice, PromptEncoders } from '../prompt-encoder.ts';
import { guidanceFeeds, isClassifierFree, layersSkipped, need, needPooled, portSize } from './clip-conditioning.ts';
import type { ImageFamily, PromptWish } from './image-family.ts';
import { defaultsOf } from './unet-defaults.ts';

/** Scores that the refiner was trained with; diffusers' defaults. */
const aestheticScore = 6;
const negativeAestheticScore = 2.5;

/** [height, width, top, left, height, width], or with a score in place of the target size where the model asks for it. */
function timeIds(files: ImageModelFiles, wish: PromptWish, isNegative: boolean): readonly number[] {
  const start = [wish.height, wish.width, 0, 0];
  const hasScore = files.index.requires_aesthetics_score === true || portSize(files, 'time_ids') === 5;
  return hasScore ? [...start, isNegative ? negativeAestheticScore : aestheticScore] : [...start, wish.height, wish.width];
}

/** Two encodings of one prompt side by side on the last axis. */
function sideBySide(encoded: readonly EncodedPrompt[]): { readonly values: Float32Array; readonly tokens: number; readonly width: number } {
  const tokens = Math.max(...encoded.map((part) => part.tokens));
  const width = encoded.reduce((sum, part) => sum + part.width, 0);
  const values = new Float32Array(tokens * width);
  let left = 0;
  for (const part of encoded) {
    for (let token = 0; token < part.tokens; token += 1) values.set(part.hidden.subarray(token * part.width, (token + 1) * part.width), token * width + left);
    left += part.width;
  }
  return { values, tokens, width };
}

/** SDXL's conditioning: the last layer but one of each encoder, the pooled vector of the last encoder, and the sizes as time ids. */
async function conditionXl(files: ImageModelFiles, encoders: PromptEncoders, wish: PromptWish): Promise<Conditioning> {
  const isGuided = isClassifierFree(files, wish);
  const isZeroed = wish.negativePrompt === undefined && (files.index.force_zeros_for_empty_prompt ?? true);
  const slots = files.textEncoders.map(({ slot }) => slot);
  const layer = (isNegative: boolean): LayerChoice => ({ kind: 'inner', back: 1 + (isNegative ? 0 : layersSkipped(wish.clipSkip)) }); // diffusers skips in the positive prompt alone
  const positives: EncodedPrompt[] = [];
  const negatives: EncodedPrompt[] = [];
  for (const slot of slots) {
    const together = layersSkipped(wish.clipSkip) === 0 || !isGuided || isZeroed;
    const encoded = await encoders.encode(slot, isGuided ? [wish.prompt, wish.negativePrompt ?? ''] : [wish.prompt], layer(false));
    positives.push(need(encoded[0]));
    if (!isGuided) continue;
    negatives.push(need(together ? encoded[1] : (await encoders.encode(slot, [wish.prompt, wish.negativePrompt ?? ''], layer(true)))[1]));
  }
  const file = files.textEncoders.at(-1)?.graph.file ?? 'text_encoder_2';
  const feeds = (parts: readonly EncodedPrompt[], isNegative: boolean): RowFeeds => {
    const { values, tokens, width } = sideBySide(parts);
    const pooled = needPooled(need(parts.at(-1)), file);
    const isZero = isNegative && isZeroed;
    const ids = timeIds(files, wish, isNegative);
    return {
      encoder_hidden_states: row(isZero ? new Float32Array(values.length) : values, [tokens, width]),
      text_embeds: row(isZero ? new Float32Array(pooled.length) : pooled, [pooled.length]),
      time_ids: row(ids, [ids.length]),
      ...guidanceFeeds(files, wish),
    };
  };
  return { positive: feeds(positives, false), negative: isGuided ? feeds(negatives, true) : undefined, shared: {} };
}

/** Stable Diffusion XL. */
export const sdxlFamily: ImageFamily = {
  name: 'sdxl',
  title: 'Stable Diffusion XL',
  matches: ({ className }) => className.startsWith('StableDiffusionXL'),
  defaults: (files) => defaultsOf(files, { fallback: 1024, steps: 30, guidanceScale: 5, guidanceRescale: 0, strength: 0.3 }),
  condition: conditionXl,
  planExtra: () => ({}),
  isFlow: false,
  timestepScale: 1,
  layout: 'planes',
  inpaintStartsFromNoise: true,
  previewMatrix: sdxlMatrix,
};
