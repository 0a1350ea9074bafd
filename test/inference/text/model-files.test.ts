import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatTemplate } from '../../../src/inference/text/chat-template.ts';
import { readTextModelFiles, readTokenizerFiles, type TextModelFiles } from '../../../src/inference/text/model-files.ts';
import { PromptWriter } from '../../../src/inference/text/prompt-writer.ts';
import { TextTokenizer } from '../../../src/inference/text/tokenizer.ts';
import { chat, modelFolder, request, smollm2, tiny } from './tiny-models.ts';

let workshop: string;
let count = 0;
beforeAll(async () => {
  workshop = await mkdtemp(path.join(tmpdir(), 'fresco-files-'));
});
afterAll(() => rm(workshop, { recursive: true }));

/** A model folder of these files; objects become JSON. */
async function folderOf(files: Readonly<Record<string, object | string>>): Promise<ReturnType<typeof modelFolder>> {
  count += 1;
  const folder = path.join(workshop, `model-${count}`);
  for (const [name, content] of Object.entries({ 'tokenizer.json': {}, 'model.onnx': '', 'config.json': {}, ...files })) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return modelFolder(folder);
}

describe('readTextModelFiles', () => {
  it('takes end tokens, one or many, from the first config that has them', async () => {
    const list = await folderOf({ 'generation_config.json': { eos_token_id: [7, 9] }, 'config.json': { eos_token_id: 3 } });
    expect((await readTextModelFiles(list)).endTokenIds).toEqual([7, 9]);
    expect((await readTextModelFiles(await folderOf({ 'config.json': { eos_token_id: 3 } }))).endTokenIds).toEqual([3]);
    expect((await readTextModelFiles(await folderOf({ 'config.json': { text_config: { eos_token_id: [4] } } }))).endTokenIds).toEqual([4]);
  });

  it('takes the smallest stated context, and none from a tokenizer that states no limit', async () => {
    const both = await folderOf({ 'config.json': { max_position_embeddings: 8192 }, 'tokenizer_config.json': { model_max_length: 4096 } });
    expect((await readTextModelFiles(both)).contextWindow).toBe(4096);
    const endless = await folderOf({ 'config.json': { n_positions: 1024 }, 'tokenizer_config.json': { model_max_length: 1e30 } });
    expect((await readTextModelFiles(endless)).contextWindow).toBe(1024);
  });

  it('takes the publisher’s sampling with transformers’ defaults for what it leaves out, and none where it says greedy', async () => {
    const sampled = await folderOf({ 'generation_config.json': { do_sample: true, temperature: 0.6, top_p: 0.95 } });
    expect((await readTextModelFiles(sampled)).publisherSampling).toEqual({ temperature: 0.6, topK: 50, topP: 0.95 });
    expect((await readTextModelFiles(await folderOf({ 'generation_config.json': { temperature: 0.6 } }))).publisherSampling).toBeUndefined();
  });

  it('prefers the quantised graph, unless the config names another', async () => {
    const many = { 'onnx/model.onnx': '', 'onnx/model_q4.onnx': '', 'onnx/model_fp16.onnx': '' };
    expect((await readTextModelFiles(await folderOf(many))).graphFile).toMatch(/model_q4\.onnx$/);
    const named = await folderOf({ ...many, 'config.json': { 'transformers.js_config': { dtype: 'fp16' } } });
    expect((await readTextModelFiles(named)).graphFile).toMatch(/model_fp16\.onnx$/);
  });

  it('finds the chat template wherever a publisher puts it, the separate file first', async () => {
    const named = [
      { name: 'tool_use', template: 'T' },
      { name: 'default', template: 'D' },
    ];
    expect((await readTokenizerFiles(await folderOf({ 'tokenizer_config.json': { chat_template: 'S' } }))).chatTemplate).toBe('S');
    expect((await readTokenizerFiles(await folderOf({ 'tokenizer_config.json': { chat_template: named } }))).chatTemplate).toBe('D');
    expect((await readTokenizerFiles(await folderOf({ 'chat_template.json': { chat_template: 'J' } }))).chatTemplate).toBe('J');
    expect((await readTokenizerFiles(await folderOf({ 'chat_template.jinja': 'F', 'tokenizer_config.json': { chat_template: 'S' } }))).chatTemplate).toBe('F');
    expect((await readTokenizerFiles(await folderOf({}))).chatTemplate).toBeUndefined();
  });

  it('reads named tokens whether they are strings or objects', async () => {
    const files = await readTokenizerFiles(await folderOf({ 'tokenizer_config.json': { bos_token: '<s>', eos_token: { content: '</s>' }, pad_token: null } }));
    expect(files.namedTokens).toEqual({ bos_token: '<s>', eos_token: '</s>' });
  });

  it('reads a genai config without a config.json', async () => {
    const model = await folderOf({
      'genai_config.json': { model: { context_length: 512, eos_token_id: [5], decoder: { filename: 'model.onnx' } }, search: { do_sample: true, top_k: 5 } },
    });
    await rm(path.join(model.folder, 'config.json'));
    expect(await readTextModelFiles(model)).toMatchObject({
      contextWindow: 512,
      endTokenIds: [5],
      publisherSampling: { topK: 5, temperature: 1 },
      cacheNames: { past: expect.any(Array) },
    });
  });

  it('knows the embedded model', async () => {
    expect(await readTextModelFiles(smollm2)).toMatchObject({ contextWindow: 8192, endTokenIds: [2], defaults: { repetitionGuard: true } });
  });
});

