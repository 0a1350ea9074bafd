import { mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { FrescoError } from '../../../src/fresco-error.ts';
import type { CatalogueEntry } from '../../../src/inference/models/model-catalogue.ts';
import { type LicenceQuestion, type PullOptions, type PullProgress, pullModel } from '../../../src/inference/models/model-download.ts';
import { FakeClock } from '../../fakes/fake-clock.ts';
import { FakeHub } from '../../fakes/fake-hub.ts';

const repo = 'artists/brush';
const weights = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 31) % 251));
const files = [
  { path: 'README.md', bytes: Buffer.from('about') },
  { path: 'config.json', bytes: Buffer.from('{}') },
  { path: 'tokenizer.json', bytes: Buffer.from('{"a":1}') },
  { path: 'onnx/model.onnx', bytes: Buffer.alloc(50_000, 1), lfs: true },
  { path: 'onnx/model_q4.onnx', bytes: Buffer.alloc(1000, 2), lfs: true },
  { path: 'onnx/model_q4.onnx_data', bytes: weights, lfs: true },
];
const entry: CatalogueEntry = {
  id: 'brush',
  kind: 'text',
  name: 'Brush',
  description: 'A brush.',
  licence: 'Apache-2.0',
  licenceUrl: 'https://example.org/licence',
  tried: false,
  gated: false,
  source: { repo, revision: 'main', files: ['*.json', 'onnx/model_q4.onnx', 'onnx/model_q4.onnx_data*'], sha256: {} },
};
const { source } = entry;

