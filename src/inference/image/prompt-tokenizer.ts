import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';
import { parsePrompt } from './prompt-parser.ts';
import { cutIntoWindows, evenWindows, framedWindow, type PromptWindow, type WeightedToken, type WindowFrame } from './prompt-windows.ts';
import { parseSentencePiece } from './sentencepiece-model.ts';
import { clipBlueprint, type TokenizerBlueprint, unigramBlueprint, withSpecialTokens } from './tokenizer-blueprints.ts';

const tokenSchema = z.union([z.string(), z.looseObject({ content: z.string() }).transform(({ content }) => content)]).nullish();
const namesSchema = z.object({
  bos_token: tokenSchema,
  eos_token: tokenSchema,
  pad_token: tokenSchema,
  unk_token: tokenSchema,
  cls_token: tokenSchema,
  sep_token: tokenSchema,
  mask_token: tokenSchema,
});
const configSchema = namesSchema.extend({ model_max_length: z.number().nullish(), added_tokens_decoder: z.record(z.string(), z.unknown()).nullish() });
const vocabSchema = z.record(z.string(), z.int());
const blueprintSchema = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.int(), content: z.string() })).nullish(),
  model: z.looseObject({ type: z.string().optional(), end_of_word_suffix: z.string().nullish() }),
});
type Names = z.infer<typeof namesSchema>;

/** Turns prompts into the windows of one text encoder. */
export interface PromptTokenizer {
  /**
   * The windows of several prompts, the same number for each; `length` overrides the tokens of a window (T5).
   * CLIP's long prompts go on in further windows; for other encoders what doesn't fit is left out and named in `dropped`.
   */
  windows(prompts: readonly string[], length?: number): { readonly prompts: readonly (readonly PromptWindow[])[]; readonly dropped: readonly string[] };
}

/** Where a tokenizer lies, and the encoder configuration that bounds it. */
export interface TokenizerSource {
  /** The model's name, for errors. */
  readonly model: string;
  readonly folder: string;
  /** 1, 2 or 3, as in `tokenizer`, `tokenizer_2`, `tokenizer_3`. */
  readonly slot: number;
  readonly config: { readonly max_position_embeddings?: number | null | undefined };
}

const folderName = (slot: number): string => (slot === 1 ? 'tokenizer' : `tokenizer_${slot}`);

function broken(source: TokenizerSource, file: string, problem: string, cause?: unknown): FrescoError {
  return new FrescoError('model-broken', { model: source.model, file: `${folderName(source.slot)}/${file}`, problem }, { cause });
}

async function optionalBytes(source: TokenizerSource, file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(join(source.folder, file));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw broken(source, file, 'it cannot be read', error);
  }
}

