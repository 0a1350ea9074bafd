import { FrescoError } from '../../fresco-error.ts';
import type { GraphPort } from '../runtime/ort-session.ts';
import { type Tensor, tensorAs } from '../runtime/tensor.ts';
import type { CacheNames } from './model-files.ts';

/** One `past…` input with the `present…` output that becomes it at the next step. */
export interface CachePort {
  readonly past: string;
  readonly present: string;
  readonly type: string;
  /** Shape with no token in it, batch 1. */
  readonly emptyDims: readonly number[];
  /** Which axis counts tokens; undefined for states that are not attention (convolutions, recurrences). */
  readonly tokenAxis: number | undefined;
}

const bytesOf: Readonly<Record<string, number>> = { float32: 4, float16: 2, int64: 8, int32: 4 };

/**
 * Pairs every cache input with its output by name, not by counting layers: models may have fewer caches than layers, and
 * other states than attention. A config's name templates win; else `past_key_values.N.x` or `past_x.N` meets `present.N.x`
 * or `present_x.N`. Throws 'model-unsupported' for an input without its output.
 */
export function pairCachePorts(inputs: readonly GraphPort[], outputs: readonly GraphPort[], names?: CacheNames): readonly CachePort[] {
  const presentBy = new Map(outputs.map(({ name }) => [presentKey(name), name]));
  return inputs.flatMap((port) => {
    const templated = names === undefined ? undefined : presentFor(port.name, names);
    if (templated === undefined && !/^past/.test(port.name)) return [];
    const present = templated ?? presentBy.get(port.name.replace(/^past(_key_values)?/, ''));
    if (present === undefined || !outputs.some(({ name }) => name === present)) {
      throw new FrescoError('model-unsupported', { model: '', problem: `the graph takes ${port.name} but gives nothing back for it` });
    }
    return [cachePort(port, present)];
  });
}

const presentKey = (name: string): string | undefined => (/^present/.test(name) ? name.replace(/^present(_key_values)?/, '') : undefined);

function presentFor(past: string, { past: pasts, present: presents }: CacheNames): string | undefined {
  for (const [index, template] of pasts.entries()) {
    const [before = '', after = ''] = template.split('%d');
    const layer = past.startsWith(before) && past.endsWith(after) ? past.slice(before.length, past.length - after.length) : '';
    if (/^\d+$/.test(layer)) return presents[index]?.replace('%d', layer);
  }
  return undefined;
}

function cachePort({ name, type, dims }: GraphPort, present: string): CachePort {
  const isBatch = (dim: number | string, axis: number): boolean => axis === 0 || dim === 'batch_size';
  const emptyDims = dims.map((dim, axis) => (typeof dim === 'number' && dim >= 0 ? dim : isBatch(dim, axis) ? 1 : 0));
  const open = dims.flatMap((dim, axis) => (emptyDims[axis] === 0 && dims.length === 4 && !isBatch(dim, axis) ? [axis] : []));
  return { past: name, present, type, emptyDims, tokenAxis: open.length === 1 ? open[0] : undefined };
}

/** The keys and values of one conversation so far, batch 1, and the ids they were computed from. */
export class KvCache {
  readonly #ports: readonly CachePort[];
  readonly #ids: number[] = [];
  #tensors: ReadonlyMap<string, Tensor>;

  /** An empty cache. */
  constructor(ports: readonly CachePort[]) {
    this.#ports = ports;
    this.#tensors = new Map(ports.map(({ past, type, emptyDims }) => [past, tensorAs(type, new Array(elementsOf(emptyDims)).fill(0), emptyDims)]));
  }

  get ids(): readonly number[] {
    return this.#ids;
  }

  get sizeBytes(): number {
    let sizeBytes = 0;
    for (const { type, data } of this.#tensors.values()) sizeBytes += data.length * (bytesOf[type] ?? 1);
    return sizeBytes;
  }

  /** What the graph takes as past. */
  feeds(): Readonly<Record<string, Tensor>> {
    return Object.fromEntries(this.#tensors);
  }

  /** Takes over the graph's outputs after it read `ids`; the tensors are kept, not copied. */
  advance(outputs: Readonly<Record<string, Tensor>>, ids: readonly number[]): void {
    this.#tensors = new Map(
      this.#ports.map(({ past, present }) => {
        const tensor = outputs[present];
        if (tensor === undefined) throw new FrescoError('shape-mismatch', { what: 'graph outputs', expected: present, actual: 'nothing' });
        return [past, tensor];
      }),
    );
    this.#ids.push(...ids);
  }

  /** Whether the cache can be cut back: true when it holds attention only. */
  get canTruncate(): boolean {
    return this.#ports.every(({ tokenAxis }) => tokenAxis !== undefined);
  }

  /** Forgets all but the first `tokens` ids. The rows that stay are copied once. */
  truncate(tokens: number): void {
    if (tokens >= this.#ids.length) return;
    const axes = new Map(this.#ports.map(({ past, tokenAxis }) => [past, tokenAxis]));
    this.#tensors = new Map([...this.#tensors].map(([name, tensor]) => [name, firstRows(tensor, axes.get(name) ?? 0, tokens)]));
    this.#ids.length = tokens;
  }
}

const elementsOf = (dims: readonly number[]): number => dims.reduce((product, size) => product * size, 1);

/** The first `rows` along `axis`, in a fresh tensor of the same type. */
function firstRows(tensor: Tensor, axis: number, rows: number): Tensor {
  const { dims } = tensor;
  const inner = elementsOf(dims.slice(axis + 1));
  const outer = elementsOf(dims.slice(0, axis));
  const from = (dims[axis] ?? 0) * inner;
  const length = rows * inner;
  const cut = dims.map((size, index) => (index === axis ? rows : size));
  switch (tensor.type) {
    case 'float32': {
      const data = new Float32Array(outer * length);
      for (let block = 0; block < outer; block += 1) data.set(tensor.data.subarray(block * from, block * from + length), block * length);
      return { type: tensor.type, data, dims: cut };
    }
    case 'float16': {
      const data = new Uint16Array(outer * length);
      for (let block = 0; block < outer; block += 1) data.set(tensor.data.subarray(block * from, block * from + length), block * length);
      return { type: tensor.type, data, dims: cut };
    }
    default:
      throw new FrescoError('shape-mismatch', { what: 'cache type', expected: 'float32 or float16', actual: tensor.type });
  }
}
