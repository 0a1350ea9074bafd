import { FrescoError } from '../../fresco-error.ts';
import { seedSchema } from '../../ids.ts';
import { type Logger, silentLogger } from '../../logger.ts';
import type { BlobStore, GenerationEvent, ImageEngine, ImageRequest, ModelFolder, PictureParameters, RunControl, UpscaleRequest } from '../contract.ts';
import type { OrtRuntime } from '../runtime/ort-session.ts';
import { TorchGenerator } from '../runtime/torch-random.ts';
import { throwIfCancelled } from './denoise.ts';
import { encodePng, finishPicture, softenMask } from './image-codec.ts';
import { estimateRunBytes } from './image-request-check.ts';
import { latentInputOf } from './model-files.ts';
import { NearestConcept } from './nearest-concept.ts';
import { decodePainted, type Painted, type PaintWish, paint } from './paint.ts';
import { PaintModel } from './paint-model.ts';
import { type ResolvedRequest, resolveRequest } from './paint-request.ts';
import { mixPictures, type Picture, planesToPicture } from './picture.ts';
import { writePictureParameters } from './png-parameters.ts';
import { PreviewStream } from './preview-stream.ts';
import { splitLoras } from './prompt-loras.ts';
import { isBlocked } from './safety-checker.ts';
import { enlargeByLanczos, Upscaler } from './upscale.ts';
import { UpscaleEngine, upscaleStored } from './upscale-engine.ts';

/** What an engine needs beside its model. */
export interface ImageServices {
  readonly blobs: BlobStore;
  /** Where `NAME.safetensors` files lie. */
  readonly loraFolder?: string;
  readonly upscaler?: ModelFolder;
  readonly refiner?: ModelFolder;
  /** True asks the model's own safety checker, where it has one, about every picture. */
  readonly safety: boolean;
  readonly memoryBudgetBytes?: number;
  readonly logger?: Logger;
}

/** Opens an image model, or an upscaler, by its folder alone. Throws 'model-broken' naming the file, 'model-unsupported', 'out-of-memory', 'memory-budget'. */
export async function openImageEngine(folder: ModelFolder, runtime: OrtRuntime, services: ImageServices): Promise<ImageEngine> {
  if (folder.kind === 'upscaler') return new UpscaleEngine(await Upscaler.open(folder, runtime), services.blobs);
  const { loraFolder, memoryBudgetBytes: budgetBytes = Number.POSITIVE_INFINITY, logger = silentLogger } = services;
  const model = await PaintModel.open(folder, runtime, { budgetBytes, loraFolder, logger });
  try {
    const concepts = await NearestConcept.open(model);
    return new PaintEngine({ model, concepts, runtime, services, logger });
  } catch (error) {
    await model[Symbol.asyncDispose]();
    throw error;
  }
}

interface EngineParts {
  readonly model: PaintModel;
  readonly concepts: NearestConcept | undefined;
  readonly runtime: OrtRuntime;
  readonly services: ImageServices;
  readonly logger: Logger;
}

class PaintEngine implements ImageEngine {
  readonly kind = 'image';
  readonly #parts: EngineParts;
  #refiner: PaintModel | undefined;
  #upscaler: Upscaler | undefined;

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  async *generate(request: ImageRequest | UpscaleRequest, control: RunControl): AsyncGenerator<GenerationEvent, void, void> {
    const startedMs = performance.now();
    const spentBefore = this.#spentMs();
    const tally = { images: 0, steps: 0, isStopped: false };
    if (request.kind === 'upscale') {
      yield* this.#upscaleStored(request, control);
      tally.images = 1;
    } else yield* this.#paintRequest(request, control, tally);
    yield {
      type: 'finished',
      finishReason: tally.isStopped ? 'stopped-early' : 'stop',
      usage: { images: tally.images, steps: tally.steps },
      timings: { totalMs: performance.now() - startedMs, sessionMs: this.#spentMs() - spentBefore },
    };
  }

  #spentMs(): number {
    return this.#parts.model.spentMs + (this.#refiner?.spentMs ?? 0) + (this.#upscaler?.spentMs ?? 0);
  }

