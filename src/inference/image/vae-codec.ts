import { FrescoError } from '../../fresco-error.ts';
import type { Logger } from '../../logger.ts';
import type { GraphSession } from '../runtime/ort-session.ts';
import { tensorAs, toFloat32 } from '../runtime/tensor.ts';
import type { TorchGenerator } from '../runtime/torch-random.ts';
import type { GraphShelf } from './graph-shelf.ts';
import type { VaeConfig } from './model-config.ts';
import type { GraphFile, ImageModelFiles } from './model-files.ts';
import { type Planes, runTiled } from './tiles.ts';

/** Latent cells a side up to which a picture is decoded in one piece (1,024 pixels at a scale of 8), and the tiles above that. */
const wholeCells = 128;
const tileCells = 64;
const overlapCells = 16;
/** Where a model's folder has no VAE configuration it is in the old layout, which held Stable Diffusion 1 alone. */
const defaultScaling = 0.182_15;

const isTiny = (config: VaeConfig): boolean => config._class_name === 'AutoencoderTiny';
const scalingOf = (config: VaeConfig): number => config.scaling_factor ?? (isTiny(config) ? 1 : defaultScaling);

/** The latents that the decoder takes from those that the sampler holds: x/scaling + shift, or by channel where the config gives mean and deviation. */
export function fromSampler(latents: Float32Array, config: VaeConfig, channels: number): Float32Array {
  const scaling = scalingOf(config);
  const { latents_mean: mean, latents_std: deviation } = config;
  const area = latents.length / channels;
  const out = new Float32Array(latents.length);
  for (let index = 0; index < latents.length; index += 1) {
    const channel = Math.floor(index / area);
    const value = latents[index] ?? 0;
    out[index] = mean && deviation ? (value * (deviation[channel] ?? 1)) / scaling + (mean[channel] ?? 0) : value / scaling + (config.shift_factor ?? 0);
  }
  return out;
}

/** The inverse of `fromSampler`. */
export function toSampler(latents: Float32Array, config: VaeConfig, channels: number): Float32Array {
  const scaling = scalingOf(config);
  const { latents_mean: mean, latents_std: deviation } = config;
  const area = latents.length / channels;
  const out = new Float32Array(latents.length);
  for (let index = 0; index < latents.length; index += 1) {
    const channel = Math.floor(index / area);
    const value = latents[index] ?? 0;
    out[index] = mean && deviation ? ((value - (mean[channel] ?? 0)) * scaling) / (deviation[channel] ?? 1) : (value - (config.shift_factor ?? 0)) * scaling;
  }
  return out;
}

/** Runs a graph with one four-dimensional float input on planes, batch 1. Throws 'shape-mismatch' when the result is no planes. */
export async function runPlanes(session: GraphSession, planes: Planes): Promise<Planes> {
  const [port] = session.inputs;
  const [output] = session.outputs;
  if (port === undefined || output === undefined)
    throw new FrescoError('shape-mismatch', { what: 'graph', expected: 'one input and one output', actual: 'none' });
  const results = await session.run({ [port.name]: tensorAs(port.type, planes.data, [1, planes.channels, planes.height, planes.width]) }, [output.name]);
  const result = results[output.name];
  const [batch, channels, height, width] = result?.dims ?? [];
  if (result === undefined || batch !== 1 || channels === undefined || height === undefined || width === undefined) {
    throw new FrescoError('shape-mismatch', {
      what: `output ${output.name}`,
      expected: '[1, channels, height, width]',
      actual: `[${result?.dims.join(', ') ?? ''}]`,
    });
  }
  return { data: toFloat32(result), channels, height, width };
}

/**
 * Pictures to latents and back, one at a time (batched half-precision decoding misbehaves), in tiles above 1,024 pixels a side or
 * when memory runs out.
 */
export class VaeCodec {
  readonly #files: ImageModelFiles;
  readonly #shelf: GraphShelf;
  readonly #logger: Logger;

