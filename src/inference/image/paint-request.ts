import { FrescoError } from '../../fresco-error.ts';
import type { BlobStore, ImageRequest, NoticeEvent } from '../contract.ts';
import { decodeMask, decodePicture, resizePicture } from './image-codec.ts';
import { checkImageRequest, checkSize, type ImageModelDescription } from './image-request-check.ts';
import { hiresStrength, type PaintWish } from './paint.ts';
import type { PaintModel } from './paint-model.ts';
import { type Picture, padPicture } from './picture.ts';
import { samplerFor } from './sampler-for-family.ts';

/** A request with everything decided. */
export interface ResolvedRequest {
  readonly wish: PaintWish;
  /** As it goes into the picture's parameters. */
  readonly samplerName: string;
  /** Kept pixels that are pasted back at the end, and where the paint stays (255). */
  readonly paste: { readonly picture: Picture; readonly mask: Picture } | undefined;
  readonly notices: readonly NoticeEvent[];
}

/**
 * Decides what a request leaves open, from the model's files and the start picture. Throws everything that `checkImageRequest` and the
 * picture decoder throw, and 'option-invalid' for a mask of another size than the picture.
 */
export async function resolveRequest(model: PaintModel, request: ImageRequest, blobs: BlobStore): Promise<ResolvedRequest> {
  const { info, files } = model;
  checkImageRequest(info, request);
  const sampler = samplerFor(files.scheduler, model.family.isFlow, request.sampler ?? files.own.sampler ?? undefined);
  const start = await startOf(info, request, blobs);
  const steps = request.steps ?? info.defaultSteps;
  const strength = request.strength ?? defaultStrength(info, request);
  if (Math.trunc(steps * strength) < 1 && request.initImage !== undefined) {
    throw new FrescoError('option-invalid', {
      option: 'strength',
      found: `${strength} with ${steps} steps`,
      expected: `at least ${(1 / steps).toFixed(3)}, so that one step is left`,
    });
  }
  const wish: PaintWish = {
    prompt: request.prompt,
    negativePrompt: request.negativePrompt,
    width: start.width,
    height: start.height,
    steps,
    guidanceScale: request.guidanceScale ?? info.defaultGuidanceScale,
    guidanceRescale: request.guidanceRescale ?? info.defaultGuidanceRescale,
    clipSkip: request.clipSkip ?? 0,
    strength,
    sampler,
    picture: start.picture,
    mask: start.mask,
    hiresFactor: request.hiresFactor,
  };
  const isPasted = start.picture !== undefined && start.mask !== undefined && (request.outpaint !== undefined || request.finish === true);
  return {
    wish,
    samplerName: sampler.name,
    paste: isPasted && start.picture !== undefined && start.mask !== undefined ? { picture: start.picture, mask: start.mask } : undefined,
    notices: start.isClamped ? [{ type: 'notice', code: 'size-clamped', facts: { width: start.width, height: start.height } }] : [],
  };
}

function defaultStrength(info: ImageModelDescription, request: ImageRequest): number {
  if (request.initImage === undefined) return request.hiresFactor === undefined ? 1 : hiresStrength;
  return request.mask === undefined && request.outpaint === undefined ? info.defaultStrength : 1;
}

interface StartPicture {
  readonly width: number;
  readonly height: number;
  readonly picture: Picture | undefined;
  readonly mask: Picture | undefined;
  /** True when the size is not the one that was asked for or given. */
  readonly isClamped: boolean;
}

async function startOf(info: ImageModelDescription, request: ImageRequest, blobs: BlobStore): Promise<StartPicture> {
  if (request.initImage === undefined) {
    return { width: request.width ?? info.nativeWidth, height: request.height ?? info.nativeHeight, picture: undefined, mask: undefined, isClamped: false };
  }
  const given = await decodePicture(await blobs.get(request.initImage));
  const givenMask = request.mask === undefined ? undefined : await decodeMask(await blobs.get(request.mask));
  if (givenMask !== undefined && (givenMask.width !== given.width || givenMask.height !== given.height)) {
    throw new FrescoError('option-invalid', {
      option: 'mask',
      found: `${givenMask.width} × ${givenMask.height} pixels`,
      expected: `${given.width} × ${given.height} pixels, the size of the start picture`,
    });
  }
  const { picture, mask } = bordered(info, request, given, givenMask);
  const fitted = fittedSize(info, picture);
  const width = request.width ?? (request.height === undefined ? fitted.width : info.nativeWidth);
  const height = request.height ?? (request.width === undefined ? fitted.height : info.nativeHeight);
  checkSize(info, width, height);
  return {
    width,
    height,
    picture: await resizePicture(picture, width, height),
    mask: mask === undefined ? undefined : await resizeMask(mask, width, height),
    isClamped: request.width === undefined && request.height === undefined && (width !== picture.width || height !== picture.height),
  };
}

/** Outpainting is inpainting on a larger canvas. */
function bordered(
  info: ImageModelDescription,
  request: ImageRequest,
  picture: Picture,
  mask: Picture | undefined,
): { readonly picture: Picture; readonly mask: Picture | undefined } {
  const { outpaint } = request;
  if (outpaint === undefined) return { picture, mask };
  const [width, height] = [picture.width + outpaint.left + outpaint.right, picture.height + outpaint.top + outpaint.bottom];
  if (Math.max(width, height) > info.maxSide || width * height > info.maxPixels) {
    throw new FrescoError('size-unsupported', { width, height, expected: `at most ${info.maxSide} pixels a side and ${info.maxPixels} in all` });
  }
  const padded = padPicture(picture, outpaint);
  if (mask === undefined) return padded;
  const inner = new Uint8Array(padded.mask.data);
  for (let y = 0; y < mask.height; y += 1) inner.set(mask.data.subarray(y * mask.width, (y + 1) * mask.width), (y + outpaint.top) * width + outpaint.left);
  return { picture: padded.picture, mask: { data: inner, width, height } };
}

async function resizeMask(mask: Picture, width: number, height: number): Promise<Picture> {
  return mask.width === width && mask.height === height ? mask : resizePicture(mask, width, height);
}

/** The picture's own size within what the model can paint, in its multiples, shape kept as far as they allow. */
export function fittedSize(
  info: ImageModelDescription,
  picture: { readonly width: number; readonly height: number },
): { readonly width: number; readonly height: number } {
  if (info.hasFixedSize) return { width: info.nativeWidth, height: info.nativeHeight };
  if (info.sizes.some(([width, height]) => width === picture.width && height === picture.height)) return { width: picture.width, height: picture.height };
  const shrink = Math.min(1, info.maxSide / Math.max(picture.width, picture.height), Math.sqrt(info.maxPixels / (picture.width * picture.height)));
  const grow = Math.max(1, info.minSide / Math.min(picture.width * shrink, picture.height * shrink));
  const side = (length: number): number => {
    const cut = Math.floor((length * shrink * grow) / info.multiple) * info.multiple;
    return Math.min(Math.floor(info.maxSide / info.multiple) * info.multiple, Math.max(Math.ceil(info.minSide / info.multiple) * info.multiple, cut));
  };
  return { width: side(picture.width), height: side(picture.height) };
}
