import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FrescoError } from '../../../src/fresco-error.ts';
import { type BlobRef, seedSchema } from '../../../src/ids.ts';
import type { GenerationEvent, ImageRequest, ModelFolder } from '../../../src/inference/contract.ts';
import { decodePicture, encodePng } from '../../../src/inference/image/image-codec.ts';
import { type ImageServices, openImageEngine } from '../../../src/inference/image/image-engine.ts';
import { checkImageRequest, describeImageModel, estimateRunBytes } from '../../../src/inference/image/image-request-check.ts';
import type { Picture } from '../../../src/inference/image/picture.ts';
import { type GraphSession, OrtRuntime } from '../../../src/inference/runtime/ort-session.ts';
import { controlOf, eventsOf, failureOf, type ImageEngineHarness, imageEngineContract, only } from '../../contracts/image-engine-contract.ts';
import { MemoryBlobStore } from '../../fakes/memory-blob-store.ts';
import { goldenFolder, modelFolder } from './golden-cases.ts';
import { brightnessCheckerFile, enlargerFile, overflowingDenoiserFile } from './onnx-graphs.ts';

const runtime = new OrtRuntime({ device: 'cpu', threads: 1 });
const request: ImageRequest = {
  kind: 'image',
  model: 'sd1',
  prompt: 'a red fox sleeping in the snow',
  seed: seedSchema.parse(42),
  count: 1,
  steps: 5,
  width: 40,
  height: 32,
  sampler: 'DDIM',
  previews: false,
};
let work = '';
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'fresco-engine-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

