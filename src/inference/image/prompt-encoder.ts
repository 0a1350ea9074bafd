import { readFile } from 'node:fs/promises';
import { FrescoError } from '../../fresco-error.ts';
import type { GraphPort, GraphSession } from '../runtime/ort-session.ts';
import { type Tensor, tensorAs, toFloat32 } from '../runtime/tensor.ts';
import type { TextEncoderFiles } from './model-files.ts';
import { readOnnxGraph } from './onnx-file.ts';

/** One prompt as an encoder takes it: windows of its length, a weight for each token. */
export interface PromptWindow {
  readonly ids: readonly number[];
  readonly weights: readonly number[];
  /** False at padding. */
  readonly isReal: readonly boolean[];
}
/** One prompt as an encoder gives it. */
export interface EncodedPrompt {
  /** [tokens, width], all windows behind one another. */
  readonly hidden: Float32Array;
  readonly tokens: number;
  readonly width: number;
  /** Tokens of the first window that are not padding. */
  readonly realTokens: number;
  /** `text_embeds` or `pooler_output` of the first window, where the graph gives one. */
  readonly pooled: Float32Array | undefined;
}

/** Which layer conditions the denoiser: `last` with its norm, `inner` k layers before the last without (SDXL, SD 3), `normed` k layers before with the norm. */
export type LayerChoice = { readonly kind: 'last' } | { readonly kind: 'inner' | 'normed'; readonly back: number };

/** The text encoders of a model by slot; prompts given together are padded to the same number of windows. */
export interface PromptEncoders {
  has(slot: number): boolean;
  /** Throws 'option-invalid' for a layer the graph does not give. `length` overrides the tokens of a window (T5). */
  encode(slot: number, prompts: readonly string[], layer: LayerChoice, length?: number): Promise<readonly EncodedPrompt[]>;
}

const int = /^(int32|int64)$/;

function feedsFor(session: GraphSession, windows: readonly PromptWindow[]): Record<string, Tensor> {
  const length = windows[0]?.ids.length ?? 0;
  const dims = [windows.length, length];
  const valuesFor = (port: GraphPort): readonly number[] => {
    if (/mask/.test(port.name)) return windows.flatMap(({ isReal }) => isReal.map(Number));
    if (/token_type/.test(port.name)) return windows.flatMap(({ ids }) => ids.map(() => 0));
    if (/position/.test(port.name)) return windows.flatMap(({ ids }) => ids.map((_, index) => index));
    return windows.flatMap(({ ids }) => ids);
  };
  return Object.fromEntries(session.inputs.map((port) => [port.name, tensorAs(port.type, valuesFor(port), dims)]));
}

const layerNumber = (name: string): number => Number(/^hidden_states?\.(\d+)$/.exec(name)?.[1] ?? Number.NaN);

function hiddenOutput(session: GraphSession, layer: LayerChoice, file: string): string {
  if (layer.kind === 'last') {
    const last = session.outputs.find(({ name }) => name === 'last_hidden_state') ?? session.outputs.find(({ dims }) => dims.length === 3);
    if (last !== undefined) return last.name;
  } else {
    const numbered = session.outputs.filter(({ name }) => !Number.isNaN(layerNumber(name))).sort((a, b) => layerNumber(a.name) - layerNumber(b.name));
    const chosen = numbered.at(-1 - layer.back);
    if (chosen !== undefined) return chosen.name;
  }
  throw new FrescoError('option-invalid', {
    option: 'clip-skip',
    found: layer.kind === 'last' ? 'the last layer' : `${layer.back} layers before the last`,
    expected: `a layer that ${file} gives: ${session.outputs
      .map(({ name }) => name)
      .join(', ')
      .slice(0, 200)}`,
  });
}

function pooledOutput(session: GraphSession): string | undefined {
  return (session.outputs.find(({ name }) => name === 'text_embeds') ?? session.outputs.find(({ name }) => name === 'pooler_output'))?.name;
}

