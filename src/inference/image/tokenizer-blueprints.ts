import type { SentencePieceModel } from './sentencepiece-model.ts';

/**
 * What stands in a `tokenizer.json`, written for folders that have none: CLIP's slow layout (vocab.json and merges.txt) and T5's (spiece.model).
 * Source: `CLIPConverter` and `T5Converter` of transformers' convert_slow_tokenizer.py.
 */
export interface TokenizerBlueprint {
  readonly added_tokens?: readonly AddedToken[] | null | undefined;
  readonly [key: string]: unknown;
}
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly [key: string]: unknown;
}

const clipWords = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

export interface ClipFiles {
  readonly vocab: Readonly<Record<string, number>>;
  /** The lines of merges.txt, without its version line. */
  readonly merges: readonly string[];
  readonly startToken: string;
  readonly endToken: string;
  readonly unknownToken: string;
}

const special = (content: string, id: number): AddedToken => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

/** CLIP: lower case, NFC, words split off, byte-level, byte pairs with an end-of-word mark. Start and end must be in the vocabulary. */
export function clipBlueprint(files: ClipFiles): TokenizerBlueprint {
  const start = files.vocab[files.startToken] ?? -1;
  const end = files.vocab[files.endToken] ?? -1;
  return {
    version: '1.0',
    added_tokens: [special(files.startToken, start), special(files.endToken, end)],
    normalizer: {
      type: 'Sequence',
      normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }, { type: 'Lowercase' }],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: clipWords }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: { type: 'RobertaProcessing', sep: [files.endToken, end], cls: [files.startToken, start], trim_offsets: false, add_prefix_space: false },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: files.unknownToken,
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      fuse_unk: false,
      byte_fallback: false,
      vocab: files.vocab,
      merges: files.merges,
    },
  };
}

/** T5: spaces as ▁, a unigram lattice, `</s>` at the end. The model's character map is not in it: text goes through that first. */
export function unigramBlueprint(model: SentencePieceModel, endToken: string): TokenizerBlueprint {
  const end = model.pieces.findIndex(([piece]) => piece === endToken);
  return {
    version: '1.0',
    added_tokens: end === -1 ? [] : [special(endToken, end)],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        ...(model.removesExtraSpaces
          ? [
              { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
              { type: 'Strip', strip_left: true, strip_right: true },
            ]
          : []),
      ],
    },
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: model.addsDummyPrefix ? 'always' : 'never', split: true },
    post_processor:
      end === -1
        ? null
        : {
            type: 'TemplateProcessing',
            single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: endToken, type_id: 0 } }],
            pair: [],
            special_tokens: { [endToken]: { id: endToken, ids: [end], tokens: [endToken] } },
          },
    decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    model: { type: 'Unigram', unk_id: model.unknownId, vocab: model.pieces, byte_fallback: false },
  };
}

/**
 * The blueprint with every named special token recognised in text, as transformers does on loading: where a model pads with "!", a "!" in a prompt
 * becomes that pad token. `idOf` looks a token up in the vocabulary.
 */
export function withSpecialTokens(blueprint: TokenizerBlueprint, names: readonly string[], idOf: (token: string) => number | undefined): TokenizerBlueprint {
  const known = blueprint.added_tokens ?? [];
  const missing = [...new Set(names)].filter((name) => !known.some(({ content }) => content === name));
  const added = missing.flatMap((name) => {
    const id = idOf(name);
    return id === undefined ? [] : [special(name, id)];
  });
  return { ...blueprint, added_tokens: [...known, ...added] };
}
