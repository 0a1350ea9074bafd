import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { blockedReason } from '../../commands/prompt-blocklist.ts';
import { maxPicturePrompt, readableText } from '../../commands/prompt-text.ts';
import { FrescoError } from '../../fresco-error.ts';
import { type BlobRef, randomSeed, type Seed } from '../../ids.ts';
import { type BlobStore, type GenerationEvent, type ImageRequest, imageRequestSchema, type Preview } from '../../inference/contract.ts';
import { readPictureParameters } from '../../inference/image/png-parameters.ts';
import type { SafetySettings } from '../../settings.ts';
import { runShown, type TerminalCore } from './terminal-core.ts';
import { writeJson } from './terminal-output.ts';

export interface ImagineOptions {
  readonly model?: string;
  readonly negative?: string;
  readonly steps?: number;
  readonly guidance?: number;
  readonly guidanceRescale?: number;
  readonly width?: number;
  readonly height?: number;
  readonly sampler?: string;
  readonly seed?: number;
  readonly count?: number;
  readonly clipSkip?: number;
  readonly initImage?: string;
  readonly mask?: string;
  readonly strength?: number;
  readonly outpaint?: number;
  readonly hires?: number;
  readonly upscale?: number;
  readonly finish?: boolean;
  readonly lora?: readonly string[];
  readonly from?: string;
  readonly previews?: string;
  readonly output?: string;
  readonly json?: boolean;
}

interface SavedPicture {
  readonly path: string;
  readonly seed: Seed;
  readonly width: number;
  readonly height: number;
  readonly sampler: string;
  readonly steps: number;
  readonly guidance: number;
}

/** `fresco imagine`: paints, saves PNG files, and prints their paths or one JSON object. */
export async function imagineOnTerminal(core: TerminalCore, prompt: string | undefined, options: ImagineOptions, safety: SafetySettings): Promise<void> {
  const request = await imageRequest(core, prompt, options);
  const reason = blockedReason(request.prompt, safety, 'picture');
  if (reason !== undefined) throw new FrescoError('prompt-blocked', { reason });
  const saved: SavedPicture[] = [];
  let timings: object = {};
  for await (const event of runShown(core, request)) {
    if (event.type === 'restarted') saved.length = 0;
    if (event.type === 'step' && event.preview !== undefined && options.previews !== undefined)
      savePreview(options.previews, event.image, event.step, event.preview);
    if (event.type === 'image') saved.push(await savePicture(core, event, outputPath(options.output, event, request.count)));
    if (event.type === 'finished') timings = event.timings;
  }
  if (options.json === true) writeJson(core.streams, { images: saved, timings });
  else for (const { path, seed } of saved) core.streams.out.write(`${path} (seed ${seed})\n`);
}

async function imageRequest(core: TerminalCore, prompt: string | undefined, options: ImagineOptions): Promise<ImageRequest> {
  const earlier = options.from === undefined ? {} : earlierParameters(options.from);
  const initImage = await storedFile(core.blobs, '--init-image', options.initImage);
  const mask = await storedFile(core.blobs, '--mask', options.mask);
  const given = {
    kind: 'image',
    ...earlier,
    model: options.model ?? ('model' in earlier ? earlier.model : undefined) ?? core.defaults.imageModel,
    prompt: readableText(prompt ?? ('prompt' in earlier ? (earlier.prompt ?? '') : ''), maxPicturePrompt),
    negativePrompt: options.negative,
    width: options.width,
    height: options.height,
    steps: options.steps,
    guidanceScale: options.guidance,
    guidanceRescale: options.guidanceRescale,
    sampler: options.sampler,
    seed: options.seed,
    count: options.count ?? 1,
    clipSkip: options.clipSkip,
    initImage,
    mask,
    strength: options.strength,
    outpaint: options.outpaint === undefined ? undefined : { left: options.outpaint, top: options.outpaint, right: options.outpaint, bottom: options.outpaint },
    hiresFactor: options.hires,
    upscale: options.upscale,
    finish: options.finish,
    loras: options.lora?.map(readLora),
    previews: options.previews !== undefined,
  };
  const kept = { ...earlier, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
  const parsed = imageRequestSchema.safeParse('seed' in kept ? kept : { ...kept, seed: randomSeed() });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const name = String(issue?.path[0] ?? 'request');
  const found: unknown = Reflect.get(kept, name);
  throw new FrescoError(
    'option-invalid',
    { option: flagOf[name] ?? `--${name}`, found: String(found), expected: issue?.message ?? 'another value' },
    { cause: parsed.error },
  );
}

const flagOf: Readonly<Record<string, string>> = {
  guidanceScale: '--guidance',
  negativePrompt: '--negative',
  hiresFactor: '--hires',
  clipSkip: '--clip-skip',
  loras: '--lora',
};

function earlierParameters(file: string) {
  const found = readPictureParameters(readBytes('--from', file));
  if (found === undefined) throw new FrescoError('option-invalid', { option: '--from', found: file, expected: 'a PNG that carries its parameters' });
  return found;
}

function readBytes(option: string, file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new FrescoError('option-invalid', { option, found: file, expected: 'a file that can be read' }, { cause: error });
  }
}

async function storedFile(blobs: BlobStore, option: string, file: string | undefined): Promise<BlobRef | undefined> {
  if (file === undefined) return undefined;
  const extension = extname(file).slice(1).toLowerCase();
  return blobs.put(readBytes(option, file), /^[a-z0-9]{2,5}$/.test(extension) ? extension : 'bin');
}

function readLora(text: string): { name: string; weight: number } {
  const at = text.lastIndexOf(':');
  const weight = at > 0 ? Number(text.slice(at + 1)) : 1;
  if (Number.isNaN(weight)) throw new FrescoError('option-invalid', { option: '--lora', found: text, expected: 'NAME or NAME:weight, such as style:0.8' });
  return { name: at > 0 ? text.slice(0, at) : text, weight };
}

type ImageEvent = Extract<GenerationEvent, { type: 'image' }>;

async function savePicture(core: TerminalCore, event: ImageEvent, path: string): Promise<SavedPicture> {
  writeOut(path, await core.blobs.get(event.blob));
  const { sampler, steps, guidanceScale } = event.parameters;
  return { path, seed: event.seed, width: event.width, height: event.height, sampler, steps, guidance: guidanceScale };
}

function outputPath(output: string | undefined, { seed, index }: ImageEvent, count: number): string {
  if (output === undefined) return `fresco-${seed}.png`;
  if (count === 1) return output;
  const extension = extname(output);
  return `${output.slice(0, output.length - extension.length)}-${index + 1}${extension === '' ? '.png' : extension}`;
}

function savePreview(folder: string, image: number, step: number, { bytes, mediaType }: Preview): void {
  mkdirSync(folder, { recursive: true });
  writeOut(join(folder, `image-${image + 1}-step-${String(step).padStart(3, '0')}.${mediaType.split('/')[1] ?? 'bin'}`), bytes);
}

function writeOut(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC')
      throw new FrescoError('disk-full', { folder: path, neededBytes: bytes.length }, { cause: error });
    throw new FrescoError('folder-unwritable', { folder: path }, { cause: error });
  }
}
