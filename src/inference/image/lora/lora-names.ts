/** What a LoRA changes: the denoiser, or a text encoder by slot. */
export type LoraTarget = 'denoiser' | 'text-1' | 'text-2' | 'text-3';

export interface LoraKey {
  readonly target: LoraTarget;
  /** The layer's path in diffusers' naming, dots as underscores. */
  readonly module: string;
  readonly part: 'up' | 'down' | 'alpha';
}

const endings: readonly (readonly [RegExp, LoraKey['part']])[] = [
  [/\.lora_A(\.\w+)?\.weight$/, 'down'],
  [/\.lora_B(\.\w+)?\.weight$/, 'up'],
  [/\.lora_down\.weight$/, 'down'],
  [/\.lora_up\.weight$/, 'up'],
  [/\.lora_linear_layer\.down\.weight$/, 'down'],
  [/\.lora_linear_layer\.up\.weight$/, 'up'],
  [/\.lora\.down\.weight$/, 'down'],
  [/\.lora\.up\.weight$/, 'up'],
  [/_lora\.down\.weight$/, 'down'],
  [/_lora\.up\.weight$/, 'up'],
  [/\.alpha$/, 'alpha'],
];

const targets: readonly (readonly [RegExp, LoraTarget])[] = [
  [/^lora_unet_/, 'denoiser'],
  [/^lora_transformer_/, 'denoiser'],
  [/^lora_te1_/, 'text-1'],
  [/^lora_te2_/, 'text-2'],
  [/^lora_te3_/, 'text-3'],
  [/^lora_te_/, 'text-1'],
  [/^(base_model\.model\.)?(unet|transformer)\./, 'denoiser'],
  [/^text_encoder_2\./, 'text-2'],
  [/^text_encoder_3\./, 'text-3'],
  [/^text_encoder\./, 'text-1'],
  [/^base_model\.model\./, 'denoiser'],
  [/^(?=down_blocks|up_blocks|mid_block|transformer_blocks|single_transformer_blocks)/, 'denoiser'],
];

/** Reads an entry's name in kohya's or diffusers' way; undefined for anything else. */
export function parseLoraKey(key: string): LoraKey | undefined {
  const ending = endings.find(([pattern]) => pattern.test(key));
  const target = targets.find(([pattern]) => pattern.test(key));
  if (ending === undefined || target === undefined) return undefined;
  const path = key
    .replace(ending[0], '')
    .replace(target[0], '')
    .replace(/\.(lora_linear_layer|lora)$/, '') // what is left before `.alpha`
    .replace(/\.processor\.to_/, '.to_')
    .replace(/_lora$/, '')
    .replace(/(^|\.)to_out$/, '$1to_out.0');
  const module = path.replaceAll('.', '_');
  return { target: target[1], module: target[1] === 'denoiser' ? diffusersName(module) : module, part: ending[1] };
}

const resnetParts: Readonly<Record<string, string>> = {
  in_layers_2: 'conv1',
  emb_layers_1: 'time_emb_proj',
  out_layers_3: 'conv2',
  skip_connection: 'conv_shortcut',
};
const single: Readonly<Record<string, string>> = {
  input_blocks_0_0: 'conv_in',
  out_2: 'conv_out',
  time_embed_0: 'time_embedding_linear_1',
  time_embed_2: 'time_embedding_linear_2',
  label_emb_0_0: 'add_embedding_linear_1',
  label_emb_0_2: 'add_embedding_linear_2',
};

const inner = (block: string, layer: string, rest: string): string =>
  resnetParts[rest] === undefined ? `${block}_attentions_${layer}_${rest}` : `${block}_resnets_${layer}_${resnetParts[rest]}`;

/**
 * The names of Stability's own code, which SDXL LoRAs carry, in diffusers' naming; any other name as it is.
 * Source: diffusers convert_from_ckpt.py (two layers a block, which SD 1, 2 and XL all have).
 */
export function diffusersName(module: string): string {
  const known = single[module];
  if (known !== undefined) return known;
  const input = /^input_blocks_(\d+)_(\d+)_(.+)$/.exec(module);
  if (input !== null) {
    const index = Number(input[1]) - 1;
    const block = `down_blocks_${Math.floor(index / 3)}`;
    return index % 3 === 2 ? `${block}_downsamplers_0_conv` : inner(block, String(index % 3), input[3] ?? '');
  }
  const middle = /^middle_block_(\d+)_(.+)$/.exec(module);
  if (middle !== null) return inner('mid_block', middle[1] === '2' ? '1' : '0', middle[2] ?? '');
  const output = /^output_blocks_(\d+)_(\d+)_(.+)$/.exec(module);
  if (output === null) return module;
  const index = Number(output[1]);
  const block = `up_blocks_${Math.floor(index / 3)}`;
  return output[3] === 'conv' ? `${block}_upsamplers_0_conv` : inner(block, String(index % 3), output[3] ?? '');
}
