/** Small ONNX files written by hand, for tests that need a graph of an exact shape. Fields by onnx/onnx.proto3. */

function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  out.push(rest);
  return Buffer.from(out);
}
const number = (field: number, value: number): Buffer => Buffer.concat([varint(field * 8), varint(value)]);
const bytes = (field: number, body: Uint8Array): Buffer => Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);
const text = (field: number, value: string): Buffer => bytes(field, Buffer.from(value));

export type Size = number | string;
export const float = 1;
export const bool = 9;

export function port(name: string, dims: readonly Size[], type = float): Buffer {
  const shape = Buffer.concat(dims.map((size) => bytes(1, typeof size === 'number' ? number(1, size) : text(2, size))));
  return Buffer.concat([text(1, name), bytes(2, bytes(1, Buffer.concat([number(1, type), bytes(2, shape)])))]);
}
export function weight(name: string, dims: readonly number[], values: Float32Array, external?: { readonly file: string; readonly offset: number }): Buffer {
  const entry = (key: string, value: string): Buffer => bytes(13, Buffer.concat([text(1, key), text(2, value)]));
  const place =
    external === undefined
      ? bytes(9, Buffer.from(values.buffer, values.byteOffset, values.byteLength))
      : Buffer.concat([entry('location', external.file), entry('offset', String(external.offset)), entry('length', String(values.byteLength)), number(14, 1)]);
  return Buffer.concat([...dims.map((size) => number(1, size)), number(2, float), text(8, name), place]);
}
export function int64s(name: string, values: readonly number[]): Buffer {
  const raw = BigInt64Array.from(values, (value) => BigInt(value));
  return Buffer.concat([number(1, values.length), number(2, 7), text(8, name), bytes(9, Buffer.from(raw.buffer))]);
}

export interface Attribute {
  readonly name: string;
  readonly int?: number;
  readonly ints?: readonly number[];
  readonly text?: string;
}
function attribute(given: Attribute): Buffer {
  if (given.int !== undefined) return Buffer.concat([text(1, given.name), number(3, given.int), number(20, 2)]);
  if (given.text !== undefined) return Buffer.concat([text(1, given.name), text(4, given.text), number(20, 3)]);
  return Buffer.concat([text(1, given.name), ...(given.ints ?? []).map((value) => number(8, value)), number(20, 7)]);
}
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  more: { readonly name?: string; readonly attributes?: readonly Attribute[] } = {},
): Buffer {
  return Buffer.concat([
    ...inputs.map((input) => text(1, input)),
    ...outputs.map((output) => text(2, output)),
    text(3, more.name ?? ''),
    text(4, op),
    ...(more.attributes ?? []).map((given) => bytes(5, attribute(given))),
  ]);
}

export interface GraphParts {
  readonly nodes: readonly Buffer[];
  readonly inputs: readonly Buffer[];
  readonly outputs: readonly Buffer[];
  readonly weights?: readonly Buffer[];
}
export function onnxFile({ nodes, inputs, outputs, weights = [] }: GraphParts): Uint8Array {
  const graph = Buffer.concat([
    ...nodes.map((part) => bytes(1, part)),
    text(2, 'graph'),
    ...weights.map((part) => bytes(5, part)),
    ...inputs.map((part) => bytes(11, part)),
    ...outputs.map((part) => bytes(12, part)),
  ]);
  return Buffer.concat([number(1, 8), bytes(7, graph), bytes(8, number(2, 17))]);
}

/** RGB planes enlarged by whole pixels: what an ESRGAN graph looks like from outside. */
export function enlargerFile(factor: number, side?: number): Uint8Array {
  const dims = side === undefined ? ['batch', 3, 'height', 'width'] : [1, 3, side, side];
  const scales = Float32Array.of(1, 1, factor, factor);
  return onnxFile({
    nodes: [
      node('Resize', ['input', '', 'scales'], ['output'], {
        attributes: [
          { name: 'mode', text: 'nearest' },
          { name: 'nearest_mode', text: 'floor' },
          { name: 'coordinate_transformation_mode', text: 'asymmetric' },
        ],
      }),
    ],
    inputs: [port('input', dims)],
    outputs: [port('output', side === undefined ? ['batch', 3, 'h', 'w'] : [1, 3, side * factor, side * factor])],
    weights: [weight('scales', [4], scales)],
  });
}

