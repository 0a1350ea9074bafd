import type { Logger } from '../../logger.ts';
import type { Preview } from '../contract.ts';
import { encodePreview } from './image-codec.ts';
import { PreviewCadence, previewOf } from './latent-preview.ts';
import type { PaintProgress } from './paint.ts';
import type { PaintModel } from './paint-model.ts';
import { gridOf, type Picture, planesToPicture } from './picture.ts';
import { runPlanes } from './vae-codec.ts';

/** Pixels of a preview's longer side at most, and how far a latent cell is enlarged. */
const maxSide = 512;
const maxEnlargement = 8;

/** Steps quicker than this do not wait for their preview: it is made beside the next call and comes with that step. */
const quickStepMs = 100;

/** One that is being made, and whether it is ready. */
interface Coming {
  readonly making: Promise<Preview | undefined>;
  isReady: boolean;
}

/** The previews of one batch: a tiny decoder's where the model has one, else by a linear matrix; several pictures as a grid. */
export class PreviewStream {
  readonly #logger: Logger;
  readonly #model: PaintModel;
  readonly #batch: number;
  readonly #cadence: PreviewCadence;
  readonly #startMs = performance.now();
  /** Being made beside the run. */
  #coming: Coming | undefined;
  #isFirstSeen = false;

  constructor(model: PaintModel, batch: number, logger: Logger) {
    this.#logger = logger;
    this.#model = model;
    this.#batch = batch;
    this.#cadence = new PreviewCadence(this.#startMs);
  }

  /** A preview when one is ready after this call, else undefined; also when the model has neither matrix nor tiny decoder, or making one failed. */
  async after(progress: PaintProgress): Promise<Preview | undefined> {
    const fromMs = performance.now();
    if (this.#coming !== undefined) return this.#arrived(this.#coming);
    if (!this.#cadence.isDue(progress.done, progress.calls, fromMs)) return undefined;
    const making = this.#draw(progress, fromMs);
    const isQuick = fromMs - this.#startMs < quickStepMs * progress.done;
    if (!isQuick || this.#model.files.previewDecoder !== undefined) return making;
    const coming: Coming = { making, isReady: false };
    this.#coming = coming;
    void making.then(() => {
      coming.isReady = true;
    });
    return undefined;
  }

  /** Only the first is waited for: an early look is what it is for. */
  async #arrived({ making, isReady }: Coming): Promise<Preview | undefined> {
    if (this.#isFirstSeen && !isReady) return undefined;
    this.#isFirstSeen = true;
    this.#coming = undefined;
    return making;
  }

  /** Draws and encodes one; never throws. What the cadence counts as its cost is the time this takes the caller's thread. */
  async #draw(progress: PaintProgress, fromMs: number): Promise<Preview | undefined> {
    try {
      const pictures: Picture[] = [];
      const each = progress.denoised.length / this.#batch;
      for (let index = 0; index < this.#batch; index += 1) {
        const picture = await this.#pictureOf(progress.denoised.subarray(index * each, (index + 1) * each), progress.size);
        if (picture === undefined) return undefined;
        pictures.push(picture);
      }
      const grid = gridOf(pictures);
      this.#cadence.shown(fromMs, performance.now());
      const longest = Math.max(grid.width, grid.height);
      return await encodePreview(grid, Math.min(maxSide, longest * maxEnlargement));
    } catch (error) {
      this.#cadence.shown(fromMs, performance.now());
      this.#logger.warn({ cause: error }, 'a preview failed; the picture goes on');
      return undefined;
    }
  }

  async #pictureOf(denoised: Float32Array, size: PaintProgress['size']): Promise<Picture | undefined> {
    const { previewDecoder } = this.#model.files;
    if (previewDecoder !== undefined) {
      const planes = await runPlanes(await this.#model.shelf.open(previewDecoder.graph), { data: denoised, ...size });
      return planesToPicture(spread(planes.data), planes.width, planes.height);
    }
    const matrix = this.#model.previewMatrix;
    return matrix === undefined ? undefined : previewOf(denoised, size, matrix);
  }
}

/** Raw TAESD exports give [0, 1] and diffusers' wrapper [−1, 1]; told apart by whether anything is clearly negative. */
function spread(data: Float32Array): Float32Array {
  return data.some((value) => value < -0.2) ? data : data.map((value) => 2 * value - 1);
}
