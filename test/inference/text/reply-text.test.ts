import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Detokenizer } from '../../../src/inference/text/detokenizer.ts';
import { RepetitionGuard } from '../../../src/inference/text/repetition-guard.ts';
import { ReplyText } from '../../../src/inference/text/reply-text.ts';
import { StopGuard } from '../../../src/inference/text/stop-guard.ts';
import { ThinkFilter, withoutThoughts } from '../../../src/inference/text/think-filter.ts';
import { openTokenizer, type TextTokenizer } from '../../../src/inference/text/tokenizer.ts';
import { smollm2 } from './tiny-models.ts';

const decoder = new TextDecoder();
/** A decoder of single bytes, as a byte-level vocabulary at its worst. */
const bytesToText = (ids: readonly number[]): string => decoder.decode(Uint8Array.from(ids));
const pieces = (text: string, lengths: readonly number[]): string[] => {
  const parts: string[] = [];
  let at = 0;
  for (let index = 0; at < text.length; index += 1) {
    const length = Math.max(1, lengths[index % lengths.length] ?? 1);
    parts.push(text.slice(at, at + length));
    at += length;
  }
  return parts;
};
const cuts = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 8 });

describe('Detokenizer', () => {
  it('shows whole characters only, and in the end all of the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
        const detokenizer = new Detokenizer(bytesToText);
        const shown = [...new TextEncoder().encode(text)].map((byte) => detokenizer.push(byte));
        for (const piece of shown) expect(piece).not.toContain('\u{fffd}');
        expect(shown.join('') + detokenizer.flush()).toBe(text.replace(/^\u{feff}/u, ''));
      }),
    );
  });

  it('ends with what bytes that are no text become', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const detokenizer = new Detokenizer(bytesToText);
        const shown = [...bytes].map((byte) => detokenizer.push(byte)).join('') + detokenizer.flush();
        expect(shown.replaceAll('\u{fffd}', '')).toBe(bytesToText([...bytes]).replaceAll('\u{fffd}', ''));
      }),
    );
  });

  it('keeps the blanks between words where a decoder strips the first', () => {
    const metaspace = (ids: readonly number[]): string =>
      ids
        .map((id) => ['▁hi', '▁there', '!', '▁'][id] ?? '')
        .join('')
        .replaceAll('▁', ' ')
        .replace(/^ /, '');
    const detokenizer = new Detokenizer(metaspace);
    const ids = [0, 1, 2, 3, 0, 3, 3, 1];
    expect(ids.map((id) => detokenizer.push(id)).join('') + detokenizer.flush()).toBe(metaspace(ids));
  });
});

describe('Detokenizer with the embedded vocabulary', () => {
  let tokenizer: TextTokenizer;
  beforeAll(async () => {
    tokenizer = await openTokenizer(smollm2);
  });

  it('gives back any text, whatever its script', () => {
    const sample = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constantFrom('👩‍👩‍👧‍👦 日本語', 'مرحبا', 'e\u0301a\u0308', '𝓜𝓪𝓽𝓱 नमस्ते'));
    fc.assert(
      fc.property(sample, (text) => {
        const detokenizer = new Detokenizer((ids) => tokenizer.decode(ids));
        const ids = tokenizer.encodePrompt(tokenizer.protect(text));
        const shown = ids.map((id) => detokenizer.push(id));
        expect(shown.join('') + detokenizer.flush()).toBe(tokenizer.decode(ids));
      }),
      { numRuns: 60 },
    );
  });
});

describe('StopGuard', () => {
  const alphabet = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 30 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n'), minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 });

  it('shows exactly what comes before the first stop string, however the text is cut', () => {
    fc.assert(
      fc.property(alphabet, stops, cuts, (text, ends, lengths) => {
        const guard = new StopGuard(ends);
        let shown = '';
        let stopped = false;
        for (const piece of pieces(text, lengths)) {
          const step = guard.push(piece);
          shown += step.text;
          stopped = step.stopped;
        }
        shown += guard.flush();
        const firstEnd = Math.min(...ends.filter((end) => text.includes(end)).map((end) => text.indexOf(end) + end.length));
        expect(stopped).toBe(Number.isFinite(firstEnd));
        if (!stopped) expect(shown).toBe(text);
        else expect(ends.some((end) => text.startsWith(shown + end))).toBe(true);
        for (const end of ends) expect(shown.includes(end)).toBe(false);
      }),
    );
  });

  it('holds back no more than the beginning of a stop string', () => {
    const guard = new StopGuard(['\nUser:']);
    expect(guard.push('Hello\n')).toEqual({ text: 'Hello', stopped: false });
    expect(guard.push('Us')).toEqual({ text: '', stopped: false });
    expect(guard.push('ual')).toEqual({ text: '\nUsual', stopped: false });
    expect(guard.push('\nUser: x')).toEqual({ text: '', stopped: true });
    expect(guard.push('more')).toEqual({ text: '', stopped: true });
  });
});

