import sharp, { type Sharp } from 'sharp';
import { FrescoError } from '../../fresco-error.ts';
import type { Preview } from '../contract.ts';
import type { Picture } from './picture.ts';

/** The one importer of sharp: pictures from people are decoded within limits, ours are encoded, resized and touched up. */

/** What a start picture may be before it is decoded. */
export const pictureLimits = { bytes: 32 * 1024 * 1024, side: 8192, pixels: 40_000_000, frames: 500, minSide: 16 } as const;

const signatures: readonly { readonly format: string; readonly offset: number; readonly bytes: string }[] = [
  { format: 'png', offset: 0, bytes: '\x89PNG\r\n\x1a\n' },
  { format: 'jpeg', offset: 0, bytes: '\xff\xd8\xff' },
  { format: 'gif', offset: 0, bytes: 'GIF8' },
  { format: 'webp', offset: 8, bytes: 'WEBP' },
  { format: 'avif', offset: 4, bytes: 'ftypavi' },
  { format: 'tiff', offset: 0, bytes: 'II*\0' },
  { format: 'tiff', offset: 0, bytes: 'MM\0*' },
];

/** The kind of picture by its first bytes; undefined for anything else, such as SVG or PDF, whose loaders a stranger must not reach. */
function formatOf(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(16, bytes.byteLength)).toString('latin1');
  return signatures.find((signature) => head.startsWith(signature.bytes, signature.offset))?.format;
}

const unreadable = (reason: string, cause?: unknown): FrescoError => new FrescoError('picture-unreadable', { reason }, { cause });
const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]?.slice(0, 200) ?? '';

function open(bytes: Uint8Array): Sharp {
  return sharp(bytes, { failOn: 'error', limitInputPixels: pictureLimits.pixels, animated: false, pages: 1, sequentialRead: true });
}

/**
 * Reads the size of a picture from its header alone and refuses what must not be decoded.
 * Throws 'picture-unreadable' (kind, bytes, frames, damaged header) and 'picture-too-large' (side or area; `limit` is the longest side in pixels).
 */
export async function inspectPicture(bytes: Uint8Array): Promise<{ readonly format: string; readonly width: number; readonly height: number }> {
  if (bytes.byteLength === 0) throw unreadable('the file is empty');
  if (bytes.byteLength > pictureLimits.bytes) throw unreadable(`the file has ${bytes.byteLength} bytes; the limit is ${pictureLimits.bytes}`);
  const format = formatOf(bytes);
  if (format === undefined) throw unreadable('it is not a PNG, JPEG, WebP, GIF, AVIF or TIFF file');
  let header: Awaited<ReturnType<Sharp['metadata']>>;
  try {
    // the pixel limit is ours, two lines down, so that the refusal can name the size
    header = await sharp(bytes, { failOn: 'error', limitInputPixels: false, pages: 1 }).metadata();
  } catch (error) {
    throw unreadable(`its header is damaged (${firstLine(error)})`, error);
  }
  const { width, height, pages = 1 } = header;
  if (width > pictureLimits.side || height > pictureLimits.side || width * height > pictureLimits.pixels) {
    throw new FrescoError('picture-too-large', { width, height, limit: pictureLimits.side });
  }
  if (pages > pictureLimits.frames) throw unreadable(`it has ${pages} frames; the limit is ${pictureLimits.frames}`);
  return { format, width, height };
}

async function rawOf(pipeline: Sharp, channels: 1 | 3): Promise<Picture> {
  const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  if (info.channels !== channels) throw unreadable(`it decoded to ${info.channels} channels instead of ${channels}`);
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), width: info.width, height: info.height };
}

async function decode(bytes: Uint8Array, pipeline: (source: Sharp) => Sharp, channels: 1 | 3): Promise<Picture> {
  await inspectPicture(bytes);
  try {
    return await rawOf(pipeline(open(bytes)), channels);
  } catch (error) {
    throw FrescoError.is(error, 'picture-unreadable') ? error : unreadable(`its pixels are damaged (${firstLine(error)})`, error);
  }
}

/**
 * Decodes a person's picture to RGB bytes: the first frame, turned as its EXIF data says, any colour space to sRGB, transparency on white.
 * Throws 'picture-unreadable', 'picture-too-large'; 'size-unsupported' below 16 pixels a side.
 */