interface Opened extends ImageEngineHarness {
  readonly blobs: MemoryBlobStore;
}
async function open(folder: ModelFolder, services: Partial<ImageServices> = {}): Promise<Opened> {
  const blobs = new MemoryBlobStore();
  const engine = await openImageEngine(folder, runtime, { blobs, safety: true, loraFolder: join(goldenFolder, 'loras'), ...services });
  return { engine, blobs, request, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
}
const paint = (opened: Opened, change: Partial<ImageRequest> = {}): Promise<readonly GenerationEvent[]> =>
  eventsOf(opened.engine.generate({ ...request, ...change }, controlOf().control));
const pixelsOf = async (opened: Opened, events: readonly GenerationEvent[]): Promise<Picture> =>
  decodePicture(await opened.blobs.get(only(events, 'image')[0]!.blob));
const filled = (width: number, height: number, colour: readonly [number, number, number]): Picture => ({
  data: Uint8Array.from({ length: width * height * 3 }, (_, index) => colour[index % 3]!),
  width,
  height,
});
const put = async (opened: Opened, picture: Picture): Promise<BlobRef> => opened.blobs.put(await encodePng(picture), 'png');
const golden = async (opened: Opened, name: string): Promise<BlobRef> => opened.blobs.put(await readFile(join(goldenFolder, 'pictures', name)), 'png');
const meanDifference = (a: Picture, b: Picture): number => a.data.reduce((sum, value, index) => sum + Math.abs(value - b.data[index]!), 0) / a.data.length;

/** A copy of a golden model with something more in its folder. */
async function variantOf(base: string, name: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<ModelFolder> {
  const folder = join(work, name);
  await cp(join(goldenFolder, 'models', base), folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    await mkdir(join(folder, file, '..'), { recursive: true });
    await writeFile(join(folder, file), content);
  }
  return { id: name, kind: 'image', folder, memoryBytes: 1_000_000 };
}

imageEngineContract('the engine on a tiny Stable Diffusion', () => open(modelFolder('sd1')));

describe('a batch', () => {
  it('of four has the pictures that each seed gives alone', async () => {
    await using opened = await open(modelFolder('sd1'));
    const batch = only(await paint(opened, { count: 4 }), 'image');
    for (const [index, { blob }] of batch.entries()) {
      const alone = await pixelsOf(opened, await paint(opened, { seed: seedSchema.parse(42 + index) }));
      expect(meanDifference(await decodePicture(await opened.blobs.get(blob)), alone)).toBeLessThan(0.1);
    }
  });

  it('is painted one after another when the budget is too small for all at once, and says so', async () => {
    const info = await describeImageModel(modelFolder('sd1'));
    await using opened = await open(modelFolder('sd1'), { memoryBudgetBytes: Math.round(info.weightBytes * 2.5) });
    const events = await paint(opened, { count: 3, previews: true });
    expect(only(events, 'notice')).toContainEqual({ type: 'notice', code: 'batch-split', facts: { count: 3 } });
    expect(only(events, 'image').map(({ index }) => index)).toEqual([0, 1, 2]);
    expect([...new Set(only(events, 'step').map(({ image }) => image))]).toEqual([0, 1, 2]);
  });

  it('ends with the picture at hand when told to stop here', async () => {
    await using opened = await open(modelFolder('sd1'));
    const { control, keep } = controlOf();
    const events: GenerationEvent[] = [];
    for await (const event of opened.engine.generate({ ...request, count: 2 }, control)) {
      events.push(event);
      if (event.type === 'step' && event.step === 2) keep.abort();
    }
    expect(only(events, 'image')).toHaveLength(2);
    expect(only(events, 'notice')).toContainEqual({ type: 'notice', code: 'stopped-early', facts: { step: 2, steps: 5 } });
  });
});

describe('starting from a picture', () => {
  it('takes its size when none is asked for, in the multiples of the model, and says when that changed it', async () => {
    await using opened = await open(modelFolder('sd1'));
    const initImage = await put(opened, filled(50, 38, [200, 100, 50]));
    const { width: _w, height: _h, ...sizeless } = request;
    const events = await eventsOf(opened.engine.generate({ ...sizeless, initImage, strength: 0.5 }, controlOf().control));
    expect(only(events, 'notice')).toEqual([{ type: 'notice', code: 'size-clamped', facts: { width: 48, height: 32 } }]);
    expect(only(events, 'image')[0]).toMatchObject({ width: 48, height: 32, parameters: { strength: 0.5 } });
  });

  it('a variation with another seed is another picture', async () => {
    await using opened = await open(modelFolder('sd1'));
    const initImage = await golden(opened, 'init-40x32.png');
    const first = await pixelsOf(opened, await paint(opened, { initImage, strength: 0.8 }));
    const second = await pixelsOf(opened, await paint(opened, { initImage, strength: 0.8, seed: seedSchema.parse(43) }));
    expect(meanDifference(first, second)).toBeGreaterThan(1);
  });

  it.each(['sd1', 'sd1-inpaint9', 'sd3', 'flux-dev'])('outpainting on %s pads the picture, keeps its middle and paints the border', async (name) => {
    await using opened = await open(modelFolder(name));
    const initImage = await golden(opened, 'init-40x32.png');
    const { width: _w, height: _h, sampler: _s, ...sizeless } = request;
    const events = await eventsOf(
      opened.engine.generate({ ...sizeless, initImage, outpaint: { left: 16, top: 0, right: 8, bottom: 32 } }, controlOf().control),
    );
    const picture = await pixelsOf(opened, events);
    expect([picture.width, picture.height]).toEqual([64, 64]);
    const before = await decodePicture(await readFile(join(goldenFolder, 'pictures/init-40x32.png')));
    const at = (x: number, y: number): number => picture.data[(y * 64 + x) * 3]!;
    expect(Math.abs(at(36, 10) - before.data[(10 * 40 + 20) * 3]!)).toBeLessThanOrEqual(2);
  });

  it('an inpainting checkpoint paints from text alone as if all were masked', async () => {
    await using opened = await open(modelFolder('sd1-inpaint9'));
    expect(only(await paint(opened), 'image')).toHaveLength(1);
  });

  it.each([
    [
      'a mask of another size',
      { mask: [64, 64] },
      'option-invalid',
      { option: 'mask', found: '64 × 64 pixels', expected: '40 × 32 pixels, the size of the start picture' },
    ],
    ['a strength that leaves no step', { strength: 0.1 }, 'option-invalid', { option: 'strength', found: '0.1 with 5 steps' }],
  ])('%s is refused with found and expected', async (_, change, code, facts) => {
    await using opened = await open(modelFolder('sd1'));
    const initImage = await golden(opened, 'init-40x32.png');
    const { mask: size, ...rest } = { mask: undefined, ...change };
    const mask = size === undefined ? {} : { mask: await put(opened, filled(size[0]!, size[1]!, [255, 255, 255])) };
    expect(await failureOf(paint(opened, { initImage, ...rest, ...mask }))).toMatchObject({ code, facts });
  });

  it('a mask, borders or a strength without a picture are refused by name', async () => {
    await using opened = await open(modelFolder('sd1'));
    const mask = await golden(opened, 'mask-40x32.png');
    expect((await failureOf(paint(opened, { mask }))).facts).toMatchObject({ option: 'mask' });
    expect((await failureOf(paint(opened, { outpaint: { left: 8, top: 0, right: 0, bottom: 0 } }))).facts).toMatchObject({ option: 'outpaint' });
    expect((await failureOf(paint(opened, { strength: 0.5 }))).facts).toMatchObject({ option: 'strength' });
  });

  it('is refused by a model without an encoder', async () => {
    const folder = await variantOf('sd1', 'no-encoder', {});
    await rm(join(folder.folder, 'vae_encoder'), { recursive: true });
    await using opened = await open(folder);
    const initImage = await golden(opened, 'init-40x32.png');
    expect(await failureOf(paint(opened, { initImage }))).toMatchObject({
      code: 'model-unsupported',
      facts: { model: 'no-encoder', problem: expect.stringContaining('vae_encoder') },
    });
  });

  it('the refiner paints nothing without one', async () => {
    await using opened = await open(modelFolder('sdxl-refiner'));
    expect((await failureOf(paint(opened))).facts).toMatchObject({ option: 'init-image' });
  });
});

describe('in two stages', () => {
  it('hires fix paints small, enlarges the latents and paints again', async () => {
    await using opened = await open(modelFolder('sd1'));
    const events = await paint(opened, { hiresFactor: 1.5, steps: 6, strength: 0.5 });
    expect(only(events, 'image')[0]).toMatchObject({ width: 64, height: 48, parameters: { width: 40, height: 32 } });
    expect(only(events, 'step').at(-1)).toMatchObject({ step: 9, steps: 9 });
  });

  it('SDXL hands over to a refiner that is named', async () => {
    await using alone = await open(modelFolder('sdxl'));
    await using together = await open(modelFolder('sdxl'), { refiner: modelFolder('sdxl-refiner') });
    const base = await pixelsOf(alone, await paint(alone));
    const events = await paint(together);
    expect(only(events, 'step')).toHaveLength(5);
    expect(meanDifference(base, await pixelsOf(together, events))).toBeGreaterThan(0.5);
  });
});

describe('after painting', () => {
  it('an upscaling model enlarges where one is named, else Lanczos does', async () => {
    await using plain = await open(modelFolder('sd1'));
    expect(only(await paint(plain, { upscale: 4 }), 'image')[0]).toMatchObject({ width: 160, height: 128, parameters: { width: 40, height: 32 } });
    const folder = join(work, 'enlarger');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'model.onnx'), enlargerFile(2));
    await using modelled = await open(modelFolder('sd1'), { upscaler: { id: 'enlarger', kind: 'upscaler', folder, memoryBytes: 1 } });
    const larger = await pixelsOf(modelled, await paint(modelled, { upscale: 2 }));
    const whole = await pixelsOf(modelled, await paint(modelled));
    expect(larger.data[(2 * 80 + 3) * 3]).toBe(whole.data[(1 * 40 + 1) * 3]);
  });

  it('an upscaler alone is an engine that enlarges and refuses to paint', async () => {
    const folder = join(work, 'enlarger-alone');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'model.onnx'), enlargerFile(2));
    await using opened = await open({ id: 'enlarger', kind: 'upscaler', folder, memoryBytes: 1 });
    const image = await put(opened, filled(20, 16, [1, 2, 3]));
    const events = await eventsOf(opened.engine.generate({ kind: 'upscale', model: 'enlarger', image, factor: 2 }, controlOf().control));
    expect(only(events, 'image')[0]).toMatchObject({ width: 40, height: 32 });
    expect((await failureOf(paint(opened))).code).toBe('model-unsupported');
  });

  it('final touches change pixels and keep the size', async () => {
    await using opened = await open(modelFolder('sd1'));
    const plain = await pixelsOf(opened, await paint(opened));
    const touched = await pixelsOf(opened, await paint(opened, { finish: true }));
    expect([touched.width, touched.height]).toEqual([plain.width, plain.height]);
    expect(meanDifference(plain, touched)).toBeGreaterThan(0.1);
  });
});

