import { type Conditioning, type RowFeeds, row } from '../conditioning.ts';
import type { ImageModelFiles } from '../model-files.ts';
import { sd3Matrix } from '../preview-matrices.ts';
import type { EncodedPrompt, LayerChoice, PromptEncoders } from '../prompt-encoder.ts';
import type { PlanExtra } from '../scheduler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { isClassifierFree, layersSkipped, need, needPooled } from './clip-conditioning.ts';
import { flowShiftFor } from './flow-shift.ts';
import type { ImageFamily, LatentSize, PromptWish } from './image-family.ts';
import { defaultsOf } from './unet-defaults.ts';

/** Tokens of the T5 part: diffusers' `max_sequence_length` for SD 3. */
const t5Tokens = 256;

/** CLIP encodings side by side, zero-padded to the joint width, with T5's tokens (or zeros) behind. */
function jointSequence(
  clips: readonly EncodedPrompt[],
  t5: EncodedPrompt | undefined,
  width: number,
): { readonly values: Float32Array; readonly tokens: number } {
  const clipTokens = Math.max(...clips.map(({ tokens }) => tokens));
  const tokens = clipTokens + (t5?.tokens ?? t5Tokens);
  const values = new Float32Array(tokens * width);
  let left = 0;
  for (const clip of clips) {
    for (let token = 0; token < clip.tokens; token += 1) values.set(clip.hidden.subarray(token * clip.width, (token + 1) * clip.width), token * width + left);
    left += clip.width;
  }
  if (t5 !== undefined) values.set(t5.hidden, clipTokens * width);
  return { values, tokens };
}

/** SD 3's conditioning: both CLIP encoders' last layer but one, T5 where it is there, both pooled vectors behind one another. */
async function conditionSd3(files: ImageModelFiles, encoders: PromptEncoders, wish: PromptWish): Promise<Conditioning> {
  const isGuided = isClassifierFree(files, wish);
  const prompts = isGuided ? [wish.prompt, wish.negativePrompt ?? ''] : [wish.prompt];
  const inner = (back: number): LayerChoice => ({ kind: 'inner', back });
  const skipped = layersSkipped(wish.clipSkip);
  const clips: (readonly EncodedPrompt[])[] = [];
  for (const slot of [1, 2]) {
    const encoded = await encoders.encode(slot, prompts, inner(1 + skipped));
    const negative = skipped === 0 || !isGuided ? encoded[1] : (await encoders.encode(slot, prompts, inner(1)))[1];
    clips.push(negative === undefined ? [need(encoded[0])] : [need(encoded[0]), negative]);
  }
  const t5 = encoders.has(3) ? await encoders.encode(3, prompts, { kind: 'last' }, t5Tokens) : [];
  const feeds = (index: number): RowFeeds => {
    const own = clips.map((encoded) => need(encoded[index]));
    const width = t5[index]?.width ?? files.denoiser.config.joint_attention_dim ?? 4096;
    const { values, tokens } = jointSequence(own, t5[index], width);
    const pooled = own.flatMap((encoded, clip) => [...needPooled(encoded, `text encoder ${clip + 1}`)]);
    return { encoder_hidden_states: row(values, [tokens, width]), pooled_projections: row(pooled, [pooled.length]) };
  };
  return { positive: feeds(0), negative: isGuided ? feeds(1) : undefined, shared: {} };
}

function planExtra(config: SchedulerConfig, { height, width }: LatentSize): PlanExtra {
  return config.useDynamicShifting ? { mu: flowShiftFor(config, (height / 2) * (width / 2)) } : {};
}

/** Stable Diffusion 3 and 3.5: rectified flow on 16 channels. */
export const sd3Family: ImageFamily = {
  name: 'sd3',
  title: 'Stable Diffusion 3',
  matches: ({ className, denoiser }) => className.startsWith('StableDiffusion3') || denoiser.config._class_name === 'SD3Transformer2DModel',
  defaults: (files) =>
    defaultsOf(files, { fallback: 1024, patch: files.denoiser.config.patch_size ?? 2, steps: 28, guidanceScale: 7, guidanceRescale: 0, strength: 0.6 }),
  condition: conditionSd3,
  planExtra,
  isFlow: true,
  timestepScale: 1,
  layout: 'planes',
  inpaintStartsFromNoise: true,
  inpaintForgetsShift: true,
  previewMatrix: sd3Matrix,
};
