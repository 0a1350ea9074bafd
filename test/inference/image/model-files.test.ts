import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GraphShelf } from '../../../src/inference/image/graph-shelf.ts';
import { openImageEngine } from '../../../src/inference/image/image-engine.ts';
import { describeImageModel } from '../../../src/inference/image/image-request-check.ts';
import { readImageModel } from '../../../src/inference/image/model-files.ts';
import { VaeCodec } from '../../../src/inference/image/vae-codec.ts';
import { OrtRuntime } from '../../../src/inference/runtime/ort-session.ts';
import { silentLogger } from '../../../src/logger.ts';
import { failureOf } from '../../contracts/image-engine-contract.ts';
import { MemoryBlobStore } from '../../fakes/memory-blob-store.ts';
import { goldenFolder, modelFolder } from './golden-cases.ts';
import { enlargerFile } from './onnx-graphs.ts';

const runtime = new OrtRuntime({ device: 'cpu', threads: 1 });
let work = '';
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'fresco-files-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

describe('a model folder', () => {
  const folder = (): string => join(work, 'model');
  const model = () => ({ id: 'mine', kind: 'image', folder: folder(), memoryBytes: 1 }) as const;
  beforeEach(async () => {
    await rm(folder(), { recursive: true, force: true });
    await cp(join(goldenFolder, 'models/sd1-taesd'), folder(), { recursive: true });
  });

  it.each([
    ['model_index.json', 'model_index.json'],
    ['scheduler/scheduler_config.json', 'scheduler/scheduler_config.json'],
    ['unet', 'unet/model.onnx'],
    ['text_encoder/model.onnx', 'text_encoder/model.onnx'],
    ['vae_decoder', 'vae_decoder/model.onnx'],
    ['tokenizer', 'tokenizer'],
  ])('without %s is refused by that name', async (missing, file) => {
    await rm(join(folder(), missing), { recursive: true });
    expect(await failureOf(describeImageModel(model()))).toMatchObject({ code: 'model-broken', facts: { model: 'mine', file, problem: 'it is missing' } });
  });

  it.each(['unet/model.onnx', 'vae_decoder/model.onnx'])('whose %s is cut off is refused by that name, before it is loaded', async (file) => {
    const { length } = await readFile(join(folder(), file));
    await truncate(join(folder(), file), Math.floor(length / 2));
    expect(await failureOf(describeImageModel(model()))).toMatchObject({
      code: 'model-broken',
      facts: { model: 'mine', file, problem: 'it is cut off or not an ONNX file' },
    });
  });

  it('whose text encoder is damaged is refused by that name when it is opened', async () => {
    await writeFile(join(folder(), 'text_encoder/model.onnx'), Buffer.alloc(64, 1));
    const failure = await failureOf(openImageEngine(model(), runtime, { blobs: new MemoryBlobStore(), safety: false }));
    expect(failure).toMatchObject({ code: 'model-broken', facts: { model: 'mine', file: 'text_encoder/model.onnx' } });
    expect(failure.message).not.toContain(work);
  });

  it.each([
    ['model_index.json', 'not json', 'it is not JSON'],
    ['model_index.json', '{}', '_class_name'],
    ['unet/config.json', '{"in_channels":"four"}', 'in_channels'],
    ['scheduler/scheduler_config.json', '{"prediction_type":"guess"}', 'prediction_type'],
  ])('whose %s says %s is refused with what is wrong', async (file, content, problem) => {
    await writeFile(join(folder(), file), content);
    expect(await failureOf(describeImageModel(model()))).toMatchObject({ code: 'model-broken', facts: { file, problem: expect.stringContaining(problem) } });
  });

  it('of a pipeline that is none of the families is refused with its name', async () => {
    await writeFile(join(folder(), 'model_index.json'), '{"_class_name":"AudioLDMPipeline"}');
    expect(await failureOf(describeImageModel(model()))).toMatchObject({ code: 'model-unsupported', facts: { problem: 'its pipeline is AudioLDMPipeline' } });
  });

  it('with a tiny decoder beside the real one previews through it', async () => {
    await cp(join(folder(), 'vae_decoder'), join(folder(), 'taesd_decoder'), { recursive: true });
    expect((await readImageModel(model())).previewDecoder?.graph.file).toBe('taesd_decoder/model.onnx');
  });
});

describe('decoding', () => {
  it('above the tile limit gives nearly what one piece gives', async () => {
    const files = await readImageModel(modelFolder('sd1'));
    await using shelf = new GraphShelf(runtime, files, { budgetBytes: Number.POSITIVE_INFINITY, logger: silentLogger });
    const vae = new VaeCodec(files, shelf, silentLogger);
    const size = { height: 132, width: 20 };
    const latents = Float32Array.from({ length: 4 * size.height * size.width }, (_, index) => Math.sin(index / 50) * 0.3);
    const tiled = await vae.decode(latents, size);
    const { runPlanes, fromSampler } = await import('../../../src/inference/image/vae-codec.ts');
    const whole = await runPlanes(await shelf.open(files.vaeDecoder.graph), { data: fromSampler(latents, files.vaeDecoder.config, 4), channels: 4, ...size });
    expect([tiled.height, tiled.width]).toEqual([132 * 4, 20 * 4]);
    const mean = whole.data.reduce((sum, value, index) => sum + Math.abs(value - tiled.data[index]!), 0) / whole.data.length;
    expect(mean).toBeLessThan(0.2); // group norms see a tile, not the picture: close, not equal
  });
});

describe('the shelf of graphs', () => {
  const graph = async (name: string): Promise<{ component: string; file: string; path: string; sizeBytes: number }> => {
    const path = join(work, `${name}.onnx`);
    await writeFile(path, enlargerFile(2));
    return { component: name, file: `${name}/model.onnx`, path, sizeBytes: 100 };
  };

  it('keeps what fits, lets the longest unused go, and keeps counting the time of what is gone', async () => {
    await using shelf = new GraphShelf(runtime, { model: 'm', folder: work }, { budgetBytes: 250, logger: silentLogger });
    const [a, b, c] = [await graph('a'), await graph('b'), await graph('c')];
    const first = await shelf.open(a);
    await shelf.open(b);
    expect(await shelf.open(a)).toBe(first);
    const { runPlanes } = await import('../../../src/inference/image/vae-codec.ts');
    await runPlanes(first, { data: new Float32Array(3 * 64 * 64), channels: 3, height: 64, width: 64 });
    const spentMs = shelf.spentMs;
    await shelf.open(c); // b is the longest unused
    expect(await shelf.open(a)).toBe(first);
    await shelf.open(b); // now c goes, then a
    expect(shelf.spentMs).toBeGreaterThanOrEqual(spentMs);
    expect(shelf.freeBytes).toBeGreaterThanOrEqual(0);
  });
});
