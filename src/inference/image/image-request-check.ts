import { FrescoError } from '../../fresco-error.ts';
import type { ImageRequest, ModelFolder } from '../contract.ts';
import type { FamilyName } from './families/image-family.ts';
import { isInpaintModel } from './families/inpaint-channels.ts';
import { familyOf } from './family-table.ts';
import { type ImageModelFiles, latentInputOf, readImageModel } from './model-files.ts';
import { findFitting, samplerFor } from './sampler-for-family.ts';

/** What can be said of an image model without opening it: plain data, for forms, help and checks before a job is queued. */
export interface ImageModelDescription {
  readonly model: string;
  readonly family: FamilyName;
  readonly title: string;
  readonly nativeWidth: number;
  readonly nativeHeight: number;
  readonly multiple: number;
  readonly minSide: number;
  readonly maxSide: number;
  readonly maxPixels: number;
  /** Sizes that are fine although they may not be such multiples, as width and height. */
  readonly sizes: readonly (readonly [number, number])[];
  /** True when the graph was exported for the native size alone. */
  readonly hasFixedSize: boolean;
  readonly defaultSteps: number;
  readonly defaultGuidanceScale: number;
  readonly defaultGuidanceRescale: number;
  readonly defaultStrength: number;
  /** As people say it. */
  readonly defaultSampler: string;
  /** A rectified flow: other samplers fit. */
  readonly isFlow: boolean;
  /** False where the guidance is distilled into the model. */
  readonly takesNegativePrompt: boolean;
  /** It has a vae_encoder: image to image, inpainting, outpainting. */
  readonly takesPicture: boolean;
  /** It was trained to inpaint. */
  readonly isInpaintModel: boolean;
  /** It can only work on a picture (SDXL's refiner). */
  readonly needsPicture: boolean;
  readonly hasSafetyChecker: boolean;
  readonly vaeScale: number;
  readonly weightBytes: number;
  /** Of its largest graph: what has to be in memory at once at the least. */
  readonly largestGraphBytes: number;
}

const fixedSides = (files: ImageModelFiles): boolean => {
  const port = latentInputOf(files.denoiser.inputs);
  return port !== undefined && port.dims.length === 4 && port.dims.slice(2).every((size) => typeof size === 'number' && size > 0);
};

/** Describes a model from its files as they were read. Throws 'model-unsupported', 'sampler-unknown'. */
export function describeFiles(files: ImageModelFiles): ImageModelDescription {
  const family = familyOf(files);
  const defaults = family.defaults(files);
  const native = Math.max(defaults.nativeWidth, defaults.nativeHeight);
  const graphs = [
    files.denoiser.graph,
    files.vaeDecoder.graph,
    ...(files.vaeEncoder === undefined ? [] : [files.vaeEncoder.graph]),
    ...files.textEncoders.map(({ graph }) => graph),
  ];
  return {
    model: files.model,
    family: family.name,
    title: family.title,
    nativeWidth: defaults.nativeWidth,
    nativeHeight: defaults.nativeHeight,
    multiple: defaults.multiple,
    minSide: Math.max(defaults.multiple, Math.min(64, native)),
    maxSide: Math.min(8192, 4 * native),
    maxPixels: 4 * defaults.nativeWidth * defaults.nativeHeight,
    sizes: files.own.sizes ?? [],
    hasFixedSize: fixedSides(files),
    defaultSteps: defaults.steps,
    defaultGuidanceScale: defaults.guidanceScale,
    defaultGuidanceRescale: defaults.guidanceRescale,
    defaultStrength: defaults.strength,
    defaultSampler: samplerFor(files.scheduler, family.isFlow, files.own.sampler ?? undefined).name,
    isFlow: family.isFlow,
    takesNegativePrompt: family.layout === 'planes' && !files.denoiser.config.time_cond_proj_dim,
    takesPicture: files.vaeEncoder !== undefined,
    isInpaintModel: isInpaintModel(files),
    needsPicture: family.name === 'sdxl-refiner',
    hasSafetyChecker: files.safetyChecker !== undefined,
    vaeScale: files.vaeScale,
    weightBytes: graphs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    largestGraphBytes: Math.max(...graphs.map(({ sizeBytes }) => sizeBytes)),
  };
}

/** Describes an image model from its configs and graph headers: milliseconds, no weights. Throws 'model-broken', 'model-unsupported'. */
export async function describeImageModel(folder: ModelFolder): Promise<ImageModelDescription> {
  return describeFiles(await readImageModel(folder));
}

