import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { externalDataOf } from '../../../src/inference/models/external-data.ts';
import { readCatalogue } from '../../../src/inference/models/model-catalogue.ts';
import { openModelStore } from '../../../src/inference/models/model-store.ts';
import { projectFolder } from '../../../src/project-folder.ts';
import { modelStoreContract } from '../../contracts/model-store-contract.ts';
import { FakeClock } from '../../fakes/fake-clock.ts';

async function write(folder: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}
const sum = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');

/** A TensorProto with external data as onnx writes it: field 13 holds key-value pairs. */
function graphWithData(location: string, offset: number, length: number): Buffer {
  const text = (tag: number, value: string) => Buffer.concat([Buffer.from([tag, value.length]), Buffer.from(value)]);
  const entry = (key: string, value: string) => {
    const body = Buffer.concat([text(0x0a, key), text(0x12, value)]);
    return Buffer.concat([Buffer.from([0x6a, body.length]), body]);
  };
  return Buffer.concat([
    Buffer.alloc(100, 7),
    entry('location', location),
    entry('offset', String(offset)),
    entry('length', String(length)),
    Buffer.alloc(50, 9),
  ]);
}

const model = (id: string, kind: string, more: object) => ({ id, kind, name: id, description: id, licence: 'MIT', tried: false, ...more });
const source = { repo: 'a/b', revision: 'main', files: ['**'] };
const writer = { 'config.json': '{}', 'tokenizer.json': '{}', 'onnx/model_q4.onnx': 'graph', 'onnx/model.onnx': 'g'.repeat(4000) };
const painter = {
  'model_index.json': '{}',
  'unet/model.onnx': 'graph',
  'vae_decoder/model.onnx': 'graph',
  'text_encoder/model.onnx': 'graph',
  'scheduler/scheduler_config.json': '{}',
};

async function start() {
  const root = await mkdtemp(join(tmpdir(), 'fresco-store-'));
  const [projectDir, dataDir] = [join(root, 'project'), join(root, 'data')];
  await write(projectDir, {
    'config/models.json': JSON.stringify({
      models: [
        model('writer', 'text', { embedded: 'models/writer' }),
        model('painter', 'image', { source }),
        model('absent', 'text', { source }),
        model('cut', 'text', { embedded: 'models/cut' }),
      ],
    }),
  });
  await write(join(projectDir, 'models/writer'), writer);
  await write(join(dataDir, 'models/painter'), painter);
  await write(join(projectDir, 'models/cut'), { ...writer, SHA256SUMS: `${sum('whole graph')}  onnx/model_q4.onnx\n` });
  const open = () => openModelStore({ projectDir, dataDir });
  return { root, projectDir, dataDir, open, store: await open() };
}

