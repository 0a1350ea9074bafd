import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';
import type { ModelFolder } from '../contract.ts';
import { readTokenizerFiles, type TokenizerFiles } from './model-files.ts';

/** A noncharacter, never valid in exchanged text: put inside a look-alike of a control token so that it does not match. */
const breaker = '\u{fdd0}';

const addedTokenSchema = z.looseObject({ id: z.int(), content: z.string(), special: z.boolean().optional() });

type PreTokenize = (text: string, options: { readonly section_index?: number }) => string[];

/** The part of the library's Tokenizer that is used here (its own declarations do not resolve under NodeNext). */
interface LoadedTokenizer {
  pre_tokenizer: PreTokenize | null;
  encode(text: string, options: { readonly add_special_tokens: boolean }): { readonly ids: number[] };
  decode(ids: readonly number[], options: { readonly skip_special_tokens: boolean; readonly clean_up_tokenization_spaces: boolean }): string;
  id_to_token(id: number): string | undefined;
  token_to_id(token: string): number | undefined;
}

type BreakerMode = 'off' | 'join' | 'split';

/** Takes the breakers out after control tokens were found and before ids are made: their text joined again, or left apart. */
function withoutBreakers(inner: PreTokenize | null, mode: () => BreakerMode): PreTokenize {
  const pieces: PreTokenize = (text, options) => (text === '' ? [] : inner === null ? [text] : inner(text, options));
  return (text, options) => {
    switch (mode()) {
      case 'off':
        return pieces(text, options);
      case 'join':
        return pieces(text.replaceAll(breaker, ''), options);
      case 'split':
        return text.split(breaker).flatMap((part) => pieces(part, options));
    }
  };
}

/** Ids from text and text from ids, as the model's own tokenizer files say. */
export class TextTokenizer {
  readonly #tokenizer: LoadedTokenizer;
  #breakers: BreakerMode = 'off';
  readonly #controlIds: ReadonlySet<number>;
  readonly #controlPattern: RegExp | undefined;

