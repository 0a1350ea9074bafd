import { FrescoError } from '../../fresco-error.ts';
import { seedSchema } from '../../ids.ts';
import type { BlobStore, GenerationEvent, ImageEngine, ImageRequest, PictureParameters, RunControl, UpscaleRequest } from '../contract.ts';
import { decodePicture, encodePng } from './image-codec.ts';
import type { Picture } from './picture.ts';
import { readPictureParameters, writePictureParameters } from './png-parameters.ts';
import type { Upscaler } from './upscale.ts';

/** Enlarges a stored picture; what it was painted with is kept in the new file. Throws what the decoder and `enlarge` throw. */
export async function* upscaleStored(
  request: UpscaleRequest,
  blobs: BlobStore,
  enlarge: (picture: Picture) => Promise<Picture>,
): AsyncGenerator<GenerationEvent, void, void> {
  const bytes = await blobs.get(request.image);
  const before = await decodePicture(bytes);
  const after = await enlarge(before);
  const known = isPng(bytes) ? (readPictureParameters(bytes) ?? {}) : {};
  const parameters: PictureParameters = {
    prompt: '',
    model: request.model,
    width: before.width,
    height: before.height,
    steps: 0,
    guidanceScale: 0,
    sampler: 'upscale',
    seed: seedSchema.parse(0),
    ...known,
  };
  const blob = await blobs.put(writePictureParameters(await encodePng(after), parameters), 'png');
  yield { type: 'image', index: 0, blob, seed: parameters.seed, width: after.width, height: after.height, parameters };
}

const isPng = (bytes: Uint8Array): boolean => bytes[0] === 0x89 && bytes[1] === 0x50;

/** The engine of an upscaling model: it enlarges and paints nothing. */
export class UpscaleEngine implements ImageEngine {
  readonly kind = 'image';
  readonly #upscaler: Upscaler;
  readonly #blobs: BlobStore;

  constructor(upscaler: Upscaler, blobs: BlobStore) {
    this.#upscaler = upscaler;
    this.#blobs = blobs;
  }

  async *generate(request: ImageRequest | UpscaleRequest, control: RunControl): AsyncGenerator<GenerationEvent, void, void> {
    if (request.kind === 'image') throw new FrescoError('model-unsupported', { model: request.model, problem: 'it enlarges pictures and cannot paint' });
    const startedMs = performance.now();
    const spentBefore = this.#upscaler.spentMs;
    yield* upscaleStored(request, this.#blobs, (picture) => this.#upscaler.enlarge(picture, request.factor, control));
    yield {
      type: 'finished',
      finishReason: 'stop',
      usage: { images: 1 },
      timings: { totalMs: performance.now() - startedMs, sessionMs: this.#upscaler.spentMs - spentBefore },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#upscaler[Symbol.asyncDispose]();
  }
}
