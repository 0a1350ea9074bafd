import { CharacterMap } from './character-map.ts';

/** A unigram model of sentencepiece as its file holds it. */
export interface SentencePieceModel {
  /** Pieces with their log probabilities; the index is the id. */
  readonly pieces: readonly (readonly [piece: string, score: number])[];
  readonly unknownId: number;
  /** The table that text is normalised by before it is cut (`nmt_nfkc` and its kin), where there is one. */
  readonly characterMap: CharacterMap | undefined;
  readonly addsDummyPrefix: boolean;
  readonly removesExtraSpaces: boolean;
}

type Field = { readonly number: number; readonly value: number | Uint8Array };

/** Reads protocol buffers' wire format, as far as this file needs it. Throws RangeError where the bytes end too early. */
class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  *fields(): Generator<Field, void, void> {
    while (this.#offset < this.#bytes.length) {
      const key = this.#varint();
      const number = Math.floor(key / 8);
      switch (key % 8) {
        case 0:
          yield { number, value: this.#varint() };
          break;
        case 1:
          yield { number, value: this.#take(8) };
          break;
        case 2:
          yield { number, value: this.#take(this.#varint()) };
          break;
        case 5:
          yield { number, value: this.#view.getFloat32(this.#advance(4), true) };
          break;
        default:
          throw new RangeError(`wire type ${key % 8} at byte ${this.#offset}`);
      }
    }
  }

  /** A signed 64-bit value of −1 arrives as a huge number; no id is that large. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#view.getUint8(this.#advance(1));
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError(`a number without end at byte ${this.#offset}`);
  }

  #take(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (start + length > this.#bytes.length) throw new RangeError(`the file ends at byte ${this.#bytes.length}, ${start + length} wanted`);
    this.#offset = start + length;
    return start;
  }
}

function fieldsOf(bytes: Uint8Array): ReadonlyMap<number, number | Uint8Array> {
  return new Map([...new WireReader(bytes).fields()].map(({ number, value }) => [number, value]));
}

const isOn = (value: number | Uint8Array | undefined): boolean => value === undefined || value === 1;

/**
 * Parses a `spiece.model`. Field numbers: sentencepiece_model.proto (ModelProto 1 pieces, 2 trainer_spec, 3 normalizer_spec; model_type 3 = 1 for unigram).
 * Throws RangeError with what is wrong: a broken file, or a model that isn't a unigram.
 */
export function parseSentencePiece(bytes: Uint8Array): SentencePieceModel {
  const pieces: [string, number][] = [];
  let trainer: ReadonlyMap<number, number | Uint8Array> = new Map();
  let normaliser: ReadonlyMap<number, number | Uint8Array> = new Map();
  let unknownId = -1;
  for (const { number, value } of new WireReader(bytes).fields()) {
    if (typeof value === 'number') continue;
    if (number === 1) {
      const piece = fieldsOf(value);
      const [text, score] = [piece.get(1), piece.get(2)];
      if (piece.get(3) === 2) unknownId = pieces.length;
      pieces.push([text instanceof Uint8Array ? new TextDecoder().decode(text) : '', typeof score === 'number' ? score : 0]);
    } else if (number === 2) trainer = fieldsOf(value);
    else if (number === 3) normaliser = fieldsOf(value);
  }
  if (pieces.length === 0 || unknownId === -1) throw new RangeError(`${pieces.length} pieces and no unknown one among them`);
  const kind = trainer.get(3) ?? 1;
  if (kind !== 1) throw new RangeError(`model_type ${String(kind)} instead of 1 (unigram)`);
  const table = normaliser.get(2);
  return {
    pieces,
    unknownId,
    characterMap: table instanceof Uint8Array && table.length > 0 ? new CharacterMap(table) : undefined,
    addsDummyPrefix: isOn(normaliser.get(3)),
    removesExtraSpaces: isOn(normaliser.get(4)),
  };
}
