import { createReadStream } from 'node:fs';

/** Weights that a graph keeps in another file, and how long that file must at least be. */
export type ExternalData = ReadonlyMap<string, number>;

/** A TensorProto's `external_data` entry with the key "location": StringStringEntryProto { 1: key, 2: value } (onnx.proto). */
const locationKey = Buffer.from('\u000a\u0008location\u0012', 'latin1');
/** Longest run of entries looked at from a location on: names are file names, numbers are decimal. */
const windowBytes = 1024;

/** Reads a graph file and finds the files that its weights lie in, without parsing the whole protobuf; streams, so any size will do. */
export async function externalDataOf(graphPath: string): Promise<ExternalData> {
  const found = new Map<string, number>();
  let carried = Buffer.alloc(0);
  for await (const chunk of createReadStream(graphPath, { highWaterMark: 1 << 20 })) {
    const bytes = Buffer.concat([carried, chunk]);
    const end = Math.max(0, bytes.length - windowBytes); // what begins behind this is looked at with the next chunk
    collect(bytes, end, found);
    carried = bytes.subarray(end);
  }
  collect(carried, carried.length, found);
  return found;
}

function collect(bytes: Buffer, end: number, found: Map<string, number>): void {
  for (let at = bytes.indexOf(locationKey); at !== -1 && at < end; at = bytes.indexOf(locationKey, at + 1)) {
    const location = readText(bytes, at + locationKey.length);
    if (location === undefined) continue;
    const numbers = readNumbers(bytes, location.next);
    const neededBytes = (numbers.get('offset') ?? 0) + (numbers.get('length') ?? 0);
    found.set(location.text, Math.max(found.get(location.text) ?? 0, neededBytes));
  }
}

/** The entries that follow a location: `offset`, `length`, `checksum`. */
function readNumbers(bytes: Buffer, from: number): Map<string, number> {
  const numbers = new Map<string, number>();
  let at = from;
  while (bytes[at] === 0x6a) {
    const entry = readLength(bytes, at + 1);
    if (entry === undefined || bytes[entry.next] !== 0x0a) break;
    const key = readText(bytes, entry.next + 1);
    if (key === undefined || bytes[key.next] !== 0x12) break;
    const value = readText(bytes, key.next + 1);
    if (value === undefined) break;
    numbers.set(key.text, Number(value.text));
    at = value.next;
  }
  return numbers;
}

function readLength(bytes: Buffer, at: number): { readonly value: number; readonly next: number } | undefined {
  const low = bytes[at];
  if (low === undefined) return undefined;
  if (low < 0x80) return { value: low, next: at + 1 };
  const high = bytes[at + 1];
  return high === undefined || high >= 0x80 ? undefined : { value: (low & 0x7f) | (high << 7), next: at + 2 };
}

function readText(bytes: Buffer, at: number): { readonly text: string; readonly next: number } | undefined {
  const length = readLength(bytes, at);
  if (length === undefined || length.next + length.value > bytes.length) return undefined;
  const next = length.next + length.value;
  return { text: bytes.toString('utf8', length.next, next), next };
}
