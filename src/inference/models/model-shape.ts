import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { ModelKind } from '../contract.ts';

export interface FoundFile {
  /** Relative, with forward slashes. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** Model folders are shallow; deeper ones are somebody's disk. */
const deepest = 4;

/** All files of a folder with their sizes; links are followed, hidden names are left out. */
export async function listFiles(folder: string, under = '', depth = 0): Promise<readonly FoundFile[]> {
  const names = (await readdir(join(folder, under)).catch(() => [])).filter((name) => !name.startsWith('.')).sort();
  const found = await Promise.all(
    names.map(async (name) => {
      const path = posix.join(under, name);
      const stats = await stat(join(folder, path)).catch(() => undefined);
      if (stats?.isDirectory() === true) return depth < deepest ? listFiles(folder, path, depth + 1) : [];
      return stats === undefined ? [] : [{ path, sizeBytes: stats.size }];
    }),
  );
  return found.flat();
}

/** What a folder of unknown origin holds, told from its names and its config's model type; undefined for no model. */
export function kindOfFolder(folder: string): ModelKind | undefined {
  const names = new Set(entriesOf(folder).map(({ name }) => name));
  if (names.has('model_index.json')) return 'image';
  if (names.has('genai_config.json')) return 'text';
  const graphs = [...names].some((name) => name.endsWith('.onnx')) || entriesOf(join(folder, 'onnx')).some(({ name }) => name.endsWith('.onnx'));
  if (!graphs) return undefined;
  if (names.has('tokenizer.json')) return 'text';
  const type = names.has('config.json') ? modelType(join(folder, 'config.json')) : undefined;
  return type === undefined || /sr|gan|upscal/i.test(type) ? 'upscaler' : 'text';
}

/** True for a folder whose name can be read; false for a file or nothing. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

export function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function modelType(configFile: string): string | undefined {
  try {
    const config: unknown = JSON.parse(readFileSync(configFile, 'utf8'));
    return typeof config === 'object' && config !== null && 'model_type' in config && typeof config.model_type === 'string' ? config.model_type : undefined;
  } catch {
    return undefined;
  }
}

/** Weights in memory beside their files: packed copies and the arena (facts measured on ONNX Runtime 1.30: 1.1 to 1.3). */
const residentFactor = 1.2;
/** Room for the KV cache of a text model, and for the activations of a picture. */
const workBytes = { text: 64 * 2 ** 20, image: 128 * 2 ** 20, upscaler: 256 * 2 ** 20 } as const satisfies Record<ModelKind, number>;
/** Of several precisions side by side one is opened; small and exact ones first, as the text engine picks. */
const precisions = ['_q4', '_quantized', '_int8', '_uint8', '', '_q4f16', '_fp16', '_bnb4'];

/** How much memory a model will probably take, from its files. */
export function estimateMemory(kind: ModelKind, files: readonly FoundFile[]): number {
  const weights = files.filter(({ path }) => /(\.onnx|\.onnx[._]data(_\d+)?|\.data|\.pb|\.bin|\.weight)$/.test(path));
  const counted = kind === 'image' ? weights : onePrecision(weights);
  return Math.round(counted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) * residentFactor) + workBytes[kind];
}

function onePrecision(weights: readonly FoundFile[]): readonly FoundFile[] {
  for (const precision of precisions) {
    const chosen = weights.filter(({ path }) => new RegExp(`(^|/)(decoder_)?model(_merged)?${precision}\\.onnx([._]data(_\\d+)?)?$`).test(path));
    if (chosen.some(({ path }) => path.endsWith('.onnx'))) return chosen;
  }
  return weights;
}