async function start(hubFiles = files) {
  const hub = await FakeHub.open(repo, hubFiles);
  const modelsFolder = await mkdtemp(join(tmpdir(), 'fresco-pull-'));
  const clock = new FakeClock();
  const asked: LicenceQuestion[] = [];
  const progress: PullProgress[] = [];
  const stop = new AbortController();
  hub.beforeBreak = (path, sentBytes) =>
    vi.waitFor(async () => {
      const parts = (await readdir(modelsFolder, { recursive: true })).filter((name) => name.endsWith(`${path}.part`));
      const sizes = await Promise.all(parts.map(async (name) => (await stat(join(modelsFolder, name))).size));
      expect(Math.max(...sizes)).toBeGreaterThanOrEqual(sentBytes);
    });
  /** Pulls, and lets time pass whenever somebody waits for it. */
  const pull = async (options: Partial<PullOptions> = {}, what: CatalogueEntry = entry) => {
    let ended = false;
    const pulling = pullModel(what, {
      modelsFolder,
      hub: { endpoint: hub.endpoint, token: hub.token },
      clock,
      signal: stop.signal,
      agree: async (question) => {
        asked.push(question);
        return true;
      },
      onProgress: (step) => progress.push(step),
      ...options,
    }).finally(() => {
      ended = true;
    });
    pulling.catch(() => {});
    while (!ended) {
      await vi.waitUntil(() => ended || clock.waiting > 0, { timeout: 20_000, interval: 2 });
      await clock.advance(1000);
    }
    return pulling;
  };
  return { hub, modelsFolder, asked, progress, pull, stop, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
}

describe('pullModel', () => {
  it('fetches one variant, at a commit, and shows the folder only when it is whole', async () => {
    await using set = await start();
    const { folder, record, already } = await set.pull();
    expect(already).toBe(false);
    expect((await readdir(folder, { recursive: true })).sort()).toEqual(
      ['config.json', 'fresco-source.json', 'onnx', 'onnx/model_q4.onnx', 'onnx/model_q4.onnx_data', 'tokenizer.json'].sort(),
    );
    expect(weights.equals(await readFile(join(folder, 'onnx/model_q4.onnx_data')))).toBe(true);
    expect(record).toMatchObject({ id: 'brush', repo, revision: set.hub.sha });
    expect(await readdir(set.modelsFolder)).toEqual(['brush']);
    expect(set.hub.violations).toEqual([]);
    expect(set.progress.at(-1)).toMatchObject({ receivedBytes: 201_009, totalBytes: 201_009 });
  });

  it('shows the licence with the size before it fetches anything, and takes no for an answer', async () => {
    await using set = await start();
    await expect(set.pull({ agree: async () => false })).rejects.toMatchObject({ code: 'not-allowed' });
    expect(set.hub.contentRequests('config.json')).toEqual([]);
    await set.pull();
    expect(set.asked).toEqual([
      {
        model: 'brush',
        licence: 'Apache-2.0',
        licenceUrl: 'https://example.org/licence',
        page: `${set.hub.endpoint}/${repo}`,
        gated: false,
        downloadBytes: 201_009,
      },
    ]);
  });

  it('does nothing when that very commit is there', async () => {
    await using set = await start();
    await set.pull();
    expect(await set.pull()).toMatchObject({ already: true });
    expect(set.asked).toHaveLength(1);
  });

  it('goes on where a broken connection ended, as often as it takes', async () => {
    await using set = await start();
    set.hub.trouble('onnx/model_q4.onnx_data', ...Array.from({ length: 12 }, () => ({ breakAfter: 12_000 })));
    const { folder } = await set.pull();
    expect(weights.equals(await readFile(join(folder, 'onnx/model_q4.onnx_data')))).toBe(true);
    const ranges = set.hub.contentRequests('onnx/model_q4.onnx_data');
    expect(ranges.length).toBe(13);
    expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? ''))).toBe(true);
  });

  it('gives up when nothing comes any more, and goes on there at the next pull', async () => {
    await using set = await start();
    set.hub.trouble('onnx/model_q4.onnx_data', { breakAfter: 50_000 }, ...Array.from({ length: 9 }, () => ({ status: 503 })));
    await expect(set.pull()).rejects.toMatchObject({ code: 'download-failed', facts: { file: 'onnx/model_q4.onnx_data' } });
    expect(await readdir(set.modelsFolder)).not.toContain('brush');
    set.hub.trouble('onnx/model_q4.onnx_data');
    const before = set.hub.contentRequests('onnx/model_q4.onnx_data').length;
    await set.pull();
    expect(set.hub.contentRequests('onnx/model_q4.onnx_data').slice(before)).toEqual(['bytes=50000-']);
    expect(set.hub.contentRequests('config.json')).toHaveLength(1);
  });

  it('starts over when the hub ignores the range', async () => {
    await using set = await start();
    set.hub.trouble('onnx/model_q4.onnx_data', { breakAfter: 5000 }, { ignoreRange: true });
    const { folder } = await set.pull();
    expect(weights.equals(await readFile(join(folder, 'onnx/model_q4.onnx_data')))).toBe(true);
  });

  it('starts over when the hub says 416', async () => {
    await using set = await start();
    set.hub.trouble('onnx/model_q4.onnx_data', { breakAfter: 5000 }, { status: 416 });
    const { folder } = await set.pull();
    expect(weights.equals(await readFile(join(folder, 'onnx/model_q4.onnx_data')))).toBe(true);
    expect(set.hub.contentRequests('onnx/model_q4.onnx_data')).toEqual([undefined, 'bytes=5000-', undefined]);
  });

  it.each([
    ['a large file', 'onnx/model_q4.onnx_data'],
    ['a small file', 'tokenizer.json'],
  ])('fetches %s again when its content is wrong, and refuses it the second time', async (_what, path) => {
    await using set = await start();
    set.hub.trouble(path, { wrongContent: true });
    await set.pull();
    await using other = await start();
    other.hub.trouble(path, { wrongContent: true }, { wrongContent: true });
    await expect(other.pull()).rejects.toMatchObject({ code: 'download-failed', facts: { file: path, reason: expect.stringContaining('content') } });
    expect(await readdir(other.modelsFolder)).not.toContain('brush');
  });

  it('trusts the sum in the catalogue more than the hub', async () => {
    await using set = await start();
    const pinned = { ...entry, source: { ...source!, sha256: { 'onnx/model_q4.onnx_data': 'a'.repeat(64) } } };
    await expect(set.pull({}, pinned)).rejects.toMatchObject({ code: 'download-failed', facts: { file: 'onnx/model_q4.onnx_data' } });
  });

  it('refuses a file that is longer than listed', async () => {
    await using set = await start();
    set.hub.trouble('onnx/model_q4.onnx', { tooLong: true });
    await expect(set.pull()).rejects.toMatchObject({ code: 'download-failed', facts: { file: 'onnx/model_q4.onnx' } });
  });

  it('sends the token to the endpoint alone, and follows large files to another origin without it', async () => {
    await using set = await start();
    set.hub.token = 'hf_secret';
    set.hub.gated = 'manual';
    await set.pull({ hub: { endpoint: `${set.hub.endpoint}/`, token: 'hf_secret' } });
    expect(set.hub.violations).toEqual([]);
    expect(set.asked[0]?.gated).toBe(true);
    expect(set.hub.requests.some(({ authorization }) => authorization === 'Bearer hf_secret')).toBe(true);
  });

  it.each([
    [401, undefined, 'set HF_TOKEN'],
    [403, undefined, 'agree to its terms'],
    [404, undefined, 'does not have it'],
  ])('says what a status of %i means and does not ask again', async (status, _none, reason) => {
    await using set = await start();
    set.hub.trouble('config.json', { status }, { status });
    await expect(set.pull()).rejects.toMatchObject({ code: 'download-failed', facts: { file: 'config.json', reason: expect.stringContaining(reason) } });
    expect(set.hub.contentRequests('config.json')).toHaveLength(1);
  });

  it('waits as long as the hub asks when it wants fewer requests', async () => {
    await using set = await start();
    set.hub.trouble('config.json', { status: 429, headers: { ratelimit: '"resolvers";r=0;t=40' } });
    await set.pull();
    expect(set.hub.contentRequests('config.json')).toHaveLength(2);
  });

  it('looks for room on the disk first, and counts what is there already', async () => {
    await using set = await start();
    const marginBytes = 64 * 2 ** 20;
    await expect(set.pull({ freeBytes: async () => marginBytes + 201_008 })).rejects.toMatchObject({
      code: 'disk-full',
      facts: { folder: set.modelsFolder, neededBytes: marginBytes + 201_009 },
    });
    set.hub.trouble('onnx/model_q4.onnx_data', { breakAfter: 100_000 }, ...Array.from({ length: 9 }, () => ({ status: 503 })));
    await expect(set.pull()).rejects.toMatchObject({ code: 'download-failed' });
    set.hub.trouble('onnx/model_q4.onnx_data');
    await set.pull({ freeBytes: async () => marginBytes + 100_000 });
  });

  it('refuses a hub that lists files outside of the model', async () => {
    await using set = await start([...files, { path: '../../evil.onnx', bytes: Buffer.from('x') }]);
    await expect(set.pull({}, { ...entry, source: { ...source!, files: ['**'] } })).rejects.toMatchObject({ code: 'download-failed' });
  });

  it('takes a folder of the repository as the model', async () => {
    await using set = await start([
      { path: 'config.json', bytes: Buffer.from('no') },
      { path: 'cpu/int4/genai_config.json', bytes: Buffer.from('{}') },
      { path: 'cpu/int4/model.onnx', bytes: Buffer.from('graph') },
      { path: 'gpu/model.onnx', bytes: Buffer.from('other') },
    ]);
    const { folder } = await set.pull({}, { ...entry, source: { repo, revision: 'main', subfolder: 'cpu/int4', files: ['*.json', '*.onnx'], sha256: {} } });
    expect((await readdir(folder)).sort()).toEqual(['fresco-source.json', 'genai_config.json', 'model.onnx']);
  });

  it('lets one process pull a model at a time, and takes over the lock of a dead one', async () => {
    await using set = await start();
    await writeFile(join(set.modelsFolder, '.brush.lock'), String(process.pid));
    await expect(set.pull()).rejects.toMatchObject({ code: 'download-failed', facts: { reason: 'it is being pulled already' } });
    await writeFile(join(set.modelsFolder, '.brush.lock'), '999999999');
    expect(await set.pull()).toMatchObject({ already: false });
  });

  it('stops when it is told to, and keeps what it has for the next time', async () => {
    await using set = await start();
    set.hub.trouble('onnx/model_q4.onnx_data', { breakAfter: 60_000 }, { status: 503 });
    const reason = new FrescoError('cancelled', { by: 'owner' });
    const stopAt = (step: PullProgress) => {
      if (step.file.endsWith('_data') && step.receivedBytes > 50_000) set.stop.abort(reason);
    };
    await expect(set.pull({ onProgress: stopAt })).rejects.toBe(reason);
    expect((await readdir(set.modelsFolder)).filter((name) => name.startsWith('.pulling-'))).toHaveLength(1);
    expect(await readdir(set.modelsFolder)).not.toContain('.brush.lock');
  });

  it("says 'folder-unwritable' where no folder can be made", async () => {
    await using set = await start();
    await writeFile(join(set.modelsFolder, 'file'), '');
    await expect(set.pull({ modelsFolder: join(set.modelsFolder, 'file', 'models') })).rejects.toMatchObject({ code: 'folder-unwritable' });
  });

  it('replaces an older commit only when the new one is whole', async () => {
    await using set = await start();
    const old = join(set.modelsFolder, 'brush');
    await mkdir(old, { recursive: true });
    await writeFile(join(old, 'old.txt'), 'old');
    set.hub.trouble('config.json', { status: 404 });
    await expect(set.pull()).rejects.toMatchObject({ code: 'download-failed' });
    expect(await readdir(old)).toEqual(['old.txt']);
    await set.pull();
    expect(await readdir(old)).not.toContain('old.txt');
  });
});
