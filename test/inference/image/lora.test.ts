import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GraphShelf } from '../../../src/inference/image/graph-shelf.ts';
import { type LoraModule, readLoraFile } from '../../../src/inference/image/lora/lora-file.ts';
import { layerWeights, mergedSource } from '../../../src/inference/image/lora/lora-merge.ts';
import { diffusersName, parseLoraKey } from '../../../src/inference/image/lora/lora-names.ts';
import type { GraphFile } from '../../../src/inference/image/model-files.ts';
import { readGraphPorts, readOnnxGraph } from '../../../src/inference/image/onnx-file.ts';
import { splitLoras } from '../../../src/inference/image/prompt-loras.ts';
import { OrtRuntime } from '../../../src/inference/runtime/ort-session.ts';
import { float32Tensor, toFloat32 } from '../../../src/inference/runtime/tensor.ts';
import { silentLogger } from '../../../src/logger.ts';
import { failureOf } from '../../contracts/image-engine-contract.ts';
import { node, onnxFile, port, weight } from './onnx-graphs.ts';

const runtime = new OrtRuntime({ device: 'cpu', threads: 1 });
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fresco-lora-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** y = x·A + x·Bᵀ with A [3, 2] as a folded MatMul, B [2, 3] as a Gemm. */
const first = Float32Array.of(1, 2, 3, 4, 5, 6);
const second = Float32Array.of(10, 20, 30, 40, 50, 60);
async function twoLayers(isExternal: boolean): Promise<GraphFile> {
  const place = await mkdtemp(join(folder, 'graph-'));
  const external = (offset: number): { file: string; offset: number } | undefined => (isExternal ? { file: 'model.onnx_data', offset } : undefined);
  const file = onnxFile({
    nodes: [
      node('MatMul', ['x', 'onnx::MatMul_7'], ['a'], { name: '/down_blocks.0/attn1/to_q/MatMul' }),
      node('Gemm', ['x', 'up.proj.weight'], ['b'], { name: '/up/proj/Gemm', attributes: [{ name: 'transB', int: 1 }] }),
      node('Add', ['a', 'b'], ['y'], { name: '/Add' }),
    ],
    inputs: [port('x', ['batch', 3])],
    outputs: [port('y', ['batch', 2])],
    weights: [weight('onnx::MatMul_7', [3, 2], first, external(0)), weight('up.proj.weight', [2, 3], second, external(24))],
  });
  await writeFile(join(place, 'model.onnx'), file);
  if (isExternal) await writeFile(join(place, 'model.onnx_data'), Buffer.concat([Buffer.from(first.buffer), Buffer.from(second.buffer)]));
  return { component: 'unet', file: 'unet/model.onnx', path: join(place, 'model.onnx'), sizeBytes: 1000 };
}
const module = (name: string, outputs: number, inputs: number): LoraModule => ({
  target: 'denoiser',
  module: name,
  rank: 1,
  alpha: 0.5,
  up: Float32Array.from({ length: outputs }, (_, index) => index + 1),
  outputs,
  down: Float32Array.from({ length: inputs }, (_, index) => 10 ** index),
  inputs,
});
const inputRow = Float32Array.of(1, 1, 1);

async function outputWith(graph: GraphFile, variant?: Parameters<GraphShelf['open']>[1]): Promise<number[]> {
  await using shelf = new GraphShelf(runtime, { model: 'm', folder }, { budgetBytes: Number.POSITIVE_INFINITY, logger: silentLogger });
  const session = await shelf.open(graph, variant);
  return [...toFloat32((await session.run({ x: float32Tensor(inputRow, [1, 3]) }))['y']!)];
}

