import { FrescoError } from '../../fresco-error.ts';
import type { GraphPort, GraphSession } from '../runtime/ort-session.ts';
import { fromHalf, type Tensor, tensorAs, toHalf } from '../runtime/tensor.ts';
import type { Conditioning, RowFeeds, RowValues } from './conditioning.ts';
import type { ImageFamily, LatentSize } from './families/image-family.ts';
import { latentInputOf } from './model-files.ts';

/** Channels fed behind the latents and never changed: mask and masked picture of an inpainting checkpoint. [channels, height, width], one for each picture. */
export interface ExtraChannels {
  readonly channels: number;
  readonly pictures: readonly Float32Array[];
}

export interface DenoiserSetup {
  readonly session: GraphSession;
  readonly family: ImageFamily;
  readonly file: { readonly model: string; readonly file: string };
  readonly size: LatentSize;
  readonly batch: number;
  /** One for all pictures. */
  readonly conditioning: Conditioning;
  readonly extra: ExtraChannels | undefined;
}

/**
 * The denoising graph with everything bound that stays the same over a run: prompt rows, shared inputs, inpainting channels.
 * `run` writes only latents and timestep. Inputs are cast and shaped as the graph's own metadata asks.
 */
export class Denoiser {
  /** Rows of a classifier-free run: [negative × batch, positive × batch]; else the batch. */
  readonly rows: number;
  readonly isGuided: boolean;
  readonly #setup: DenoiserSetup;
  readonly #latentPort: GraphPort;
  readonly #timestepPort: GraphPort;
  readonly #outputName: string;
  readonly #fixed: readonly Record<string, Tensor>[];
  readonly #input: Float32Array;
  readonly #half: Uint16Array | undefined;
  readonly #inputChannels: number;
  /** Rows the graph takes at once: all of them, or one where its batch axis is fixed. */
  readonly #rowsAtOnce: number;

