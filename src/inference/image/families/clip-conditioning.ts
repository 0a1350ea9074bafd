import { FrescoError } from '../../../fresco-error.ts';
import { type Conditioning, type RowFeeds, row } from '../conditioning.ts';
import { guidanceEmbedding } from '../guidance.ts';
import type { ImageModelFiles } from '../model-files.ts';
import type { EncodedPrompt, LayerChoice, PromptEncoders } from '../prompt-encoder.ts';
import type { PromptWish } from './image-family.ts';

/** People count the last layer as 1; anything up to it means no skip. */
export const layersSkipped = (clipSkip: number): number => Math.max(0, clipSkip - 1);

export function need(encoded: EncodedPrompt | undefined): EncodedPrompt {
  if (encoded === undefined) throw new FrescoError('shape-mismatch', { what: 'text encoder', expected: 'one row a prompt', actual: 'none' });
  return encoded;
}
export function needPooled(encoded: EncodedPrompt, file: string): Float32Array {
  if (encoded.pooled !== undefined) return encoded.pooled;
  throw new FrescoError('shape-mismatch', { what: file, expected: 'an output text_embeds or pooler_output', actual: 'none' });
}

/** True when the run is classifier-free: a scale above 1 and no guidance embedding in the denoiser. */
export const isClassifierFree = (files: ImageModelFiles, wish: PromptWish): boolean => wish.guidanceScale > 1 && !files.denoiser.config.time_cond_proj_dim;

/** One text encoder, cross-attention on its last layer: SD 1, SD 2, their Turbo and LCM kin. Negative "" when none is given. */
export async function conditionWithOneEncoder(files: ImageModelFiles, encoders: PromptEncoders, wish: PromptWish): Promise<Conditioning> {
  const slot = files.textEncoders[0]?.slot ?? 1;
  const skipped = layersSkipped(wish.clipSkip);
  const layer: LayerChoice = skipped === 0 ? { kind: 'last' } : { kind: 'normed', back: skipped };
  const isGuided = isClassifierFree(files, wish);
  const encoded = await encoders.encode(slot, isGuided ? [wish.prompt, wish.negativePrompt ?? ''] : [wish.prompt], layer);
  const feeds = (prompt: EncodedPrompt): RowFeeds => ({
    encoder_hidden_states: row(prompt.hidden, [prompt.tokens, prompt.width]),
    ...guidanceFeeds(files, wish),
  });
  return { positive: feeds(need(encoded[0])), negative: isGuided ? feeds(need(encoded[1])) : undefined, shared: {} };
}

/** `timestep_cond` where the denoiser was distilled with its guidance. */
export function guidanceFeeds(files: ImageModelFiles, wish: PromptWish): RowFeeds {
  const size = files.denoiser.config.time_cond_proj_dim ?? portSize(files, 'timestep_cond');
  return size === undefined || size === null ? {} : { timestep_cond: row(guidanceEmbedding(wish.guidanceScale, size), [size]) };
}

export function portSize(files: ImageModelFiles, name: string): number | undefined {
  const size = files.denoiser.inputs.find((port) => port.name === name)?.dims.at(-1);
  return typeof size === 'number' ? size : undefined;
}