/** Runs one encoder on the windows of several prompts. Rows are run at once unless the graph fixes its batch axis. */
export async function encodeWindows(
  session: GraphSession,
  files: TextEncoderFiles,
  prompts: readonly (readonly PromptWindow[])[],
  layer: LayerChoice,
): Promise<readonly EncodedPrompt[]> {
  const hiddenName = hiddenOutput(session, layer, files.graph.file);
  const pooledName = pooledOutput(session);
  const wanted = [hiddenName, ...(pooledName === undefined ? [] : [pooledName])];
  const windows = prompts.flat();
  const batchAxis = session.inputs.find(({ type }) => int.test(type))?.dims[0];
  const atOnce = typeof batchAxis === 'number' && batchAxis > 0 ? batchAxis : windows.length;
  const hidden: Float32Array[] = [];
  const pooled: Float32Array[] = [];
  for (let start = 0; start < windows.length; start += atOnce) {
    const group = windows.slice(start, start + atOnce);
    const outputs = await session.run(feedsFor(session, group), wanted);
    split(outputs[hiddenName], group.length, hidden);
    if (pooledName !== undefined) split(outputs[pooledName], group.length, pooled);
  }
  const norm = layer.kind === 'normed' ? await finalNorm(files) : undefined;
  let next = 0;
  return prompts.map((own) => {
    const first = next;
    next += own.length;
    return joined(own, hidden.slice(first, next), pooled[first], norm);
  });
}

function split(tensor: Tensor | undefined, rows: number, into: Float32Array[]): void {
  if (tensor === undefined) throw new FrescoError('shape-mismatch', { what: 'text encoder', expected: 'an output', actual: 'none' });
  const values = toFloat32(tensor);
  const length = values.length / rows;
  for (let index = 0; index < rows; index += 1) into.push(values.slice(index * length, (index + 1) * length));
}

function joined(
  windows: readonly PromptWindow[],
  hidden: readonly Float32Array[],
  pooled: Float32Array | undefined,
  norm: LayerNorm | undefined,
): EncodedPrompt {
  const tokens = windows.reduce((sum, { ids }) => sum + ids.length, 0);
  const all = new Float32Array(hidden.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of hidden) {
    all.set(part, offset);
    offset += part.length;
  }
  const width = all.length / tokens;
  if (norm !== undefined) normalise(all, width, norm);
  weigh(all, width, windows);
  return { hidden: all, tokens, width, realTokens: windows[0]?.isReal.filter(Boolean).length ?? tokens, pooled };
}

/** Multiplies each token by its weight, in place, then brings the mean of each window back to what it was. Source: AUTOMATIC1111's web UI, sd_hijack_clip.py. */
function weigh(hidden: Float32Array, width: number, windows: readonly PromptWindow[]): void {
  let offset = 0;
  for (const { weights } of windows) {
    const part = hidden.subarray(offset, offset + weights.length * width);
    offset += part.length;
    if (weights.every((weight) => weight === 1)) continue;
    const before = meanOf(part);
    for (let index = 0; index < part.length; index += 1) part[index] = (part[index] ?? 0) * (weights[Math.floor(index / width)] ?? 1);
    const after = meanOf(part);
    if (after === 0 || !Number.isFinite(before / after)) continue;
    for (let index = 0; index < part.length; index += 1) part[index] = ((part[index] ?? 0) * before) / after;
  }
}

const meanOf = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

interface LayerNorm {
  readonly gain: Float32Array;
  readonly bias: Float32Array;
  readonly epsilon: number;
}

/** The encoder's final layer norm, read from its weights: a hidden layer before the last comes without it. */
async function finalNorm(files: TextEncoderFiles): Promise<LayerNorm> {
  const graph = readOnnxGraph(await readFile(files.graph.path));
  const weightOf = (ending: string): Float32Array | undefined => {
    const found = [...graph.initialisers.values()].find(({ name, type }) => name.endsWith(ending) && type === 'float32');
    return found?.raw === undefined ? undefined : new Float32Array(new Uint8Array(found.raw).buffer);
  };
  const gain = weightOf('final_layer_norm.weight');
  const bias = weightOf('final_layer_norm.bias');
  if (gain === undefined || bias === undefined) {
    throw new FrescoError('option-invalid', {
      option: 'clip-skip',
      found: 'a layer before the last',
      expected: `none: the final norm of ${files.graph.file} is not among its weights`,
    });
  }
  return { gain, bias, epsilon: files.config.layer_norm_eps ?? 1e-5 };
}

/** Layer norm over rows of `width`, in place. */
function normalise(values: Float32Array, width: number, { gain, bias, epsilon }: LayerNorm): void {
  for (let start = 0; start < values.length; start += width) {
    const part = values.subarray(start, start + width);
    const mean = meanOf(part);
    const variance = part.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    const factor = 1 / Math.sqrt(variance + epsilon);
    for (let index = 0; index < width; index += 1) part[index] = ((part[index] ?? 0) - mean) * factor * (gain[index] ?? 1) + (bias[index] ?? 0);
  }
}
