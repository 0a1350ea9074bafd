import { expect, it } from 'vitest';
import { FrescoError } from '../../src/fresco-error.ts';
import { seedSchema } from '../../src/ids.ts';
import type { BlobStore, GenerationEvent, ImageEngine, ImageRequest, RunControl } from '../../src/inference/contract.ts';
import { inspectPicture } from '../../src/inference/image/image-codec.ts';
import { readPictureParameters } from '../../src/inference/image/png-parameters.ts';

export interface ImageEngineHarness extends AsyncDisposable {
  readonly engine: ImageEngine;
  readonly blobs: BlobStore;
  /** A small request that this engine can paint in at least four steps. */
  readonly request: ImageRequest;
}

export function controlOf(): { readonly control: RunControl; readonly cancel: AbortController; readonly keep: AbortController } {
  const cancel = new AbortController();
  const keep = new AbortController();
  return { control: { signal: cancel.signal, keep: keep.signal }, cancel, keep };
}

export async function eventsOf(stream: AsyncIterable<GenerationEvent>): Promise<readonly GenerationEvent[]> {
  const events: GenerationEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

type EventOf<Type extends GenerationEvent['type']> = Extract<GenerationEvent, { readonly type: Type }>;
export function only<Type extends GenerationEvent['type']>(events: readonly GenerationEvent[], type: Type): readonly EventOf<Type>[] {
  return events.filter((event): event is EventOf<Type> => event.type === type);
}

/** Resolves to the error a promise rejects with; fails when it does not reject. */
export async function failureOf(run: Promise<unknown>): Promise<FrescoError> {
  const outcome = await run.then(
    () => 'no error',
    (error: unknown) => error,
  );
  if (outcome instanceof FrescoError) return outcome;
  throw new Error(`expected a FrescoError, got ${String(outcome)}`);
}

/** What every image engine does, real or fake. */
export function imageEngineContract(name: string, open: () => Promise<ImageEngineHarness>): void {
  const paint = (harness: ImageEngineHarness, change: Partial<ImageRequest> = {}): Promise<readonly GenerationEvent[]> =>
    eventsOf(harness.engine.generate({ ...harness.request, ...change }, controlOf().control));

  it(`${name} ends with one finished event after one stored PNG of the size asked for`, async () => {
    await using harness = await open();
    const events = await paint(harness);
    expect(only(events, 'finished')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ type: 'finished', finishReason: 'stop', usage: { images: 1 } });
    const [image] = only(events, 'image');
    const file = await inspectPicture(await harness.blobs.get(image!.blob));
    expect(file).toEqual({ format: 'png', width: image!.width, height: image!.height });
  });

  it(`${name} counts its steps upward by one and never past their number`, async () => {
    await using harness = await open();
    const steps = only(await paint(harness), 'step');
    expect(steps.map(({ step }) => step)).toEqual(steps.map((_, index) => index + 1));
    expect(steps.at(-1)?.step).toBe(steps.at(-1)?.steps);
    expect(steps.length).toBeGreaterThanOrEqual(4);
  });

  it(`${name} paints several pictures with seeds that follow one another, each as it would be alone`, async () => {
    await using harness = await open();
    const together = only(await paint(harness, { count: 3 }), 'image');
    expect(together.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(together.map(({ seed }) => seed - harness.request.seed)).toEqual([0, 1, 2]);
    expect(new Set(together.map(({ blob }) => blob)).size).toBe(3);
    const [alone] = only(await paint(harness, { seed: seedSchema.parse(harness.request.seed + 1) }), 'image');
    expect(alone?.seed).toBe(together[1]?.seed);
    expect(alone?.parameters).toEqual(together[1]?.parameters);
  });

  it(`${name} repeats a picture byte for byte from its seed and changes it with the seed`, async () => {
    await using harness = await open();
    const [first] = only(await paint(harness), 'image');
    const [again] = only(await paint(harness), 'image');
    const [other] = only(await paint(harness, { seed: seedSchema.parse(harness.request.seed + 99) }), 'image');
    expect(again?.blob).toBe(first?.blob);
    expect(other?.blob).not.toBe(first?.blob);
  });

  it(`${name} writes into the picture what repeats it`, async () => {
    await using harness = await open();
    const [image] = only(await paint(harness, { negativePrompt: 'blur, “quotes”' }), 'image');
    expect(readPictureParameters(await harness.blobs.get(image!.blob))).toEqual(image?.parameters);
    expect(image?.parameters.prompt).toBe(harness.request.prompt);
  });

  it(`${name} stops at once when cancelled, without a picture`, async () => {
    await using harness = await open();
    const { control, cancel } = controlOf();
    const seen: GenerationEvent[] = [];
    const run = async (): Promise<void> => {
      for await (const event of harness.engine.generate(harness.request, control)) {
        seen.push(event);
        if (event.type === 'step') cancel.abort(new FrescoError('cancelled', { by: 'test' }));
      }
    };
    expect(await failureOf(run())).toMatchObject({ code: 'cancelled', facts: { by: 'test' } });
    expect(only(seen, 'image')).toEqual([]);
    expect(only(seen, 'step').length).toBeLessThanOrEqual(2);
  });

  it(`${name} refuses to start a job that is cancelled already`, async () => {
    await using harness = await open();
    const { control, cancel } = controlOf();
    cancel.abort();
    expect((await failureOf(eventsOf(harness.engine.generate(harness.request, control)))).code).toBe('cancelled');
  });

  it(`${name} keeps what there is when told to stop here`, async () => {
    await using harness = await open();
    const { control, keep } = controlOf();
    const events: GenerationEvent[] = [];
    for await (const event of harness.engine.generate(harness.request, control)) {
      events.push(event);
      if (event.type === 'step') keep.abort();
    }
    expect(only(events, 'image')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ type: 'finished', finishReason: 'stopped-early' });
    expect(only(events, 'notice').map(({ code }) => code)).toContain('stopped-early');
    expect(only(events, 'step').length).toBeLessThan(only(events, 'step')[0]!.steps);
  });

  it(`${name} sends previews only when they are wanted, the first within the first fifth or by the second step`, async () => {
    await using harness = await open();
    expect(only(await paint(harness, { previews: false }), 'step').filter(({ preview }) => preview !== undefined)).toEqual([]);
    const steps = only(await paint(harness, { previews: true }), 'step');
    const first = steps.find(({ preview }) => preview !== undefined);
    expect(first?.step).toBeLessThanOrEqual(Math.max(2, steps.length / 5));
    expect(await inspectPicture(first!.preview!.bytes)).toMatchObject({ width: first?.preview?.width, height: first?.preview?.height });
  });

  it(`${name} can be used again after a consumer left in the middle`, async () => {
    await using harness = await open();
    for await (const event of harness.engine.generate(harness.request, controlOf().control)) if (event.type === 'step') break;
    expect(only(await paint(harness), 'image')).toHaveLength(1);
  });

  it(`${name} refuses a size it can't paint with the limit`, async () => {
    await using harness = await open();
    const failure = await failureOf(paint(harness, { width: 7, height: 9 }));
    expect(failure).toMatchObject({ code: 'size-unsupported', facts: { width: 7, height: 9 } });
  });

  it(`${name} enlarges a stored picture by the factor`, async () => {
    await using harness = await open();
    const [image] = only(await paint(harness), 'image');
    const events = await eventsOf(
      harness.engine.generate({ kind: 'upscale', model: harness.request.model, image: image!.blob, factor: 2 }, controlOf().control),
    );
    const [larger] = only(events, 'image');
    expect([larger?.width, larger?.height]).toEqual([image!.width * 2, image!.height * 2]);
    expect(only(events, 'finished')).toHaveLength(1);
  });
}
