import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CausalLm } from '../../../src/inference/text/causal-lm.ts';
import { decodeTokens, reusableLength } from '../../../src/inference/text/decode-tokens.ts';
import { pairCachePorts } from '../../../src/inference/text/kv-cache.ts';
import { argmax } from '../../../src/inference/text/sample-token.ts';
import { control, cpu, tiny } from './tiny-models.ts';

const prompts = fc.array(fc.integer({ min: 3, max: 380 }), { minLength: 1, maxLength: 24 });
const largestDifference = (left: Float32Array, right: Float32Array): number =>
  left.reduce((most, value, id) => Math.max(most, Math.abs(value - (right[id] ?? Number.NaN))), 0);

describe.each(['llama', 'gemma3', 'gpt2'] as const)('CausalLm on a tiny %s', (family) => {
  let model: CausalLm;
  beforeAll(async () => {
    const session = await cpu().open(`${tiny(family).folder}/model.onnx`);
    model = new CausalLm(family, session);
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it('gives with the cache the logits that reading everything again gives', async () => {
    await fc.assert(
      fc.asyncProperty(prompts, fc.nat(23), async (ids, cut) => {
        const first = ids.slice(0, Math.min(cut, ids.length - 1));
        const cache = model.emptyCache();
        if (first.length > 0) await model.forward(first, cache);
        const cached = await model.forward(ids.slice(first.length), cache);
        const naive = await model.forward(ids, model.emptyCache());
        expect(cache.ids).toEqual(ids);
        expect(largestDifference(cached, naive)).toBeLessThan(1e-4);
      }),
      { numRuns: 30 },
    );
  });

  it('gives from a cache cut back the logits of one that never went further', async () => {
    await fc.assert(
      fc.asyncProperty(prompts, prompts, async (kept, dropped) => {
        const cache = model.emptyCache();
        await model.forward([...kept, ...dropped], cache);
        expect(cache.canTruncate).toBe(true);
        const { sizeBytes } = cache;
        cache.truncate(kept.length);
        expect(cache.sizeBytes).toBeLessThan(sizeBytes);
        const straight = model.emptyCache();
        await model.forward(kept, straight);
        expect(largestDifference(await model.forward([5], cache), await model.forward([5], straight))).toBeLessThan(1e-4);
      }),
      { numRuns: 15 },
    );
  });
});

describe('decodeTokens', () => {
  it('hears a cancel between two parts of a long prompt', async () => {
    const session = await cpu().open(`${tiny('llama').folder}/model.onnx`);
    await using model = new CausalLm('llama', session);
    const steering = control();
    const cache = model.emptyCache();
    const promptIds = Array.from({ length: 250 }, (_, index) => 3 + (index % 300));
    const tokens = decodeTokens(model, cache, { promptIds, maxTokens: 5, endIds: new Set(), choose: argmax, control: steering });
    const first = tokens.next();
    setImmediate(() => setImmediate(() => steering.cancel.abort('owner')));
    await expect(first).rejects.toMatchObject({ code: 'cancelled', facts: { by: 'owner' } });
    expect(cache.ids.length).toBeLessThan(250);
  });

  it('leaves the last id of a prompt to be read, however much is cached', () => {
    expect(reusableLength([1, 2, 3], [1, 2, 3])).toBe(2);
    expect(reusableLength([1, 2, 3, 4], [1, 2, 9, 4])).toBe(2);
    expect(reusableLength([], [1])).toBe(0);
    expect(reusableLength([7], [8, 7])).toBe(0);
  });
});

describe('pairCachePorts', () => {
  const port = (name: string, dims: readonly (number | string)[] = ['batch_size', 2, 'past_sequence_length', 8]) => ({ name, type: 'float32', dims });

  it('pairs by name, whatever the order and whichever layers have a cache', () => {
    const pairs = pairCachePorts(
      [port('input_ids', ['b', 's']), port('past_key_values.3.value'), port('past_conv.0', ['batch_size', 64, 3]), port('past_key_values.3.key')],
      [port('logits'), port('present.3.key'), port('present_conv.0'), port('present.3.value')],
    );
    expect(pairs.map(({ past, present }) => [past, present])).toEqual([
      ['past_key_values.3.value', 'present.3.value'],
      ['past_conv.0', 'present_conv.0'],
      ['past_key_values.3.key', 'present.3.key'],
    ]);
    expect(pairs.map(({ emptyDims, tokenAxis }) => ({ emptyDims, tokenAxis }))).toEqual([
      { emptyDims: [1, 2, 0, 8], tokenAxis: 2 },
      { emptyDims: [1, 64, 3], tokenAxis: undefined },
      { emptyDims: [1, 2, 0, 8], tokenAxis: 2 },
    ]);
  });

  it('follows the name templates of a genai config', () => {
    const names = { past: ['keys_%d_in', 'values_%d_in'], present: ['keys_%d_out', 'values_%d_out'] };
    const pairs = pairCachePorts([port('keys_0_in'), port('values_0_in')], [port('keys_0_out'), port('values_0_out')], names);
    expect(pairs.map(({ present }) => present)).toEqual(['keys_0_out', 'values_0_out']);
  });

  it('refuses a past without a present', () => {
    expect(() => pairCachePorts([port('past_key_values.0.key')], [port('logits')])).toThrow(expect.objectContaining({ code: 'model-unsupported' }));
  });
});
