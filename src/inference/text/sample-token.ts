import { FrescoError } from '../../fresco-error.ts';
import type { Random } from './seeded-random.ts';

/** A complete rule for choosing a token; `temperature` 0 is greedy, `topK` 0, `topP` 1, `minP` 0 and `repetitionPenalty` 1 do nothing. */
export interface SamplingRule {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
}

/**
 * Chooses the next token from `logits` [vocab] float32, which is changed in place.
 * Order and meaning follow transformers 4.57 (generation/logits_process.py): repetition penalty over `seen` (prompt and answer,
 * each id once), then temperature, top-k, top-p, min-p, then one draw. Throws 'not-a-number'.
 */
export function sampleToken(logits: Float32Array, seen: Iterable<number>, rule: SamplingRule, random: Random): number {
  penaliseRepetition(logits, seen, rule.repetitionPenalty);
  const best = argmax(logits);
  if (rule.temperature === 0) return best;
  const kept = keepLikely(logits, rule);
  return draw(logits, kept, random);
}

/** Divides a positive and multiplies a negative logit of each seen id by `penalty`, in place. */
export function penaliseRepetition(logits: Float32Array, seen: Iterable<number>, penalty: number): void {
  if (penalty === 1) return;
  for (const id of seen) {
    const logit = logits[id];
    if (logit !== undefined) logits[id] = logit < 0 ? logit * penalty : logit / penalty;
  }
}

/** Index of the largest value, the first of equals. Throws 'not-a-number' when there is none. */
export function argmax(logits: Float32Array): number {
  let best = -1;
  let highest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id += 1) {
    const logit = logits[id] ?? Number.NaN;
    if (logit > highest) {
      highest = logit;
      best = id;
    }
  }
  if (best < 0 || highest === Number.POSITIVE_INFINITY) throw new FrescoError('not-a-number', { where: 'logits' });
  return best;
}

/** Divides by the temperature in place and returns the ids, in rising order, that top-k, top-p and min-p leave. Ties stay. */
export function keepLikely(logits: Float32Array, { temperature, topK, topP, minP }: SamplingRule): number[] {
  for (let id = 0; id < logits.length; id += 1) logits[id] = (logits[id] ?? 0) / temperature;
  let floor = topK > 0 && topK < logits.length ? kthLargest(logits, topK) : Number.NEGATIVE_INFINITY;
  let kept = idsFrom(logits, floor);
  if (topP < 1) {
    floor = topPFloor(logits, kept, topP);
    kept = kept.filter((id) => (logits[id] ?? floor) >= floor);
  }
  if (minP === 0) return kept;
  const highest = logits[argmax(logits)] ?? 0;
  return kept.filter((id) => Math.exp((logits[id] ?? 0) - highest) >= minP);
}

function idsFrom(logits: Float32Array, floor: number): number[] {
  const ids: number[] = [];
  for (let id = 0; id < logits.length; id += 1) if ((logits[id] ?? Number.NaN) >= floor) ids.push(id);
  return ids;
}

/** The smallest logit that stays when the least likely ids, up to 1 − topP of the mass, are removed; the best always stays. */
function topPFloor(logits: Float32Array, kept: readonly number[], topP: number): number {
  const rising = Float32Array.from(kept, (id) => logits[id] ?? 0).sort();
  const highest = rising.at(-1) ?? 0;
  const mass = rising.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
  let cumulative = 0;
  for (const logit of rising) {
    cumulative += Math.exp(logit - highest) / mass;
    if (cumulative > 1 - topP) return logit;
  }
  return highest;
}

/** A min-heap of the k best: O(n log k), and almost no work once the heap is full of good ones. */
function kthLargest(values: Float32Array, k: number): number {
  const heap = values.slice(0, k).sort();
  for (let index = k; index < values.length; index += 1) {
    const value = values[index] ?? Number.NEGATIVE_INFINITY;
    if (value > (heap[0] ?? value)) sink(heap, value);
  }
  return heap[0] ?? Number.NEGATIVE_INFINITY;
}

function sink(heap: Float32Array, value: number): void {
  let place = 0;
  for (;;) {
    const left = 2 * place + 1;
    if (left >= heap.length) break;
    const right = left + 1;
    const child = right < heap.length && (heap[right] ?? 0) < (heap[left] ?? 0) ? right : left;
    if ((heap[child] ?? value) >= value) break;
    heap[place] = heap[child] ?? value;
    place = child;
  }
  heap[place] = value;
}

function draw(logits: Float32Array, kept: readonly number[], random: Random): number {
  const highest = kept.reduce((most, id) => Math.max(most, logits[id] ?? most), Number.NEGATIVE_INFINITY);
  const weights = kept.map((id) => Math.exp((logits[id] ?? highest) - highest));
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, id] of kept.entries()) {
    left -= weights[index] ?? 0;
    if (left < 0) return id;
  }
  return kept.at(-1) ?? argmax(logits);
}
