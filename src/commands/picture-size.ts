import { FrescoError } from '../fresco-error.ts';

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

const smallest = 64;
const largest = 4096;
const named: Readonly<Record<string, string>> = { square: '1:1', portrait: '2:3', landscape: '3:2', wide: '16:9', tall: '9:16' };

/**
 * Reads a size as people write it: a shape (16:9, portrait), pixels (512x768) or one side (512). A shape keeps about the area of the
 * model's own square of `nativeSide` pixels. Throws 'option-invalid' for what is no size, 'size-unsupported' with the limits.
 */
export function readPictureSize(typed: string, nativeSide: number): PictureSize {
  const text = named[typed.trim().toLowerCase()] ?? typed.trim();
  const shape = /^(\d{1,3}(?:\.\d{1,3})?)\s*[:/]\s*(\d{1,3}(?:\.\d{1,3})?)$/.exec(text);
  if (shape !== null) return shaped(Number(shape[1]), Number(shape[2]), nativeSide, typed);
  const pixels = /^(\d{1,9})(?:\s*(?:x|×|\*|by)\s*(\d{1,9}))?$/i.exec(text);
  if (pixels === null) throw notASize(typed);
  const [width, height] = [Number(pixels[1]), Number(pixels[2] ?? pixels[1])];
  if (![width, height].every((side) => side >= smallest && side <= largest)) {
    throw new FrescoError('size-unsupported', { width, height, expected: `${smallest} to ${largest} pixels on each side` });
  }
  return { width, height };
}

function shaped(across: number, down: number, nativeSide: number, typed: string): PictureSize {
  const ratio = across / down;
  if (!(ratio >= 1 / 4 && ratio <= 4)) throw notASize(typed);
  const step = nativeSide >= 512 ? 64 : 32; // every family's multiple divides these
  const side = (length: number): number => Math.max(step, Math.round(length / step) * step);
  return { width: side(nativeSide * Math.sqrt(ratio)), height: side(nativeSide / Math.sqrt(ratio)) };
}

function notASize(found: string): FrescoError {
  return new FrescoError('option-invalid', { option: 'size', found, expected: 'a shape from 1:4 to 4:1 such as 16:9, or pixels such as 512x768' });
}
