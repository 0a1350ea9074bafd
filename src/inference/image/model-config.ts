import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';

/** The publisher's JSON files of an image model, read once and with what they may lack. Keys of no use to us are let be. */

const positive = z.int().min(1).max(1_000_000);
const componentSchema = z.union([z.tuple([z.string().nullable(), z.string().nullable()]).rest(z.unknown()), z.unknown()]);

export const modelIndexSchema = z.looseObject({
  _class_name: z.string(),
  text_encoder: componentSchema.optional(),
  text_encoder_2: componentSchema.optional(),
  text_encoder_3: componentSchema.optional(),
  force_zeros_for_empty_prompt: z.boolean().nullish(),
  requires_aesthetics_score: z.boolean().nullish(),
});
export type ModelIndex = z.infer<typeof modelIndexSchema>;

export const denoiserConfigSchema = z.looseObject({
  _class_name: z.string().nullish(),
  in_channels: positive.nullish(),
  out_channels: positive.nullish(),
  sample_size: z.union([positive, z.array(positive)]).nullish(),
  block_out_channels: z.array(positive).max(16).nullish(),
  cross_attention_dim: z.union([positive, z.array(positive)]).nullish(),
  time_cond_proj_dim: positive.nullish(),
  addition_embed_type: z.string().nullish(),
  guidance_embeds: z.boolean().nullish(),
  joint_attention_dim: positive.nullish(),
  pooled_projection_dim: positive.nullish(),
  patch_size: positive.nullish(),
});
export type DenoiserConfig = z.infer<typeof denoiserConfigSchema>;

export const vaeConfigSchema = z.looseObject({
  _class_name: z.string().nullish(),
  latent_channels: positive.nullish(),
  block_out_channels: z.array(positive).min(1).max(16).nullish(),
  scaling_factor: z.number().nullish(),
  shift_factor: z.number().nullish(),
  latents_mean: z.array(z.number()).nullish(),
  latents_std: z.array(z.number()).nullish(),
  sample_size: z.union([positive, z.array(positive)]).nullish(),
});
export type VaeConfig = z.infer<typeof vaeConfigSchema>;

export const textEncoderConfigSchema = z.looseObject({
  max_position_embeddings: positive.nullish(),
  hidden_size: positive.nullish(),
  d_model: positive.nullish(),
  projection_dim: positive.nullish(),
  num_hidden_layers: positive.nullish(),
  layer_norm_eps: z.number().nullish(),
  model_type: z.string().nullish(),
});
export type TextEncoderConfig = z.infer<typeof textEncoderConfigSchema>;

/** What a model that knows only its own world tells about itself (`fresco.json` beside model_index.json); everything in it is optional. */
export const ownConfigSchema = z.looseObject({
  steps: z.int().min(1).max(500).nullish(),
  guidance_scale: z.number().min(0).max(50).nullish(),
  guidance_rescale: z.number().min(0).max(1).nullish(),
  sampler: z.string().nullish(),
  width: positive.nullish(),
  height: positive.nullish(),
  /** Of width and height, where the graphs take more than their levels suggest. */
  multiple: z.int().min(1).max(1024).nullish(),
  /** [width, height] pairs it was trained on, whether or not they are such multiples. */
  sizes: z
    .array(z.tuple([positive, positive]))
    .max(64)
    .nullish(),
});
export type OwnConfig = z.infer<typeof ownConfigSchema>;

const problemOf = (error: z.ZodError): string => {
  const [issue] = error.issues;
  return issue === undefined ? 'it is not what it should be' : `${issue.path.join('.') || 'the file'}: ${issue.message}`.slice(0, 200);
};

/** Where a file belongs: for errors that name it. */
export interface FileOwner {
  readonly model: string;
  readonly folder: string;
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
const sizeLimitBytes = 4 * 1024 * 1024;

/** A JSON file of the model, or undefined where there is none. Throws 'model-broken' naming the file when it can't be read or is not as expected. */
export async function readOptionalJson<Schema extends z.ZodType>(owner: FileOwner, file: string, schema: Schema): Promise<z.infer<Schema> | undefined> {
  const broken = (problem: string, cause: unknown): FrescoError => new FrescoError('model-broken', { model: owner.model, file, problem }, { cause });
  let bytes: Buffer;
  try {
    bytes = await readFile(join(owner.folder, file));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw broken('it cannot be read', error);
  }
  if (bytes.length > sizeLimitBytes) throw broken(`it has ${bytes.length} bytes; the limit is ${sizeLimitBytes}`, undefined);
  let parsed: unknown;
  try {
    parsed = JSON.parse(
      bytes
        .toString('utf8')
        .replace(/^\uFEFF/, '')
        .replace(/(:\s*)(?:-?Infinity|NaN)/g, '$1null'),
    );
  } catch (error) {
    throw broken('it is not JSON', error);
  }
  const checked = schema.safeParse(parsed);
  if (!checked.success) throw broken(problemOf(checked.error), checked.error);
  return checked.data;
}

/** As `readOptionalJson`, and a missing file is 'model-broken' too. */
export async function readRequiredJson<Schema extends z.ZodType>(owner: FileOwner, file: string, schema: Schema): Promise<z.infer<Schema>> {
  const found = await readOptionalJson(owner, file, schema);
  if (found === undefined) throw new FrescoError('model-broken', { model: owner.model, file, problem: 'it is missing' });
  return found;
}

/** A size that a config gives as one number or as [height, width]. */
export function sidesOf(size: number | readonly number[] | null | undefined): { readonly height: number; readonly width: number } | undefined {
  if (size === null || size === undefined) return undefined;
  if (typeof size === 'number') return { height: size, width: size };
  const [height, width] = size;
  return height === undefined ? undefined : { height, width: width ?? height };
}
