import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitMessage } from '../../src/bot/split-message.ts';

const lines = (count: number, text: string): string => Array.from({ length: count }, () => text).join('\n');

describe('splitMessage', () => {
  it('leaves a short text whole', () => {
    expect(splitMessage('hello\n\nworld', 200)).toEqual(['hello\n\nworld']);
  });

  it('gives nothing for whitespace', () => {
    expect(splitMessage(' \n\n ', 200)).toEqual([]);
  });

  it('closes an open fence at the cut and opens it again with its language', () => {
    const pieces = splitMessage(`Look:\n\`\`\`ts\n${lines(30, 'const a = 1;')}\n\`\`\`\nDone.`, 200);
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces[0]?.endsWith('\n```')).toBe(true);
    for (const piece of pieces.slice(1)) expect(piece.startsWith('```ts\n')).toBe(true);
    expect(pieces.at(-1)?.endsWith('```\nDone.')).toBe(true);
  });

  it('prefers a paragraph break', () => {
    const pieces = splitMessage(`${'a'.repeat(120)}\n\n${'b'.repeat(60)}\n${'c'.repeat(60)}`, 200);
    expect(pieces).toEqual(['a'.repeat(120), `${'b'.repeat(60)}\n${'c'.repeat(60)}`]);
  });

  it('takes a very long line of backticks as text, never as a fence to repeat', () => {
    const pieces = splitMessage(`${'`'.repeat(900)}\nafter`, 200);
    expect(pieces.join('').match(/`/g)).toHaveLength(900);
  });

  it('does not read a language out of half of a long line', () => {
    const text = `\`\`\`${'x'.repeat(500)}\nbody`;
    expect(splitMessage(text, 200).join('').replaceAll('\n', '')).toBe(text.replaceAll('\n', ''));
  });

  const word = fc.oneof(
    fc.constantFrom('```', '```js', '~~~', '````', '\n', '\n\n', ' ', '😀', '`'),
    fc.string({ maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 90 }),
  );

  it('never passes the limit and never cuts a surrogate pair', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 80 }), fc.integer({ min: 200, max: 500 }), (words, limit) => {
        const text = words.join('').replaceAll(/\p{Surrogate}/gu, '?');
        for (const piece of splitMessage(text, limit)) {
          expect(piece.length).toBeLessThanOrEqual(limit);
          expect(piece).not.toMatch(/\p{Surrogate}/u);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('loses no visible character and repeats only fence lines', () => {
    const bare = (text: string): string => text.replaceAll(/[`~\s]/g, '');
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom('```', '\n', ' '), fc.string({ unit: 'grapheme-ascii', maxLength: 50 })), { maxLength: 60 }), (words) => {
        const text = words.join('').replaceAll(/^( {0,3}(?:`{3,}|~{3,})).*$/gm, '$1'); // no languages, so nothing visible may be repeated
        expect(splitMessage(text, 200).map(bare).join('')).toBe(bare(text));
      }),
      { numRuns: 500 },
    );
  });

  it('leaves every piece with its fences closed', () => {
    const body = fc.array(fc.constantFrom('plain text here', '', 'code()', 'a longer line of words that goes on for a while'), { maxLength: 40 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), body), { maxLength: 6 }), (blocks) => {
        const text = blocks.map(([isCode, content]) => (isCode ? ['```py', ...content, '```'] : content).join('\n')).join('\n');
        for (const piece of splitMessage(text, 200)) expect((piece.match(/^```/gm) ?? []).length % 2).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
