import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FrescoError } from '../../../fresco-error.ts';
import { fromHalf } from '../../runtime/tensor.ts';
import { type LoraTarget, parseLoraKey } from './lora-names.ts';

/** One low-rank change: W becomes W + weight·(alpha/rank)·up·down. Row-major float32. */
export interface LoraModule {
  readonly target: LoraTarget;
  /** Path of the changed layer with underscores for dots. */
  readonly module: string;
  readonly rank: number;
  readonly alpha: number;
  /** [out, rank]. */
  readonly up: Float32Array;
  readonly outputs: number;
  /** [rank, inputs], a convolution's kernel flattened into inputs. */
  readonly down: Float32Array;
  readonly inputs: number;
}

const maxFileBytes = 4 * 1024 ** 3;
const maxHeaderBytes = 16 * 1024 * 1024;
const entrySchema = z.object({ dtype: z.string(), shape: z.array(z.int().min(0)), data_offsets: z.tuple([z.int().min(0), z.int().min(0)]) });
const headerSchema = z.record(z.string(), z.unknown());

interface Weight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The low-rank changes of a safetensors file `NAME.safetensors` in `folder`. Throws 'lora-unfit' naming what is wrong with it. */
export async function readLoraFile(folder: string, name: string): Promise<readonly LoraModule[]> {
  const unfit = (problem: string, cause?: unknown): FrescoError => new FrescoError('lora-unfit', { lora: name, problem }, { cause });
  if (!/^[\w.\- ]+$/.test(name) || name.startsWith('.')) throw unfit('its name may hold letters, digits, dot, dash, underscore and space');
  const path = join(folder, name.endsWith('.safetensors') ? name : `${name}.safetensors`);
  let bytes: Buffer;
  try {
    const { size } = await stat(path);
    if (size > maxFileBytes) throw unfit(`it has ${size} bytes; the limit is ${maxFileBytes}`);
    bytes = await readFile(path);
  } catch (error) {
    throw FrescoError.is(error, 'lora-unfit') ? error : unfit('there is no such file in the folder for LoRA files', error);
  }
  return modulesOf(weightsOf(bytes, unfit), unfit);
}

type Unfit = (problem: string, cause?: unknown) => FrescoError;

function weightsOf(bytes: Buffer, unfit: Unfit): ReadonlyMap<string, Weight> {
  if (bytes.length < 10) throw unfit('it is cut off');
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  if (headerBytes > maxHeaderBytes || headerBytes + 8 > bytes.length) throw unfit('it is cut off or not a safetensors file');
  let header: Record<string, unknown>;
  try {
    header = headerSchema.parse(JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)));
  } catch (error) {
    throw unfit('its header is damaged', error);
  }
  const weights = new Map<string, Weight>();
  for (const [key, value] of Object.entries(header)) {
    if (key === '__metadata__') continue;
    const entry = entrySchema.safeParse(value);
    if (!entry.success) throw unfit(`its entry ${key.slice(0, 100)} is damaged`, entry.error);
    const [start, end] = entry.data.data_offsets;
    const count = entry.data.shape.reduce((product, size) => product * size, 1);
    const width = entry.data.dtype === 'F32' ? 4 : entry.data.dtype === 'F16' || entry.data.dtype === 'BF16' ? 2 : 0;
    if (width === 0) throw unfit(`it holds ${entry.data.dtype.slice(0, 20)} values; F32, F16 and BF16 are known`);
    if (end - start !== count * width || 8 + headerBytes + end > bytes.length) throw unfit('it is cut off');
    weights.set(key, { shape: entry.data.shape, values: floats(bytes.subarray(8 + headerBytes + start, 8 + headerBytes + end), entry.data.dtype) });
  }
  return weights;
}

function floats(bytes: Buffer, dtype: string): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dtype === 'F32') return Float32Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(index * 4, true));
  const words = Uint16Array.from({ length: bytes.length / 2 }, (_, index) => view.getUint16(index * 2, true));
  if (dtype === 'F16') return Float32Array.from(words, fromHalf);
  return new Float32Array(Uint32Array.from(words, (word) => word * 65_536).buffer); // bfloat16 is float32's upper half
}

function modulesOf(weights: ReadonlyMap<string, Weight>, unfit: Unfit): readonly LoraModule[] {
  const parts = new Map<string, { target: LoraTarget; module: string; up?: Weight; down?: Weight; alpha?: number }>();
  for (const [key, weight] of weights) {
    const parsed = parseLoraKey(key);
    if (parsed === undefined) throw unfit(`its entry ${key.slice(0, 120)} is of a kind that is not known here (LoHa, LoKr, DoRA and biases are not)`);
    const id = `${parsed.target}:${parsed.module}`;
    const part = parts.get(id) ?? { target: parsed.target, module: parsed.module };
    if (parsed.part === 'alpha') part.alpha = weight.values[0] ?? 0;
    else part[parsed.part] = weight;
    parts.set(id, part);
  }
  const modules: LoraModule[] = [];
  for (const { target, module, up, down, alpha } of parts.values()) {
    const rank = down?.shape[0] ?? 0;
    const outputs = up?.shape[0] ?? 0;
    if (up === undefined || down === undefined || rank === 0 || outputs === 0 || up.values.length !== outputs * rank) {
      throw unfit(`the two halves of ${module.slice(0, 120)} do not fit together`);
    }
    modules.push({ target, module, rank, alpha: alpha ?? rank, up: up.values, outputs, down: down.values, inputs: down.values.length / rank });
  }
  if (modules.length === 0) throw unfit('it changes nothing');
  return modules;
}