  /** Throws 'model-broken' where the files are not what the tokenizer library can read. */
  constructor(model: string, files: TokenizerFiles) {
    const added = z.array(addedTokenSchema).safeParse(files.tokenizer['added_tokens']).data ?? [];
    const control = added.filter((token) => isControl(token, files.chatTemplate ?? ''));
    this.#controlIds = new Set(control.map(({ id }) => id));
    this.#controlPattern = patternOf(control.map(({ content }) => content));
    const addedTokens = added.map((token) => (this.#controlIds.has(token.id) ? { ...token, normalized: false } : token));
    try {
      const json = { ...files.tokenizer, added_tokens: addedTokens, pre_tokenizer: mendedPreTokenizer(files.tokenizer['pre_tokenizer'] ?? null) };
      this.#tokenizer = new Tokenizer(json, files.config);
    } catch (error) {
      throw new FrescoError('model-broken', { model, file: 'tokenizer.json', problem: 'cannot be used as a tokenizer' }, { cause: error });
    }
    this.#tokenizer.pre_tokenizer = withoutBreakers(this.#tokenizer.pre_tokenizer, () => this.#breakers);
  }

  /** Ids of plain text, with what the tokenizer adds by itself (a BOS, where the model wants one); control tokens are read as such. */
  encode(text: string): number[] {
    return this.#encode(text, true);
  }

  /** The pieces that `ids` stand for, as the vocabulary spells them. */
  tokens(ids: readonly number[]): string[] {
    return ids.map((id) => this.#tokenizer.id_to_token(id) ?? '');
  }

  /** Message content that can go into a template: what looks like a control token is broken up, and stays text to the end. */
  protect(content: string): string {
    const clean = content.replaceAll(breaker, '');
    if (this.#controlPattern === undefined) return clean;
    let text = clean;
    for (;;) {
      const broken = text.replace(this.#controlPattern, (found) => `${found.slice(0, 1)}${breaker}${found.slice(1)}`);
      if (broken === text) return text;
      text = broken; // again: an overlapping look-alike may still be whole
    }
  }

  /** Ids of a rendered template whose contents went through `protect`. Nothing is added: templates write their own BOS. */
  encodePrompt(rendered: string): number[] {
    const expected = this.#controlPattern === undefined ? 0 : [...rendered.matchAll(this.#controlPattern)].length;
    const ids = this.#withBreakers('join', rendered);
    const found = ids.reduce((count, id) => count + (this.#controlIds.has(id) ? 1 : 0), 0);
    return found <= expected ? ids : this.#withBreakers('split', rendered); // a vocabulary that builds the control token from letters
  }

  /** Rendered template text as a person would read it. */
  unprotect(rendered: string): string {
    return rendered.replaceAll(breaker, '');
  }

  /** Text of `ids` without special tokens; ends in U+FFFD where the last character is incomplete. */
  decode(ids: readonly number[]): string {
    const known = ids.filter((id) => this.#tokenizer.id_to_token(id) !== undefined);
    if (known.length === 0) return '';
    return this.#tokenizer.decode(known, { skip_special_tokens: true, clean_up_tokenization_spaces: false }); // clean-up rewrites text already shown
  }

  idOf(token: string): number | undefined {
    return this.#tokenizer.token_to_id(token);
  }

  #withBreakers(mode: BreakerMode, text: string): number[] {
    this.#breakers = mode;
    try {
      return this.#encode(text, false);
    } finally {
      this.#breakers = 'off';
    }
  }

  #encode(text: string, addSpecialTokens: boolean): number[] {
    const wellFormed = text.replaceAll(/\p{Surrogate}/gu, '\u{fffd}');
    return this.#tokenizer.encode(wellFormed, { add_special_tokens: addSpecialTokens }).ids;
  }
}

/** Special tokens, and those the template writes itself, such as `<think>`. */
function isControl({ content, special }: z.infer<typeof addedTokenSchema>, template: string): boolean {
  return content.length > 1 && (special === true || (content.trim().length > 2 && template.includes(content)));
}

function patternOf(contents: readonly string[]): RegExp | undefined {
  if (contents.length === 0) return undefined;
  const longestFirst = [...contents].sort((left, right) => right.length - left.length);
  return new RegExp(longestFirst.map((content) => content.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g');
}

/** The reference's `\s` and its idea of a digit, spelled out, since those of JavaScript differ (U+0085, U+FEFF, digits beyond ASCII). */
const byteLevelSplit = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const isolated = (pattern: string): object => ({ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false });
const preTokenizerSchema = z.union([
  z.looseObject({ type: z.literal('Sequence'), pretokenizers: z.array(z.unknown()) }),
  z.looseObject({ type: z.literal('Digits'), individual_digits: z.boolean().optional() }),
  z.looseObject({ type: z.literal('ByteLevel'), add_prefix_space: z.literal(false), use_regex: z.literal(true).optional() }),
]);

function mendedPreTokenizer(json: unknown): unknown {
  const known = preTokenizerSchema.safeParse(json).data;
  switch (known?.type) {
    case 'Sequence':
      return { ...known, pretokenizers: known.pretokenizers.map(mendedPreTokenizer) };
    case 'Digits':
      return isolated(known.individual_digits === true ? String.raw`\p{N}` : String.raw`\p{N}+`);
    case 'ByteLevel':
      return { type: 'Sequence', pretokenizers: [isolated(byteLevelSplit), { ...known, use_regex: false }] };
    case undefined:
      return json;
    default:
      return known satisfies never;
  }
}

/** Opens a model's tokenizer without its weights. Throws 'model-broken'. */
export async function openTokenizer(model: ModelFolder): Promise<TextTokenizer> {
  return new TextTokenizer(model.id, await readTokenizerFiles(model));
}