describe('a safety checker', () => {
  it('that flags everything blocks the only picture: no image, no preview, a clear error', async () => {
    const folder = await variantOf('sd1', 'blocked', { 'safety_checker/model.onnx': brightnessCheckerFile(-1) });
    await using opened = await open(folder);
    const seen: GenerationEvent[] = [];
    const run = async (): Promise<void> => {
      for await (const event of opened.engine.generate({ ...request, previews: true }, controlOf().control)) seen.push(event);
    };
    expect((await failureOf(run())).code).toBe('picture-blocked');
    expect(only(seen, 'image')).toEqual([]);
    expect(only(seen, 'step').some(({ preview }) => preview !== undefined)).toBe(false);
    expect(only(seen, 'notice')).toContainEqual({ type: 'notice', code: 'image-blocked', facts: { index: 0 } });
  });

  it('that flags some of a batch leaves the others', async () => {
    await using free = await open(modelFolder('sd1'), { safety: false });
    const means: number[] = [];
    for (const { blob } of only(await paint(free, { count: 4 }), 'image')) {
      const { data } = await decodePicture(await free.blobs.get(blob));
      means.push(data.reduce((sum, value) => sum + value, 0) / data.length / 255);
    }
    const limit = [...means].sort((a, b) => a - b)[1]!;
    const folder = await variantOf('sd1', 'half-blocked', { 'safety_checker/model.onnx': brightnessCheckerFile(limit + 1e-4) });
    await using opened = await open(folder);
    const events = await paint(opened, { count: 4 });
    expect(only(events, 'image')).toHaveLength(2);
    expect(only(events, 'notice').filter(({ code }) => code === 'image-blocked')).toHaveLength(2);
  });

  it('is not asked when the owner turned it off, and one that passes everything lets pictures through', async () => {
    const folder = await variantOf('sd1', 'off', { 'safety_checker/model.onnx': brightnessCheckerFile(-1) });
    await using off = await open(folder, { safety: false });
    expect(only(await paint(off), 'image')).toHaveLength(1);
    await using old = await open(modelFolder('sd1-old-layout'));
    expect(only(await paint(old, { width: 64, height: 64 }), 'image')).toHaveLength(1);
  });
});

