import { type FileHandle, open } from 'node:fs/promises';
import { FrescoError } from '../../fresco-error.ts';
import type { GraphPort } from '../runtime/ort-session.ts';

/**
 * A reader of ONNX files for the few things that no session tells: the ports of a graph without loading it, and where weights lie.
 * Protocol buffers on the wire: fields of (number, wire type, payload); messages are length-delimited, so that weights are skipped, not read.
 * Source: onnx/onnx.proto3 (ModelProto 7 = graph; GraphProto 1 node, 5 initializer, 11 input, 12 output; TensorProto as named below).
 */

/** One field of a message: its number, and the bytes or the integer it holds. */
export interface Field {
  readonly number: number;
  /** 0 an integer, 1 and 5 fixed widths, 2 length-delimited. */
  readonly wire: number;
  readonly start: number;
  readonly end: number;
  readonly value: number;
}

const truncated = (): FrescoError =>
  new FrescoError('shape-mismatch', { what: 'ONNX file', expected: 'whole protocol buffer fields', actual: 'a cut-off field' });

function readVarint(bytes: Uint8Array, at: number): readonly [value: number, next: number] {
  let value = 0;
  let scale = 1;
  for (let next = at; next < at + 10; next += 1) {
    const byte = bytes[next];
    if (byte === undefined) throw truncated();
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, next + 1];
    scale *= 128;
  }
  throw truncated();
}

/** The fields of one message in `bytes[start, end)`. Throws 'shape-mismatch' when they are cut off. */
export function* fieldsOf(bytes: Uint8Array, start = 0, end = bytes.length): Generator<Field> {
  for (let position = start; position < end; ) {
    const [tag, body] = readVarint(bytes, position);
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === 0) {
      const [value, next] = readVarint(bytes, body);
      yield { number, wire, start: body, end: next, value };
      position = next;
      continue;
    }
    const [length, from] = wire === 2 ? readVarint(bytes, body) : [wire === 5 ? 4 : 8, body];
    if ((wire !== 1 && wire !== 2 && wire !== 5) || from + length > end) throw truncated();
    yield { number, wire, start: from, end: from + length, value: 0 };
    position = from + length;
  }
}

const text = (bytes: Uint8Array, field: Field): string => Buffer.from(bytes.buffer, bytes.byteOffset + field.start, field.end - field.start).toString('utf8');

/** Names of ONNX element types by number. */
export const elementTypes: Readonly<Record<number, string>> = {
  1: 'float32',
  2: 'uint8',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  16: 'bfloat16',
};

function dimsOf(bytes: Uint8Array, shape: Field): readonly (number | string)[] {
  const dims: (number | string)[] = [];
  for (const dim of fieldsOf(bytes, shape.start, shape.end)) {
    if (dim.number !== 1) continue;
    let size: number | string = '?';
    for (const part of fieldsOf(bytes, dim.start, dim.end)) size = part.number === 1 ? part.value : text(bytes, part);
    dims.push(size);
  }
  return dims;
}

function portOf(bytes: Uint8Array): GraphPort {
  let name = '';
  let type = 'not a tensor';
  let dims: readonly (number | string)[] = [];
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) name = text(bytes, field);
    if (field.number !== 2) continue;
    for (const tensor of fieldsOf(bytes, field.start, field.end)) {
      if (tensor.number !== 1) continue;
      for (const part of fieldsOf(bytes, tensor.start, tensor.end)) {
        if (part.number === 1) type = elementTypes[part.value] ?? `type ${part.value}`;
        if (part.number === 2) dims = dimsOf(bytes, part);
      }
    }
  }
  return { name, type, dims };
}

const headBytes = 24;

async function readAt(handle: FileHandle, start: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await handle.read(bytes, 0, length, start);
  return bytes.subarray(0, bytesRead);
}

/** Walks the fields of a message inside a file without reading their payload. */
async function* fieldsOfFile(handle: FileHandle, start: number, end: number): AsyncGenerator<Field> {
  for (let position = start; position < end; ) {
    const head = await readAt(handle, position, Math.min(headBytes, end - position));
    const [tag, body] = readVarint(head, 0);
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    const [value, next] = wire === 0 || wire === 2 ? readVarint(head, body) : [0, body];
    const length = wire === 2 ? value : wire === 0 ? 0 : wire === 5 ? 4 : wire === 1 ? 8 : -1;
    if (length < 0 || position + next + length > end) throw truncated();
    yield { number, wire, start: position + next, end: position + next + length, value };
    position += next + length;
  }
}

