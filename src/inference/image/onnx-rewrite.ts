import { elementTypes, fieldsOf, initialiserOf, type OnnxGraph } from './onnx-file.ts';

/** Writes an ONNX graph anew with some of its weights replaced; the rest of its bytes is copied as it is. */

function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  out.push(rest);
  return Uint8Array.from(out);
}

const delimited = (field: number, body: Uint8Array): Uint8Array => Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);

/** A TensorProto whose values lie in an external file `location`, given to the session from memory. */
function externalTensor(
  name: string,
  dims: readonly number[],
  elementType: number,
  place: { readonly location: string; readonly offset: number; readonly length: number },
): Uint8Array {
  const entry = (key: string, value: string): Uint8Array => delimited(13, Buffer.concat([delimited(1, Buffer.from(key)), delimited(2, Buffer.from(value))]));
  return Buffer.concat([
    ...dims.map((size) => Buffer.concat([varint(8), varint(size)])),
    varint(16),
    varint(elementType),
    delimited(8, Buffer.from(name)),
    entry('location', place.location),
    entry('offset', String(place.offset)),
    entry('length', String(place.length)),
    varint(14 * 8),
    varint(1),
  ]);
}

/**
 * The graph's bytes with some weights moved to one external file, and that file's bytes in order.
 * `changed` holds each new weight as raw bytes of the weight's own type. Everything else stays as it is.
 */
export function replaceInitialisers(
  source: OnnxGraph,
  changed: ReadonlyMap<string, Uint8Array>,
  location: string,
): { readonly graph: Uint8Array; readonly data: readonly Uint8Array[] } {
  const typeNumber = (type: string): number => Number(Object.entries(elementTypes).find(([, name]) => name === type)?.[0] ?? 1);
  const parts: Uint8Array[] = [];
  const data: Uint8Array[] = [];
  let offset = 0;
  let cursor = source.graph.start;
  for (const field of fieldsOf(source.bytes, source.graph.start, source.graph.end)) {
    const initialiser = field.number === 5 ? initialiserOf(source.bytes, field) : undefined;
    const values = initialiser === undefined ? undefined : changed.get(initialiser.name);
    if (initialiser !== undefined && values !== undefined) {
      const place = { location, offset, length: values.length };
      parts.push(delimited(5, externalTensor(initialiser.name, initialiser.dims, typeNumber(initialiser.type), place)));
      const padding = (64 - (values.length % 64)) % 64; // aligned, so that the runtime can use the bytes in place
      data.push(values, new Uint8Array(padding));
      offset += values.length + padding;
    } else parts.push(source.bytes.subarray(cursor, field.end));
    cursor = field.end;
  }
  const graph = Buffer.concat(parts);
  const outer: Uint8Array[] = [];
  let outerCursor = 0;
  for (const top of fieldsOf(source.bytes)) {
    outer.push(top.number === 7 ? delimited(7, graph) : source.bytes.subarray(outerCursor, top.end));
    outerCursor = top.end;
  }
  return { graph: new Uint8Array(Buffer.concat(outer)), data };
}
