import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';
import { type ModelFolder, type Sampling, samplingSchema } from '../contract.ts';

/** What `tokenizer.json`, `tokenizer_config.json` and the template files of a folder hold, parsed but not yet loaded. */
export interface TokenizerFiles {
  readonly tokenizer: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
  /** Jinja source; undefined for a model that was never taught to chat. */
  readonly chatTemplate: string | undefined;
  /** `bos_token`, `eos_token` … as strings, for the template. */
  readonly namedTokens: Readonly<Record<string, string>>;
}

/** How past and present cache ports are called where a config says so, `%d` standing for the layer. */
export interface CacheNames {
  readonly past: readonly string[];
  readonly present: readonly string[];
}

/** Fresco's own defaults for one model, from `fresco.json` beside its files. */
const modelDefaultsSchema = z.strictObject({
  systemPrompt: z.string().optional(),
  sampling: samplingSchema.optional(),
  repetitionGuard: z.boolean().optional(),
  /** Passed to templates as `enable_thinking`. */
  thinking: z.boolean().optional(),
});
export type ModelDefaults = z.infer<typeof modelDefaultsSchema>;

/** Everything about a text model but its weights. */
export interface TextModelFiles {
  readonly graphFile: string;
  /** Tokens that prompt and answer may have together. */
  readonly contextWindow: number;
  readonly endTokenIds: readonly number[];
  readonly stopStrings: readonly string[];
  /** What the publisher's generation config samples with; undefined when it says greedy. */
  readonly publisherSampling: Sampling | undefined;
  readonly defaults: ModelDefaults;
  readonly cacheNames: CacheNames | undefined;
  readonly tokenizer: TokenizerFiles;
}

const oneOrMany = z.union([z.int().transform((id) => [id]), z.array(z.int())]).nullish();
const positions = z.int().positive().nullish();
const configSchema = z.looseObject({
  eos_token_id: oneOrMany,
  max_position_embeddings: positions,
  n_positions: positions,
  text_config: z.looseObject({ max_position_embeddings: positions, eos_token_id: oneOrMany }).nullish(),
  'transformers.js_config': z.looseObject({ dtype: z.unknown() }).nullish(),
});
const generationSchema = z.looseObject({
  eos_token_id: oneOrMany,
  stop_strings: z.union([z.string().transform((text) => [text]), z.array(z.string())]).nullish(),
  do_sample: z.boolean().nullish(),
  temperature: z.number().nullish(),
  top_k: z.number().nullish(),
  top_p: z.number().nullish(),
  min_p: z.number().nullish(),
  repetition_penalty: z.number().nullish(),
});
const genaiSchema = z.looseObject({
  model: z.looseObject({
    context_length: positions,
    eos_token_id: oneOrMany,
    decoder: z.looseObject({
      filename: z.string(),
      inputs: z.looseObject({ past_key_names: z.string().optional(), past_value_names: z.string().optional() }).optional(),
      outputs: z.looseObject({ present_key_names: z.string().optional(), present_value_names: z.string().optional() }).optional(),
    }),
  }),
  search: generationSchema.optional(),
});
const jsonObjectSchema = z.record(z.string(), z.unknown());
type GenaiConfig = z.infer<typeof genaiSchema>;
type GenerationConfig = z.infer<typeof generationSchema>;

class FolderReader {
  readonly #model: ModelFolder;

  constructor(model: ModelFolder) {
    this.#model = model;
  }

