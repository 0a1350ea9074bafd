import { FrescoError } from '../../src/fresco-error.ts';
import { seedSchema } from '../../src/ids.ts';
import type { BlobStore, GenerationEvent, ImageEngine, ImageRequest, PictureParameters, RunControl, UpscaleRequest } from '../../src/inference/contract.ts';
import { throwIfCancelled } from '../../src/inference/image/denoise.ts';
import { decodePicture, encodePng, encodePreview } from '../../src/inference/image/image-codec.ts';
import type { Picture } from '../../src/inference/image/picture.ts';
import { writePictureParameters } from '../../src/inference/image/png-parameters.ts';
import { enlargeByLanczos } from '../../src/inference/image/upscale.ts';

/** Lets a test decide when a script goes on: closed, it holds each step until it is let pass; open, nothing waits. */
export class StepGate {
  #permits = 0;
  #isOpen: boolean;
  readonly #waiting: (() => void)[] = [];

  constructor(isOpen = false) {
    this.#isOpen = isOpen;
  }

  /** Steps that stand at the gate now. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Lets `count` steps pass, now or when they come. */
  pass(count = 1): void {
    this.#permits += count;
    this.#release();
  }

  open(): void {
    this.#isOpen = true;
    this.#release();
  }

  #release(): void {
    while (this.#waiting.length > 0 && (this.#isOpen || this.#permits > 0)) {
      if (!this.#isOpen) this.#permits -= 1;
      this.#waiting.shift()?.();
    }
  }

  /** Resolves when the step may go on, and at once when `signal` aborts. */
  async step(signal: AbortSignal): Promise<void> {
    if (this.#isOpen || signal.aborted) return;
    if (this.#permits > 0) {
      this.#permits -= 1;
      return;
    }
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

export interface ImageScript {
  readonly blobs: BlobStore;
  /** Steps when the request names none; 5 by default. */
  readonly steps?: number;
  readonly gate?: StepGate;
  /** Throws this error before the given step of the first picture. */
  readonly failure?: { readonly atStep: number; readonly error: Error };
  readonly side?: number;
}

/** An image engine without a model: plain pictures whose colour comes from seed and prompt, step by step as the test lets it. */
export class ScriptedImageEngine implements ImageEngine {
  readonly kind = 'image';
  /** Every request it was given. */
  readonly requests: (ImageRequest | UpscaleRequest)[] = [];
  isDisposed = false;
  readonly #script: ImageScript;

  constructor(script: ImageScript) {
    this.#script = script;
  }

  async *generate(request: ImageRequest | UpscaleRequest, control: RunControl): AsyncGenerator<GenerationEvent, void, void> {
    if (this.isDisposed) throw new Error('the scripted engine was used after it was disposed');
    this.requests.push(request);
    throwIfCancelled(control.signal);
    if (request.kind === 'upscale') {
      yield* this.#upscale(request);
      yield { type: 'finished', finishReason: 'stop', usage: { images: 1 }, timings: { totalMs: 1 } };
      return;
    }
    const side = this.#script.side ?? 64;
    const [width, height] = [request.width ?? side, request.height ?? side];
    if (width % 8 !== 0 || height % 8 !== 0 || width > 2048 || height > 2048) {
      throw new FrescoError('size-unsupported', { width, height, expected: 'multiples of 8 up to 2048' });
    }
    const steps = request.steps ?? this.#script.steps ?? 5;
    let stoppedAt: number | undefined;
    for (let step = 1; step <= steps && stoppedAt === undefined; step += 1) {
      await this.#script.gate?.step(control.signal);
      throwIfCancelled(control.signal);
      if (this.#script.failure?.atStep === step) throw this.#script.failure.error;
      const isPreviewed = request.previews && step < steps;
      const preview = isPreviewed ? { preview: await encodePreview(plain(request, 0, { width: 8, height: 8 }), 64) } : {};
      yield { type: 'step', step, steps, image: 0, ...preview };
      if (control.keep.aborted && step < steps) stoppedAt = step;
    }
    throwIfCancelled(control.signal);
    if (stoppedAt !== undefined) yield { type: 'notice', code: 'stopped-early', facts: { step: stoppedAt, steps } };
    for (let index = 0; index < request.count; index += 1) yield await this.#image(request, index, { width, height, steps });
    yield {
      type: 'finished',
      finishReason: stoppedAt === undefined ? 'stop' : 'stopped-early',
      usage: { images: request.count, steps: stoppedAt ?? steps },
      timings: { totalMs: 1, sessionMs: 1 },
    };
  }

  async #image(
    request: ImageRequest,
    index: number,
    size: { readonly width: number; readonly height: number; readonly steps: number },
  ): Promise<GenerationEvent> {
    const seed = seedSchema.parse((request.seed + index) >>> 0);
    const parameters: PictureParameters = {
      prompt: request.prompt,
      ...(request.negativePrompt === undefined ? {} : { negativePrompt: request.negativePrompt }),
      model: request.model,
      guidanceScale: request.guidanceScale ?? 1,
      sampler: request.sampler ?? 'Euler',
      seed,
      ...size,
    };
    const blob = await this.#script.blobs.put(writePictureParameters(await encodePng(plain(request, index, size)), parameters), 'png');
    return { type: 'image', index, blob, seed, width: size.width, height: size.height, parameters };
  }

  async *#upscale(request: UpscaleRequest): AsyncGenerator<GenerationEvent, void, void> {
    const larger = await enlargeByLanczos(await decodePicture(await this.#script.blobs.get(request.image)), request.factor);
    const seed = seedSchema.parse(0);
    const parameters = { prompt: '', model: request.model, width: larger.width, height: larger.height, steps: 0, guidanceScale: 0, sampler: 'upscale', seed };
    const blob = await this.#script.blobs.put(await encodePng(larger), 'png');
    yield { type: 'image', index: 0, blob, seed, width: larger.width, height: larger.height, parameters };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
  }
}

function plain(request: ImageRequest, index: number, { width, height }: { readonly width: number; readonly height: number }): Picture {
  const mixed = [...request.prompt].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) >>> 0, request.seed + index);
  const colour = [mixed & 255, (mixed >>> 8) & 255, (mixed >>> 16) & 255];
  return { data: Uint8Array.from({ length: width * height * 3 }, (_, at) => colour[at % 3] ?? 0), width, height };
}
