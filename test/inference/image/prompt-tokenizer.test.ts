import { readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { FrescoError } from '../../../src/fresco-error.ts';
import { openPromptTokenizer } from '../../../src/inference/image/prompt-tokenizer.ts';

const goldens = fileURLToPath(new URL('../../goldens/image/', import.meta.url));
const rowSchema = z.object({ ids: z.array(z.int()), pad: z.int().nullable(), whole: z.array(z.int()) });
const file = z
  .object({ prompts: z.array(z.string()), tokenizers: z.record(z.string(), z.object({ folder: z.string(), length: z.int(), rows: z.array(rowSchema) })) })
  .parse(JSON.parse(readFileSync(join(goldens, 'prompts.json'), 'utf8')));

const open = (folder: string, slot = 1) => openPromptTokenizer({ model: 'tiny', folder: join(goldens, folder), slot, config: {} });

describe.each(Object.entries(file.tokenizers))('%s', (name, { folder, length, rows }) => {
  it.each(file.prompts.map((prompt, i) => [JSON.stringify(prompt.slice(0, 40)), prompt, rows[i]] as const))(
    'gives the ids of transformers for %s',
    async (_, prompt, row) => {
      const tokenizer = await open(folder);
      const result = tokenizer.windows([prompt], name.startsWith('t5') ? length : undefined);
      const windows = result.prompts[0] ?? [];
      if (row === undefined) throw new RangeError('a golden for each prompt');
      const real = windows.map(({ ids, isReal }) => ids.filter((__, i) => isReal[i]));
      if (name.startsWith('clip')) {
        const inner = real.flatMap((ids) => ids.slice(1, -1));
        expect(inner).toEqual(row.whole.slice(1, -1)); // long prompts go on in further windows instead of being cut
        expect(windows.length).toBe(row.whole.length <= length ? 1 : Math.max(2, windows.length));
      } else {
        expect(real).toEqual([row.ids]);
        expect(result.dropped.length).toBe(row.whole.length > length ? 1 : 0);
      }
      for (const { ids, isReal, weights } of windows) {
        expect([ids.length, isReal.length, weights.length]).toEqual([length, length, length]);
        expect(weights.every((weight) => weight === 1)).toBe(true);
        if (row.pad !== null) expect(ids.filter((__, i) => !isReal[i]).every((id) => id === row.pad)).toBe(true);
      }
    },
  );
});

describe('windows', () => {
  it('gives every prompt as many windows as the longest needs, the added ones empty', async () => {
    const tokenizer = await open('models/sd1/tokenizer');
    const { prompts } = tokenizer.windows(['fox '.repeat(160), 'dog', '']);
    expect(prompts.map((windows) => windows.length)).toEqual([3, 3, 3]);
    expect(prompts[1]?.[1]).toEqual(prompts[2]?.[0]);
    expect(prompts[1]?.[1]?.isReal.filter(Boolean)).toHaveLength(2);
  });

  it('ends a full window at a comma near its end', async () => {
    const tokenizer = await open('models/sd1/tokenizer');
    const { prompts } = tokenizer.windows([`${'a '.repeat(64)}, ${'b '.repeat(20)}`]);
    const lengths = (prompts[0] ?? []).map(({ isReal }) => isReal.filter(Boolean).length - 2);
    expect(lengths).toEqual([65, 20]);
  });

  it('begins a new window at BREAK', async () => {
    const tokenizer = await open('models/sd1/tokenizer');
    const [windows] = tokenizer.windows(['a fox BREAK a dog']).prompts;
    const [[fox], [dog]] = [tokenizer.windows(['a fox']).prompts, tokenizer.windows(['a dog']).prompts];
    expect(windows).toEqual([...(fox ?? []), ...(dog ?? [])]);
  });

  it('gives each token the weight of its bracket and everything else 1', async () => {
    const tokenizer = await open('models/sd1/tokenizer');
    const weighted = tokenizer.windows(['a (fox:1.3) and [dog]']).prompts[0]?.[0];
    const plain = tokenizer.windows(['a fox and dog']).prompts[0]?.[0];
    expect(weighted?.ids).toEqual(plain?.ids);
    const distinct = [...new Set(weighted?.weights)];
    expect(distinct).toHaveLength(3);
    expect(distinct[1]).toBeCloseTo(1.3);
    expect(distinct[2]).toBeCloseTo(1 / 1.1);
    expect(weighted?.weights[0]).toBe(1);
    expect(weighted?.weights.at(-1)).toBe(1);
  });

  it('names what an encoder without windows leaves out', async () => {
    const tokenizer = await open('models/flux-dev/tokenizer_2', 2);
    const { prompts, dropped } = tokenizer.windows(['a red fox sleeping in the snow', 'a cat'], 5);
    expect(prompts.map((windows) => windows.map(({ ids }) => ids.length))).toEqual([[5], [5]]);
    expect(dropped).toHaveLength(1);
    expect('a red fox sleeping in the snow'.endsWith(dropped[0] ?? 'nothing')).toBe(true);
  });

  it('is bounded by the encoder where the tokenizer knows no limit', async () => {
    const folder = join(goldens, 'models/sd1/tokenizer');
    const tokenizer = await openPromptTokenizer({ model: 'tiny', folder, slot: 1, config: { max_position_embeddings: 20 } });
    expect(tokenizer.windows(['fox']).prompts[0]?.[0]?.ids).toHaveLength(20);
  });
});

describe('broken folders', () => {
  async function spoiled(from: string, spoil: (folder: string) => Promise<void>): Promise<FrescoError<'model-broken'>> {
    const folder = await mkdtemp(join(tmpdir(), 'fresco-tokenizer-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await cp(join(goldens, from), folder, { recursive: true });
    await spoil(folder);
    const failure: unknown = await openPromptTokenizer({ model: 'tiny', folder, slot: 2, config: {} }).catch((error: unknown) => error);
    if (!FrescoError.is(failure, 'model-broken')) throw failure;
    expect(failure.facts.model).toBe('tiny');
    expect(failure.facts.problem).not.toBe('');
    return failure;
  }
  const clip = 'models/sd1/tokenizer';
  const t5 = 'models/sd3/tokenizer_3';

  it.each([
    ['no vocabulary', clip, (folder: string) => rm(join(folder, 'vocab.json')), 'tokenizer_2/tokenizer.json'],
    ['no merges', clip, (folder: string) => rm(join(folder, 'merges.txt')), 'tokenizer_2/merges.txt'],
    ['a vocabulary that is no JSON', clip, (folder: string) => writeFile(join(folder, 'vocab.json'), '{"a": '), 'tokenizer_2/vocab.json'],
    ['a vocabulary of words', clip, (folder: string) => writeFile(join(folder, 'vocab.json'), '{"a": "b"}'), 'tokenizer_2/vocab.json'],
    ['a vocabulary without end of text', clip, (folder: string) => writeFile(join(folder, 'vocab.json'), '{"a": 0}'), 'tokenizer_2/vocab.json'],
    ['merges of one token', clip, (folder: string) => writeFile(join(folder, 'merges.txt'), '#version\nabc\n'), 'tokenizer_2/merges.txt'],
    ['a config that is a list', clip, (folder: string) => writeFile(join(folder, 'tokenizer_config.json'), '[]'), 'tokenizer_2/tokenizer_config.json'],
    ['an empty spiece.model', t5, (folder: string) => writeFile(join(folder, 'spiece.model'), ''), 'tokenizer_2/spiece.model'],
    [
      'a text file as spiece.model',
      t5,
      (folder: string) => writeFile(join(folder, 'spiece.model'), 'version https://git-lfs.github.com/spec/v1\n'),
      'tokenizer_2/spiece.model',
    ],
    ['an empty tokenizer.json', 'tokenizers/bert', (folder: string) => writeFile(join(folder, 'tokenizer.json'), '{}'), 'tokenizer_2/tokenizer.json'],
    [
      'a model of no known kind',
      'tokenizers/bert',
      (folder: string) => writeFile(join(folder, 'tokenizer.json'), '{"model": {"type": "Guess"}}'),
      'tokenizer_2/tokenizer.json',
    ],
  ])('%s is an error that names the file', async (_, from, spoil, name) => {
    expect((await spoiled(from, spoil)).facts.file).toBe(name);
  });

  it('a spiece.model cut anywhere is an error or a whole model, never a crash', async () => {
    const whole = await readFile(join(goldens, t5, 'spiece.model'));
    for (const length of [1, 7, 100, 1000, 3000]) {
      expect((await spoiled(t5, (folder) => writeFile(join(folder, 'spiece.model'), whole.subarray(0, length)))).facts.file).toBe('tokenizer_2/spiece.model');
    }
  });
});
