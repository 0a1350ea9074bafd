import { crc32, inflateSync } from 'node:zlib';
import { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';
import { seedSchema } from '../../ids.ts';
import type { PictureParameters } from '../contract.ts';

/**
 * What a picture was made with, written into and read from the PNG itself: the text that AUTOMATIC1111-style tools read
 * (keyword `parameters`) and our own JSON (keyword `fresco`). Pure: bytes in, bytes out.
 */

const pngSignature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const textLimit = 1024 * 1024;

/** Everything a stored picture tells; any of it may be missing in other tools' files. */
export type ReadParameters = Partial<PictureParameters>;

const storedSchema = z.object({
  prompt: z.string(),
  negativePrompt: z.string().exactOptional(),
  model: z.string(),
  width: z.int(),
  height: z.int(),
  steps: z.int(),
  guidanceScale: z.number(),
  guidanceRescale: z.number().exactOptional(),
  sampler: z.string(),
  seed: seedSchema,
  strength: z.number().exactOptional(),
  clipSkip: z.int().exactOptional(),
});

/** The parameters in the layout of AUTOMATIC1111's web UI: prompt, negative prompt, then one line of `Name: value` pairs. */
export function formatParameters(parameters: PictureParameters): string {
  const quoted = (text: string): string => (/[,:\n"]/.test(text) ? JSON.stringify(text) : text);
  const pairs = [
    `Steps: ${parameters.steps}`,
    `Sampler: ${quoted(parameters.sampler)}`,
    `CFG scale: ${parameters.guidanceScale}`,
    `Seed: ${parameters.seed}`,
    `Size: ${parameters.width}x${parameters.height}`,
    `Model: ${quoted(parameters.model)}`,
    ...(parameters.strength === undefined ? [] : [`Denoising strength: ${parameters.strength}`]),
    ...(parameters.guidanceRescale === undefined ? [] : [`Guidance rescale: ${parameters.guidanceRescale}`]),
    ...(parameters.clipSkip === undefined ? [] : [`Clip skip: ${parameters.clipSkip}`]),
    'Version: fresco',
  ];
  const negative = parameters.negativePrompt === undefined || parameters.negativePrompt === '' ? [] : [`Negative prompt: ${parameters.negativePrompt}`];
  return [parameters.prompt, ...negative, pairs.join(', ')].join('\n');
}

const pairPattern = /\s*([\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)/g;

function unquote(value: string): string {
  if (!value.startsWith('"')) return value.trim();
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'string' ? parsed : value;
  } catch {
    return value; // a stray quote is part of the value
  }
}

/** Reads AUTOMATIC1111's layout; what is missing or not a number is left out. Never throws. */
export function parseParameters(text: string): ReadParameters {
  const lines = text.replaceAll('\r\n', '\n').trimEnd().split('\n');
  const last = lines.at(-1) ?? '';
  const pairs = new Map([...last.matchAll(pairPattern)].map((match) => [(match[1] ?? '').trim().toLowerCase(), unquote(match[2] ?? '')]));
  const hasPairs = pairs.has('steps') || pairs.has('seed');
  const body = hasPairs ? lines.slice(0, -1) : lines;
  const negativeAt = body.findIndex((line) => line.startsWith('Negative prompt:'));
  const prompt = (negativeAt === -1 ? body : body.slice(0, negativeAt)).join('\n').trim();
  const negative = negativeAt === -1 ? undefined : body.slice(negativeAt).join('\n').slice('Negative prompt:'.length).trim();
  const number = (name: string): number | undefined => {
    const value = Number(hasPairs ? (pairs.get(name) ?? 'none') : 'none');
    return Number.isFinite(value) ? value : undefined;
  };
  const size = /^(\d{1,5})x(\d{1,5})$/.exec(hasPairs ? (pairs.get('size') ?? '') : '');
  const seed = seedSchema.safeParse(number('seed'));
  const scheduleType = pairs.get('schedule type'); // newer versions split "DPM++ 2M Karras" in two
  const sampler = pairs.get('sampler');
  const joined = sampler !== undefined && scheduleType !== undefined && scheduleType !== 'Automatic' && !sampler.includes(scheduleType);
  return withoutAbsent({
    prompt,
    negativePrompt: negative,
    model: hasPairs ? pairs.get('model') : undefined,
    width: size === null ? undefined : Number(size[1]),
    height: size === null ? undefined : Number(size[2]),
    steps: number('steps'),
    guidanceScale: number('cfg scale'),
    guidanceRescale: number('guidance rescale'),
    sampler: joined ? `${sampler} ${scheduleType}` : sampler,
    seed: seed.success ? seed.data : undefined,
    strength: number('denoising strength'),
    clipSkip: number('clip skip'),
  });
}

type Loose = { readonly [Key in keyof PictureParameters]?: PictureParameters[Key] | undefined };
function withoutAbsent(loose: Loose): ReadParameters {
  const { prompt, negativePrompt, model, width, height, steps, guidanceScale, guidanceRescale, sampler, seed, strength, clipSkip } = loose;
  return {
    ...(prompt === undefined ? {} : { prompt }),
    ...(negativePrompt === undefined ? {} : { negativePrompt }),
    ...(model === undefined ? {} : { model }),
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    ...(steps === undefined ? {} : { steps }),
    ...(guidanceScale === undefined ? {} : { guidanceScale }),
    ...(guidanceRescale === undefined ? {} : { guidanceRescale }),
    ...(sampler === undefined ? {} : { sampler }),
    ...(seed === undefined ? {} : { seed }),
    ...(strength === undefined ? {} : { strength }),
    ...(clipSkip === undefined ? {} : { clipSkip }),
  };
}

interface Chunk {
  readonly type: string;
  readonly body: Uint8Array;
  readonly start: number;
  readonly end: number;
}

function* chunksOf(png: Uint8Array): Generator<Chunk> {
  if (png.length < 8 || !pngSignature.every((byte, index) => png[index] === byte))
    throw new FrescoError('picture-unreadable', { reason: 'it is not a PNG file' });
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  for (let start = 8; start + 12 <= png.length; ) {
    const length = view.getUint32(start);
    const end = start + 12 + length;
    if (end > png.length) throw new FrescoError('picture-unreadable', { reason: 'a PNG chunk is cut off' });
    yield { type: latin1(png.subarray(start + 4, start + 8)), body: png.subarray(start + 8, end - 4), start, end };
    start = end;
  }
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

function chunk(type: string, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + body.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, body.length);
  out.set(Buffer.from(type, 'latin1'), 4);
  out.set(body, 8);
  view.setUint32(8 + body.length, crc32(out.subarray(4, 8 + body.length)));
  return out;
}

/** tEXt where the text is Latin-1, else iTXt: what Pillow, and so every tool of that world, writes and reads. */
function textChunk(keyword: string, text: string): Uint8Array {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is exactly what one Latin-1 byte holds
  if (/^[\x01-\xff]*$/.test(text)) return chunk('tEXt', Buffer.from(`${keyword}\0${text}`, 'latin1'));
  return chunk('iTXt', Buffer.concat([Buffer.from(`${keyword}\0\0\0\0\0`, 'latin1'), Buffer.from(text.replaceAll('\0', ''), 'utf8')]));
}

/** Puts text entries behind the header of a PNG file. Throws 'picture-unreadable' when it is none. */
export function withPngText(png: Uint8Array, entries: Readonly<Record<string, string>>): Uint8Array {
  const header = chunksOf(png).next();
  if (header.done === true) throw new FrescoError('picture-unreadable', { reason: 'the PNG file has no header' });
  const texts = Object.entries(entries).map(([keyword, text]) => textChunk(keyword, text));
  return new Uint8Array(Buffer.concat([png.subarray(0, header.value.end), ...texts, png.subarray(header.value.end)]));
}

function readText({ type, body }: Chunk): readonly [string, string] | undefined {
  const zero = body.indexOf(0);
  if (zero < 1 || body.length > textLimit) return undefined;
  const keyword = latin1(body.subarray(0, zero));
  const rest = body.subarray(zero + 1);
  const inflate = (bytes: Uint8Array): Uint8Array => inflateSync(bytes, { maxOutputLength: textLimit });
  if (type === 'tEXt') return [keyword, latin1(rest)];
  if (type === 'zTXt') return [keyword, latin1(inflate(rest.subarray(1)))];
  if (type !== 'iTXt') return undefined;
  const languageEnd = rest.indexOf(0, 2);
  const textStart = languageEnd === -1 ? -1 : rest.indexOf(0, languageEnd + 1);
  if (textStart === -1) return undefined;
  const text = rest.subarray(textStart + 1);
  return [keyword, utf8(rest[0] === 1 ? inflate(text) : text)];
}

/** All text entries of a PNG file; entries that can't be read are left out. Throws 'picture-unreadable' when it is no PNG or is cut off. */
export function readPngText(png: Uint8Array): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const part of chunksOf(png)) {
    try {
      const entry = readText(part);
      if (entry !== undefined) found.set(entry[0], entry[1]);
    } catch {
      // a broken or oversized compressed entry says nothing about the others
    }
  }
  return found;
}

const escaped = (text: string): string => text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Writes the parameters into a PNG file, both ways. Throws 'picture-unreadable' when it is no PNG. */
export function writePictureParameters(png: Uint8Array, parameters: PictureParameters): Uint8Array {
  return withPngText(png, { parameters: formatParameters(parameters), fresco: escaped(JSON.stringify(parameters)) });
}

/** What a PNG file says it was made with: our JSON where it is whole, else the AUTOMATIC1111 text; undefined when there is neither. */
export function readPictureParameters(png: Uint8Array): ReadParameters | undefined {
  const texts = readPngText(png);
  const own = texts.get('fresco');
  if (own !== undefined) {
    try {
      const stored = storedSchema.safeParse(JSON.parse(own));
      if (stored.success) return stored.data;
    } catch {
      // an edited or damaged entry: the plain text beside it may still be good
    }
  }
  const plain = texts.get('parameters');
  return plain === undefined ? undefined : parseParameters(plain);
}