  broken(file: string, problem: string, cause?: unknown): FrescoError {
    return new FrescoError('model-broken', { model: this.#model.id, file, problem }, { cause });
  }

  async text(file: string): Promise<string | undefined> {
    try {
      return await readFile(path.join(this.#model.folder, file), 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw this.broken(file, 'cannot be read', error);
    }
  }

  async json<Schema extends z.ZodType>(file: string, schema: Schema): Promise<z.infer<Schema> | undefined> {
    const text = await this.text(file);
    if (text === undefined) return undefined;
    try {
      return schema.parse(JSON.parse(text));
    } catch (error) {
      throw this.broken(file, error instanceof z.ZodError ? z.prettifyError(error) : 'is not valid JSON', error);
    }
  }

  async list(folder: string): Promise<readonly string[]> {
    const names = await readdir(path.join(this.#model.folder, folder)).catch(() => []);
    return names.map((name) => path.posix.join(folder, name));
  }

  absolute(file: string): string {
    return path.join(this.#model.folder, file);
  }
}

/** Reads the tokenizer's files only, so that text can be counted without weights. Throws 'model-broken'. */
export async function readTokenizerFiles(model: ModelFolder): Promise<TokenizerFiles> {
  const reader = new FolderReader(model);
  const tokenizer = await reader.json('tokenizer.json', jsonObjectSchema);
  if (tokenizer === undefined) throw reader.broken('tokenizer.json', 'is missing');
  const config = (await reader.json('tokenizer_config.json', jsonObjectSchema)) ?? {};
  const separate = await reader.json('chat_template.json', z.looseObject({ chat_template: z.string() }));
  const chatTemplate = (await reader.text('chat_template.jinja')) ?? templateIn(config['chat_template']) ?? separate?.chat_template;
  return { tokenizer, config, chatTemplate, namedTokens: namedTokensOf(config) };
}

function templateIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const named = z.array(z.object({ name: z.string(), template: z.string() })).safeParse(value).data;
  return (named?.find(({ name }) => name === 'default') ?? named?.[0])?.template;
}

function namedTokensOf(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const token = z.union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)]);
  const found = Object.entries(config).flatMap(([name, value]) => {
    const text = name.endsWith('_token') ? token.safeParse(value).data : undefined;
    return text === undefined ? [] : [[name, text] as const];
  });
  return Object.fromEntries(found);
}

/**
 * Reads a folder in the transformers.js / optimum or the onnxruntime-genai layout.
 * Throws 'model-broken' naming the file that is missing or wrong.
 */
export async function readTextModelFiles(model: ModelFolder): Promise<TextModelFiles> {
  const reader = new FolderReader(model);
  const tokenizer = await readTokenizerFiles(model);
  const genai = await reader.json('genai_config.json', genaiSchema);
  const config = await reader.json('config.json', configSchema);
  if (genai === undefined && config === undefined) throw reader.broken('config.json', 'is missing');
  const generation = await reader.json('generation_config.json', generationSchema);
  const defaults = (await reader.json('fresco.json', modelDefaultsSchema)) ?? {};
  const ends = generation?.eos_token_id ?? config?.eos_token_id ?? config?.text_config?.eos_token_id ?? genai?.model.eos_token_id ?? [];
  const graphFile = genai === undefined ? await findGraph(reader, config?.['transformers.js_config']?.dtype) : reader.absolute(genai.model.decoder.filename);
  return {
    graphFile,
    contextWindow: contextWindowOf(config, genai, tokenizer.config),
    endTokenIds: ends,
    stopStrings: generation?.stop_strings ?? [],
    publisherSampling: publisherSampling(generation ?? genai?.search),
    defaults,
    cacheNames: cacheNamesOf(genai),
    tokenizer,
  };
}

const lengthLimit = z.number().positive().max(1e9); // tokenizers without a limit write 1e30 here
const assumedContext = 2048;

function contextWindowOf(
  config: z.infer<typeof configSchema> | undefined,
  genai: GenaiConfig | undefined,
  tokenizer: Readonly<Record<string, unknown>>,
): number {
  const limits = [
    config?.max_position_embeddings ?? config?.n_positions ?? config?.text_config?.max_position_embeddings,
    genai?.model.context_length,
    lengthLimit.safeParse(tokenizer['model_max_length']).data,
  ].filter((limit) => typeof limit === 'number');
  return limits.length === 0 ? assumedContext : Math.min(...limits);
}

function publisherSampling(generation: GenerationConfig | undefined): Sampling | undefined {
  if (generation?.do_sample !== true) return undefined;
  const { temperature, top_k: topK, top_p: topP, min_p: minP, repetition_penalty: repetitionPenalty } = generation;
  const stated = { temperature, topK, topP, minP, repetitionPenalty };
  const usable = Object.entries(stated).filter(([, value]) => typeof value === 'number');
  return samplingSchema.safeParse({ temperature: 1, topK: 50, ...Object.fromEntries(usable) }).data; // transformers' own defaults below
}

function cacheNamesOf(genai: GenaiConfig | undefined): CacheNames | undefined {
  if (genai === undefined) return undefined;
  const { inputs, outputs } = genai.model.decoder;
  return {
    past: [inputs?.past_key_names ?? 'past_key_values.%d.key', inputs?.past_value_names ?? 'past_key_values.%d.value'],
    present: [outputs?.present_key_names ?? 'present.%d.key', outputs?.present_value_names ?? 'present.%d.value'],
  };
}

/** Best first where several precisions are there: small and exact before half precision, which a CPU has to convert. */
const suffixes = ['_q4', '_quantized', '_int8', '_uint8', '', '_q4f16', '_fp16', '_bnb4'];
const suffixOf: Readonly<Record<string, string>> = { fp32: '', q8: '_quantized' };

async function findGraph(reader: FolderReader, dtype: unknown): Promise<string> {
  const files = new Set([...(await reader.list('onnx')), ...(await reader.list('.'))].filter((file) => file.endsWith('.onnx')));
  const wanted = typeof dtype === 'string' ? [suffixOf[dtype] ?? `_${dtype}`] : [];
  for (const suffix of [...wanted, ...suffixes]) {
    for (const stem of ['onnx/model', 'onnx/decoder_model_merged', 'model', 'decoder_model_merged']) {
      if (files.has(`${stem}${suffix}.onnx`)) return reader.absolute(`${stem}${suffix}.onnx`);
    }
  }
  const [only, ...others] = files;
  if (only !== undefined && others.length === 0) return reader.absolute(only);
  throw reader.broken('onnx/model.onnx', 'is missing');
}
