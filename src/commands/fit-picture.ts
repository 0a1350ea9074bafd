import { decodePicture, encodeJpeg, resizePicture } from '../inference/image/image-codec.ts';

/** A picture no larger than this, in bytes and encoded as JPEG unless it fitted as it was. */
export interface FittedPicture {
  readonly bytes: Uint8Array;
  readonly extension: 'jpg' | 'same';
}

/** Quality first, then size: a slightly softer picture is better than a smaller one. */
const attempts = [
  { quality: 90, scale: 1 },
  { quality: 80, scale: 1 },
  { quality: 80, scale: 0.7 },
  { quality: 75, scale: 0.5 },
  { quality: 70, scale: 0.25 },
] as const;

/**
 * Makes a picture fit under a platform's upload limit: the same bytes where they fit, else JPEG, ever smaller.
 * Returns the smallest attempt when none fits. Throws 'picture-unreadable', 'picture-too-large'.
 */
export async function fitPicture(bytes: Uint8Array, maxBytes: number): Promise<FittedPicture> {
  if (bytes.byteLength <= maxBytes) return { bytes, extension: 'same' };
  const picture = await decodePicture(bytes);
  let smallest = bytes;
  for (const { quality, scale } of attempts) {
    const smaller = await resizePicture(picture, Math.max(1, Math.round(picture.width * scale)), Math.max(1, Math.round(picture.height * scale)));
    smallest = await encodeJpeg(smaller, quality);
    if (smallest.byteLength <= maxBytes) break;
  }
  return { bytes: smallest, extension: 'jpg' };
}
