import type { RunControl } from '../contract.ts';
import { concatenated } from '../runtime/tensor-math.ts';
import type { TorchGenerator } from '../runtime/torch-random.ts';
import { type DenoiseEnd, type DenoiseRun, denoise } from './denoise.ts';
import { Denoiser } from './denoiser.ts';
import type { LatentSize } from './families/image-family.ts';
import { hiresSide } from './image-request-check.ts';
import type { PaintModel } from './paint-model.ts';
import { type Picture, pictureToPlanes } from './picture.ts';
import type { SchedulerPlan } from './scheduler.ts';
import type { ChosenSampler } from './scheduler-table.ts';
import { type Start, startLatents } from './start-latents.ts';
import type { Planes } from './tiles.ts';

/** One batch to paint: everything resolved, nothing left to defaults. */
export interface PaintWish {
  readonly prompt: string;
  readonly negativePrompt: string | undefined;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  readonly guidanceScale: number;
  readonly guidanceRescale: number;
  readonly clipSkip: number;
  readonly strength: number;
  readonly sampler: ChosenSampler;
  /** As large as width × height; the mask too. */
  readonly picture: Picture | undefined;
  readonly mask: Picture | undefined;
  readonly hiresFactor: number | undefined;
}

/** After one call of a denoiser, over all stages of the batch. */
export interface PaintProgress {
  readonly done: number;
  readonly calls: number;
  /** [batch, channels, height, width]. */
  readonly latents: Float32Array;
  readonly denoised: Float32Array;
  readonly size: LatentSize;
}
export interface Painted {
  /** The model that made the last steps; its VAE decodes. */
  readonly model: PaintModel;
  readonly latents: Float32Array;
  readonly size: LatentSize;
  /** Calls made when the person said "stop here". */
  readonly stoppedAt: number | undefined;
  readonly calls: number;
}

/** Picture `index` of a painted batch: planes [3, height, width] in [−1, 1]. */
export function decodePainted({ model, latents, size }: Painted, wish: PaintWish, index: number): Promise<Planes> {
  const each = size.channels * size.height * size.width;
  const isBlended = wish.mask !== undefined && !model.info.isInpaintModel;
  return model.vae.decode(latents.subarray(index * each, (index + 1) * each), size, { isShifted: !(isBlended && model.family.inpaintForgetsShift === true) });
}

/** What a batch is painted with. */
export interface PaintTools {
  readonly model: PaintModel;
  /** Takes over for the last steps. */
  readonly refiner: PaintModel | undefined;
  /** Share of the noise schedule after which it does: diffusers' `denoising_end`. 0.8, as in SDXL's report (arXiv 2307.01952). */
  readonly refinerFrom?: number;
  /** One for each picture. */
  readonly generators: readonly TorchGenerator[];
  readonly onDropped: (text: string) => void;
}

/** Of hires fix where none is asked for: enough to repaint what enlarging latents blurs. */
export const hiresStrength = 0.7;

interface Stage {
  readonly plan: SchedulerPlan;
  readonly from: number;
  readonly to: number;
}

const latentSize = (model: PaintModel, width: number, height: number): LatentSize => ({
  channels: model.files.latentChannels,
  height: Math.floor(height / model.files.vaeScale),
  width: Math.floor(width / model.files.vaeScale),
});

/** Paints one batch in one or two stages; yields after every call of a denoiser. Throws 'cancelled', 'not-a-number', what graphs throw. */
export async function* paint(tools: PaintTools, wish: PaintWish, control: RunControl): AsyncGenerator<PaintProgress, Painted, void> {
  const { model } = tools;
  const size = latentSize(model, wish.width, wish.height);
  const base = baseStage(tools, wish, size);
  const second = secondStage(tools, wish, size);
  const calls = base.to - base.from + (second === undefined ? 0 : second.stage.to - second.stage.from);
  const start = await startLatents({
    family: model.family,
    vae: model.vae,
    scheduler: wish.sampler.scheduler,
    plan: base.plan,
    size,
    generators: tools.generators,
    from: base.from,
    strength: wish.picture === undefined ? 1 : wish.strength, // without a picture there is nothing to keep
    isInpaintModel: model.info.isInpaintModel,
    picture: wish.picture === undefined ? undefined : pictureToPlanes(wish.picture),
    mask: wish.mask,
    pixels: { width: wish.width, height: wish.height },
  });
  const end = yield* runStage({ tools, model, wish, size, stage: base, offset: 0, calls }, start, control);
  const isDone = second === undefined || end.stoppedAt !== undefined;
  if (isDone) return { model, latents: end.latents, size, stoppedAt: end.stoppedAt, calls };
  const offset = base.to - base.from;
  const next = second.model === model ? enlargedStart(tools, wish, end.latents, { from: size, to: second.size, stage: second.stage }) : end.latents;
  const last = yield* runStage(
    { tools, model: second.model, wish: second.wish, size: second.size, stage: second.stage, offset, calls },
    { latents: next, extra: undefined, blend: undefined },
    control,
  );
  return {
    model: second.model,
    latents: last.latents,
    size: second.size,
    stoppedAt: last.stoppedAt === undefined ? undefined : last.stoppedAt + offset,
    calls,
  };
}

function baseStage({ model, refiner, refinerFrom }: PaintTools, wish: PaintWish, size: LatentSize): Stage {
  const { scheduler, config } = wish.sampler;
  // LCM's own image-to-image pipeline has the strength in its table of timesteps; every other one starts later in the same table
  const isOwnLcm =
    model.files.className.startsWith('LatentConsistencyModel') &&
    scheduler.className === 'LCMScheduler' &&
    wish.picture !== undefined &&
    wish.mask === undefined;
  const extra = model.family.planExtra(config, size, wish.steps);
  const plan = scheduler.plan(config, wish.steps, isOwnLcm ? { ...extra, strength: wish.strength } : extra);
  const from = wish.picture === undefined || isOwnLcm ? 0 : scheduler.startIndex(plan, wish.strength);
  return {
    plan,
    from,
    to: refiner === undefined ? plan.timesteps.length : plan.timesteps.filter((timestep) => timestep >= cutOff(config.trainTimesteps, refinerFrom)).length,
  };
}