/** The inputs and outputs of an ONNX file, read from its header fields alone, whatever its size. Throws 'shape-mismatch' when the file is cut off or no ONNX file. */
export async function readGraphPorts(path: string): Promise<{ readonly inputs: readonly GraphPort[]; readonly outputs: readonly GraphPort[] }> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const inputs: GraphPort[] = [];
    const outputs: GraphPort[] = [];
    for await (const top of fieldsOfFile(handle, 0, size)) {
      if (top.number !== 7) continue;
      for await (const part of fieldsOfFile(handle, top.start, top.end)) {
        if (part.number !== 11 && part.number !== 12) continue;
        if (part.end - part.start > 65_536) throw truncated();
        (part.number === 11 ? inputs : outputs).push(portOf(await readAt(handle, part.start, part.end - part.start)));
      }
    }
    return { inputs, outputs };
  } finally {
    await handle.close();
  }
}

/** A weight of a graph and where its values lie. */
export interface Initialiser {
  readonly name: string;
  readonly dims: readonly number[];
  /** float32, float16 or another ONNX type's name. */
  readonly type: string;
  /** The whole TensorProto inside the file's bytes, tag and length excluded. */
  readonly start: number;
  readonly end: number;
  /** Inline bytes, or a range of a file beside the graph. */
  readonly raw?: Uint8Array;
  readonly external?: { readonly file: string; readonly offset: number; readonly length: number | undefined };
}
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly transposesB: boolean;
}
export interface OnnxGraph {
  readonly bytes: Uint8Array;
  readonly graph: { readonly start: number; readonly end: number };
  readonly initialisers: ReadonlyMap<string, Initialiser>;
  readonly nodes: readonly GraphNode[];
}

function externalOf(bytes: Uint8Array, entries: readonly Field[]): Initialiser['external'] {
  const found = new Map<string, string>();
  for (const entry of entries) {
    let key = '';
    for (const part of fieldsOf(bytes, entry.start, entry.end)) {
      if (part.number === 1) key = text(bytes, part);
      if (part.number === 2) found.set(key, text(bytes, part));
    }
  }
  const length = found.get('length');
  return { file: found.get('location') ?? '', offset: Number(found.get('offset') ?? 0), length: length === undefined ? undefined : Number(length) };
}

/** A weight from its message inside `bytes`. Throws 'shape-mismatch'. */
export function initialiserOf(bytes: Uint8Array, tensor: Field): Initialiser {
  const dims: number[] = [];
  const entries: Field[] = [];
  let name = '';
  let type = '';
  let raw: Uint8Array | undefined;
  for (const field of fieldsOf(bytes, tensor.start, tensor.end)) {
    if (field.number === 1 && field.wire === 2) {
      for (let at = field.start; at < field.end; ) {
        const [value, next] = readVarint(bytes, at);
        dims.push(value);
        at = next;
      }
    } else if (field.number === 1) dims.push(field.value);
    if (field.number === 2) type = elementTypes[field.value] ?? `type ${field.value}`;
    if (field.number === 4) raw = bytes.subarray(field.start, field.end); // float_data is packed little-endian as well
    if (field.number === 8) name = text(bytes, field);
    if (field.number === 9) raw = bytes.subarray(field.start, field.end);
    if (field.number === 13) entries.push(field);
  }
  const place = { name, dims, type, start: tensor.start, end: tensor.end };
  if (entries.length > 0) {
    const external = externalOf(bytes, entries);
    return external === undefined ? place : { ...place, external };
  }
  return raw === undefined ? place : { ...place, raw };
}

function nodeOf(bytes: Uint8Array, node: Field): GraphNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  let name = '';
  let op = '';
  let transposesB = false;
  for (const field of fieldsOf(bytes, node.start, node.end)) {
    if (field.number === 1) inputs.push(text(bytes, field));
    if (field.number === 2) outputs.push(text(bytes, field));
    if (field.number === 3) name = text(bytes, field);
    if (field.number === 4) op = text(bytes, field);
    if (field.number !== 5) continue;
    let attribute = '';
    let value = 0;
    for (const part of fieldsOf(bytes, field.start, field.end)) {
      if (part.number === 1) attribute = text(bytes, part);
      if (part.number === 3) value = part.value;
    }
    if (attribute === 'transB' && value === 1) transposesB = true;
  }
  return { name, op, inputs, outputs, transposesB };
}

/** Nodes and weights of a graph, over the bytes of its file (weights are views or references, not copies). Throws 'shape-mismatch'. */
export function readOnnxGraph(bytes: Uint8Array): OnnxGraph {
  const initialisers = new Map<string, Initialiser>();
  const nodes: GraphNode[] = [];
  let graph = { start: 0, end: 0 };
  for (const top of fieldsOf(bytes)) {
    if (top.number !== 7) continue;
    graph = { start: top.start, end: top.end };
    for (const part of fieldsOf(bytes, top.start, top.end)) {
      if (part.number === 1) nodes.push(nodeOf(bytes, part));
      if (part.number === 5) {
        const initialiser = initialiserOf(bytes, part);
        initialisers.set(initialiser.name, initialiser);
      }
    }
  }
  return { bytes, graph, initialisers, nodes };
}
