import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FrescoError } from '../../fresco-error.ts';
import type { ModelFolder } from '../contract.ts';
import type { GraphPort } from '../runtime/ort-session.ts';
import {
  type DenoiserConfig,
  denoiserConfigSchema,
  type FileOwner,
  type ModelIndex,
  modelIndexSchema,
  type OwnConfig,
  ownConfigSchema,
  readOptionalJson,
  readRequiredJson,
  type TextEncoderConfig,
  textEncoderConfigSchema,
  type VaeConfig,
  vaeConfigSchema,
} from './model-config.ts';
import { readGraphPorts } from './onnx-file.ts';
import { type SchedulerFile, schedulerFileSchema } from './scheduler-config.ts';

/** One graph of a model: its folder, its file relative to the model and on the disk, and what it weighs with its external data. */
export interface GraphFile {
  readonly component: string;
  readonly file: string;
  readonly path: string;
  readonly sizeBytes: number;
}
export interface TextEncoderFiles {
  /** 1, 2 or 3, as in `text_encoder`, `text_encoder_2`, `text_encoder_3`. */
  readonly slot: number;
  readonly graph: GraphFile;
  readonly config: TextEncoderConfig;
  readonly tokenizerFolder: string;
}
/** Everything about an image model that its files tell without a session. */
export interface ImageModelFiles extends FileOwner {
  /** The pipeline class without an exporter's prefix. */
  readonly className: string;
  readonly index: ModelIndex;
  readonly scheduler: SchedulerFile;
  readonly denoiser: { readonly graph: GraphFile; readonly config: DenoiserConfig; readonly inputs: readonly GraphPort[] };
  readonly textEncoders: readonly TextEncoderFiles[];
  readonly vaeDecoder: { readonly graph: GraphFile; readonly config: VaeConfig };
  readonly vaeEncoder: { readonly graph: GraphFile; readonly config: VaeConfig } | undefined;
  readonly safetyChecker: GraphFile | undefined;
  /** A tiny autoencoder's decoder beside the real one, for previews. */
  readonly previewDecoder: { readonly graph: GraphFile; readonly config: VaeConfig } | undefined;
  readonly own: OwnConfig;
  readonly latentChannels: number;
  /** Pixels a latent cell stands for, a side. */
  readonly vaeScale: number;
  /** Channels that the denoiser is fed. */
  readonly inputChannels: number;
}

const broken = (owner: FileOwner, file: string, problem: string, cause?: unknown): FrescoError =>
  new FrescoError('model-broken', { model: owner.model, file, problem }, { cause });

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    return []; // absent or not a folder: the caller says what is missing
  }
}

/** The graph in a component's folder: model.onnx, else the only other .onnx file; undefined when the folder has none. */
async function findGraph(owner: FileOwner, component: string): Promise<GraphFile | undefined> {
  const names = await namesIn(join(owner.folder, component));
  const graphs = names.filter((name) => name.endsWith('.onnx'));
  const name = graphs.find((candidate) => candidate === 'model.onnx') ?? graphs[0];
  if (name === undefined) return undefined;
  const beside = names.filter(
    (candidate) => candidate === name || (/(\.pb|\.data|_data(_\d+)?|\.bin|\.weight)$/.test(candidate) && !candidate.endsWith('.onnx')),
  );
  const sizes = await Promise.all(beside.map(async (file) => (await stat(join(owner.folder, component, file))).size));
  return { component, file: `${component}/${name}`, path: join(owner.folder, component, name), sizeBytes: sizes.reduce((sum, size) => sum + size, 0) };
}

async function requireGraph(owner: FileOwner, component: string): Promise<GraphFile> {
  const graph = await findGraph(owner, component);
  if (graph === undefined) throw broken(owner, `${component}/model.onnx`, 'it is missing');
  if (graph.sizeBytes === 0) throw broken(owner, graph.file, 'it is empty');
  return graph;
}

/** The ports of a graph from its header. Throws 'model-broken' naming the file when it is cut off or no ONNX file. */
export async function portsOf(owner: FileOwner, graph: GraphFile): Promise<{ readonly inputs: readonly GraphPort[]; readonly outputs: readonly GraphPort[] }> {
  try {
    const ports = await readGraphPorts(graph.path);
    if (ports.inputs.length > 0 && ports.outputs.length > 0) return ports;
  } catch (error) {
    throw broken(owner, graph.file, 'it is cut off or not an ONNX file', error);
  }
  throw broken(owner, graph.file, 'it is not an ONNX file: it has no inputs and outputs');
}

const isAbsent = (component: unknown): boolean => Array.isArray(component) && component[0] === null && component[1] === null;

