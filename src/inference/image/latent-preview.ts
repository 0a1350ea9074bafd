import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';
import type { Picture } from './picture.ts';

/**
 * A linear map from one latent cell to `cells` × `cells` RGB pixels in [−1, 1]: `rows` has a row for each latent channel, with
 * cells·cells·3 columns ordered (y, x, colour), and `bias` has as many. The latents are those the sampler holds.
 */
export interface PreviewMatrix {
  readonly cells: number;
  readonly rows: readonly (readonly number[])[];
  readonly bias: readonly number[];
}

/** Latents [channels, height, width] to a small picture by a fitted matrix, (x + 1)/2 clamped to bytes. Source: ComfyUI latent_preview.py (cells = 1). */
export function previewOf(latents: Float32Array, size: { readonly height: number; readonly width: number }, matrix: PreviewMatrix): Picture {
  const { cells, rows } = matrix;
  const area = size.height * size.width;
  const width = size.width * cells;
  const data = new Uint8ClampedArray(width * size.height * cells * 3);
  const columns = cells * cells * 3;
  const weights = Float32Array.from(rows.flat());
  const bias = Float32Array.from(matrix.bias);
  const sums = new Float32Array(columns);
  for (let cell = 0; cell < area; cell += 1) {
    sums.set(bias);
    for (let channel = 0; channel < rows.length; channel += 1) {
      const value = latents[channel * area + cell] ?? 0;
      const offset = channel * columns;
      for (let column = 0; column < columns; column += 1) sums[column] = (sums[column] ?? 0) + value * (weights[offset + column] ?? 0);
    }
    const start = (Math.floor(cell / size.width) * cells * width + (cell % size.width) * cells) * 3;
    for (let column = 0; column < columns; column += 1) {
      const row = Math.floor(column / (cells * 3));
      data[start + row * width * 3 + (column % (cells * 3))] = (sums[column] ?? 0) * 127.5 + 127.5;
    }
  }
  return { data: new Uint8Array(data.buffer), width, height: size.height * cells };
}

const previewFileSchema = z.looseObject({
  cells: z.int().min(1).max(8).optional(),
  rows: z.array(z.array(z.number())).optional(),
  matrix: z.array(z.array(z.number())).optional(),
  bias: z.array(z.number()).optional(),
});

/** The model's own matrix from `preview.json`, or undefined where there is none. Throws 'model-broken' when it does not fit the latents. */
export async function readPreviewMatrix(owner: { readonly model: string; readonly folder: string }, channels: number): Promise<PreviewMatrix | undefined> {
  let text: string;
  try {
    text = await readFile(join(owner.folder, 'preview.json'), 'utf8');
  } catch {
    return undefined; // a model without one is the rule
  }
  const broken = (problem: string, cause?: unknown): FrescoError =>
    new FrescoError('model-broken', { model: owner.model, file: 'preview.json', problem }, { cause });
  let file: z.infer<typeof previewFileSchema>;
  try {
    file = previewFileSchema.parse(JSON.parse(text));
  } catch (error) {
    throw broken('it is not a preview matrix', error);
  }
  const rows = file.rows ?? file.matrix ?? [];
  const columns = rows[0]?.length ?? 0;
  const cells = file.cells ?? Math.round(Math.sqrt(columns / 3));
  if (rows.length !== channels || columns !== cells * cells * 3 || rows.some((values) => values.length !== columns)) {
    throw broken(`it has ${rows.length} rows of ${columns} columns; ${channels} rows of ${cells * cells * 3} are expected`);
  }
  const bias = file.bias ?? new Array<number>(columns).fill(0);
  if (bias.length !== columns) throw broken(`its bias has ${bias.length} numbers; ${columns} are expected`);
  return { cells, rows, bias };
}

/** When previews are due: by time, at least `gapMs` apart and never past their share of the run, but the first one early. */
export class PreviewCadence {
  readonly #gapMs: number;
  readonly #share: number;
  #lastMs: number;
  readonly #startMs: number;
  #spentMs = 0;
  #shown = 0;

  constructor(nowMs: number, options: { readonly gapMs?: number; readonly share?: number } = {}) {
    this.#gapMs = options.gapMs ?? 200;
    this.#share = options.share ?? 0.03;
    this.#startMs = nowMs;
    this.#lastMs = nowMs;
  }

  /** True when a preview should be made after call `done` of `calls`; the first with the last call at or before a tenth of them, however short the run. */
  isDue(done: number, calls: number, nowMs: number): boolean {
    if (done >= calls) return false; // the picture itself follows at once
    if (this.#shown === 0) return done >= Math.max(1, Math.floor(calls * 0.1)) || nowMs - this.#startMs >= this.#gapMs;
    return nowMs - this.#lastMs >= this.#gapMs && this.#spentMs <= this.#share * (nowMs - this.#startMs);
  }

  /** Notes a preview that took from `fromMs` to `nowMs`. */
  shown(fromMs: number, nowMs: number): void {
    this.#shown += 1;
    this.#spentMs += nowMs - fromMs;
    this.#lastMs = nowMs;
  }
}
