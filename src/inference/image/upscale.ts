import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FrescoError } from '../../fresco-error.ts';
import type { ModelFolder, RunControl } from '../contract.ts';
import type { GraphSession, OrtRuntime } from '../runtime/ort-session.ts';
import { yieldToLoop } from '../runtime/yield-to-loop.ts';
import { throwIfCancelled } from './denoise.ts';
import { stretchPicture } from './image-codec.ts';
import type { Picture } from './picture.ts';
import { type Planes, runTiled } from './tiles.ts';
import { runPlanes } from './vae-codec.ts';

/** A finished picture may not grow past this. */
export const enlargedLimits = { side: 16_384, pixels: 64_000_000 } as const;
const tileSide = 256;
const overlapPixels = 16;

/** Refuses an enlargement past the limits. Throws 'picture-too-large'. */
export function checkEnlarged(picture: { readonly width: number; readonly height: number }, factor: number): void {
  const [width, height] = [picture.width * factor, picture.height * factor];
  if (Math.max(width, height) > enlargedLimits.side || width * height > enlargedLimits.pixels) {
    throw new FrescoError('picture-too-large', { width, height, limit: enlargedLimits.side });
  }
}

/** Enlarges by Lanczos: what there is without a model. */
export async function enlargeByLanczos(picture: Picture, factor: number): Promise<Picture> {
  checkEnlarged(picture, factor);
  return stretchPicture(picture, picture.width * factor, picture.height * factor);
}

/** One ESRGAN-style graph: RGB planes in [0, 1] in, the same enlarged out. */
export class Upscaler implements AsyncDisposable {
  readonly #session: GraphSession;
  readonly #file: string;
  readonly #model: string;
  #scale: number | undefined;

  private constructor(session: GraphSession, model: string, file: string) {
    this.#session = session;
    this.#model = model;
    this.#file = file;
  }

  /** Opens model.onnx, or the only other graph, in the folder. Throws 'model-broken' naming what is missing or wrong. */
  static async open(folder: ModelFolder, runtime: OrtRuntime): Promise<Upscaler> {
    const names = await readdir(folder.folder).catch((): string[] => []);
    const file = names.includes('model.onnx') ? 'model.onnx' : names.sort().find((name) => name.endsWith('.onnx'));
    if (file === undefined) throw new FrescoError('model-broken', { model: folder.id, file: 'model.onnx', problem: 'it is missing' });
    const path = join(folder.folder, file);
    if ((await stat(path)).size === 0) throw new FrescoError('model-broken', { model: folder.id, file, problem: 'it is empty' });
    try {
      const session = await runtime.open(path);
      const [port] = session.inputs;
      if (port !== undefined && port.dims.length === 4) return new Upscaler(session, folder.id, file);
      await session[Symbol.asyncDispose]();
      throw new FrescoError('model-broken', { model: folder.id, file, problem: 'it takes no picture of four axes' });
    } catch (error) {
      if (!FrescoError.is(error, 'model-broken')) throw error;
      throw new FrescoError('model-broken', { model: folder.id, file, problem: error.facts.problem }, { cause: error });
    }
  }

  get spentMs(): number {
    return this.#session.spentMs;
  }

  /** Enlarges exactly by `factor`: the graph as often as needed, then Lanczos for what is too much. Reports tiles through `onTile`. Throws 'cancelled', 'picture-too-large'. */
  async enlarge(picture: Picture, factor: number, control: RunControl, onTile?: () => void): Promise<Picture> {
    checkEnlarged(picture, factor);
    let grown = picture;
    while (grown.width < picture.width * factor) {
      const before = grown.width;
      grown = await this.#once(grown, control, onTile);
      if (grown.width <= before) throw new FrescoError('model-broken', { model: this.#model, file: this.#file, problem: 'it does not enlarge' });
    }
    return stretchPicture(grown, picture.width * factor, picture.height * factor);
  }

  async #once(picture: Picture, control: RunControl, onTile?: () => void): Promise<Picture> {
    const fixed = this.#fixedSide();
    const tile = fixed ?? tileSide;
    const run = async (part: Planes): Promise<Planes> => {
      throwIfCancelled(control.signal);
      const padded = fixed === undefined ? part : padTo(part, fixed);
      const result = await runPlanes(this.#session, padded);
      this.#scale = result.width / padded.width;
      onTile?.();
      await yieldToLoop();
      return padded === part ? result : cropTo(result, part.width * this.#scale, part.height * this.#scale);
    };
    const planes = toUnitPlanes(picture);
    this.#scale ??= (await run(cutCorner(planes, Math.min(16, picture.width, picture.height)))).width / Math.min(16, picture.width, picture.height);
    return fromUnitPlanes(await runTiled(planes, { tile, overlap: Math.min(overlapPixels, Math.floor(tile / 4)), scale: this.#scale, run }));
  }

  #fixedSide(): number | undefined {
    const side = this.#session.inputs[0]?.dims[2];
    return typeof side === 'number' && side > 0 ? side : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}

function toUnitPlanes({ data, width, height }: Picture): Planes {
  const area = width * height;
  const planes = new Float32Array(3 * area);
  for (let index = 0; index < planes.length; index += 1) planes[index] = (data[(index % area) * 3 + Math.floor(index / area)] ?? 0) / 255;
  return { data: planes, channels: 3, height, width };
}

function fromUnitPlanes({ data, width, height }: Planes): Picture {
  const area = width * height;
  const bytes = new Uint8Array(3 * area);
  for (let index = 0; index < 3 * area; index += 1) {
    const value = data[index] ?? 0;
    if (Number.isNaN(value)) throw new FrescoError('not-a-number', { where: 'the enlarged picture' });
    bytes[(index % area) * 3 + Math.floor(index / area)] = Math.round(Math.min(1, Math.max(0, value)) * 255);
  }
  return { data: bytes, width, height };
}

/** The top-left part of planes, `height` × `width`, with the last row and column repeated where it reaches past them. */
function window(planes: Planes, width: number, height: number): Planes {
  const data = new Float32Array(planes.channels * height * width);
  for (let channel = 0; channel < planes.channels; channel += 1) {
    for (let y = 0; y < height; y += 1) {
      const fromRow = (channel * planes.height + Math.min(y, planes.height - 1)) * planes.width;
      for (let x = 0; x < width; x += 1) data[(channel * height + y) * width + x] = planes.data[fromRow + Math.min(x, planes.width - 1)] ?? 0;
    }
  }
  return { data, channels: planes.channels, height, width };
}
const padTo = (planes: Planes, side: number): Planes => window(planes, side, side);
const cropTo = (planes: Planes, width: number, height: number): Planes => window(planes, width, height);
const cutCorner = (planes: Planes, side: number): Planes => window(planes, side, side);