/** A safety checker that flags pictures brighter than `limit` on the mean. */
export function brightnessCheckerFile(limit: number): Uint8Array {
  return onnxFile({
    nodes: [
      node('ReduceMean', ['images'], ['mean'], {
        attributes: [
          { name: 'axes', ints: [1, 2, 3] },
          { name: 'keepdims', int: 0 },
        ],
      }),
      node('Greater', ['mean', 'limit'], ['has_nsfw_concepts']),
      node('Identity', ['images'], ['out_images']),
      node('Identity', ['clip_input'], ['clip_output']),
    ],
    inputs: [port('clip_input', ['batch', 3, 224, 224]), port('images', ['batch', 'height', 'width', 3])],
    outputs: [port('out_images', ['batch', 'height', 'width', 3]), port('has_nsfw_concepts', ['batch'], bool), port('clip_output', ['batch', 3, 224, 224])],
    weights: [weight('limit', [1], Float32Array.of(limit))],
  });
}

/** A denoiser in Stable Diffusion's ports whose output overflows float32. */
export function overflowingDenoiserFile(): Uint8Array {
  return onnxFile({
    nodes: [node('Mul', ['sample', 'huge'], ['larger']), node('Mul', ['larger', 'huge'], ['out_sample'])],
    inputs: [port('sample', ['batch', 4, 'height', 'width']), port('timestep', []), port('encoder_hidden_states', ['batch', 'tokens', 'width_of_text'])],
    outputs: [port('out_sample', ['batch', 4, 'height', 'width'])],
    weights: [weight('huge', [1], Float32Array.of(1e38))],
  });
}

const enlarged = (input: string, output: string, factor: number): { readonly node: Buffer; readonly weight: Buffer } => ({
  node: node('Resize', [input, '', 'scales'], [output], {
    attributes: [
      { name: 'mode', text: 'nearest' },
      { name: 'nearest_mode', text: 'floor' },
      { name: 'coordinate_transformation_mode', text: 'asymmetric' },
    ],
  }),
  weight: weight('scales', [4], Float32Array.of(1, 1, factor, factor)),
});
const int64 = 7;

/** The smallest model in Stable Diffusion's layout: graphs of one or two nodes that load in a millisecond, VAE factor 8. */
export const miniModelGraphs: Readonly<Record<string, () => Uint8Array>> = {
  'text_encoder/model.onnx': () =>
    onnxFile({
      nodes: [node('Cast', ['input_ids'], ['floats'], { attributes: [{ name: 'to', int: 1 }] }), node('Unsqueeze', ['floats', 'axis'], ['last_hidden_state'])],
      inputs: [port('input_ids', ['batch', 'tokens'], int64)],
      outputs: [port('last_hidden_state', ['batch', 'tokens', 1])],
      weights: [int64s('axis', [2])],
    }),
  'unet/model.onnx': () =>
    onnxFile({
      nodes: [
        node('ReduceMean', ['encoder_hidden_states'], ['text'], {
          attributes: [
            { name: 'axes', ints: [1, 2] },
            { name: 'keepdims', int: 0 },
          ],
        }),
        node('Reshape', ['text', 'shape'], ['text4']),
        node('Mul', ['text4', 'small'], ['shift']),
        node('Add', ['sample', 'shift'], ['out_sample']),
      ],
      inputs: [port('sample', ['batch', 4, 'height', 'width']), port('timestep', []), port('encoder_hidden_states', ['batch', 'tokens', 1])],
      outputs: [port('out_sample', ['batch', 4, 'height', 'width'])],
      weights: [int64s('shape', [-1, 1, 1, 1]), weight('small', [1], Float32Array.of(1e-4))],
    }),
  'vae_decoder/model.onnx': () => {
    const resize = enlarged('rgb', 'sample', 8);
    return onnxFile({
      nodes: [node('Conv', ['latent_sample', 'colours'], ['rgb']), resize.node],
      inputs: [port('latent_sample', ['batch', 4, 'height', 'width'])],
      outputs: [port('sample', ['batch', 3, 'h', 'w'])],
      weights: [
        weight(
          'colours',
          [3, 4, 1, 1],
          Float32Array.from({ length: 12 }, (_, index) => Math.sin(index) / 20),
        ),
        resize.weight,
      ],
    });
  },
};
