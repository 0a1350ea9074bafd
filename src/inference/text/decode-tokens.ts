import { FrescoError } from '../../fresco-error.ts';
import type { RunControl } from '../contract.ts';
import { yieldToLoop } from '../runtime/yield-to-loop.ts';
import type { CausalLm } from './causal-lm.ts';
import type { KvCache } from './kv-cache.ts';

export interface DecodeRequest {
  readonly promptIds: readonly number[];
  readonly maxTokens: number;
  /** Any of these ends the reply; the end token itself is the last that is yielded. */
  readonly endIds: ReadonlySet<number>;
  /** Picks the next id from logits it may change; `seen` holds prompt and answer. */
  readonly choose: (logits: Float32Array, seen: ReadonlySet<number>) => number;
  readonly control: RunControl;
}

export interface DecodedToken {
  readonly id: number;
  readonly isEnd: boolean;
}

/**
 * The token loop of one reply. `cache` may already hold a part of the prompt; it then holds all that was read.
 * Between two graph runs it lets the process read messages and looks at `control`. Throws 'cancelled'.
 */
export async function* decodeTokens(model: CausalLm, cache: KvCache, request: DecodeRequest): AsyncGenerator<DecodedToken, void, void> {
  const { promptIds, maxTokens, endIds, choose, control } = request;
  const seen = new Set(promptIds);
  let logits = await prefill(model, cache, promptIds, control);
  for (let count = 1; ; count += 1) {
    const id = choose(logits, seen);
    const isEnd = endIds.has(id);
    yield { id, isEnd };
    if (isEnd || count >= maxTokens) return;
    seen.add(id);
    await yieldToLoop();
    throwIfCancelled(control.signal);
    if (control.keep.aborted) return;
    logits = await model.forward([id], cache);
  }
}

/** Reads what of the prompt the cache lacks, in calls small enough that a cancel is heard between them. */
async function prefill(model: CausalLm, cache: KvCache, promptIds: readonly number[], control: RunControl): Promise<Float32Array> {
  let logits: Float32Array = new Float32Array(0);
  for (let start = cache.ids.length; start < promptIds.length; start += model.prefillTokens) {
    await yieldToLoop();
    throwIfCancelled(control.signal);
    logits = await model.forward(promptIds.slice(start, start + model.prefillTokens), cache);
  }
  return logits;
}

function throwIfCancelled(signal: AbortSignal): void {
  if (!signal.aborted) return;
  const { reason } = signal;
  throw reason instanceof FrescoError ? reason : new FrescoError('cancelled', { by: typeof reason === 'string' ? reason : 'user' });
}

/** The longest common beginning, leaving at least the last prompt id to be read again: its logits are wanted. */
export function reusableLength(cached: readonly number[], promptIds: readonly number[]): number {
  const most = Math.min(cached.length, promptIds.length - 1);
  let length = 0;
  while (length < most && cached[length] === promptIds[length]) length += 1;
  return length;
}
