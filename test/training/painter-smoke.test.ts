import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

const project = resolve(import.meta.dirname, '../../training/painter');
const python = process.env['FRESCO_TRAINING_PYTHON'];
const run = promisify(execFile);
const read = (file: string): Promise<string> => readFile(join(project, file), 'utf8');

const rows = (length: number) => z.array(z.array(z.union([z.string(), z.number()])).length(length)).min(12);
const heldOutSchema = z.looseObject({
  pairs: rows(2),
  backgrounds: rows(2),
  pairsOnBackgrounds: rows(3),
  counts: rows(2),
  dyes: rows(2),
  wearing: rows(2),
  holding: rows(2),
});
const promptsSchema = z.looseObject({ prompts: z.array(z.string().min(3)).length(40) });

describe('the painter’s recipe', () => {
  it('has its held-out lists fixed in a file, no entry twice', async () => {
    const lists = heldOutSchema.parse(JSON.parse(await read('held-out.json')));
    for (const list of [lists.pairs, lists.backgrounds, lists.pairsOnBackgrounds, lists.counts, lists.dyes]) {
      expect(new Set(list.map((row) => row.join('|'))).size).toBe(list.length);
    }
  });

  it('keeps forty different newcomer prompts', async () => {
    const { prompts } = promptsSchema.parse(JSON.parse(await read('newcomer-prompts.json')));
    expect(new Set(prompts).size).toBe(40);
  });

  it('pins every package it needs to one version', async () => {
    const lines = (await read('requirements.txt')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) expect(line).toMatch(/^[\w-]+==\d[\w.]*$/);
  });
});

describe('the painter’s smoke run', () => {
  const folders: string[] = [];
  afterAll(async () => {
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
  });

  it.skipIf(python === undefined)(
    'trains 20 steps of each net, cut and resumed (skipped: FRESCO_TRAINING_PYTHON names no Python with torch)',
    { timeout: 900_000 },
    async () => {
      const work = await mkdtemp(join(tmpdir(), 'painter-smoke-'));
      folders.push(work);
      const { stdout } = await run(python ?? '', ['-W', 'ignore', 'run.py', 'smoke'], {
        cwd: project,
        env: { ...process.env, PAINTER_WORK: work },
        timeout: 880_000,
      });
      expect(stdout).toContain('smoke: 20 steps of the autoencoder, the sketch and the UNet, resumed once each');
    },
  );
});
