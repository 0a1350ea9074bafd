import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneLine, readableText, shortText } from '../../src/commands/prompt-text.ts';

describe('prompt text', () => {
  it.each([
    ['', 'empty-prompt'],
    [' \n\t ', 'empty-prompt'],
    ['\u200b\u2060 \u00a0', 'empty-prompt'],
    ['x'.repeat(101), 'prompt-too-long'],
    ['half \ud83d', 'unreadable-text'],
    ['\udc00 half', 'unreadable-text'],
    ['a\u0000b', 'unreadable-text'],
    ['\u001b[31mred', 'unreadable-text'],
    ['a\u0085b', 'unreadable-text'],
  ])('%j is refused as %s', (text, code) => {
    expect(() => readableText(text, 100)).toThrow(expect.objectContaining({ code }));
  });

  it('keeps what people write: lines, tabs, emoji, scripts, mentions', () => {
    const text = '@everyone <@123> <!channel>\n\tعربى 日本語 👩‍👩‍👧‍👦 e\u0301';
    expect(readableText(`  ${text.replace('\n', '\r\n')}  `, 100)).toBe(text);
  });

  it('is cut without half a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.integer({ min: 1, max: 30 }), (text, limit) => {
        const cut = shortText(text, limit);
        expect(cut.length).toBeLessThanOrEqual(limit);
        expect(cut).not.toMatch(/\p{Surrogate}/u);
      }),
    );
    expect(oneLine(' a \n b ', 10)).toBe('a b');
  });
});