describe('ThinkFilter', () => {
  it('hides thoughts however they are cut, and the blank space behind them', () => {
    fc.assert(
      fc.property(cuts, (lengths) => {
        const filter = new ThinkFilter(false);
        const text = 'Well <think>a < b </thin \n</think>\n\nYes, 1 < 2.<think>x</think> Bye <thi';
        const shown =
          pieces(text, lengths)
            .map((piece) => filter.push(piece))
            .join('') + filter.flush();
        expect(shown).toBe('Well Yes, 1 < 2.Bye <thi');
      }),
    );
  });

  it('starts inside a thought where the prompt opened it', () => {
    const filter = new ThinkFilter(true);
    expect(['so ', 'I</th', 'ink>', '\n\nHi', ' there'].map((piece) => filter.push(piece)).join('') + filter.flush()).toBe('Hi there');
  });

  it('shows nothing of a thought without an end', () => {
    const filter = new ThinkFilter(false);
    expect(filter.push('<think>on and on') + filter.flush()).toBe('');
  });

  it('takes thoughts out of finished answers', () => {
    expect(withoutThoughts('<think>\nhm\n</think>\n\nYes')).toBe('Yes');
    expect(withoutThoughts('hm</think>\nYes')).toBe('Yes');
    expect(withoutThoughts('a < b > c')).toBe('a < b > c');
  });
});

describe('ReplyText', () => {
  it('gives each id once, with the text that it completed, and the ids without text at the end', () => {
    const reply = new ReplyText(new Detokenizer(bytesToText), new StopGuard(['END']));
    const deltas = [...new TextEncoder().encode('é🙂 EN'), 0x2e].map((byte) => reply.push(byte));
    expect(deltas.filter((delta) => delta !== undefined).map(({ text, tokenIds }) => [text, tokenIds.length])).toEqual([
      ['é', 2],
      ['🙂', 4],
      [' ', 1],
      ['EN.', 3],
    ]);
    expect(reply.finish()).toBeUndefined();
    const ended = new ReplyText(new Detokenizer((ids) => (ids.includes(9) ? 'a' : '')), new StopGuard([]));
    expect(ended.push(9)).toEqual({ text: 'a', tokenIds: [9] });
    expect(ended.push(2)).toBeUndefined();
    expect(ended.finish()).toEqual({ text: '', tokenIds: [2] });
  });

  it('shows at the end what only looked like a stop string', () => {
    const reply = new ReplyText(new Detokenizer(bytesToText), new StopGuard(['END']), new ThinkFilter(false));
    const shown = [...new TextEncoder().encode('x<EN')].map((byte) => reply.push(byte)?.text ?? '').join('');
    expect(shown + (reply.finish()?.text ?? '')).toBe('x<EN');
  });
});

describe('RepetitionGuard', () => {
  const fires = (words: readonly string[]): number => {
    const guard = new RepetitionGuard();
    const vocabulary = [...new Set(words)];
    return words.findIndex((word) => guard.push(vocabulary.indexOf(word), word));
  };
  const sentence = "L'Etoile is the capital of the region".split(/(?= )/);

  it('ends a loop of any length up to 64 tokens within a few rounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 0, max: 30 }), (cycle, before) => {
        const start = Array.from({ length: before }, (_, index) => `s${index}`);
        const loop = Array.from({ length: 400 }, (_, index) => `c${index % cycle}`);
        const at = fires([...start, ...loop]);
        expect(at).toBeGreaterThanOrEqual(before + 30);
        expect(at).toBeLessThan(before + Math.max(3 * cycle, 36));
      }),
    );
  });

  it('ends a numbered list of one and the same thought', () => {
    const list = Array.from({ length: 10 }, (_, index) => [`${index + 1}`, ')', ...sentence, '\n']).flat();
    expect(fires(list)).toBeGreaterThan(0);
    expect(fires(list)).toBeLessThan(list.length / 2 + 2);
  });

  it('lets a refrain, a table and laughter pass', () => {
    const verse = (line: number): string[] => [...`Verse ${line} tells something new about the sea`.split(/(?= )/), '\n', ...sentence, '\n'];
    expect(fires([1, 2, 3].flatMap(verse))).toBe(-1);
    expect(fires(['|', ' --- ', '|', ' --- ', '|', ' --- ', '|', '\n', '|', ' a ', '|', ' b ', '|', ' c ', '|'])).toBe(-1);
    expect(fires(Array.from({ length: 8 }, () => ' ha'))).toBe(-1);
  });
});
