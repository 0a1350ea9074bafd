import type { LoraWish } from './paint-model.ts';

const tag = /<lora:([^:<>]+)(?::(-?\d+(?:\.\d+)?))?>/g;

/** Takes `<lora:name:0.8>` tags out of a prompt; without a weight they count 1. Named twice, a LoRA's weights add up. */
export function splitLoras(prompt: string, asked: readonly LoraWish[]): { readonly prompt: string; readonly loras: readonly LoraWish[] } {
  const weights = new Map<string, number>();
  const inPrompt = [...prompt.matchAll(tag)].map((match) => ({ name: (match[1] ?? '').trim(), weight: Number(match[2] ?? 1) }));
  for (const { name, weight } of [...asked, ...inPrompt]) weights.set(name, (weights.get(name) ?? 0) + weight);
  const loras = [...weights].map(([name, weight]) => ({ name, weight })).filter(({ weight }) => weight !== 0);
  return { prompt: inPrompt.length === 0 ? prompt : prompt.replace(tag, '').replace(/ {2,}/g, ' ').trim(), loras };
}