export async function decodePicture(bytes: Uint8Array): Promise<Picture> {
  const picture = await decode(bytes, (source) => source.autoOrient().flatten({ background: '#ffffff' }).toColourspace('srgb').removeAlpha(), 3);
  if (picture.width < pictureLimits.minSide || picture.height < pictureLimits.minSide) {
    throw new FrescoError('size-unsupported', { width: picture.width, height: picture.height, expected: `at least ${pictureLimits.minSide} pixels a side` });
  }
  return picture;
}

/** Decodes a mask to one byte a pixel: white is painted, black is kept, transparency counts as black. Throws as `decodePicture`. */
export async function decodeMask(bytes: Uint8Array): Promise<Picture> {
  return decode(bytes, (source) => source.autoOrient().flatten({ background: '#000000' }).greyscale().toColourspace('b-w').extractChannel(0), 1);
}

const from = (picture: Picture): Sharp => {
  const channels = picture.data.length === picture.width * picture.height ? 1 : 3;
  return sharp(picture.data, { raw: { width: picture.width, height: picture.height, channels }, limitInputPixels: false });
};
const channelsOf = (picture: Picture): 1 | 3 => (picture.data.length === picture.width * picture.height ? 1 : 3);

/** Encodes RGB bytes as a PNG file. Level 3 takes two thirds of the time of level 6 for files a thirtieth larger. */
export async function encodePng(picture: Picture): Promise<Uint8Array> {
  return new Uint8Array(await from(picture).png({ compressionLevel: 3 }).toBuffer());
}

/** A small JPEG of an unfinished picture, enlarged smoothly until its longer side has `longSide` pixels. */
export async function encodePreview(picture: Picture, longSide: number): Promise<Preview> {
  const scale = longSide / Math.max(picture.width, picture.height);
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  const bytes = await from(picture).resize(width, height, { kernel: 'cubic', fit: 'fill' }).jpeg({ quality: 80 }).toBuffer(); // a quarter of the time that WebP takes
  return { bytes: new Uint8Array(bytes), mediaType: 'image/jpeg', width, height };
}

/** Encodes RGB bytes as a JPEG file, for places with a size limit. */
export async function encodeJpeg(picture: Picture, quality = 90): Promise<Uint8Array> {
  return new Uint8Array(await from(picture).jpeg({ quality }).toBuffer());
}

/** Resizes with Lanczos so that the target is covered, cutting off what hangs over on both sides alike. The same object when nothing changes. */
export async function resizePicture(picture: Picture, width: number, height: number): Promise<Picture> {
  if (picture.width === width && picture.height === height) return picture;
  return rawOf(
    from(picture)
      .resize(width, height, { kernel: 'lanczos3', fit: 'cover', position: 'centre' })
      .toColourspace(channelsOf(picture) === 1 ? 'b-w' : 'srgb'),
    channelsOf(picture),
  );
}

/** Enlarges by Lanczos to exactly this size, without cutting. */
export async function stretchPicture(picture: Picture, width: number, height: number): Promise<Picture> {
  if (picture.width === width && picture.height === height) return picture;
  return rawOf(
    from(picture)
      .resize(width, height, { kernel: 'lanczos3', fit: 'fill' })
      .toColourspace(channelsOf(picture) === 1 ? 'b-w' : 'srgb'),
    channelsOf(picture),
  );
}

/** Final touches: a median filter takes single wrong pixels off edges, then a mild unsharp mask brings the edges back. */
export async function finishPicture(picture: Picture): Promise<Picture> {
  const smoothed = picture.width >= 256 && picture.height >= 256 ? from(picture).median(3) : from(picture);
  return rawOf(smoothed.sharpen({ sigma: 0.8, m1: 0.5, m2: 2 }).toColourspace('srgb'), 3);
}

/** A mask with a soft edge `radius` pixels wide, for pasting kept pixels back without a seam. */
export async function softenMask(mask: Picture, radius: number): Promise<Picture> {
  return rawOf(from(mask).blur(Math.max(0.5, radius)).toColourspace('b-w'), 1);
}
