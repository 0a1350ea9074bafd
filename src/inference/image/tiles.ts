/** Planes [channels, height, width], float32. */
export interface Planes {
  readonly data: Float32Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

export interface TileOptions {
  /** Side of a tile and how far neighbours overlap, in cells of the input. */
  readonly tile: number;
  readonly overlap: number;
  /** Output cells for an input cell, a side: 8 for a VAE decoder, 1/8 for its encoder, 4 for an upscaler. */
  readonly scale: number;
  readonly run: (tile: Planes) => Promise<Planes>;
}

function startsOf(length: number, tile: number, step: number): readonly number[] {
  const starts: number[] = [];
  for (let start = 0; ; start += step) {
    if (start + tile >= length) return [...starts, Math.max(0, length - tile)];
    starts.push(start);
  }
}

function cut(planes: Planes, top: number, left: number, side: { readonly height: number; readonly width: number }): Planes {
  const data = new Float32Array(planes.channels * side.height * side.width);
  for (let channel = 0; channel < planes.channels; channel += 1) {
    for (let y = 0; y < side.height; y += 1) {
      const from = (channel * planes.height + top + y) * planes.width + left;
      data.set(planes.data.subarray(from, from + side.width), (channel * side.height + y) * side.width);
    }
  }
  return { data, channels: planes.channels, ...side };
}

/** How much an output cell counts: rises linearly over the overlap from the tile's edges. */
const weightAt = (position: number, length: number, ramp: number): number => Math.min(1, (Math.min(position, length - 1 - position) + 1) / Math.max(1, ramp));

/** Runs planes through a graph tile by tile and mixes the overlaps linearly; in one piece when they fit one tile. */
export async function runTiled(planes: Planes, options: TileOptions): Promise<Planes> {
  const { tile, overlap, scale, run } = options;
  if (planes.height <= tile && planes.width <= tile) return run(planes);
  const height = Math.round(planes.height * scale);
  const width = Math.round(planes.width * scale);
  const weights = new Float32Array(height * width);
  let sums: Float32Array | undefined;
  let channels = planes.channels;
  const side = { height: Math.min(tile, planes.height), width: Math.min(tile, planes.width) };
  for (const top of startsOf(planes.height, side.height, tile - overlap)) {
    for (const left of startsOf(planes.width, side.width, tile - overlap)) {
      const result = await run(cut(planes, top, left, side));
      channels = result.channels;
      sums ??= new Float32Array(channels * height * width);
      addTile({ sums, weights, height, width }, result, { top: Math.round(top * scale), left: Math.round(left * scale), ramp: overlap * scale });
    }
  }
  const data = sums ?? new Float32Array(0);
  const area = height * width;
  for (let index = 0; index < data.length; index += 1) data[index] = (data[index] ?? 0) / (weights[index % area] ?? 1);
  return { data, channels, height, width };
}

interface Canvas {
  readonly sums: Float32Array;
  readonly weights: Float32Array;
  readonly height: number;
  readonly width: number;
}
function addTile(canvas: Canvas, tile: Planes, place: { readonly top: number; readonly left: number; readonly ramp: number }): void {
  const { sums, weights, height, width } = canvas;
  for (let y = 0; y < tile.height; y += 1) {
    const weightY = weightAt(y, tile.height, place.ramp);
    for (let x = 0; x < tile.width; x += 1) {
      const weight = weightY * weightAt(x, tile.width, place.ramp);
      const cell = (place.top + y) * width + place.left + x;
      weights[cell] = (weights[cell] ?? 0) + weight;
      for (let channel = 0; channel < tile.channels; channel += 1) {
        const target = channel * height * width + cell;
        sums[target] = (sums[target] ?? 0) + weight * (tile.data[(channel * tile.height + y) * tile.width + x] ?? 0);
      }
    }
  }
}
