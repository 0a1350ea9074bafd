import { concatenated, scaled } from '../runtime/tensor-math.ts';
import type { TorchGenerator } from '../runtime/torch-random.ts';
import type { ExtraChannels } from './denoiser.ts';
import type { ImageFamily, LatentSize } from './families/image-family.ts';
import { blanked, extraChannelsOf, latentMask } from './families/inpaint-channels.ts';
import type { Picture } from './picture.ts';
import type { Scheduler, SchedulerPlan } from './scheduler.ts';
import type { VaeCodec } from './vae-codec.ts';

/** Where a run of the denoiser begins. */
export interface Start {
  /** [batch, channels, height, width]. */
  readonly latents: Float32Array;
  readonly extra: ExtraChannels | undefined;
  readonly blend: ((latents: Float32Array, index: number) => Float32Array) | undefined;
}

export interface StartWish {
  readonly family: ImageFamily;
  readonly vae: VaeCodec;
  readonly scheduler: Scheduler;
  readonly plan: SchedulerPlan;
  readonly size: LatentSize;
  /** One for each picture of the batch; the order of draws is diffusers'. */
  readonly generators: readonly TorchGenerator[];
  readonly from: number;
  readonly strength: number;
  readonly isInpaintModel: boolean;
  /** Planes [3, height, width] in [−1, 1]. */
  readonly picture: Float32Array | undefined;
  /** One byte a pixel, as large as the picture: white is painted. */
  readonly mask: Picture | undefined;
  readonly pixels: { readonly width: number; readonly height: number };
}

const cellsOf = ({ channels, height, width }: LatentSize): number => channels * height * width;

/** Noise for text to image, a noised picture for image to image, both and the blend for inpainting. Draws from each picture's own generator. */
export async function startLatents(wish: StartWish): Promise<Start> {
  if (wish.isInpaintModel) return inpaintModelStart(wish);
  if (wish.picture === undefined) return { latents: noiseStart(wish), extra: undefined, blend: undefined };
  return wish.mask === undefined ? pictureStart(wish, wish.picture) : blendedStart(wish, wish.picture, wish.mask);
}

function noiseStart({ plan, size, generators }: StartWish): Float32Array {
  const noise = concatenated(generators.map((generator) => generator.normal(cellsOf(size))));
  return plan.initNoiseSigma === 1 ? noise : scaled(plan.initNoiseSigma, noise);
}

const planesOf = (wish: StartWish, data: Float32Array): { data: Float32Array; channels: number; height: number; width: number } => ({
  data,
  channels: 3,
  ...wish.pixels,
});

async function pictureStart(wish: StartWish, picture: Float32Array): Promise<Start> {
  const clean: Float32Array[] = [];
  for (const generator of wish.generators) clean.push(await wish.vae.encode(planesOf(wish, picture), generator));
  const noise = wish.generators.map((generator) => generator.normal(cellsOf(wish.size)));
  return { latents: wish.scheduler.addNoise(wish.plan, wish.from, concatenated(clean), concatenated(noise)), extra: undefined, blend: undefined };
}

/** Masked blending on a model that knows nothing of masks. Source: StableDiffusionInpaintPipeline (and its SDXL, SD 3 and Flux kin). */
async function blendedStart(wish: StartWish, picture: Float32Array, mask: Picture): Promise<Start> {
  const { scheduler, plan, generators, family, size } = wish;
  const clean: Float32Array[] = [];
  const noise: Float32Array[] = [];
  for (const generator of generators) {
    clean.push(await wish.vae.encode(planesOf(wish, picture), generator));
    noise.push(generator.normal(cellsOf(size)));
    generator.normal(cellsOf(size)); // diffusers encodes the masked picture too and lets it be; ancestral samplers notice the draw
  }
  const allClean = concatenated(clean);
  const allNoise = concatenated(noise);
  const isPureNoise = wish.strength === 1 && family.inpaintStartsFromNoise;
  const cellMask = latentMask(mask, size);
  return {
    latents: isPureNoise ? scaled(plan.initNoiseSigma, allNoise) : scheduler.addNoise(plan, wish.from, allClean, allNoise),
    extra: undefined,
    blend: (latents, index) => {
      const kept = index + 1 < plan.timesteps.length ? scheduler.addNoise(plan, index + 1, allClean, allNoise) : allClean;
      return mixByMask(latents, kept, cellMask);
    },
  };
}

function mixByMask(painted: Float32Array, kept: Float32Array, mask: Float32Array): Float32Array {
  const out = new Float32Array(painted.length);
  for (let index = 0; index < out.length; index += 1) out[index] = (mask[index % mask.length] ?? 0) === 1 ? (painted[index] ?? 0) : (kept[index] ?? 0);
  return out;
}

/** A checkpoint with mask channels: it keeps the unmasked part by itself. Without a picture everything is to be painted. */
async function inpaintModelStart(wish: StartWish): Promise<Start> {
  const { size, plan, generators, pixels } = wish;
  const picture = wish.picture ?? new Float32Array(3 * pixels.width * pixels.height);
  const mask = wish.mask ?? { data: new Uint8Array(pixels.width * pixels.height).fill(255), ...pixels };
  const cellMask = latentMask(mask, size);
  const masked = planesOf(wish, blanked(picture, mask));
  const starts: Float32Array[] = [];
  const extras: Float32Array[] = [];
  for (const generator of generators) {
    const clean = wish.strength === 1 ? undefined : await wish.vae.encode(planesOf(wish, picture), generator);
    const noise = generator.normal(cellsOf(size));
    starts.push(clean === undefined ? scaled(plan.initNoiseSigma, noise) : wish.scheduler.addNoise(plan, wish.from, clean, noise));
    extras.push(extraChannelsOf(cellMask, await wish.vae.encode(masked, generator)));
  }
  return { latents: concatenated(starts), extra: { channels: size.channels + 1, pictures: extras }, blend: undefined };
}
