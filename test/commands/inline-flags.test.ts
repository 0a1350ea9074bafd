import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askSpec } from '../../src/commands/ask-command.ts';
import { imagineSpec } from '../../src/commands/imagine-command.ts';
import { flagNames, parseInlineFlags } from '../../src/commands/inline-flags.ts';

describe('inline flags', () => {
  it.each([
    ['a fox', { prompt: 'a fox' }],
    ['a fox --ar 16:9 --seed 7', { prompt: 'a fox', size: '16:9', seed: 7 }],
    ['--ar 16:9 --seed=7 a fox', { prompt: 'a fox', size: '16:9', seed: 7 }],
    ['a fox --no hands, text --seed 7', { prompt: 'a fox', negative: 'hands, text', seed: 7 }],
    ['a fox --negative "hands --seed 9" --seed 7', { prompt: 'a fox', negative: 'hands --seed 9', seed: 7 }],
    ['a fox —ar 3:2 –seed 7', { prompt: 'a fox', size: '3:2', seed: 7 }],
    ['a fox —the red one— in snow', { prompt: 'a fox —the red one— in snow' }],
    ['a fox --sampler “DPM++ 2M Karras” --steps 30', { prompt: 'a fox', sampler: 'DPM++ 2M Karras', steps: 30 }],
    ['a fox --cfg 7,5', { prompt: 'a fox', guidance: 7.5 }],
    ['a fox --scale .5', { prompt: 'a fox', guidance: 0.5 }],
    ['a fox --N 4, --finish', { prompt: 'a fox', count: 4, finish: true }],
    ['a fox --finish=no', { prompt: 'a fox', finish: false }],
    ['a fox --upscale 2x', { prompt: 'a fox', upscale: '2' }],
    ['"a fox in the snow" --seed 7', { prompt: 'a fox in the snow', seed: 7 }],
    ['a sign that says "sale --no refunds"', { prompt: 'a sign that says "sale --no refunds"' }],
    ["the cat's don't --seed 3", { prompt: "the cat's don't", seed: 3 }],
    ["'twas night --seed 3", { prompt: "'twas night", seed: 3 }],
    ['a fox -- --seed 7', { prompt: 'a fox --seed 7' }],
    ['first line\n  second  line --seed 1', { prompt: 'first line\n  second  line', seed: 1 }],
    ['(fox:1.2) [dog] <lora:x:0.8> --clip-skip 2', { prompt: '(fox:1.2) [dog] <lora:x:0.8>', 'clip-skip': 2 }],
    ['`--seed` in code --seed 4', { prompt: '`--seed` in code', seed: 4 }],
    ['a fox --seed 1 --seed 2', { prompt: 'a fox', seed: 2 }],
    ['@everyone look --seed 1', { prompt: '@everyone look', seed: 1 }],
  ])('read %j', (text, expected) => {
    expect(parseInlineFlags(imagineSpec, text)).toEqual(expected);
  });

  it.each([
    ['a fox --steps 0', 'steps', '0', 'a whole number from 1 to 500'],
    ['a fox --steps 10000', 'steps', '10000', 'a whole number from 1 to 500'],
    ['a fox --steps NaN', 'steps', 'NaN', 'a whole number from 1 to 500'],
    ['a fox --steps 1e2', 'steps', '1e2', 'a whole number from 1 to 500'],
    ['a fox --steps', 'steps', 'nothing', 'a whole number from 1 to 500'],
    ['a fox --steps --seed 4', 'steps', 'nothing', 'a whole number from 1 to 500'],
    ['a fox --cfg Infinity', 'guidance', 'Infinity', 'a number from 0 to 50'],
    ['a fox --strength 2', 'strength', '2', 'a number from 0.01 to 1'],
    ['a fox --upscale 3', 'upscale', '3', 'one of 2, 4'],
    ['a fox --seed -1', 'seed', '-1', 'a whole number from 0 to 4294967295'],
    ['a fox --finish=maybe', 'finish', 'maybe', 'on or off'],
  ])('refuse %j with what was found and expected', (text, option, found, expected) => {
    expect(() => parseInlineFlags(imagineSpec, text)).toThrow(expect.objectContaining({ code: 'option-invalid', facts: { option, found, expected } }));
  });

  it('name the known flags where one is unknown, and leave it in a question', () => {
    expect(() => parseInlineFlags(imagineSpec, 'a fox --colour red')).toThrow(
      expect.objectContaining({ code: 'option-unknown', facts: { option: '--colour', known: flagNames(imagineSpec) } }),
    );
    expect(parseInlineFlags(askSpec, 'what does `git commit` --amend do? --temp 0')).toEqual({ prompt: 'what does `git commit` --amend do?', temperature: 0 });
    expect(flagNames(imagineSpec)).toContain('--no');
    expect(flagNames(imagineSpec)).not.toContain('--image');
  });

  it('give back any plain prompt as it was, whatever stands around it', () => {
    const word = fc.stringMatching(/^[a-zA-Zäöü0-9,.!?:;()@#/*]+$/, { maxLength: 12 }).filter((text) => text.length > 0);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), fc.integer({ min: 0, max: 0xffff_ffff }), fc.boolean(), (words, seed, isFirst) => {
        const prompt = words.join(' ');
        const text = isFirst ? `--seed ${seed} ${prompt}` : `${prompt} --seed ${seed}`;
        expect(parseInlineFlags(imagineSpec, text)).toEqual({ prompt, seed });
      }),
    );
  });

  it('never throw anything but an error of ours, and never hang', () => {
    const piece = fc.constantFrom('--', '-', '—', '"', "'", '`', '```', '“', '”', ' ', '\n', '=', 'seed', 'ar', 'no', 'fox', '16:9', '7', '\ud83d', '«');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        try {
          parseInlineFlags(imagineSpec, pieces.join(''));
        } catch (error) {
          expect(error).toMatchObject({ name: 'FrescoError' });
        }
      }),
      { numRuns: 500 },
    );
    const long = `${'word '.repeat(19_000)}--seed 7`;
    const startedMs = performance.now();
    expect(parseInlineFlags(askSpec, long)['seed']).toBe(7);
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });
});
