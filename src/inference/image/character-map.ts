/**
 * The table by which sentencepiece normalises text before cutting it (`precompiled_charsmap`, for T5 the rules `nmt_nfkc`): a double-array trie from
 * UTF-8 prefixes to replacements. Source: sentencepiece normalizer.cc and darts-clone's darts.h.
 */
export class CharacterMap {
  readonly #units: Uint32Array;
  readonly #replacements: Uint8Array;

  /** Throws RangeError where the table is shorter than it says. */
  constructor(table: Uint8Array) {
    const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
    const trieBytes = view.getUint32(0, true);
    if (trieBytes % 4 !== 0 || 4 + trieBytes > table.length) throw new RangeError(`a character table of ${table.length} bytes for a trie of ${trieBytes}`);
    this.#units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.#replacements = table.subarray(4 + trieBytes);
  }

  /** The text with every longest known prefix replaced. */
  normalise(text: string): string {
    const bytes = new TextEncoder().encode(text);
    const result: number[] = [];
    for (let start = 0; start < bytes.length; ) {
      const match = this.#longestPrefix(bytes, start);
      const length = match?.length ?? characterLength(bytes[start] ?? 0);
      if (match === undefined) result.push(...bytes.subarray(start, start + length));
      else for (let i = match.value; (this.#replacements[i] ?? 0) !== 0; i += 1) result.push(this.#replacements[i] ?? 0);
      start += length;
    }
    return new TextDecoder().decode(Uint8Array.from(result));
  }

  #longestPrefix(bytes: Uint8Array, start: number): { readonly length: number; readonly value: number } | undefined {
    const unitAt = (index: number): number => this.#units[index] ?? 0;
    let node = offsetOf(unitAt(0));
    let longest: { length: number; value: number } | undefined;
    for (let i = start; i < bytes.length; i += 1) {
      const byte = bytes[i] ?? 0;
      node = (node ^ byte) >>> 0;
      const unit = unitAt(node);
      if ((unit & 0x8000_00ff) >>> 0 !== byte) return longest;
      node = (node ^ offsetOf(unit)) >>> 0;
      if (((unit >>> 8) & 1) === 1) longest = { length: i + 1 - start, value: unitAt(node) & 0x7fff_ffff };
    }
    return longest;
  }
}

const offsetOf = (unit: number): number => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;

function characterLength(firstByte: number): number {
  if (firstByte < 0x80) return 1;
  if (firstByte < 0xe0) return 2;
  return firstByte < 0xf0 ? 3 : 4;
}
