import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sentenceFor, userMessages } from '../../src/commands/user-messages.ts';
import { FrescoError } from '../../src/fresco-error.ts';

describe('user messages', () => {
  it('have a sentence for every error code that the ground declares', () => {
    const source = readFileSync(new URL('../../src/fresco-error.ts', import.meta.url), 'utf8');
    const declared = source.slice(source.indexOf('interface ErrorFacts'), source.indexOf('export type ErrorCode'));
    const codes = [...declared.matchAll(/^ {2}(?:'([a-z-]+)'|([a-z]+)):/gm)].map((match) => match[1] ?? match[2]);
    expect(codes.length).toBeGreaterThan(40);
    expect(Object.keys(userMessages).sort()).toEqual(codes.sort());
  });

  it('name the limit, the value and when to try again', () => {
    expect(sentenceFor(new FrescoError('prompt-too-long', { length: 100_001, limit: 6000 }))).toBe(
      'This is 100,001 characters long and I take at most 6,000. Please shorten it.',
    );
    expect(sentenceFor(new FrescoError('too-many-waiting', { waiting: 5, limit: 5, retryAfterMs: 39_200 }))).toBe(
      'You have 5 jobs waiting and the limit is 5. Try again in about 40 s.',
    );
    expect(sentenceFor(new FrescoError('option-invalid', { option: 'steps', found: '10000', expected: 'a whole number from 1 to 150' }))).toBe(
      "`steps` can't be “10000”; it takes a whole number from 1 to 150.",
    );
  });

  it('turn what is not ours into a sentence with a reference and nothing of its text', () => {
    const sentence = sentenceFor(new TypeError('cannot read /home/ana/secret'));
    expect(sentence).toMatch(/reference is [0-9a-f]{8}\.$/);
    expect(sentence).not.toContain('secret');
  });

  it('show folders and set-up to the owner only', () => {
    const error = new FrescoError('model-broken', { model: '/srv/models/sdxl', file: 'unet/model.onnx', problem: 'truncated at byte 12' });
    expect(sentenceFor(error)).not.toContain('/srv');
    expect(sentenceFor(error, 'owner')).toContain('unet/model.onnx: truncated at byte 12');
    expect(sentenceFor(new FrescoError('disk-full', { folder: '/srv/data' }))).not.toContain('/srv');
  });

  it('keep what a person typed inside its quotes', () => {
    const sentence = sentenceFor(new FrescoError('command-unknown', { command: `x\`\n\n${'y'.repeat(200)}`, known: ['ask'] }));
    expect(sentence).not.toContain('\n');
    expect(sentence.length).toBeLessThan(150);
  });
});