const cutOff = (trainTimesteps: number, share = 0.8): number => Math.round(trainTimesteps - share * trainTimesteps);

interface SecondStage {
  readonly model: PaintModel;
  readonly wish: PaintWish;
  readonly size: LatentSize;
  readonly stage: Stage;
}

function secondStage({ model, refiner, refinerFrom }: PaintTools, wish: PaintWish, size: LatentSize): SecondStage | undefined {
  const { scheduler, config } = wish.sampler;
  if (wish.hiresFactor !== undefined) {
    const { multiple } = model.info;
    const larger = { ...wish, width: hiresSide(wish.width, wish.hiresFactor, multiple), height: hiresSide(wish.height, wish.hiresFactor, multiple) };
    const largerSize = latentSize(model, larger.width, larger.height);
    const plan = scheduler.plan(config, wish.steps, model.family.planExtra(config, largerSize, wish.steps));
    const strength = wish.picture === undefined ? wish.strength : hiresStrength;
    return { model, wish: larger, size: largerSize, stage: { plan, from: scheduler.startIndex(plan, strength), to: plan.timesteps.length } };
  }
  if (refiner === undefined) return undefined;
  const plan = scheduler.plan(config, wish.steps, refiner.family.planExtra(config, size, wish.steps));
  const left = plan.timesteps.filter((timestep) => timestep < cutOff(config.trainTimesteps, refinerFrom)).length;
  const kept = plan.order === 2 && left % 2 === 0 ? left + 1 : left; // never between the two halves of a Heun step
  return { model: refiner, wish, size, stage: { plan, from: plan.timesteps.length - kept, to: plan.timesteps.length } };
}

interface StageRun {
  readonly tools: PaintTools;
  readonly model: PaintModel;
  readonly wish: PaintWish;
  readonly size: LatentSize;
  readonly stage: Stage;
  /** Calls made in the stage before, and calls of all stages. */
  readonly offset: number;
  readonly calls: number;
}

async function* runStage(
  { tools, model, wish, size, stage, offset, calls }: StageRun,
  start: Start,
  control: RunControl,
): AsyncGenerator<PaintProgress, DenoiseEnd, void> {
  const conditioning = await model.family.condition(model.files, model.encoders(tools.onDropped), wish);
  await model.makeRoom();
  const batch = tools.generators.length;
  const session = await model.denoiser();
  const file = { model: model.files.model, file: model.files.denoiser.graph.file };
  const denoiser = new Denoiser({ session, family: model.family, file, size, batch, conditioning, extra: start.extra });
  const each = size.channels * size.height * size.width;
  const run: DenoiseRun = {
    denoiser,
    scheduler: wish.sampler.scheduler,
    plan: stage.plan,
    from: stage.from,
    to: stage.to,
    batch,
    guidanceScale: wish.guidanceScale,
    guidanceRescale: wish.guidanceRescale,
    noise: () => concatenated(tools.generators.map((generator) => generator.normal(each))),
    ...(start.blend === undefined ? {} : { blend: start.blend }),
  };
  const steps = denoise(run, start.latents, control);
  for (;;) {
    const next = await steps.next();
    if (next.done === true) return next.value;
    yield { done: offset + next.value.done, calls, latents: next.value.latents, denoised: next.value.denoised, size };
  }
}

/** Finished latents enlarged and noised again for the second pass of hires fix. */
function enlargedStart(
  tools: PaintTools,
  wish: PaintWish,
  latents: Float32Array,
  step: { readonly from: LatentSize; readonly to: LatentSize; readonly stage: Stage },
): Float32Array {
  const each = step.from.channels * step.from.height * step.from.width;
  const clean = tools.generators.map((_, index) => enlargeLatents(latents.subarray(index * each, (index + 1) * each), step.from, step.to));
  const noise = tools.generators.map((generator) => generator.normal(step.to.channels * step.to.height * step.to.width));
  return wish.sampler.scheduler.addNoise(step.stage.plan, step.stage.from, concatenated(clean), concatenated(noise));
}

/** Bilinear, as torch's `interpolate` without aligned corners. */
export function enlargeLatents(latents: Float32Array, from: LatentSize, to: LatentSize): Float32Array {
  const out = new Float32Array(to.channels * to.height * to.width);
  for (let channel = 0; channel < to.channels; channel += 1) {
    for (let y = 0; y < to.height; y += 1) {
      const sourceY = Math.max(0, ((y + 0.5) * from.height) / to.height - 0.5);
      const top = Math.min(from.height - 1, Math.floor(sourceY));
      const bottom = Math.min(from.height - 1, top + 1);
      for (let x = 0; x < to.width; x += 1) {
        const sourceX = Math.max(0, ((x + 0.5) * from.width) / to.width - 0.5);
        const left = Math.min(from.width - 1, Math.floor(sourceX));
        const right = Math.min(from.width - 1, left + 1);
        const at = (row: number, column: number): number => latents[(channel * from.height + row) * from.width + column] ?? 0;
        const [down, across] = [sourceY - top, sourceX - left];
        const upper = at(top, left) * (1 - across) + at(top, right) * across;
        const lower = at(bottom, left) * (1 - across) + at(bottom, right) * across;
        out[(channel * to.height + y) * to.width + x] = upper * (1 - down) + lower * down;
      }
    }
  }
  return out;
}
