import { standardDeviation } from '../runtime/tensor-math.ts';

/**
 * Classifier-free guidance u + g·(c − u) over rows [negative × batch, positive × batch]; a fresh array [batch, …].
 * `rescale` φ mixes in the guided output brought back to the spread of c, by picture: r = eps·std(c)/std(eps); φ·r + (1 − φ)·eps.
 * Source: Ho and Salimans 2022; Lin et al. 2023 (arXiv 2305.08891) section 3.4; diffusers `rescale_noise_cfg`.
 */
export function guide(rows: Float32Array, batch: number, scale: number, rescale: number): Float32Array {
  const half = rows.length / 2;
  const guided = new Float32Array(half);
  for (let index = 0; index < half; index += 1) {
    const negative = rows[index] ?? 0;
    guided[index] = negative + scale * ((rows[half + index] ?? 0) - negative);
  }
  if (rescale <= 0) return guided;
  const length = half / batch;
  for (let picture = 0; picture < batch; picture += 1) {
    const part = guided.subarray(picture * length, (picture + 1) * length);
    const ratio = standardDeviation(rows.subarray(half + picture * length, half + (picture + 1) * length)) / standardDeviation(part);
    const factor = rescale * ratio + 1 - rescale;
    for (let index = 0; index < length; index += 1) part[index] = (part[index] ?? 0) * factor;
  }
  return guided;
}

/**
 * The guidance scale as an embedding, for models that were distilled with it: x = (g − 1)·1000, [sin(x·f), cos(x·f)] with
 * f_i = exp(−i·ln(10000)/(D/2 − 1)), a zero behind where D is odd. Float32 steps, as torch takes them.
 * Source: diffusers `get_guidance_scale_embedding` (from google-research/vdm).
 */
export function guidanceEmbedding(guidanceScale: number, size: number): Float32Array {
  const half = Math.floor(size / 2);
  const x = Math.fround(Math.fround(guidanceScale - 1) * 1000);
  const rate = Math.fround(Math.log(10_000) / (half - 1));
  const embedding = new Float32Array(size);
  for (let index = 0; index < half; index += 1) {
    const angle = Math.fround(x * Math.fround(Math.exp(Math.fround(index * -rate))));
    embedding[index] = Math.sin(angle);
    embedding[half + index] = Math.cos(angle);
  }
  return embedding;
}