/** Throws 'size-unsupported' with the limit when a model can't paint this size. */
export function checkSize(info: ImageModelDescription, width: number, height: number): void {
  const { multiple, minSide, maxSide, maxPixels, nativeWidth, nativeHeight } = info;
  const refuse = (expected: string): FrescoError => new FrescoError('size-unsupported', { width, height, expected });
  if (info.hasFixedSize && (width !== nativeWidth || height !== nativeHeight)) throw refuse(`${nativeWidth} × ${nativeHeight}, the only size of this model`);
  if (info.sizes.some(([wide, high]) => wide === width && high === height)) return;
  const others = info.sizes.map(([wide, high]) => `, or ${wide} × ${high}`).join('');
  if (width % multiple !== 0 || height % multiple !== 0) throw refuse(`multiples of ${multiple}${others}`);
  if (Math.min(width, height) < minSide || Math.max(width, height) > maxSide)
    throw refuse(`${minSide} to ${maxSide} pixels a side, in multiples of ${multiple}`);
  if (width * height > maxPixels) throw refuse(`at most ${maxPixels} pixels in all (as ${2 * nativeWidth} × ${2 * nativeHeight})`);
}

/** Families whose finest attention looks at patches of two by two latent cells, and its heads. */
const patchHeads: Partial<Record<FamilyName, number>> = { sdxl: 10, 'sdxl-refiner': 10, sd3: 24, flux: 24 };

/**
 * Bytes that painting takes beside the weights: activations of the widest layers and, in graphs without fused attention,
 * the attention scores of the finest level (8 heads where nothing else is known). An estimate to refuse the hopeless by, not a measurement.
 */
export function estimateRunBytes(info: ImageModelDescription, size: { readonly width: number; readonly height: number }, batch: number): number {
  const cells = (size.width / info.vaeScale) * (size.height / info.vaeScale);
  const rows = batch * (info.takesNegativePrompt ? 2 : 1);
  const heads = patchHeads[info.family];
  const tokens = heads === undefined ? cells : cells / 4;
  const attention = Math.min(tokens, 16_384) ** 2 * (heads ?? 8) * 4;
  const activations = cells * 320 * 4 * 40;
  return Math.round(rows * (attention + activations));
}

/**
 * Checks everything about a request that can be known before it is queued. Throws 'size-unsupported', 'option-invalid', 'sampler-unknown',
 * 'model-unsupported', and 'memory-budget' where a budget is given and one picture alone would not fit it.
 */
export function checkImageRequest(info: ImageModelDescription, request: ImageRequest, budgetBytes = Number.POSITIVE_INFINITY): void {
  if (request.sampler !== undefined) findFitting(request.sampler, info.isFlow);
  checkPictureOptions(info, request);
  const hasPicture = request.initImage !== undefined;
  if (hasPicture && (request.width === undefined || request.height === undefined)) return; // the picture decides, when it is decoded
  const width = request.width ?? info.nativeWidth;
  const height = request.height ?? info.nativeHeight;
  checkSize(info, width, height);
  const largest = { width: hiresSide(width, request.hiresFactor ?? 1, info.multiple), height: hiresSide(height, request.hiresFactor ?? 1, info.multiple) };
  if (request.hiresFactor !== undefined) {
    checkSize({ ...info, maxPixels: info.maxPixels * 4, maxSide: Math.min(8192, info.maxSide * 2) }, largest.width, largest.height);
  }
  const neededBytes = info.largestGraphBytes + estimateRunBytes(info, largest, 1); // the other graphs can go while the largest runs
  if (neededBytes > budgetBytes) throw new FrescoError('memory-budget', { neededBytes, budgetBytes });
}

/** A side enlarged and brought to the model's multiple. */
export const hiresSide = (side: number, factor: number, multiple: number): number => Math.round((side * factor) / multiple) * multiple;

function checkPictureOptions(info: ImageModelDescription, request: ImageRequest): void {
  const { initImage, mask, outpaint, hiresFactor, steps = info.defaultSteps, strength } = request;
  const wrong = (option: string, found: string, expected: string): FrescoError => new FrescoError('option-invalid', { option, found, expected });
  if (initImage === undefined) {
    if (info.needsPicture) throw wrong('init-image', 'none', 'a start picture: this model only refines');
    if (mask !== undefined) throw wrong('mask', 'a mask without a picture', 'a start picture beside it');
    if (outpaint !== undefined) throw wrong('outpaint', 'borders without a picture', 'a start picture to go on from');
    if (strength !== undefined && hiresFactor === undefined) throw wrong('strength', String(strength), 'a start picture, or hires fix, that it works on');
  } else if (!info.takesPicture) {
    throw new FrescoError('model-unsupported', { model: info.model, problem: 'it has no vae_encoder, so it cannot start from a picture' });
  }
  if (hiresFactor !== undefined && info.isInpaintModel) throw wrong('hires', String(hiresFactor), 'a model that was not made for inpainting alone');
  if (outpaint !== undefined && outpaint.left + outpaint.top + outpaint.right + outpaint.bottom === 0)
    throw wrong('outpaint', '0 on every side', 'at least one side above 0');
  if (strength !== undefined && Math.trunc(steps * strength) < 1) {
    throw wrong('strength', `${strength} with ${steps} steps`, `at least ${(1 / steps).toFixed(3)}, so that one step is left`);
  }
}
