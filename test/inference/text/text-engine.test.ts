import { cp, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedSchema } from '../../../src/ids.ts';
import type { TextEngine } from '../../../src/inference/contract.ts';
import { openTextEngine, samplingRule } from '../../../src/inference/text/text-engine.ts';
import { textEngineContract } from '../../contracts/text-engine-contract.ts';
import { ScriptedTextEngine } from '../../fakes/scripted-text-engine.ts';
import { chat, cpu, families, type GreedyGolden, golden, modelFolder, replyOf, request, tiny } from './tiny-models.ts';

const greedy = golden<GreedyGolden>('tiny-greedy.json');

textEngineContract('the engine on a tiny model', () => openTextEngine(tiny('qwen3'), cpu()));
textEngineContract(
  'the scripted engine',
  async () => new ScriptedTextEngine({ pieces: ['Well', ', I', ' am', ' here', ' for', ' you', ' now', '.', ' Ask', ' me', ' so', '!', ' Bye'] }),
);

describe.each(families)('a tiny %s', (family) => {
  it.each(greedy.prompts.map((prompt, index) => ({ prompt, index })))('gives the greedy ids that transformers gives for $prompt', async ({ prompt, index }) => {
    await using engine = await openTextEngine(tiny(family), cpu());
    const reply = await replyOf(engine, request({ input: { form: 'raw', text: prompt }, maxTokens: greedy.maxTokens }));
    expect(reply.finished.promptTokenIds).toEqual(greedy.promptIds[index]);
    expect(reply.ids).toEqual(greedy.ids[family][index]);
  });
});

