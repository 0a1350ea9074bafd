import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readPictureParameters } from '../../src/inference/image/png-parameters.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'fresco-terminal-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the program as `npx fresco …` does. `interruptAt` sends Ctrl-C once standard output has that text. */
function fresco(
  args: readonly string[],
  options: { readonly environment?: Readonly<Record<string, string>>; readonly interruptAt?: string } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, ['bin/fresco.mjs', ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, FRESCO_DATA_DIR: folder, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err, wasInterrupted] = ['', '', false];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    if (!wasInterrupted && options.interruptAt !== undefined && out.includes(options.interruptAt)) wasInterrupted = child.kill('SIGINT');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return new Promise((done) => child.once('close', (code) => done({ code, out, err })));
}

const jsonOf = (text: string): Record<string, unknown> => JSON.parse(text);

describe('the program', () => {
  it('asks, and prints one JSON object on one line', async () => {
    const { code, out } = await fresco(['ask', 'Name three primary colours.', '--max-tokens', '12', '--temperature', '0', '--json']);
    expect(code).toBe(0);
    expect(out.trim().split('\n')).toHaveLength(1);
    const answer = jsonOf(out);
    expect(Object.keys(answer)).toEqual(['text', 'promptTokenIds', 'tokenIds', 'finishReason', 'usage', 'timings']);
    expect(answer).toMatchObject({ finishReason: 'length', usage: { completionTokens: 12 } });
  });

  it('takes a whole conversation and adds nothing of its own', async () => {
    const file = join(folder, 'messages.json');
    writeFileSync(
      file,
      JSON.stringify([
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ]),
    );
    const given = jsonOf((await fresco(['ask', '--messages', file, '--max-tokens', '1', '--json'])).out);
    const counted = jsonOf(
      (await fresco(['tokens', '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n', '--json'])).out,
    );
    expect(given['promptTokenIds']).toEqual(counted['ids']);
  });

  it('paints, saves the picture with its parameters, and repeats it from its file', async () => {
    const [first, second] = [join(folder, 'first.png'), join(folder, 'second.png')];
    const { code, out } = await fresco(['imagine', 'a red apple', '--seed', '7', '--steps', '4', '--guidance-rescale', '0.2', '-o', first, '--json']);
    expect(code).toBe(0);
    expect(jsonOf(out)['images']).toMatchObject([{ path: first, seed: 7, steps: 4 }]);
    expect(readPictureParameters(readFileSync(first))).toMatchObject({ prompt: 'a red apple', seed: 7, steps: 4, guidanceRescale: 0.2 });
    expect((await fresco(['imagine', '--from', first, '-o', second])).code).toBe(0);
    expect(readFileSync(second).equals(readFileSync(first))).toBe(true);
  });

  it('stops at Ctrl-C', async () => {
    const { code, err } = await fresco(['ask', 'Count from one to one thousand in words.', '--temperature', '0', '--max-tokens', '2000'], { interruptAt: ' ' });
    expect(code).toBe(130);
    expect(err).toContain('Stopped.');
  });

  it.each([
    ['an empty question', ['ask', ''], {}, 1, /words/],
    ['no steps', ['imagine', 'a fox', '--steps', '0'], {}, 2, /--steps.*0/],
    ['steps that are no number', ['imagine', 'a fox', '--steps', 'many'], {}, 2, /number/],
    ['a size of 7 × 9', ['imagine', 'a fox', '--width', '7', '--height', '9'], {}, 1, /7 × 9/],
    ['a size of 100,000 × 100,000', ['imagine', 'a fox', '--width', '100000', '--height', '100000'], {}, 1, /100000 × 100000/],
    ['an unknown model', ['ask', 'hi', '--model', 'nothing-like-it'], {}, 1, /nothing-like-it/],
    ['an unknown sampler', ['imagine', 'a fox', '--sampler', 'abacus'], {}, 1, /abacus.*DDIM/],
    ['a folder that is no model', ['ask', 'hi', '--model', folder], {}, 1, /./],
    ['control characters', ['imagine', 'a\u0007fox'], {}, 1, /control/],
    ['an unknown setting', ['tokens', 'hi'], { FRESCO_PROT: '1' }, 1, /FRESCO_PROT/],
    ['an unknown command', ['fly'], {}, 2, /fly/],
    ['a prompt of 6,001 characters', ['imagine', 'x'.repeat(6001)], {}, 1, /6,?001.*6,?000/],
  ] as const)('answers %s with one sentence and a code', async (...[, args, environment, wanted, sentence]) => {
    const { code, err } = await fresco(args, { environment });
    expect(err).toMatch(sentence);
    expect(err).not.toMatch(/\n\s+at /);
    expect(code).toBe(wanted);
  });
});