  async *#paintRequest(request: ImageRequest, control: RunControl, tally: Tally): AsyncGenerator<GenerationEvent, void, void> {
    const { model, concepts, services } = this.#parts;
    throwIfCancelled(control.signal);
    const { prompt, loras } = splitLoras(request.prompt, request.loras ?? []);
    await model.useLoras(loras);
    const replacement = await concepts?.replacementFor(prompt);
    const resolved = await resolveRequest(model, { ...request, prompt: replacement?.prompt ?? prompt }, services.blobs);
    yield* resolved.notices;
    if (replacement !== undefined) yield { type: 'notice', code: 'nearest-concept', facts: replacement.facts };
    const refiner = await this.#refinerFor(request);
    let blocked = 0;
    for (const group of this.#groups(request, resolved.wish)) {
      if (group.isSplit) yield { type: 'notice', code: 'batch-split', facts: { count: request.count } };
      for await (const event of this.#paintGroup({ request, resolved, refiner, indices: group.indices, tally }, control)) {
        if (event.type === 'notice' && event.code === 'image-blocked') blocked += 1;
        yield event;
      }
      if (tally.isStopped) break;
    }
    if (blocked > 0 && tally.images === 0) throw new FrescoError('picture-blocked', {});
  }

  /** All pictures as one batch when the graph takes one and memory allows, else one after another. */
  #groups(request: ImageRequest, wish: PaintWish): readonly { readonly indices: readonly number[]; readonly isSplit: boolean }[] {
    const { model, services } = this.#parts;
    const all = Array.from({ length: request.count }, (_, index) => index);
    if (request.count === 1) return [{ indices: all, isSplit: false }];
    const takesBatches = typeof latentInputOf(model.files.denoiser.inputs)?.dims[0] !== 'number';
    const budget = services.memoryBudgetBytes;
    const fits = budget === undefined || model.info.weightBytes + estimateRunBytes(model.info, wish, request.count) <= budget;
    if (takesBatches && fits) return [{ indices: all, isSplit: false }];
    return all.map((index) => ({ indices: [index], isSplit: index === 0 }));
  }

  async #refinerFor(request: ImageRequest): Promise<PaintModel | undefined> {
    const { model, services, runtime, logger } = this.#parts;
    if (services.refiner === undefined || model.family.name !== 'sdxl' || request.initImage !== undefined || request.hiresFactor !== undefined)
      return undefined;
    this.#refiner ??= await PaintModel.open(services.refiner, runtime, {
      budgetBytes: services.memoryBudgetBytes ?? Number.POSITIVE_INFINITY,
      loraFolder: undefined,
      logger,
    });
    return this.#refiner;
  }

  async *#paintGroup(group: Group, control: RunControl): AsyncGenerator<GenerationEvent, void, void> {
    const { logger } = this.#parts;
    try {
      yield* this.#paintBatch(group, control);
    } catch (error) {
      if (!FrescoError.is(error, 'out-of-memory') || group.indices.length === 1) throw error;
      logger.warn({ count: group.indices.length, cause: error }, 'memory ran out for a batch; its pictures are painted one after another');
      yield { type: 'notice', code: 'batch-split', facts: { count: group.indices.length } };
      for (const index of group.indices) {
        yield* this.#paintBatch({ ...group, indices: [index] }, control);
        if (group.tally.isStopped) return;
      }
    }
  }

  async *#paintBatch(group: Group, control: RunControl): AsyncGenerator<GenerationEvent, void, void> {
    const { model, services } = this.#parts;
    const { request, resolved, indices, tally, refiner } = group;
    const isWatched = services.safety && model.files.safetyChecker !== undefined; // a picture that may be blocked later must not be seen now
    const previews = request.previews && !isWatched ? new PreviewStream(model, indices.length, this.#parts.logger) : undefined;
    const generators = indices.map((index) => new TorchGenerator(request.seed + index));
    const dropped: string[] = [];
    const steps = paint({ model, refiner, generators, onDropped: (text) => dropped.push(text) }, resolved.wish, control);
    let painted: Painted;
    for (;;) {
      const next = await steps.next();
      for (const text of new Set(dropped.splice(0))) yield { type: 'notice', code: 'prompt-truncated', facts: { dropped: text } };
      if (next.done === true) {
        painted = next.value;
        break;
      }
      const preview = await previews?.after(next.value);
      yield { type: 'step', step: next.value.done, steps: next.value.calls, image: indices[0] ?? 0, ...(preview === undefined ? {} : { preview }) };
    }
    tally.steps += painted.stoppedAt ?? painted.calls;
    if (painted.stoppedAt !== undefined) {
      tally.isStopped = true;
      yield { type: 'notice', code: 'stopped-early', facts: { step: painted.stoppedAt, steps: painted.calls } };
    }
    yield* this.#show(group, painted, control);
  }

  async *#show({ request, resolved, indices, tally }: Group, painted: Painted, control: RunControl): AsyncGenerator<GenerationEvent, void, void> {
    const { model, services } = this.#parts;
    for (const [place, index] of indices.entries()) {
      throwIfCancelled(control.signal);
      const planes = await decodePainted(painted, resolved.wish, place);
      const drawn = planesToPicture(planes.data, planes.width, planes.height);
      if (services.safety && model.files.safetyChecker !== undefined && (await isBlocked(model.shelf, model.files.safetyChecker, model.files.model, drawn))) {
        yield { type: 'notice', code: 'image-blocked', facts: { index } };
        continue;
      }
      const picture = await this.#touchUp(drawn, request, resolved, control);
      const seed = seedSchema.parse((request.seed + index) >>> 0);
      const parameters = parametersOf(model, request, resolved, seed);
      const blob = await services.blobs.put(writePictureParameters(await encodePng(picture), parameters), 'png');
      tally.images += 1;
      yield { type: 'image', index, blob, seed, width: picture.width, height: picture.height, parameters };
    }
  }

  async #touchUp(drawn: Picture, request: ImageRequest, { paste }: ResolvedRequest, control: RunControl): Promise<Picture> {
    let picture = drawn;
    if (paste !== undefined && paste.picture.width === drawn.width && paste.picture.height === drawn.height) {
      picture = mixPictures(paste.picture, drawn, await softenMask(paste.mask, 2));
    }
    if (request.upscale !== undefined) picture = await this.#enlarge(picture, request.upscale, control);
    return request.finish === true ? finishPicture(picture) : picture;
  }

  async #enlarge(picture: Picture, factor: number, control: RunControl): Promise<Picture> {
    const { services, runtime } = this.#parts;
    if (services.upscaler === undefined) return enlargeByLanczos(picture, factor);
    this.#upscaler ??= await Upscaler.open(services.upscaler, runtime);
    return this.#upscaler.enlarge(picture, factor, control);
  }

  async *#upscaleStored(request: UpscaleRequest, control: RunControl): AsyncGenerator<GenerationEvent, void, void> {
    const { blobs } = this.#parts.services;
    yield* upscaleStored(request, blobs, (picture) => this.#enlarge(picture, request.factor, control));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#refiner?.[Symbol.asyncDispose]();
    await this.#upscaler?.[Symbol.asyncDispose]();
    await this.#parts.model[Symbol.asyncDispose]();
  }
}

/** What a request has produced so far. */
interface Tally {
  images: number;
  steps: number;
  isStopped: boolean;
}
interface Group {
  readonly request: ImageRequest;
  readonly resolved: ResolvedRequest;
  readonly refiner: PaintModel | undefined;
  readonly indices: readonly number[];
  readonly tally: Tally;
}

function parametersOf(model: PaintModel, request: ImageRequest, { wish, samplerName }: ResolvedRequest, seed: PictureParameters['seed']): PictureParameters {
  return {
    prompt: request.prompt,
    ...(wish.negativePrompt === undefined ? {} : { negativePrompt: wish.negativePrompt }),
    model: model.files.model,
    width: wish.width,
    height: wish.height,
    steps: wish.steps,
    guidanceScale: wish.guidanceScale,
    ...(request.guidanceRescale === undefined && wish.guidanceRescale === 0 ? {} : { guidanceRescale: wish.guidanceRescale }),
    sampler: samplerName,
    seed,
    ...(wish.picture === undefined && wish.hiresFactor === undefined ? {} : { strength: wish.strength }),
    ...(request.clipSkip === undefined ? {} : { clipSkip: request.clipSkip }),
  };
}