describe.each([
  ['inside the graph', false],
  ['in a file beside it', true],
])('a graph with its weights %s', (_, isExternal) => {
  it('is read: ports without weights, layers by the path of the node that uses them', async () => {
    const graph = await twoLayers(isExternal);
    expect(await readGraphPorts(graph.path)).toEqual({
      inputs: [{ name: 'x', type: 'float32', dims: ['batch', 3] }],
      outputs: [{ name: 'y', type: 'float32', dims: ['batch', 2] }],
    });
    const { readFile } = await import('node:fs/promises');
    const layers = layerWeights(readOnnxGraph(await readFile(graph.path)));
    expect([...layers].map(([path, found]) => [path, found.initialiser.dims, found.isTransposed])).toEqual([
      ['down_blocks_0_attn1_to_q', [3, 2], true],
      ['up_proj', [2, 3], false],
    ]);
  });

  it('takes merged weights: W + weight·(alpha/rank)·up·down in both orientations', async () => {
    const graph = await twoLayers(isExternal);
    expect(await outputWith(graph)).toEqual([1 + 3 + 5 + 60, 2 + 4 + 6 + 150]);
    const changes = [
      { lora: 'l', weight: 2, module: module('down_blocks_0_attn1_to_q', 2, 3) },
      { lora: 'l', weight: -1, module: module('up_proj', 2, 3) },
    ];
    const merged = await outputWith(graph, { key: 'l', source: () => mergedSource(graph, changes, join(folder, 'work')) });
    expect(merged).toEqual([69 + 111 * (2 * 0.5 - 0.5), 162 + 222 * (2 * 0.5 - 0.5)]);
    await mkdir(join(folder, 'work'), { recursive: true });
    expect(await readdir(join(folder, 'work'))).toEqual([]); // nothing is left behind
  });

  it('refuses a layer it does not have, and a layer of another shape, by name', async () => {
    const graph = await twoLayers(isExternal);
    const source = (name: string, outputs: number): Promise<unknown> =>
      mergedSource(graph, [{ lora: 'style', weight: 1, module: module(name, outputs, 3) }], folder);
    expect(await failureOf(source('mid_block_ff', 2))).toMatchObject({
      code: 'lora-unfit',
      facts: { lora: 'style', problem: expect.stringContaining('mid_block_ff') },
    });
    expect(await failureOf(source('up_proj', 4))).toMatchObject({
      code: 'lora-unfit',
      facts: { problem: expect.stringContaining('4 × 3 weights and unet/model.onnx has 2 × 3') },
    });
  });
});

/** A safetensors file of float32 entries. */
function safetensors(
  entries: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly number[]; readonly dtype?: string }>>,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { made: 'by hand' } };
  const parts: Buffer[] = [];
  let offset = 0;
  for (const [key, { shape, values, dtype = 'F32' }] of Object.entries(entries)) {
    const bytes = dtype === 'F32' ? Buffer.from(Float32Array.from(values).buffer) : Buffer.from(Uint16Array.from(values).buffer);
    header[key] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    parts.push(bytes);
    offset += bytes.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...parts]);
}

describe('a LoRA file', () => {
  it.each([
    ['kohya', 'lora_unet_up_proj.lora_up.weight', 'lora_unet_up_proj.lora_down.weight'],
    ['diffusers', 'unet.up.proj.lora_B.weight', 'unet.up.proj.lora_A.weight'],
    ['early diffusers', 'unet.up.processor.to_q_lora.up.weight', 'unet.up.processor.to_q_lora.down.weight'],
  ])('in the naming of %s is read', async (_, up, down) => {
    await writeFile(join(folder, 'one.safetensors'), safetensors({ [up]: { shape: [2, 1], values: [1, 2] }, [down]: { shape: [1, 3], values: [3, 4, 5] } }));
    const [found] = await readLoraFile(folder, 'one');
    expect(found).toMatchObject({ target: 'denoiser', rank: 1, alpha: 1, outputs: 2, inputs: 3 });
    expect([...found!.up, ...found!.down]).toEqual([1, 2, 3, 4, 5]);
  });

  it('in half precision and bfloat16 is read', async () => {
    const up = { shape: [1, 1], values: [0x3c00], dtype: 'F16' };
    const down = { shape: [1, 1], values: [0x4000], dtype: 'BF16' };
    await writeFile(join(folder, 'half.safetensors'), safetensors({ 'lora_unet_a.lora_up.weight': up, 'lora_unet_a.lora_down.weight': down }));
    expect(await readLoraFile(folder, 'half.safetensors')).toMatchObject([{ up: Float32Array.of(1), down: Float32Array.of(2) }]);
  });

  const half = { 'lora_unet_a.lora_up.weight': { shape: [1, 1], values: [1] } };
  it.each([
    ['that is not there', 'nowhere', undefined, 'no such file'],
    ['outside of the folder', '../secret', undefined, 'its name may hold'],
    ['that is cut off', 'cut', safetensors({ ...half, 'lora_unet_a.lora_down.weight': { shape: [1, 1], values: [1] } }).subarray(0, -2), 'cut off'],
    ['that is something else', 'text', Buffer.from('just some text that is long enough'), 'not a safetensors file'],
    ['with half a layer', 'half', safetensors(half), 'do not fit together'],
    ['of another method', 'loha', safetensors({ 'lora_unet_a.hada_w1_a': { shape: [1, 1], values: [1] } }), 'hada_w1_a'],
    ['with integers', 'ints', safetensors({ 'lora_unet_a.lora_up.weight': { shape: [1, 1], values: [1], dtype: 'I16' } }), 'I16'],
    ['without entries', 'none', safetensors({}), 'changes nothing'],
  ])('%s is refused with the reason', async (_, name, bytes, problem) => {
    if (bytes !== undefined) await writeFile(join(folder, `${name}.safetensors`), bytes);
    expect(await failureOf(readLoraFile(folder, name))).toMatchObject({ code: 'lora-unfit', facts: { lora: name, problem: expect.stringContaining(problem) } });
  });
});