describe('the engine', () => {
  let engine: TextEngine;
  let workshop: string;
  beforeAll(async () => {
    engine = await openTextEngine(tiny('llama'), cpu());
    workshop = await mkdtemp(path.join(tmpdir(), 'fresco-text-'));
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await rm(workshop, { recursive: true });
  });

  /** A copy of the tiny Llama to change. */
  async function copied(name: string): Promise<string> {
    const folder = path.join(workshop, name);
    await cp(tiny('llama').folder, folder, { recursive: true });
    return folder;
  }

  it('says the same with the cache of the turn before as with none', async () => {
    const turn = fc.stringMatching(/^[a-z ]{1,20}$/).filter((text) => text.trim() !== '');
    await fc.assert(
      fc.asyncProperty(turn, turn, fc.boolean(), async (first, second, edited) => {
        const before = await replyOf(engine, request({ input: chat(first) }));
        const asked = request({ input: chat(edited ? `${first} again` : first, before.text, second) });
        const reused = await replyOf(engine, asked);
        await using fresh = await openTextEngine(tiny('llama'), cpu());
        expect(reused.ids).toEqual((await replyOf(fresh, asked)).ids);
      }),
      { numRuns: 12 },
    );
  });

  it('drops the oldest turns of a long conversation, keeps the system message and says so', async () => {
    const long = Array.from({ length: 9 }, (_, index) => `turn ${index} ${'word '.repeat(6)}`);
    const messages = [
      { role: 'system' as const, content: 'SYSTEM' },
      ...long.map((content, index) => ({ role: index % 2 === 0 ? ('user' as const) : ('assistant' as const), content })),
    ];
    const reply = await replyOf(engine, request({ input: { form: 'messages', messages } }));
    const prompt = engine.tokenize('<|im_start|>system\nSYSTEM<|im_end|>\n').ids;
    expect(reply.notices).toEqual(['turns-dropped']);
    expect(reply.finished.promptTokenIds?.slice(0, prompt.length)).toEqual(prompt);
    expect((reply.finished.promptTokenIds?.length ?? 0) + reply.ids.length).toBeLessThanOrEqual(256);
  });

  it('refuses one message beyond the context window with both figures', async () => {
    await expect(replyOf(engine, request({ input: chat('word '.repeat(500)) }))).rejects.toMatchObject({
      code: 'context-full',
      facts: { capacity: expect.any(Number) },
    });
    await expect(replyOf(engine, request({ input: { form: 'raw', text: 'word '.repeat(500) } }))).rejects.toMatchObject({
      code: 'context-full',
      facts: { capacity: 256 },
    });
  });

  it('never writes past the context window', async () => {
    const reply = await replyOf(
      engine,
      request({ input: { form: 'raw', text: 'ab '.repeat(60) }, maxTokens: 5000, sampling: { temperature: 2, seed: seedSchema.parse(3) } }),
    );
    const total = (reply.finished.promptTokenIds?.length ?? 0) + reply.ids.length;
    expect(reply.finished.finishReason === 'stop' ? total <= 256 : total === 256).toBe(true);
  });

  it('goes on with the last message when asked to', async () => {
    const messages = [
      { role: 'user' as const, content: 'Hello' },
      { role: 'assistant' as const, content: 'the quick' },
    ];
    const reply = await replyOf(engine, request({ input: { form: 'messages', messages }, continueLast: true }));
    const expected = engine.tokenize('<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nthe quick').ids;
    expect(reply.finished.promptTokenIds).toEqual(expected);
  });

  it('ends a reply that repeats itself, unless nothing of ours is wanted', async () => {
    await using looping = await openTextEngine(tiny('qwen3'), cpu());
    const almostGreedy = { temperature: 0.01, topK: 1 };
    const asked = request({ input: chat('one two'), maxTokens: 120, sampling: almostGreedy, useDefaults: true });
    const guarded = await replyOf(looping, asked);
    expect(guarded.finished.finishReason).toBe('repetition');
    expect(guarded.notices).toEqual(['repetition-ended']);
    const free = await replyOf(looping, { ...asked, useDefaults: false });
    expect(free.notices).toEqual([]);
    expect(free.ids.slice(0, guarded.ids.length)).toEqual(guarded.ids);
    expect(free.ids.length).toBeGreaterThan(guarded.ids.length);
  });

  it('adds the system prompt of the model’s fresco.json only when defaults are wanted', async () => {
    const folder = await copied('with-defaults');
    await writeFile(path.join(folder, 'fresco.json'), JSON.stringify({ systemPrompt: 'Be kind.' }));
    await using kind = await openTextEngine(modelFolder(folder), cpu());
    const question = '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n';
    const withDefaults = await replyOf(kind, request({ input: chat('Hi'), useDefaults: true }));
    expect(withDefaults.finished.promptTokenIds).toEqual(kind.tokenize(`<|im_start|>system\nBe kind.<|im_end|>\n${question}`).ids);
    const bare = await replyOf(kind, request({ input: chat('Hi') }));
    expect(bare.finished.promptTokenIds).toEqual(kind.tokenize(question).ids);
  });

  it('says what is wrong in a fresco.json', async () => {
    const folder = await copied('wrong-defaults');
    await writeFile(path.join(folder, 'fresco.json'), JSON.stringify({ sytemPrompt: 'typo' }));
    await expect(openTextEngine(modelFolder(folder), cpu())).rejects.toMatchObject({
      facts: { file: 'fresco.json', problem: expect.stringContaining('sytemPrompt') },
    });
  });

  it('opens the onnxruntime-genai layout', async () => {
    const folder = await copied('genai');
    await rename(path.join(folder, 'model.onnx'), path.join(folder, 'decoder.onnx'));
    await rm(path.join(folder, 'config.json'));
    await rm(path.join(folder, 'generation_config.json'));
    await cp(path.resolve(import.meta.dirname, '../../goldens/text/genai_config.json'), path.join(folder, 'genai_config.json'));
    await using genai = await openTextEngine(modelFolder(folder), cpu());
    const reply = await replyOf(genai, request({ input: { form: 'raw', text: greedy.prompts[0] ?? '' }, maxTokens: greedy.maxTokens }));
    expect(reply.ids).toEqual(greedy.ids.llama[0]);
  });

  it('opens the transformers.js layout, the graph in its own folder', async () => {
    const folder = await copied('transformers-js');
    await cp(path.join(folder, 'model.onnx'), path.join(folder, 'onnx/model_q4.onnx'));
    await rm(path.join(folder, 'model.onnx'));
    await using placed = await openTextEngine(modelFolder(folder), cpu());
    expect((await replyOf(placed, request())).ids).toEqual((await replyOf(engine, request())).ids);
  });

  it.each([
    ['config.json', 'missing'],
    ['tokenizer.json', 'missing'],
    ['model.onnx', 'missing'],
    ['tokenizer.json', 'truncated'],
    ['config.json', 'truncated'],
    ['model.onnx', 'truncated'],
  ] as const)('names the file when %s is %s', async (file, fault) => {
    const folder = await copied(`${file}-${fault}`);
    if (fault === 'missing') await rm(path.join(folder, file));
    else await truncate(path.join(folder, file), Math.floor((await readFile(path.join(folder, file))).length / 2));
    const opening = openTextEngine(modelFolder(folder), cpu());
    await expect(opening).rejects.toMatchObject({ code: 'model-broken', facts: { file: expect.stringContaining(file === 'model.onnx' ? '.onnx' : file) } });
  });

  it('refuses a graph that is no decoder', async () => {
    const folder = await copied('no-decoder');
    await cp(path.resolve(import.meta.dirname, '../../goldens/text/no-decoder.onnx'), path.join(folder, 'model.onnx'));
    await expect(openTextEngine(modelFolder(folder), cpu())).rejects.toMatchObject({ code: 'model-unsupported' });
  });
});

describe('the sampling rule', () => {
  const files = {
    defaults: { sampling: { temperature: 0.3, repetitionPenalty: 1.1 } },
    publisherSampling: { temperature: 0.6, topK: 20, repetitionPenalty: 1.05 },
  };

  it('adds nothing to a greedy request', () => {
    expect(samplingRule(request({ useDefaults: true }), files)).toEqual({ temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 });
  });

  it('takes Fresco’s defaults only when they are wanted, and the publisher’s never with a penalty', () => {
    expect(samplingRule(request({ sampling: {}, useDefaults: true }), files)).toMatchObject({ temperature: 0.3, topK: 0, repetitionPenalty: 1.1 });
    expect(samplingRule(request({ sampling: {} }), files)).toMatchObject({ temperature: 0.6, topK: 20, repetitionPenalty: 1 });
    expect(samplingRule(request({ sampling: {} }), { defaults: {}, publisherSampling: undefined })).toMatchObject({ temperature: 0 });
  });

  it('lets the request win', () => {
    const asked = request({ sampling: { temperature: 1, repetitionPenalty: 1.2 }, useDefaults: true });
    expect(samplingRule(asked, files)).toMatchObject({ temperature: 1, repetitionPenalty: 1.2 });
  });
});