/** A runtime whose graphs run out of memory when `isTooMuch` says so for the first axis and the largest side of an input. */
class StarvedRuntime extends OrtRuntime {
  readonly #isTooMuch: (batch: number, side: number) => boolean;

  constructor(isTooMuch: (batch: number, side: number) => boolean) {
    super({ device: 'cpu', threads: 1 });
    this.#isTooMuch = isTooMuch;
  }

  override async open(...given: Parameters<OrtRuntime['open']>): Promise<GraphSession> {
    const inner = await super.open(...given);
    const run: GraphSession['run'] = async (feeds, wanted) => {
      for (const { dims } of Object.values(feeds)) {
        if (dims.length === 4 && this.#isTooMuch(dims[0]!, Math.max(...dims.slice(2)))) throw new FrescoError('out-of-memory', { what: 'running a model' });
      }
      return inner.run(feeds, wanted);
    };
    return { inputs: inner.inputs, outputs: inner.outputs, spentMs: 0, run, [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose]() };
  }
}

describe('memory that runs out', () => {
  const openStarved = async (isTooMuch: (batch: number, side: number) => boolean): Promise<Opened> => {
    const blobs = new MemoryBlobStore();
    const engine = await openImageEngine(modelFolder('sd1'), new StarvedRuntime(isTooMuch), { blobs, safety: false });
    return { engine, blobs, request, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
  };

  it('in a batch turns it into one picture after another, with a notice', async () => {
    await using opened = await openStarved((batch) => batch > 2); // one guided picture is two rows
    const events = await paint(opened, { count: 3 });
    expect(only(events, 'image').map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(only(events, 'notice')).toEqual([{ type: 'notice', code: 'batch-split', facts: { count: 3 } }]);
  });

  it('for a single picture is an error, and the engine can be used again', async () => {
    let isFull = true;
    await using opened = await openStarved(() => isFull);
    expect((await failureOf(paint(opened))).code).toBe('out-of-memory');
    isFull = false;
    expect(only(await paint(opened), 'image')).toHaveLength(1);
  });
});

describe('memory', () => {
  it('too small for all graphs at once still paints the same picture', async () => {
    const info = await describeImageModel(modelFolder('sd1'));
    await using roomy = await open(modelFolder('sd1'));
    await using tight = await open(modelFolder('sd1'), { memoryBudgetBytes: Math.round(info.weightBytes * 0.7) });
    const [expected] = only(await paint(roomy), 'image');
    const [actual] = only(await paint(tight), 'image');
    expect(actual?.blob).toBe(expected?.blob);
  });

  it('too small for the largest graph alone is refused with both numbers', async () => {
    expect(await failureOf(open(modelFolder('sd1'), { memoryBudgetBytes: 1000 }))).toMatchObject({ code: 'memory-budget', facts: { budgetBytes: 1000 } });
  });
});

describe('LoRA', () => {
  it('by a tag in the prompt equals LoRA by option, and another family is refused by its layer', async () => {
    await using opened = await open(modelFolder('sd1'));
    const byTag = await pixelsOf(opened, await paint(opened, { prompt: 'a fox <lora:kohya:0.5>' }));
    const byOption = await pixelsOf(opened, await paint(opened, { prompt: 'a fox', loras: [{ name: 'kohya', weight: 0.5 }] }));
    expect(meanDifference(byTag, byOption)).toBe(0);
    await using other = await open(modelFolder('sd3'));
    const { sampler: _s, ...plain } = request;
    expect(await failureOf(eventsOf(other.engine.generate({ ...plain, loras: [{ name: 'kohya', weight: 1 }] }, controlOf().control)))).toMatchObject({
      code: 'lora-unfit',
      facts: { lora: 'kohya', problem: expect.stringContaining('another family') },
    });
  });
});

describe('a model that knows a list of things', () => {
  const concepts = JSON.stringify({ concepts: [{ name: 'red fox', words: ['fox'] }, { name: 'lighthouse' }], phrases: ['in the snow'] });

  it('draws what it knows as asked', async () => {
    await using opened = await open(await variantOf('sd1', 'knows', { 'concepts.json': concepts }));
    expect(only(await paint(opened, { prompt: 'two foxes in the snow' }), 'notice')).toEqual([]);
  });

  it('draws the nearest for what it does not know, and says so', async () => {
    await using opened = await open(await variantOf('sd1', 'knows-little', { 'concepts.json': concepts }));
    const events = await paint(opened, { prompt: 'a castle above the clouds' });
    const [notice] = only(events, 'notice');
    expect(notice).toMatchObject({ code: 'nearest-concept', facts: { model: 'knows-little' } });
    expect(['red fox', 'lighthouse']).toContain(notice?.code === 'nearest-concept' ? notice.facts.drawing : '');
    expect(only(events, 'image')[0]?.parameters.prompt).toBe('a castle above the clouds');
  });
});

describe('before a job is queued', () => {
  const refused = async (name: string, change: Partial<ImageRequest>): Promise<FrescoError | undefined> => {
    const info = await describeImageModel(modelFolder(name));
    try {
      checkImageRequest(info, { ...request, ...change });
      return undefined;
    } catch (error) {
      return error instanceof FrescoError ? error : undefined;
    }
  };

  it.each([
    ['7 × 9', { width: 7, height: 9 }, 'multiples of 8'],
    ['100,000 × 100,000', { width: 100_000, height: 100_000 }, 'pixels a side'],
    ['an area past the limit', { width: 128, height: 128 }, 'pixels in all'],
  ])('a size of %s is refused with the limit', async (_, size, expected) => {
    expect(await refused('sd1', size)).toMatchObject({ code: 'size-unsupported', facts: { ...size, expected: expect.stringContaining(expected) } });
  });

  it('an unknown sampler is refused with the known ones', async () => {
    expect(await refused('sd1', { sampler: 'Warp 9' })).toMatchObject({
      code: 'sampler-unknown',
      facts: { sampler: 'Warp 9', known: expect.arrayContaining(['DPM++ 2M Karras']) },
    });
  });

  it.each([
    ['sd1', 'Flow Euler', 'DPM++ 2M'],
    ['sd3', 'DDIM', 'Flow Euler'],
    ['flux-dev', 'Euler a', 'UniPC'],
  ])('on %s the sampler %s is refused with those that fit, such as %s', async (name, sampler, fitting) => {
    expect(await refused(name, { sampler })).toMatchObject({
      code: 'option-invalid',
      facts: { option: 'sampler', found: sampler, expected: expect.stringContaining(fitting) },
    });
  });

  it.each([
    ['Euler', 'Flow Euler'],
    ['DPM++ 2M', 'DPM++ 2M'],
  ])('on a flow model %s is %s, and paints', async (sampler, shown) => {
    await using opened = await open(modelFolder('sd3'));
    expect(only(await paint(opened, { sampler }), 'image')[0]?.parameters.sampler).toBe(shown);
  });

  it.each([
    ['sd1', { family: 'sd1', multiple: 8, defaultSteps: 25, takesNegativePrompt: true, takesPicture: true, defaultSampler: 'PNDM' }],
    ['sd2', { family: 'sd2', defaultSampler: 'DDIM' }],
    ['sdxl', { family: 'sdxl', defaultGuidanceScale: 5 }],
    ['sdxl-refiner', { family: 'sdxl-refiner', needsPicture: true }],
    ['turbo', { family: 'turbo', defaultSteps: 4, defaultGuidanceScale: 0 }],
    ['lcm', { family: 'lcm', defaultSteps: 4, defaultGuidanceScale: 8.5, takesNegativePrompt: false }],
    ['sd3', { family: 'sd3', multiple: 8, defaultSampler: 'Flow Euler' }],
    ['flux-dev', { family: 'flux', multiple: 8, defaultGuidanceScale: 3.5, takesNegativePrompt: false }],
    ['flux-schnell', { family: 'flux', defaultSteps: 4, defaultGuidanceScale: 0 }],
    ['sd1-inpaint9', { family: 'sd1', isInpaintModel: true }],
    ['sd1-old-layout', { family: 'sd1', multiple: 64, hasSafetyChecker: true }],
  ])('%s is described from its files alone', async (name, expected) => {
    expect(await describeImageModel(modelFolder(name))).toMatchObject(expected);
  });

  it('a budget that one picture would not fit is refused with both numbers', async () => {
    const info = await describeImageModel(modelFolder('sd1'));
    expect(() => checkImageRequest(info, request, 1000)).toThrow(expect.objectContaining({ code: 'memory-budget' }));
  });

  it('a budget that holds the largest graph and the run is enough, and an enlarged second pass counts', async () => {
    const info = await describeImageModel(modelFolder('sd1'));
    const budgetBytes = info.largestGraphBytes + estimateRunBytes(info, { width: 40, height: 32 }, 1);
    expect(info.largestGraphBytes).toBeLessThan(info.weightBytes);
    expect(() => checkImageRequest(info, request, budgetBytes)).not.toThrow();
    expect(() => checkImageRequest(info, { ...request, hiresFactor: 2 }, budgetBytes)).toThrow(expect.objectContaining({ code: 'memory-budget' }));
  });
});

it('latents that overflow are an error that names the step, and the engine goes on', async () => {
  await using opened = await open(await variantOf('sd1', 'overflow', { 'unet/model.onnx': overflowingDenoiserFile() }));
  for (const count of [1, 2]) {
    expect(await failureOf(paint(opened, { count }))).toMatchObject({ code: 'not-a-number', facts: { where: 'the latents of step 1 of 5' } });
  }
});