describe('the model store', () => {
  modelStoreContract('FolderModelStore', async () => ({ store: (await start()).store, brokenFile: 'onnx/model_q4.onnx' }));

  it('looks at the folders again after a second: a rush of requests asks for the list each', async () => {
    const { projectDir, dataDir } = await start();
    const clock = new FakeClock();
    const store = await openModelStore({ projectDir, dataDir, clock });
    expect(store.list().some(({ id }) => id === 'own')).toBe(false);
    await write(join(dataDir, 'models/own'), painter);
    expect(store.list().some(({ id }) => id === 'own')).toBe(false);
    await clock.advance(1000);
    expect(store.list().find(({ id }) => id === 'own')).toMatchObject({ kind: 'image', installed: true });
  });

  it('finds a folder by its path, and one that the owner put beside the pulled models by its name', async () => {
    const { store, root, dataDir } = await start();
    await write(join(root, 'elsewhere/mine'), writer);
    await write(join(dataDir, 'models/own'), painter);
    expect(await store.find(join(root, 'elsewhere/mine'))).toMatchObject({ kind: 'text', folder: join(root, 'elsewhere/mine') });
    expect(await store.find('own')).toMatchObject({ id: 'own', kind: 'image' });
    expect(store.list().find(({ id }) => id === 'own')).toMatchObject({ kind: 'image', installed: true });
  });

  it.each([
    ['genai_config.json', { 'genai_config.json': '{}', 'model.onnx': 'x', 'tokenizer.json': '{}' }, 'text'],
    ['an upscaler’s config', { 'config.json': '{"model_type":"swin2sr"}', 'onnx/model.onnx': 'x' }, 'upscaler'],
    ['a lone graph', { 'RealESRGAN.onnx': 'x' }, 'upscaler'],
    ['a pipeline', painter, 'image'],
  ])('tells the kind of a strange folder from %s', async (_what, files, kind) => {
    const { store, root } = await start();
    await write(join(root, 'strange'), files);
    expect(await store.find(join(root, 'strange'))).toMatchObject({ kind });
  });

  it.each([
    ['config.json or genai_config.json', 'writer', 'config.json'],
    ['tokenizer.json', 'writer', 'tokenizer.json'],
    ['scheduler/scheduler_config.json', 'painter', 'scheduler/scheduler_config.json'],
    ['vae_decoder/', 'painter', 'vae_decoder/model.onnx'],
  ])('names %s when it is missing', async (file, id, gone) => {
    const { store, projectDir, dataDir } = await start();
    await rm(join(id === 'writer' ? join(projectDir, 'models') : join(dataDir, 'models'), id, gone));
    await expect(store.find(id)).rejects.toMatchObject({ code: 'model-broken', facts: { model: id, file } });
  });

  it('says that a folder without a model is none', async () => {
    const { store, root } = await start();
    await mkdir(join(root, 'empty'));
    await expect(store.find(join(root, 'empty'))).rejects.toMatchObject({ code: 'model-broken' });
  });

  it('names the weights that a graph wants and that are missing or cut off', async () => {
    const { store, projectDir } = await start();
    const folder = join(projectDir, 'models/writer/onnx');
    await write(folder, { 'model_q4.onnx': graphWithData('model_q4.onnx_data', 400, 600) });
    await expect(store.find('writer')).rejects.toMatchObject({ facts: { file: 'onnx/model_q4.onnx_data', problem: expect.stringContaining('missing') } });
    await write(folder, { 'model_q4.onnx_data': Buffer.alloc(999) });
    await expect(store.find('writer')).rejects.toMatchObject({ facts: { file: 'onnx/model_q4.onnx_data', problem: expect.stringContaining('cut off') } });
    await write(folder, { 'model_q4.onnx_data': Buffer.alloc(1000) });
    expect(await store.find('writer')).toMatchObject({ kind: 'text' });
  });

  it('finds a pulled file that lost bytes by the record of its download', async () => {
    const { projectDir, dataDir } = await start();
    const clock = new FakeClock();
    const store = await openModelStore({ projectDir, dataDir, clock });
    const record = {
      id: 'painter',
      repo: 'a/b',
      revision: 'c',
      licence: 'MIT',
      endpoint: 'x',
      files: [{ path: 'unet/model.onnx', sizeBytes: 5, sha256: 'x' }],
    };
    await write(join(dataDir, 'models/painter'), { 'fresco-source.json': JSON.stringify(record) });
    await store.find('painter');
    await truncate(join(dataDir, 'models/painter/unet/model.onnx'), 3);
    await clock.advance(1000);
    await expect(store.find('painter')).rejects.toMatchObject({ code: 'model-broken', facts: { file: 'unet/model.onnx' } });
  });

  it('checks sums once, remembers it over restarts, and checks again when a file changes', async () => {
    const { open, projectDir, dataDir } = await start();
    const folder = join(projectDir, 'models/writer');
    await write(folder, { SHA256SUMS: `${sum('graph')}  onnx/model_q4.onnx\n` });
    const graph = join(folder, 'onnx/model_q4.onnx');
    const time = new Date(1_700_000_000_000);
    await utimes(graph, time, time);
    await (await open()).find('writer');
    expect(await readFile(join(dataDir, 'model-checks.json'), 'utf8')).toContain(sum('graph'));
    await writeFile(graph, 'GRAPH');
    await utimes(graph, time, time); // same size, same time: the remembered proof counts, so nothing was read
    expect(await (await open()).find('writer')).toMatchObject({ id: 'writer' });
    await utimes(graph, time, new Date(1_700_000_001_000));
    await expect((await open()).find('writer')).rejects.toMatchObject({ code: 'model-broken', facts: { file: 'onnx/model_q4.onnx' } });
  });

  it('works from a data folder that cannot be written', async () => {
    const { projectDir, root } = await start();
    await writeFile(join(root, 'file'), '');
    const store = await openModelStore({ projectDir, dataDir: join(root, 'file') });
    expect(await store.find('writer')).toMatchObject({ id: 'writer' });
  });

  it('counts the one precision that will be opened, not all that lie there', async () => {
    const { store } = await start();
    expect((await store.find('writer')).memoryBytes).toBe(Math.round('graph'.length * 1.2) + 64 * 2 ** 20);
  });
});

describe('externalDataOf', () => {
  it('finds entries wherever the pieces of a large file fall', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fresco-graph-'));
    for (const before of [0, (1 << 20) - 110, (1 << 20) - 105, (1 << 20) - 40, 3 << 20]) {
      await writeFile(join(folder, 'model.onnx'), Buffer.concat([Buffer.alloc(before), graphWithData('weights.pb', 16, 64), Buffer.alloc(5000)]));
      expect([...(await externalDataOf(join(folder, 'model.onnx')))]).toEqual([['weights.pb', 80]]);
    }
  });
});

describe('the catalogue', () => {
  it('of the project is right, and marks as tried only what comes with it', async () => {
    const entries = await readCatalogue(join(projectFolder(), 'config/models.json'));
    expect(entries.length).toBeGreaterThanOrEqual(12);
    expect(entries.filter(({ tried }) => tried).map(({ id }) => id)).toEqual(['smollm2-135m-instruct', 'pocket-painter']);
    expect(new Set(entries.map(({ kind }) => kind))).toEqual(new Set(['text', 'image', 'upscaler']));
  });

  it.each([
    ['not JSON', '{', 'JSON'],
    ['an unknown key', JSON.stringify({ models: [model('a1', 'text', { embedded: 'x', colour: 1 })] }), 'colour'],
    ['a path out of the folder', JSON.stringify({ models: [model('a1', 'text', { embedded: '../x' })] }), 'embedded'],
    ['the same id twice', JSON.stringify({ models: [model('a1', 'text', { embedded: 'x' }), model('a1', 'text', { embedded: 'y' })] }), 'same id'],
    ['neither source nor folder', JSON.stringify({ models: [model('a1', 'text', {})] }), 'embedded'],
  ])('refuses %s and says where', async (_what, text, hint) => {
    const folder = await mkdtemp(join(tmpdir(), 'fresco-catalogue-'));
    await writeFile(join(folder, 'models.json'), text);
    await expect(readCatalogue(join(folder, 'models.json'))).rejects.toMatchObject({
      code: 'settings-invalid',
      facts: { problems: expect.arrayContaining([expect.stringContaining(hint)]) },
    });
  });
});
