import { FrescoError } from '../../fresco-error.ts';

/** The element types Fresco feeds and reads; `float16` holds IEEE half bits. */
export interface TensorData {
  readonly float32: Float32Array;
  readonly float16: Uint16Array;
  readonly int64: BigInt64Array;
  readonly int32: Int32Array;
  readonly uint8: Uint8Array;
  readonly bool: Uint8Array;
}
export type TensorType = keyof TensorData;

/** A dense row-major tensor; `data.length` is the product of `dims`. */
export type Tensor = { [Type in TensorType]: { readonly type: Type; readonly data: TensorData[Type]; readonly dims: readonly number[] } }[TensorType];

const elementsOf = (dims: readonly number[]): number => dims.reduce((product, size) => product * size, 1);

function checked<Kept extends Tensor>(tensor: Kept): Kept {
  const expected = elementsOf(tensor.dims);
  if (tensor.data.length !== expected) {
    throw new FrescoError('shape-mismatch', {
      what: tensor.type,
      expected: `${expected} elements for [${tensor.dims.join(', ')}]`,
      actual: `${tensor.data.length}`,
    });
  }
  return tensor;
}

/** A float32 tensor over `data` (not copied). Throws 'shape-mismatch'. */
export const float32Tensor = (data: Float32Array, dims: readonly number[]): Tensor & { type: 'float32' } => checked({ type: 'float32', data, dims });
/** An int64 tensor from plain numbers or big integers. Throws 'shape-mismatch'. */
export const int64Tensor = (data: readonly number[] | BigInt64Array, dims: readonly number[]): Tensor & { type: 'int64' } =>
  checked({ type: 'int64', data: data instanceof BigInt64Array ? data : BigInt64Array.from(data, BigInt), dims });

const scratch = new DataView(new ArrayBuffer(4));

/** IEEE half bits of a number, rounded to nearest even; overflow becomes infinity. */
export function toHalf(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  if (magnitude >= 0x4780_0000) return sign | 0x7c00;
  if (magnitude < 0x3880_0000) {
    if (magnitude < 0x3300_0000) return sign;
    const shift = 126 - (magnitude >>> 23);
    const mantissa = (magnitude & 0x7f_ffff) | 0x80_0000;
    const half = mantissa >>> shift;
    const rest = mantissa & ((1 << shift) - 1);
    const middle = 1 << (shift - 1);
    return sign | (rest > middle || (rest === middle && (half & 1) === 1) ? half + 1 : half);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x3800_0000) >>> 13);
}

/** The number that IEEE half bits stand for. */
export function fromHalf(half: number): number {
  const sign = (half & 0x8000) === 0 ? 1 : -1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The tensor's values as float32; the same array where it is float32 already. Throws 'shape-mismatch' for other than floats. */
export function toFloat32(tensor: Tensor): Float32Array {
  if (tensor.type === 'float32') return tensor.data;
  if (tensor.type === 'float16') return Float32Array.from(tensor.data, fromHalf);
  throw new FrescoError('shape-mismatch', { what: 'tensor type', expected: 'float32 or float16', actual: tensor.type });
}

/**
 * Numbers as a tensor of the type that a graph input asks for (float32, float16, int64, int32, bool, uint8).
 * Integers are rounded. Throws 'shape-mismatch' for a type Fresco can't feed.
 */
export function tensorAs(type: string, values: Float32Array | readonly number[], dims: readonly number[]): Tensor {
  switch (type) {
    case 'float32':
      return float32Tensor(values instanceof Float32Array ? values : Float32Array.from(values), dims);
    case 'float16':
      return checked({ type, data: Uint16Array.from(values, toHalf), dims });
    case 'int64':
      return checked({ type, data: BigInt64Array.from(Array.from(values, (value) => BigInt(Math.round(value)))), dims });
    case 'int32':
      return checked({ type, data: Int32Array.from(values, Math.round), dims });
    case 'uint8':
    case 'bool':
      return checked({ type, data: Uint8Array.from(values, Math.round), dims });
    default:
      throw new FrescoError('shape-mismatch', { what: 'graph input type', expected: 'float32, float16, int64, int32, uint8 or bool', actual: type });
  }
}
