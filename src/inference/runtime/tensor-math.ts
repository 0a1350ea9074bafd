import { FrescoError } from '../../fresco-error.ts';

/**
 * Element-wise arithmetic on float32 arrays as plain loops. Each function returns one fresh array and leaves its inputs alone;
 * sums of up to three terms are taken in double and rounded once.
 */

function sameLength(what: string, first: Float32Array, second: Float32Array): void {
  if (first.length !== second.length) throw new FrescoError('shape-mismatch', { what, expected: `${first.length} elements`, actual: `${second.length}` });
}

/** The element at `index` of a table whose length the caller knows. Throws 'shape-mismatch' outside of it. */
export function at(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  if (value === undefined) throw new FrescoError('shape-mismatch', { what: 'index', expected: `0 to ${values.length - 1}`, actual: `${index}` });
  return value;
}

/** a·x + b·y, element by element. Throws 'shape-mismatch'. */
export function axpby(a: number, x: Float32Array, b: number, y: Float32Array): Float32Array {
  sameLength('axpby', x, y);
  const result = new Float32Array(x.length);
  for (let i = 0; i < x.length; i += 1) result[i] = a * x[i]! + b * y[i]!;
  return result;
}

/** One weighted array of a sum. */
export type Term = readonly [weight: number, values: Float32Array];

/** Σ weight·values over at least one term; a weight of exactly 0 leaves its term out, so that 0·∞ can't make a NaN. Throws 'shape-mismatch'. */
export function combine(first: Term, ...rest: readonly Term[]): Float32Array {
  const size = first[1].length;
  for (const [, values] of rest) sameLength('combine', first[1], values);
  const terms = [first, ...rest].filter(([weight]) => weight !== 0);
  const result = new Float32Array(size);
  for (let start = 0; start < terms.length; start += 3) addThree(result, terms[start], terms[start + 1], terms[start + 2]);
  return result;
}

const nothing: Term = [0, new Float32Array(0)];

/** result += up to three weighted arrays, in place: one pass over memory for the sums that samplers need most. */
function addThree(result: Float32Array, first: Term = nothing, second: Term = nothing, third: Term = nothing): void {
  const [a, x] = first;
  const [b, y] = second;
  const [c, z] = third;
  if (c !== 0) for (let i = 0; i < result.length; i += 1) result[i] = result[i]! + a * x[i]! + b * y[i]! + c * z[i]!;
  else if (b !== 0) for (let i = 0; i < result.length; i += 1) result[i] = result[i]! + a * x[i]! + b * y[i]!;
  else for (let i = 0; i < result.length; i += 1) result[i] = result[i]! + a * x[i]!;
}

/** weight·x. */
export function scaled(weight: number, x: Float32Array): Float32Array {
  const result = new Float32Array(x.length);
  for (let i = 0; i < x.length; i += 1) result[i] = weight * x[i]!;
  return result;
}

/** x held within [-limit, limit]. */
export function clamped(x: Float32Array, limit: number): Float32Array {
  const result = new Float32Array(x.length);
  for (let i = 0; i < x.length; i += 1) result[i] = Math.min(limit, Math.max(-limit, x[i]!));
  return result;
}

/** The standard deviation with n − 1, as torch's `std`. */
export function standardDeviation(x: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i += 1) sum += x[i]!;
  const mean = sum / x.length;
  let squares = 0;
  for (let i = 0; i < x.length; i += 1) squares += (x[i]! - mean) ** 2;
  return Math.sqrt(squares / (x.length - 1));
}

/** The arrays behind one another. */
export function concatenated(parts: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

/** True when every element is a finite number. */
export function allFinite(x: Float32Array): boolean {
  for (let i = 0; i < x.length; i += 1) if (!Number.isFinite(x[i]!)) return false;
  return true;
}
