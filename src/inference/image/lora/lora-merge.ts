import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FrescoError } from '../../../fresco-error.ts';
import { fromHalf, toHalf } from '../../runtime/tensor.ts';
import type { GraphSource } from '../graph-shelf.ts';
import type { GraphFile } from '../model-files.ts';
import { type GraphNode, type Initialiser, type OnnxGraph, readOnnxGraph } from '../onnx-file.ts';
import { replaceInitialisers } from '../onnx-rewrite.ts';
import type { LoraModule } from './lora-file.ts';

/** Low-rank changes for one graph, each with how strongly it counts. */
export interface LoraChange {
  readonly lora: string;
  readonly weight: number;
  readonly module: LoraModule;
}

/** A weight of a graph that belongs to a layer, and whether it lies [inputs, outputs] instead of [outputs, inputs]. */
interface LayerWeight {
  readonly initialiser: Initialiser;
  readonly isTransposed: boolean;
}

const mergedName = 'fresco-lora.bin';

/**
 * Layers by path with underscores for dots. torch's exporter folds a linear layer's transposed weight into a constant with a number for
 * a name, so the path comes from the node that uses it: `/down_blocks.0/attentions.0/…/to_q/MatMul`.
 */
export function layerWeights(graph: OnnxGraph): ReadonlyMap<string, LayerWeight> {
  const layers = new Map<string, LayerWeight>();
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  for (const node of graph.nodes) {
    if (node.op !== 'MatMul' && node.op !== 'Gemm' && node.op !== 'Conv') continue;
    const found = weightOf(node, graph, producers);
    if (found === undefined) continue;
    const path = node.name.replace(/^\//, '').split('/').slice(0, -1).join('_').replaceAll('.', '_');
    if (path !== '') layers.set(path, found);
    if (found.initialiser.name.endsWith('.weight')) layers.set(found.initialiser.name.slice(0, -'.weight'.length).replaceAll('.', '_'), found);
  }
  return layers;
}

function weightOf(node: GraphNode, graph: OnnxGraph, producers: ReadonlyMap<string, GraphNode>): LayerWeight | undefined {
  const name = node.inputs[1] ?? '';
  const direct = graph.initialisers.get(name);
  if (direct !== undefined) return { initialiser: direct, isTransposed: node.op === 'MatMul' || (node.op === 'Gemm' && !node.transposesB) };
  const producer = producers.get(name);
  if (producer?.op !== 'Transpose') return undefined;
  const behind = graph.initialisers.get(producer.inputs[0] ?? '');
  return behind === undefined ? undefined : { initialiser: behind, isTransposed: false };
}

function findLayer(layers: ReadonlyMap<string, LayerWeight>, module: string): LayerWeight | undefined {
  const exact = layers.get(module);
  if (exact !== undefined) return exact;
  for (const [path, weight] of layers) if (path.endsWith(`_${module}`) || module.endsWith(`_${path}`)) return weight; // a wrapper's prefix more or less
  return undefined;
}

/** Merges changes into a graph's weights. Throws 'lora-unfit' naming the layer when the graph has none of that name or shape, or holds it quantised. */
export async function mergedSource(graph: GraphFile, changes: readonly LoraChange[], workFolder: string): Promise<GraphSource> {
  const source = readOnnxGraph(await readFile(graph.path));
  const changed = await mergeWeights(source, graph, changes);
  const { graph: bytes, data } = replaceInitialisers(source, changed, mergedName);
  const external = new Set([...source.initialisers.values()].flatMap(({ external: place }) => (place === undefined ? [] : [place.file])));
  if (external.size === 0) return { bytes, options: { externalData: [{ path: mergedName, data: new Uint8Array(Buffer.concat(data)) }] } };
  return inFolder(graph, { bytes, data, external: [...external] }, workFolder);
}

/** The runtime takes either all external files from memory or none, so a graph that has its own gets a folder with both. */
async function inFolder(
  graph: GraphFile,
  merged: { readonly bytes: Uint8Array; readonly data: readonly Uint8Array[]; readonly external: readonly string[] },
  workFolder: string,
): Promise<GraphSource> {
  const folder = join(workFolder, `merged-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  for (const file of merged.external) {
    const [from, to] = [join(dirname(graph.path), file), join(folder, file)];
    await mkdir(dirname(to), { recursive: true });
    await link(from, to).catch(() => copyFile(from, to)); // another file system: the runtime refuses symbolic links
  }
  const out = await open(join(folder, mergedName), 'w');
  try {
    for (const part of merged.data) await out.write(part);
  } finally {
    await out.close();
  }
  const path = join(folder, 'model.onnx');
  await writeFile(path, merged.bytes);
  return { path, options: {}, discard: () => rm(folder, { recursive: true, force: true }) };
}

async function mergeWeights(source: OnnxGraph, graph: GraphFile, changes: readonly LoraChange[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const layers = layerWeights(source);
  const values = new Map<string, { readonly weight: LayerWeight; readonly floats: Float32Array }>();
  for (const change of changes) {
    const unfit = (problem: string): FrescoError => new FrescoError('lora-unfit', { lora: change.lora, problem });
    const weight = findLayer(layers, change.module.module);
    if (weight === undefined)
      throw unfit(`${graph.file} has no layer ${change.module.module.slice(0, 120)}: it was made for another family, or the weights are quantised`);
    const { initialiser } = weight;
    const held = values.get(initialiser.name) ?? { weight, floats: await floatsOf(initialiser, graph, unfit) };
    values.set(initialiser.name, held);
    const { outputs, inputs, module } = change.module;
    const [first = 0, ...others] = initialiser.dims;
    const second = others.reduce((product, size) => product * size, 1);
    const [rows, columns] = weight.isTransposed ? [second, first] : [first, second];
    if (rows !== outputs || columns !== inputs) {
      throw unfit(`${module.slice(0, 120)} changes ${outputs} × ${inputs} weights and ${graph.file} has ${rows} × ${columns}: it was made for another family`);
    }
    addProduct(held.floats, change, weight.isTransposed);
  }
  return new Map([...values].map(([name, { weight, floats }]) => [name, bytesOf(floats, weight.initialiser.type)]));
}

/** Adds weight·(alpha/rank)·up·down to a layer's weights, in place. */
function addProduct(target: Float32Array, { module, weight }: LoraChange, isTransposed: boolean): void {
  const { up, down, rank, outputs, inputs, alpha } = module;
  const scale = (weight * alpha) / rank;
  const rowSums = new Float64Array(inputs);
  for (let output = 0; output < outputs; output += 1) {
    rowSums.fill(0);
    for (let inner = 0; inner < rank; inner += 1) {
      const factor = (up[output * rank + inner] ?? 0) * scale;
      for (let input = 0; input < inputs; input += 1) rowSums[input] = (rowSums[input] ?? 0) + factor * (down[inner * inputs + input] ?? 0);
    }
    for (let input = 0; input < inputs; input += 1) {
      const index = isTransposed ? input * outputs + output : output * inputs + input;
      target[index] = (target[index] ?? 0) + (rowSums[input] ?? 0);
    }
  }
}

async function floatsOf(initialiser: Initialiser, graph: GraphFile, unfit: (problem: string) => FrescoError): Promise<Float32Array> {
  if (initialiser.type !== 'float32' && initialiser.type !== 'float16') {
    throw unfit(`${graph.file} holds ${initialiser.name.slice(0, 80)} as ${initialiser.type}; only float32 and float16 weights can be merged into`);
  }
  const raw = initialiser.raw ?? (await externalBytes(initialiser, graph));
  const copy = new Uint8Array(raw).buffer; // a copy of its own, aligned (a Buffer's slice would be a view)
  return initialiser.type === 'float32' ? new Float32Array(copy) : Float32Array.from(new Uint16Array(copy), fromHalf);
}

async function externalBytes({ external, dims, type }: Initialiser, graph: GraphFile): Promise<Uint8Array> {
  if (external === undefined) return new Uint8Array(0);
  const length = external.length ?? dims.reduce((product, size) => product * size, type === 'float16' ? 2 : 4);
  const handle = await open(join(dirname(graph.path), external.file), 'r');
  try {
    const bytes = new Uint8Array(length);
    await handle.read(bytes, 0, length, external.offset);
    return bytes;
  } finally {
    await handle.close();
  }
}

const bytesOf = (floats: Float32Array, type: string): Uint8Array =>
  type === 'float32' ? new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength) : new Uint8Array(Uint16Array.from(floats, toHalf).buffer);