it.each([
  ['lora_te1_text_model_encoder_layers_0_self_attn_q_proj.alpha', 'text-1', 'text_model_encoder_layers_0_self_attn_q_proj', 'alpha'],
  ['lora_te2_text_model_encoder_layers_3_mlp_fc1.lora_up.weight', 'text-2', 'text_model_encoder_layers_3_mlp_fc1', 'up'],
  ['text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer.down.weight', 'text-1', 'text_model_encoder_layers_0_self_attn_q_proj', 'down'],
  [
    'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.up.weight',
    'denoiser',
    'down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0',
    'up',
  ],
  ['transformer.transformer_blocks.0.attn.to_q.lora_A.weight', 'denoiser', 'transformer_blocks_0_attn_to_q', 'down'],
  ['unet.mid_block.attentions.0.proj_in.lora_A.default.weight', 'denoiser', 'mid_block_attentions_0_proj_in', 'down'],
  [
    'lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.lora_down.weight',
    'denoiser',
    'down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q',
    'down',
  ],
])('the entry %s belongs to its layer', (key, target, module_, part) => {
  expect(parseLoraKey(key)).toEqual({ target, module: module_, part });
});

it.each([
  ['input_blocks_3_0_op', 'down_blocks_0_downsamplers_0_conv'],
  ['input_blocks_8_1_proj_in', 'down_blocks_2_attentions_1_proj_in'],
  ['input_blocks_5_0_in_layers_2', 'down_blocks_1_resnets_1_conv1'],
  ['middle_block_1_transformer_blocks_9_ff_net_2', 'mid_block_attentions_0_transformer_blocks_9_ff_net_2'],
  ['middle_block_2_out_layers_3', 'mid_block_resnets_1_conv2'],
  ['output_blocks_2_2_conv', 'up_blocks_0_upsamplers_0_conv'],
  ['output_blocks_5_1_proj_out', 'up_blocks_1_attentions_2_proj_out'],
  ['time_embed_2', 'time_embedding_linear_2'],
  ['down_blocks_0_resnets_0_conv1', 'down_blocks_0_resnets_0_conv1'],
])("Stability's %s is %s in diffusers", (theirs, ours) => {
  expect(diffusersName(theirs)).toBe(ours);
});

it('LoRA tags are taken out of a prompt and their weights add to those asked for', () => {
  expect(splitLoras('a fox <lora:ink:0.8> in snow <lora:flat>', [{ name: 'ink', weight: 0.1 }])).toEqual({
    prompt: 'a fox in snow',
    loras: [
      { name: 'ink', weight: 0.9 },
      { name: 'flat', weight: 1 },
    ],
  });
  expect(splitLoras('plain  text', [])).toEqual({ prompt: 'plain  text', loras: [] });
});
