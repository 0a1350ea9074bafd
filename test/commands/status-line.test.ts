import { describe, expect, it } from 'vitest';
import { noticeSentence } from '../../src/commands/notice-sentences.ts';
import { durationWords, literalMarkdown, sizeWords, waitWords } from '../../src/commands/plain-words.ts';
import { statusLine } from '../../src/commands/status-line.ts';

describe('status lines', () => {
  it.each([
    [{ phase: 'queued', position: 2, etaMs: 40_000 }, '2 ahead of you, about 40 s'],
    [{ phase: 'queued', position: 1, etaMs: undefined }, '1 ahead of you'],
    [{ phase: 'queued', position: 0, etaMs: undefined }, 'Starting …'],
    [{ phase: 'loading', model: 'sdxl' }, 'Loading sdxl …'],
    [{ phase: 'painting', step: 12, steps: 30 }, 'Painting: step 12 of 30'],
    [{ phase: 'done', tookMs: 3400 }, 'Took 3 s'],
  ] as const)('say %j as %j', (status, line) => {
    expect(statusLine(status)).toBe(line);
  });

  it('speak of time and size as people do', () => {
    expect([400, 7_000, 120_000, 3_900_000, 7_200_000].map(durationWords)).toEqual(['0.4 s', '7 s', '2 min', '1 h 5 min', '2 h']);
    expect([0, 1, 59_001].map(waitWords)).toEqual(['about 1 s', 'about 1 s', 'about 60 s']);
    expect([640_000, 1_500_000, 98_000_000, 1.5e9].map(sizeWords)).toEqual(['640 kB', '1.5 MB', '98 MB', '1.5 GB']);
  });

  it('keep a prompt’s signs as signs, and let mentions pass for the platform to escape', () => {
    expect(literalMarkdown('*a* [b] `c`')).toBe('\\*a\\* \\[b\\] \\`c\\`');
    expect(literalMarkdown('@everyone <!channel> <@1>')).toBe('@everyone <!channel> <@1>');
    expect(literalMarkdown('# big\n- list')).toBe('\\# big\n\\- list');
  });

  it('tell what a person should know', () => {
    expect(noticeSentence({ type: 'notice', code: 'nearest-concept', facts: { model: 'The pocket painter', drawing: 'a cat' } })).toBe(
      'The pocket painter knows emoji-like things; drawing a cat.',
    );
    expect(noticeSentence({ type: 'notice', code: 'turns-dropped', facts: { dropped: 1, contextTokens: 8192 } })).toContain('8,192');
  });
});
