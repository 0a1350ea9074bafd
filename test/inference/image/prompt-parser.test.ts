import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lexPrompt } from '../../../src/inference/image/prompt-lexer.ts';
import { parsePrompt } from '../../../src/inference/image/prompt-parser.ts';

const pairs = (prompt: string) => parsePrompt(prompt).map(({ text, weight }) => [text, Number(weight.toFixed(6))]);

describe('weights mean what they mean in AUTOMATIC1111', () => {
  // the examples of its own parse_prompt_attention
  it.each([
    ['normal text', [['normal text', 1]]],
    [
      'an (important) word',
      [
        ['an ', 1],
        ['important', 1.1],
        [' word', 1],
      ],
    ],
    ['(unbalanced', [['unbalanced', 1.1]]],
    ['\\(literal\\]', [['(literal]', 1]]],
    ['(unnecessary)(parens)', [['unnecessaryparens', 1.1]]],
    [
      'a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).',
      [
        ['a ', 1],
        ['house', 1.573],
        [' ', 1.1],
        ['on', 1],
        [' a ', 1.1],
        ['hill', 0.55],
        [', sun, ', 1.1],
        ['sky', 1.4641],
        ['.', 1.1],
      ],
    ],
  ])('%s', (prompt, parts) => {
    expect(pairs(prompt)).toEqual(parts);
  });

  it.each([
    ['', [['', 1]]],
    ['(fox:1.2)', [['fox', 1.2]]],
    ['(fox: 1.2 )', [['fox', 1.2]]],
    ['(fox:.5)', [['fox', 0.5]]],
    ['(fox:-1)', [['fox', -1]]],
    ['[less]', [['less', 0.909091]]],
    ['[[less]]', [['less', 0.826446]]],
    ['a closing ) alone', [['a closing ) alone', 1]]],
    ['16:9 ratio', [['16:9 ratio', 1]]],
    ['time 10:30)', [['time 10:30)', 1]]],
    ['(a:b:1.5)', [['a:b', 1.5]]],
    ['C:\\\\path', [['C:\\path', 1]]],
    ['C:\\path', [['C:path', 1]]],
    [
      '(a [b] c:2)',
      [
        ['a ', 2],
        ['b', 1.818182],
        [' c', 2],
      ],
    ],
    [
      '🦊 (🐕:1.4)',
      [
        ['🦊 ', 1],
        ['🐕', 1.4],
      ],
    ],
  ])('%j', (prompt, parts) => {
    expect(pairs(prompt)).toEqual(parts);
  });
});

it('BREAK begins a window, as a word of its own alone', () => {
  expect(parsePrompt('a fox BREAK a dog')).toEqual([
    { text: 'a fox', weight: 1, startsWindow: false },
    { text: 'a dog', weight: 1, startsWindow: true },
  ]);
  expect(pairs('BREAKFAST and break')).toEqual([['BREAKFAST and break', 1]]);
});

it('text without signs comes back as it was, in one part of weight 1', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      fc.pre(!/[\\()[\]]|BREAK/.test(text));
      expect(parsePrompt(text)).toEqual([{ text, weight: 1, startsWindow: false }]);
    }),
  );
});

it('any text can be written literally by escaping its signs', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('(', ')', '[', ']', '\\', ':', '1', '.', 'a', ' ', ',') }), (text) => {
      const escaped = text.replace(/[\\()[\]]/g, (sign) => `\\${sign}`);
      expect(
        parsePrompt(escaped)
          .map((part) => part.text)
          .join(''),
      ).toBe(text);
      expect(parsePrompt(escaped).every(({ weight }) => weight === 1)).toBe(true);
    }),
  );
});

it('no text makes the lexer or the parser throw, hang or lose a letter', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('(', ')', '[', ']', '\\', ':', '1', '.', '-', 'a', 'BREAK', ' ', '\n', 'é') }), (text) => {
      const parts = parsePrompt(text);
      expect(parts.every(({ weight }) => Number.isFinite(weight))).toBe(true);
      const letters = (value: string) => value.replace(/[^aé]/g, '');
      expect(letters(parts.map((part) => part.text).join(''))).toBe(letters(text));
      expect(lexPrompt(text).length).toBeLessThanOrEqual(text.length);
    }),
  );
  const deep = `${'('.repeat(2000)}fox${')'.repeat(2000)}`;
  expect(parsePrompt(deep)).toHaveLength(1);
});