async function textEncodersOf(owner: FileOwner, index: ModelIndex): Promise<readonly TextEncoderFiles[]> {
  const found: TextEncoderFiles[] = [];
  for (const [component, listed, slot] of [
    ['text_encoder', index.text_encoder, 1],
    ['text_encoder_2', index.text_encoder_2, 2],
    ['text_encoder_3', index.text_encoder_3, 3],
  ] as const) {
    if (isAbsent(listed)) continue;
    const graph = await findGraph(owner, component);
    if (graph === undefined) {
      if (listed !== undefined && slot !== 3) throw broken(owner, `${component}/model.onnx`, 'it is missing'); // the third, T5, is often left out for its size
      continue;
    }
    if (graph.sizeBytes === 0) throw broken(owner, graph.file, 'it is empty');
    const tokenizerFolder = join(owner.folder, slot === 1 ? 'tokenizer' : `tokenizer_${slot}`);
    if ((await namesIn(tokenizerFolder)).length === 0) throw broken(owner, slot === 1 ? 'tokenizer' : `tokenizer_${slot}`, 'it is missing');
    const config = (await readOptionalJson(owner, `${component}/config.json`, textEncoderConfigSchema)) ?? {};
    found.push({ slot, graph, config, tokenizerFolder });
  }
  if (found.length === 0) throw broken(owner, 'text_encoder/model.onnx', 'it is missing');
  return found;
}

async function optionalVae(owner: FileOwner, component: string, fallback: VaeConfig): Promise<ImageModelFiles['vaeEncoder']> {
  const graph = await findGraph(owner, component);
  if (graph === undefined) return undefined;
  return { graph, config: (await readOptionalJson(owner, `${component}/config.json`, vaeConfigSchema)) ?? fallback };
}

async function previewDecoderOf(owner: FileOwner): Promise<ImageModelFiles['previewDecoder']> {
  for (const component of ['taesd_decoder', 'vae_decoder_tiny', 'taesd']) {
    const found = await optionalVae(owner, component, { _class_name: 'AutoencoderTiny' });
    if (found !== undefined) return found;
  }
  return undefined;
}

function scaleOf(config: VaeConfig): number {
  const tiny = config['encoder_block_out_channels'];
  const blocks = config.block_out_channels?.length ?? (Array.isArray(tiny) ? tiny.length : 4);
  return 2 ** (blocks - 1);
}

const fixedSize = (port: GraphPort | undefined, axis: number): number | undefined => {
  const size = port?.dims[axis];
  return typeof size === 'number' && size > 0 ? size : undefined;
};

/** The input of a denoiser that takes the latents. */
export function latentInputOf(inputs: readonly GraphPort[]): GraphPort | undefined {
  return inputs.find(({ name }) => name === 'sample' || name === 'hidden_states' || name === 'latent_sample') ?? inputs.find(({ dims }) => dims.length === 4);
}

/**
 * Reads an image model's folder: configs and graph headers, no weights. Cheap enough to do before a job is queued.
 * Throws 'model-broken' naming the file that is missing or wrong.
 */
export async function readImageModel(model: ModelFolder): Promise<ImageModelFiles> {
  const owner: FileOwner = { model: model.id, folder: model.folder };
  const index = await readRequiredJson(owner, 'model_index.json', modelIndexSchema);
  const scheduler = await readRequiredJson(owner, 'scheduler/scheduler_config.json', schedulerFileSchema);
  const component = (await findGraph(owner, 'transformer')) === undefined ? 'unet' : 'transformer';
  const denoiserGraph = await requireGraph(owner, component);
  const denoiserConfig = (await readOptionalJson(owner, `${component}/config.json`, denoiserConfigSchema)) ?? {};
  const { inputs } = await portsOf(owner, denoiserGraph);
  const latentInput = latentInputOf(inputs);
  if (latentInput === undefined) throw broken(owner, denoiserGraph.file, 'it has no input for latents');
  const vaeGraph = await requireGraph(owner, 'vae_decoder');
  const vaeConfig = (await readOptionalJson(owner, 'vae_decoder/config.json', vaeConfigSchema)) ?? {};
  const { inputs: vaeInputs } = await portsOf(owner, vaeGraph);
  const latentChannels = vaeConfig.latent_channels ?? fixedSize(vaeInputs[0], 1) ?? denoiserConfig.out_channels ?? 4;
  return {
    ...owner,
    className: index._class_name.replace(/^(Onnx|ORT)/, '').replace('OnnxPipeline', 'Pipeline'),
    index,
    scheduler,
    denoiser: { graph: denoiserGraph, config: denoiserConfig, inputs },
    textEncoders: await textEncodersOf(owner, index),
    vaeDecoder: { graph: vaeGraph, config: vaeConfig },
    vaeEncoder: await optionalVae(owner, 'vae_encoder', vaeConfig),
    safetyChecker: await findGraph(owner, 'safety_checker'),
    previewDecoder: await previewDecoderOf(owner),
    own: (await readOptionalJson(owner, 'fresco.json', ownConfigSchema)) ?? {},
    latentChannels,
    vaeScale: scaleOf(vaeConfig),
    inputChannels: denoiserConfig.in_channels ?? (latentInput.dims.length === 4 ? fixedSize(latentInput, 1) : undefined) ?? latentChannels,
  };
}