  constructor(files: ImageModelFiles, shelf: GraphShelf, logger: Logger) {
    this.#files = files;
    this.#shelf = shelf;
    this.#logger = logger;
  }

  /** Latents [channels, height, width] of the sampler to planes [3, height·scale, width·scale] in [−1, 1]. Throws 'not-a-number'. */
  async decode(
    latents: Float32Array,
    size: { readonly height: number; readonly width: number },
    options: { readonly isShifted: boolean } = { isShifted: true },
  ): Promise<Planes> {
    const { vaeDecoder, latentChannels, vaeScale } = this.#files;
    const config = options.isShifted ? vaeDecoder.config : { ...vaeDecoder.config, shift_factor: 0 };
    const input = { data: fromSampler(latents, config, latentChannels), channels: latentChannels, ...size };
    const planes = await this.#inPieces(vaeDecoder.graph, input, { tile: tileCells, overlap: overlapCells, whole: wholeCells, scale: vaeScale });
    // infinities are clamped later, but a NaN would be drawn as black
    for (const value of planes.data) if (Number.isNaN(value)) throw new FrescoError('not-a-number', { where: `the output of ${vaeDecoder.graph.file}` });
    return planes;
  }

  /**
   * Planes [3, height, width] in [−1, 1] to the sampler's latents: a sample of the encoder's distribution drawn with `generator`,
   * or the encoder's output itself where it gives no distribution. Throws 'model-unsupported' without an encoder.
   */
  async encode(planes: Planes, generator: TorchGenerator): Promise<Float32Array> {
    const { vaeEncoder, latentChannels, vaeScale } = this.#files;
    if (vaeEncoder === undefined)
      throw new FrescoError('model-unsupported', { model: this.#files.model, problem: 'it has no vae_encoder, so it cannot start from a picture' });
    const pieces = { tile: tileCells * vaeScale, overlap: overlapCells * vaeScale, whole: wholeCells * vaeScale, scale: 1 / vaeScale };
    const encoded = await this.#inPieces(vaeEncoder.graph, planes, pieces);
    const count = latentChannels * encoded.height * encoded.width;
    const sample = encoded.channels === 2 * latentChannels ? drawn(encoded.data, generator.normal(count)) : encoded.data;
    if (sample.length !== count) {
      throw new FrescoError('shape-mismatch', {
        what: `output of ${vaeEncoder.graph.file}`,
        expected: `${latentChannels} or ${2 * latentChannels} channels`,
        actual: `${encoded.channels}`,
      });
    }
    return toSampler(sample, vaeEncoder.config, latentChannels);
  }

  async #inPieces(
    graph: GraphFile,
    planes: Planes,
    pieces: { readonly tile: number; readonly overlap: number; readonly whole: number; readonly scale: number },
  ): Promise<Planes> {
    const session = await this.#shelf.open(graph);
    const run = (tile: Planes): Promise<Planes> => runPlanes(session, tile);
    if (Math.max(planes.height, planes.width) <= pieces.whole) {
      try {
        return await run(planes);
      } catch (error) {
        if (!FrescoError.is(error, 'out-of-memory') || Math.max(planes.height, planes.width) <= pieces.tile) throw error;
        this.#logger.warn({ graph: graph.file, width: planes.width, height: planes.height }, 'memory ran out; the picture is done in tiles');
      }
    }
    return runTiled(planes, { ...pieces, run });
  }
}

/** mean + exp(½·clamp(logvar, −30, 20))·noise, from mean ‖ logvar. Source: diffusers DiagonalGaussianDistribution. */
function drawn(moments: Float32Array, noise: Float32Array): Float32Array {
  const out = new Float32Array(noise.length);
  for (let index = 0; index < out.length; index += 1) {
    const logVariance = Math.min(20, Math.max(-30, moments[noise.length + index] ?? 0));
    out[index] = (moments[index] ?? 0) + Math.fround(Math.exp(0.5 * logVariance)) * (noise[index] ?? 0);
  }
  return out;
}