  constructor(setup: DenoiserSetup) {
    this.#setup = setup;
    const { session, conditioning, batch, size, extra } = setup;
    this.isGuided = conditioning.negative !== undefined;
    this.rows = this.isGuided ? 2 * batch : batch;
    this.#latentPort = this.#need(latentInputOf(session.inputs), 'latents');
    this.#timestepPort = this.#need(
      session.inputs.find(({ name }) => name === 'timestep' || name === 't' || name === 'timesteps'),
      'the timestep',
    );
    this.#outputName = this.#need(session.outputs[0], 'an output').name;
    const batchAxis = this.#latentPort.dims[0];
    this.#rowsAtOnce = typeof batchAxis === 'number' && batchAxis > 0 && batchAxis !== this.rows ? 1 : this.rows;
    this.#inputChannels = size.channels + (extra?.channels ?? 0);
    this.#input = new Float32Array(this.rows * this.#inputChannels * size.height * size.width);
    this.#half = this.#latentPort.type === 'float16' ? new Uint16Array(this.#input.length) : undefined;
    this.#writeExtra();
    this.#fixed = this.#bindFixed();
  }

  #need<Found>(found: Found | undefined, what: string): Found {
    if (found !== undefined) return found;
    throw new FrescoError('model-broken', { ...this.#setup.file, problem: `the graph has no place for ${what}` });
  }

  #writeExtra(): void {
    const { extra, size, batch } = this.#setup;
    if (extra === undefined) return;
    const area = size.height * size.width;
    for (let index = 0; index < this.rows; index += 1) {
      const picture = extra.pictures[index % batch];
      if (picture !== undefined) this.#input.set(picture, (index * this.#inputChannels + size.channels) * area);
    }
  }

  /** The unchanging feeds for each group of rows that is run at once. */
  #bindFixed(): readonly Record<string, Tensor>[] {
    const { conditioning, batch, session } = this.#setup;
    const { positive, negative, shared } = conditioning;
    const rows: RowFeeds[] = [
      ...(negative === undefined ? [] : Array.from({ length: batch }, () => negative)),
      ...Array.from({ length: batch }, () => positive),
    ];
    const groups: Record<string, Tensor>[] = [];
    for (let start = 0; start < this.rows; start += this.#rowsAtOnce) {
      const feeds: Record<string, Tensor> = {};
      for (const port of session.inputs) {
        if (port === this.#latentPort || port === this.#timestepPort) continue;
        const fixed = shared[port.name];
        feeds[port.name] = fixed === undefined ? stacked(port, this.#rowsOf(port, rows.slice(start, start + this.#rowsAtOnce))) : sharedTensor(port, fixed);
      }
      groups.push(feeds);
    }
    return groups;
  }

  #rowsOf(port: GraphPort, rows: readonly RowFeeds[]): readonly RowValues[] {
    return rows.map((feeds) => this.#need(feeds[port.name], `what it calls ${port.name}`));
  }

  /**
   * Runs the graph on latents [batch, channels, height, width], already scaled for the model, at the scheduler's timestep.
   * Returns [rows, channels, height, width]. Throws 'shape-mismatch' when the graph gives another number of values.
   */
  async run(latents: Float32Array, timestep: number): Promise<Float32Array> {
    const { family, size, batch, session } = this.#setup;
    const area = size.height * size.width;
    const plain = size.channels * area;
    const fed = this.#inputChannels * area;
    for (let index = 0; index < this.rows; index += 1) {
      const from = latents.subarray((index % batch) * plain, ((index % batch) + 1) * plain);
      if (family.layout === 'packed') packInto(this.#input.subarray(index * fed, (index + 1) * fed), from, size);
      else this.#input.set(from, index * fed);
    }
    const value = timestep * family.timestepScale;
    if (this.#fixed.length === 1) return this.#unpacked(await this.#runRows(session, 0, value), this.rows);
    const output = new Float32Array(this.rows * plain);
    for (let index = 0; index < this.rows; index += 1) output.set(this.#unpacked(await this.#runRows(session, index, value), 1), index * plain);
    return output;
  }

  async #runRows(session: GraphSession, group: number, timestep: number): Promise<Tensor> {
    const count = this.#rowsAtOnce;
    const { size, family } = this.#setup;
    const step = (this.#input.length / this.rows) * count;
    const dims =
      family.layout === 'packed' ? [count, (size.height * size.width) / 4, this.#inputChannels * 4] : [count, this.#inputChannels, size.height, size.width];
    const feeds: Record<string, Tensor> = {
      ...this.#fixed[group],
      [this.#latentPort.name]: this.#latentTensor(group * step, step, dims),
      [this.#timestepPort.name]: timestepTensor(this.#timestepPort, timestep, count, this.#setup.family.name),
    };
    const outputs = await session.run(feeds, [this.#outputName]);
    return this.#need(outputs[this.#outputName], 'an output');
  }

  #latentTensor(start: number, length: number, dims: readonly number[]): Tensor {
    const values = this.#input.subarray(start, start + length);
    if (this.#half === undefined) return { type: 'float32', data: values, dims };
    const half = this.#half.subarray(start, start + length);
    for (let index = 0; index < length; index += 1) half[index] = toHalf(values[index] ?? 0);
    return { type: 'float16', data: half, dims };
  }

  #unpacked(tensor: Tensor, rows: number): Float32Array {
    const { size, family } = this.#setup;
    const plain = size.channels * size.height * size.width;
    const values = floatsOf(tensor);
    if (values.length !== rows * plain) {
      throw new FrescoError('shape-mismatch', { what: 'output of the denoiser', expected: `${rows * plain} values`, actual: `[${tensor.dims.join(', ')}]` });
    }
    if (family.layout === 'planes') return values;
    const output = new Float32Array(values.length);
    for (let index = 0; index < rows; index += 1)
      unpackInto(output.subarray(index * plain, (index + 1) * plain), values.subarray(index * plain, (index + 1) * plain), size);
    return output;
  }
}

function floatsOf(tensor: Tensor): Float32Array {
  if (tensor.type === 'float32') return tensor.data;
  if (tensor.type === 'float16') return Float32Array.from(tensor.data, fromHalf);
  throw new FrescoError('shape-mismatch', { what: 'output of the denoiser', expected: 'float32 or float16', actual: tensor.type });
}

function sharedTensor(port: GraphPort, { values, dims }: RowValues): Tensor {
  const batched = port.dims.length === dims.length + 1 ? [1, ...dims] : dims; // older Flux exports keep a batch axis on their ids
  return tensorAs(port.type, values, batched);
}

function stacked(port: GraphPort, rows: readonly RowValues[]): Tensor {
  const dims = rows[0]?.dims ?? [];
  const length = rows[0]?.values.length ?? 0;
  const values = new Float32Array(length * rows.length);
  for (const [index, { values: part }] of rows.entries()) values.set(part, index * length);
  return tensorAs(port.type, values, [rows.length, ...dims]);
}

/** Optimum's UNets take a scalar, transformers one a row, older exports one element; integers are rounded by `tensorAs`. */
function timestepTensor(port: GraphPort, value: number, rows: number, family: string): Tensor {
  if (port.dims.length === 0) return tensorAs(port.type, [value], []);
  const [fixed] = port.dims;
  const count = typeof fixed === 'number' && fixed > 0 ? fixed : family === 'sd3' || family === 'flux' ? rows : 1;
  return tensorAs(port.type, new Array<number>(count).fill(value), [count]);
}

/** [C, h, w] to tokens [(h/2)(w/2), 4C], in place. Source: FluxPipeline._pack_latents. */
function packInto(target: Float32Array, source: Float32Array, { channels, height, width }: LatentSize): void {
  walkPacked(channels, height, width, (token, plane) => {
    target[token] = source[plane] ?? 0;
  });
}

/** The inverse of `packInto`, in place. */
function unpackInto(target: Float32Array, source: Float32Array, { channels, height, width }: LatentSize): void {
  walkPacked(channels, height, width, (token, plane) => {
    target[plane] = source[token] ?? 0;
  });
}

function walkPacked(channels: number, height: number, width: number, visit: (token: number, plane: number) => void): void {
  for (let channel = 0; channel < channels; channel += 1) {
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const cell = Math.floor(y / 2) * (width / 2) + Math.floor(x / 2);
        visit(cell * channels * 4 + channel * 4 + (y % 2) * 2 + (x % 2), (channel * height + y) * width + x);
      }
    }
  }
}
