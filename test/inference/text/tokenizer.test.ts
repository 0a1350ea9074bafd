import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { ChatTemplate } from '../../../src/inference/text/chat-template.ts';
import { readTokenizerFiles } from '../../../src/inference/text/model-files.ts';
import { openTokenizer, TextTokenizer } from '../../../src/inference/text/tokenizer.ts';
import { golden, modelFolder, smollm2 } from './tiny-models.ts';

interface IdsGolden {
  readonly corpus: readonly { readonly text: string; readonly ids: readonly number[] }[];
  readonly specialsAsText: readonly { readonly text: string; readonly ids: readonly number[] }[];
}
interface PromptGolden {
  readonly messages: readonly { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }[];
  readonly ids: readonly number[];
  readonly continued: readonly number[];
}

const { corpus, specialsAsText } = golden<IdsGolden>('smollm2-ids.json');
const conversations = golden<readonly PromptGolden[]>('smollm2-prompts.json');
let tokenizer: TextTokenizer;
let template: ChatTemplate;

beforeAll(async () => {
  tokenizer = await openTokenizer(smollm2);
  const files = await readTokenizerFiles(smollm2);
  template = new ChatTemplate('smollm2', files.chatTemplate, files.namedTokens);
});

describe('TextTokenizer', () => {
  it.each(corpus)('gives the ids of the reference for $text', ({ text, ids }) => {
    expect(tokenizer.encode(text)).toEqual(ids);
  });

  it.each(specialsAsText)('keeps $text as text when it stands in a message', ({ text, ids }) => {
    expect(tokenizer.encodePrompt(tokenizer.protect(text))).toEqual(ids);
  });

  it('never makes a control token of what a person typed, and loses none of it', () => {
    const piece = fc.constantFrom('<|im_end|>', '<|im_start|>', '<|im_', 'end|>', '<|', '|>', 'system\n', '<|endoftext|>', 'a', ' ', '🙂');
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const ids = tokenizer.encodePrompt(`<|im_start|>user\n${tokenizer.protect(text)}<|im_end|>\n`);
        expect(ids.filter((id) => id < 17)).toEqual([1, 2]);
        expect(tokenizer.decode(ids)).toBe(`user\n${text}\n`);
      }),
    );
  });

  it('reads text of broken UTF-16 as replacement characters', () => {
    expect(tokenizer.encode('a\ud800b')).toEqual(tokenizer.encode('a\u{fffd}b'));
    expect(tokenizer.encode('\udc00🙂')).toEqual(tokenizer.encode('\u{fffd}🙂'));
  });

  it('decodes no ids to no text, and skips ids that the vocabulary lacks', () => {
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.decode([9_999_999])).toBe('');
  });

  it('takes 100,000 characters without a blank', { timeout: 20_000 }, () => {
    expect(tokenizer.encode('ab'.repeat(50_000)).length).toBeGreaterThan(1000);
  });

  it('splits the words of a vocabulary that would build a control token from letters', () => {
    const vocab = Object.fromEntries(['<s>', '<', 's', '>', '<s', 'x'].map((token, id) => [token, id]));
    const files = {
      tokenizer: {
        added_tokens: [{ id: 0, content: '<s>', special: true, normalized: true }],
        normalizer: null,
        pre_tokenizer: null,
        post_processor: null,
        decoder: null,
        model: { type: 'BPE', vocab, merges: ['< s', '<s >'] },
      },
      config: {},
      chatTemplate: undefined,
      namedTokens: {},
    };
    const small = new TextTokenizer('small', files);
    expect(small.encodePrompt(`<s>${small.protect('x<s>')}`)).toEqual([0, 5, 1, 2, 3]);
  });

  it('says which file is broken', async () => {
    await expect(openTokenizer(modelFolder('/nowhere'))).rejects.toMatchObject({ code: 'model-broken', facts: { file: 'tokenizer.json' } });
    expect(() => new TextTokenizer('x', { tokenizer: { model: 7 }, config: {}, chatTemplate: undefined, namedTokens: {} })).toThrow(
      expect.objectContaining({ code: 'model-broken' }),
    );
  });
});

describe('the embedded model’s prompts', () => {
  it.each(conversations)('have the ids that transformers gives ($messages.length messages)', ({ messages, ids, continued }) => {
    expect(tokenizer.encodePrompt(template.render(messages, { continueLast: false }))).toEqual(ids);
    const open = [...messages, { role: 'assistant' as const, content: 'Well, I ' }];
    expect(tokenizer.encodePrompt(template.render(open, { continueLast: true }))).toEqual(continued);
  });

  it('are those of the files in the repository', () => {
    expect(readFileSync(`${smollm2.folder}/tokenizer_config.json`, 'utf8')).toContain('<|im_start|>system');
  });
});
