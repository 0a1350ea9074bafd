import { FrescoError } from '../../fresco-error.ts';
import type { GraphPort, GraphSession } from '../runtime/ort-session.ts';
import { fromHalf, int64Tensor, type Tensor, tensorAs } from '../runtime/tensor.ts';
import { type CachePort, KvCache, pairCachePorts } from './kv-cache.ts';
import type { CacheNames } from './model-files.ts';

/** Inputs besides the cache that Fresco knows how to fill. */
const known = new Set(['input_ids', 'attention_mask', 'position_ids', 'num_logits_to_keep', 'use_cache_branch']);

/** One decoder graph: ids in, the next token's logits out, with a cache between. Names, shapes and dtypes come from the graph. */
export class CausalLm implements AsyncDisposable {
  readonly #session: GraphSession;
  readonly #ports: readonly CachePort[];
  readonly #inputs: ReadonlyMap<string, GraphPort>;
  readonly #wanted: readonly string[];

  /** Throws 'model-unsupported' when the graph is no decoder with a cache, or asks for what Fresco can't give. */
  constructor(model: string, session: GraphSession, names?: CacheNames) {
    this.#session = session;
    this.#ports = pairCachePorts(session.inputs, session.outputs, names);
    const pasts = new Set(this.#ports.map(({ past }) => past));
    this.#inputs = new Map(session.inputs.filter(({ name }) => !pasts.has(name)).map((port) => [port.name, port]));
    const unknown = [...this.#inputs.keys()].filter((name) => !known.has(name));
    const problem = this.#ports.length === 0 ? 'the graph has no key-value cache' : unknown.length > 0 ? `the graph asks for ${unknown.join(', ')}` : undefined;
    const isWhole = this.#inputs.has('input_ids') && session.outputs.some(({ name }) => name === 'logits');
    if (problem !== undefined || !isWhole) throw new FrescoError('model-unsupported', { model, problem: problem ?? 'the graph has no input_ids or no logits' });
    this.#wanted = ['logits', ...this.#ports.map(({ present }) => present)];
  }

  /** Milliseconds inside the bare graph so far. */
  get spentMs(): number {
    return this.#session.spentMs;
  }

  /** Tokens that one prefill call should take: few where the graph returns logits for each of them. */
  get prefillTokens(): number {
    return this.#inputs.has('num_logits_to_keep') ? 512 : 128;
  }

  emptyCache(): KvCache {
    return new KvCache(this.#ports);
  }

  /**
   * Reads `ids` [n ≥ 1] behind what `cache` holds, advances it, and returns the logits [vocab] float32 of the last one: memory
   * of the caller's own, to be changed at will. Throws 'out-of-memory', 'shape-mismatch', 'model-broken'.
   */
  async forward(ids: readonly number[], cache: KvCache): Promise<Float32Array> {
    const outputs = await this.#session.run({ ...this.#feeds(ids, cache.ids.length), ...cache.feeds() }, this.#wanted);
    cache.advance(outputs, ids);
    return lastRow(outputs['logits']);
  }

  #feeds(ids: readonly number[], past: number): Record<string, Tensor> {
    const feeds: Record<string, Tensor> = {};
    const add = (name: string, values: (port: GraphPort) => Tensor): void => {
      const port = this.#inputs.get(name);
      if (port !== undefined) feeds[name] = values(port);
    };
    const length = ids.length;
    add('input_ids', ({ type }) => tensorAs(type, ids, [1, length]));
    add('attention_mask', ({ type }) => ones(type, past + length));
    add('position_ids', (port) => positionIds(port, past, length));
    add('num_logits_to_keep', ({ type, dims }) => tensorAs(type, [1], dims.length === 0 ? [] : [1]));
    add('use_cache_branch', ({ type }) => tensorAs(type, [past > 0 ? 1 : 0], [1]));
    return feeds;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}

/** [1, n] of ones, made in one stroke for the usual type: this runs for every token. */
function ones(type: string, length: number): Tensor {
  return type === 'int64' ? int64Tensor(new BigInt64Array(length).fill(1n), [1, length]) : tensorAs(type, new Float32Array(length).fill(1), [1, length]);
}

/** [1, n], or [3, 1, n] with three equal rows where a graph rotates time, height and width apart (text has one position for all). */
function positionIds({ type, dims }: GraphPort, past: number, length: number): Tensor {
  const row = Array.from({ length }, (_, index) => past + index);
  return dims.length === 3 ? tensorAs(type, [...row, ...row, ...row], [3, 1, length]) : tensorAs(type, row, [1, length]);
}

function lastRow(logits: Tensor | undefined): Float32Array {
  const vocab = logits?.dims.at(-1) ?? 0;
  if (logits?.type === 'float32') return logits.data.subarray(logits.data.length - vocab);
  if (logits?.type === 'float16') return Float32Array.from(logits.data.subarray(logits.data.length - vocab), fromHalf);
  throw new FrescoError('shape-mismatch', { what: 'logits', expected: 'float32 or float16', actual: logits?.type ?? 'nothing' });
}