async function optionalJson<Shape extends z.ZodType>(source: TokenizerSource, file: string, schema: Shape): Promise<z.infer<Shape> | undefined> {
  const bytes = await optionalBytes(source, file);
  if (bytes === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (error) {
    throw broken(source, file, error instanceof z.ZodError ? z.prettifyError(error).slice(0, 200) : 'it is not JSON', error);
  }
}

/** Names of special tokens: the map overrides the config, unless the config lists its added tokens. Source: transformers' `from_pretrained`. */
function specialNames(config: z.infer<typeof configSchema>, map: Names): Names {
  const given = (names: Names): Names => Object.fromEntries(Object.entries(names).filter(([, value]) => value !== null && value !== undefined));
  return config.added_tokens_decoder ? { ...given(map), ...given(config) } : { ...given(config), ...given(map) };
}

/** How a folder's texts become tokens. */
interface Recipe {
  readonly blueprint: TokenizerBlueprint;
  readonly normalise: (text: string) => string;
}

const asItIs = (text: string): string => text;

async function fastTokenizer(source: TokenizerSource): Promise<Recipe | undefined> {
  const blueprint = await optionalJson(source, 'tokenizer.json', blueprintSchema);
  return blueprint === undefined ? undefined : { blueprint, normalise: asItIs };
}

async function slowClip(source: TokenizerSource, names: Names): Promise<Recipe | undefined> {
  const vocab = await optionalJson(source, 'vocab.json', vocabSchema);
  if (vocab === undefined) return undefined;
  const bytes = await optionalBytes(source, 'merges.txt');
  if (bytes === undefined) throw broken(source, 'merges.txt', 'it is missing');
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  const merges = lines.filter((line, i) => line !== '' && !(i === 0 && line.startsWith('#version')));
  const startToken = names.bos_token ?? '<|startoftext|>';
  const endToken = names.eos_token ?? '<|endoftext|>';
  for (const token of [startToken, endToken]) if (vocab[token] === undefined) throw broken(source, 'vocab.json', `it lacks ${token}`);
  if (merges.some((merge) => merge.split(' ').length !== 2)) throw broken(source, 'merges.txt', 'a line does not hold two tokens');
  return { blueprint: clipBlueprint({ vocab, merges, startToken, endToken, unknownToken: names.unk_token ?? endToken }), normalise: asItIs };
}

async function slowUnigram(source: TokenizerSource, names: Names): Promise<Recipe | undefined> {
  const bytes = await optionalBytes(source, 'spiece.model');
  if (bytes === undefined) return undefined;
  try {
    const model = parseSentencePiece(bytes);
    return { blueprint: unigramBlueprint(model, names.eos_token ?? '</s>'), normalise: (text) => model.characterMap?.normalise(text) ?? text };
  } catch (error) {
    throw broken(source, 'spiece.model', error instanceof Error ? error.message : 'it cannot be parsed', error);
  }
}

/**
 * Opens the tokenizer of one text encoder: tokenizer.json, else vocab.json with merges.txt (CLIP), else spiece.model (T5).
 * Throws 'model-broken' naming the file and what is wrong with it.
 */
export async function openPromptTokenizer(source: TokenizerSource): Promise<PromptTokenizer> {
  const config = (await optionalJson(source, 'tokenizer_config.json', configSchema)) ?? {};
  const names = specialNames(config, (await optionalJson(source, 'special_tokens_map.json', namesSchema)) ?? {});
  const recipe = (await fastTokenizer(source)) ?? (await slowClip(source, names)) ?? (await slowUnigram(source, names));
  if (recipe === undefined) throw broken(source, 'tokenizer.json', 'it is missing, and so are vocab.json and spiece.model');
  const { blueprint, normalise } = recipe;
  try {
    // clean-up only serves decoding, and a pad token of the config that the vocabulary lacks must not stop us
    const settings = { ...config, ...names, clean_up_tokenization_spaces: false };
    const plain = new Tokenizer(blueprint, settings);
    const specials = Object.values(names).filter((name): name is string => typeof name === 'string');
    const tokenizer = new Tokenizer(
      withSpecialTokens(blueprint, specials, (token) => plain.token_to_id(token)),
      settings,
    );
    const isClip = blueprintSchema.parse(blueprint).model.end_of_word_suffix === '</w>';
    return new FolderTokenizer(tokenizer, { isClip, normalise, frame: frameOf(tokenizer, names, windowLength(source, config.model_max_length)) });
  } catch (error) {
    throw error instanceof FrescoError
      ? error
      : broken(source, 'tokenizer.json', error instanceof Error ? error.message.slice(0, 200) : 'it cannot be used', error);
  }
}

/** The shorter of what tokenizer and encoder allow; a tokenizer without limit says 1e30. */
function windowLength(source: TokenizerSource, stated: number | null | undefined): number {
  const limits = [stated, source.config.max_position_embeddings].filter((limit): limit is number => typeof limit === 'number' && limit > 2 && limit < 1e6);
  return limits.length === 0 ? 77 : Math.min(...limits);
}

/** Special tokens around an empty text, and the pad id. */
function frameOf(tokenizer: Tokenizer, names: Names, length: number): WindowFrame {
  const frame = tokenizer.encode('', { add_special_tokens: true }).ids;
  const after = frame.slice(frame.length > 1 ? 1 : 0);
  const pad = names.pad_token === undefined || names.pad_token === null ? undefined : tokenizer.token_to_id(names.pad_token);
  return { length, before: frame.length > 1 ? frame.slice(0, 1) : [], after, pad: pad ?? after[0] ?? 0 };
}

class FolderTokenizer implements PromptTokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #isClip: boolean;
  readonly #normalise: (text: string) => string;
  readonly #frame: WindowFrame;

  constructor(tokenizer: Tokenizer, options: { readonly isClip: boolean; readonly normalise: (text: string) => string; readonly frame: WindowFrame }) {
    this.#tokenizer = tokenizer;
    this.#isClip = options.isClip;
    this.#normalise = options.normalise;
    this.#frame = options.frame;
  }

  windows(prompts: readonly string[], length = this.#frame.length): { prompts: readonly (readonly PromptWindow[])[]; dropped: readonly string[] } {
    const frame = { ...this.#frame, length };
    const room = length - frame.before.length - frame.after.length;
    const dropped: string[] = [];
    const windows = prompts.map((prompt) => {
      const tokens = this.#tokens(prompt);
      if (this.#isClip) return cutIntoWindows(tokens, room).map((stretch) => framedWindow(stretch, frame));
      const rest = tokens.slice(room).map(({ id }) => id);
      if (rest.length > 0) dropped.push(this.#tokenizer.decode(rest, { skip_special_tokens: true }).trim());
      return [framedWindow(tokens.slice(0, room), frame)];
    });
    return { prompts: evenWindows(windows, frame), dropped };
  }

  #tokens(prompt: string): readonly WeightedToken[] {
    return parsePrompt(prompt).flatMap(({ text, weight, startsWindow }) => {
      const { ids, tokens } = this.#tokenizer.encode(this.#normalise(text), { add_special_tokens: false });
      return ids.map((id: number, i: number) => ({ id, weight, isComma: /^[▁Ġ]?,(?:<\/w>)?$/.test(tokens[i] ?? ''), startsWindow: startsWindow && i === 0 }));
    });
  }
}