describe('PromptWriter', () => {
  /** A writer over the tiny Llama's tokenizer with another template. */
  async function writer(
    template: string,
    part: Partial<TextModelFiles> = {},
  ): Promise<{ readonly write: PromptWriter['write']; readonly tokenizer: TextTokenizer }> {
    const files = { ...(await readTextModelFiles(tiny('llama'))), ...part };
    const tokenizer = new TextTokenizer('tiny', { ...files.tokenizer, chatTemplate: template });
    const prompts = new PromptWriter(tokenizer, new ChatTemplate('tiny', template, {}), files);
    return { write: (asked) => prompts.write(asked), tokenizer };
  }
  const plain = '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}';

  it('ends a reply at the template’s own end of turn besides the stated end tokens', async () => {
    const { write } = await writer(`${plain}{# <|im_end|> #}`, { endTokenIds: [380] });
    expect([...write(request({ input: chat('a') })).endIds]).toEqual([380, 2]);
    const { write: without } = await writer(plain, { endTokenIds: [380] });
    expect([...without(request({ input: chat('a') })).endIds]).toEqual([380]);
  });

  it('knows that a template opened a thought', async () => {
    const { write } = await writer(`${plain}<think>\n`);
    expect(write(request({ input: chat('a') })).startsThinking).toBe(true);
    expect((await writer(plain)).write(request({ input: chat('a') })).startsThinking).toBe(false);
  });

  it('turns thinking off in chats with defaults, and leaves it to the template elsewhere', async () => {
    const { write, tokenizer } = await writer('{{ messages[0].content }}{% if enable_thinking is defined %}{{ enable_thinking }}{% endif %}');
    const text = (ids: readonly number[]): string => tokenizer.decode(ids);
    expect(text(write(request({ input: chat('a') })).ids)).toBe('a');
    expect(text(write(request({ input: chat('a'), useDefaults: true })).ids)).toBe('afalse');
  });

  it('takes thoughts out of earlier answers', async () => {
    const { write, tokenizer } = await writer(plain);
    const { ids } = write(request({ input: chat('a', '<think>secret</think>\n\nb', 'c') }));
    expect(tokenizer.decode(ids)).toBe('user: a\nassistant: b\nuser: c\n');
  });

  it('leaves room for an answer and cuts its length to what is left', async () => {
    const { write } = await writer(plain, { contextWindow: 40 });
    const prompt = write(request({ input: chat('one two three', 'four five six', 'seven'), maxTokens: 500 }));
    expect(prompt.dropped).toBeGreaterThan(0);
    expect(prompt.ids.length + prompt.maxTokens).toBe(40);
    expect(prompt.maxTokens).toBeGreaterThanOrEqual(10);
  });
});
