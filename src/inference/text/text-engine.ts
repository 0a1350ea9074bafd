import { FrescoError } from '../../fresco-error.ts';
import { randomSeed } from '../../ids.ts';
import type { FinishReason, GenerationEvent, ModelFolder, RunControl, Sampling, TextEngine, TextRequest } from '../contract.ts';
import type { OrtRuntime } from '../runtime/ort-session.ts';
import { CausalLm } from './causal-lm.ts';
import { ChatTemplate } from './chat-template.ts';
import { decodeTokens, reusableLength } from './decode-tokens.ts';
import { Detokenizer } from './detokenizer.ts';
import type { KvCache } from './kv-cache.ts';
import { readTextModelFiles, type TextModelFiles } from './model-files.ts';
import { type PreparedPrompt, PromptWriter } from './prompt-writer.ts';
import { RepetitionGuard } from './repetition-guard.ts';
import { ReplyText } from './reply-text.ts';
import { type SamplingRule, sampleToken } from './sample-token.ts';
import { seededRandom } from './seeded-random.ts';
import { StopGuard } from './stop-guard.ts';
import { ThinkFilter } from './think-filter.ts';
import { TextTokenizer } from './tokenizer.ts';

/** A cache above this is let go after its reply, so that an idle model holds no conversation of that size in memory. */
const keptCacheBytes = 128 * 2 ** 20;
/** For a chat model whose publisher says nothing about sampling. */
const chatSampling: Sampling = { temperature: 0.7, topP: 0.9, topK: 50 };
const neutralRule: SamplingRule = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };

/**
 * Opens a decoder-only model in the transformers.js, optimum or onnxruntime-genai layout.
 * Throws 'model-broken' naming the file, 'model-unsupported', 'out-of-memory', 'device-unavailable'.
 */
export async function openTextEngine(folder: ModelFolder, runtime: OrtRuntime): Promise<TextEngine> {
  const files = await readTextModelFiles(folder);
  const tokenizer = new TextTokenizer(folder.id, files.tokenizer);
  const template = new ChatTemplate(folder.id, files.tokenizer.chatTemplate, files.tokenizer.namedTokens);
  const session = await runtime.open(files.graphFile).catch((error: unknown) => {
    if (!FrescoError.is(error, 'model-broken')) throw error;
    throw new FrescoError('model-broken', { ...error.facts, model: folder.id }, { cause: error });
  });
  try {
    const model = new CausalLm(folder.id, session, files.cacheNames);
    return new OnnxTextEngine({ model, files, tokenizer, prompts: new PromptWriter(tokenizer, template, files) });
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

interface EngineParts {
  readonly model: CausalLm;
  readonly files: TextModelFiles;
  readonly tokenizer: TextTokenizer;
  readonly prompts: PromptWriter;
}

class OnnxTextEngine implements TextEngine {
  readonly kind = 'text';
  readonly #parts: EngineParts;
  /** The last conversation's cache; taken by the reply that uses it, so two replies at once never share one. */
  #idleCache: KvCache | undefined;

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  tokenize(text: string): { readonly ids: readonly number[]; readonly tokens: readonly string[] } {
    const ids = this.#parts.tokenizer.encode(text);
    return { ids, tokens: this.#parts.tokenizer.tokens(ids) };
  }

  async *generate(request: TextRequest, control: RunControl): AsyncGenerator<GenerationEvent, void, void> {
    const startedMs = performance.now();
    const spentBefore = this.#parts.model.spentMs;
    const prompt = this.#parts.prompts.write(request);
    if (prompt.dropped > 0) {
      yield { type: 'notice', code: 'turns-dropped', facts: { dropped: prompt.dropped, contextTokens: this.#parts.files.contextWindow } };
    }
    const progress: ReplyProgress = { startedMs, completionTokens: 0, firstTokenMs: undefined, finishReason: 'length' };
    yield* this.#reply(request, prompt, control, progress);
    yield {
      type: 'finished',
      finishReason: progress.finishReason,
      usage: { promptTokens: prompt.ids.length, completionTokens: progress.completionTokens },
      timings: {
        ...(progress.firstTokenMs === undefined ? {} : { firstTokenMs: progress.firstTokenMs }),
        totalMs: performance.now() - startedMs,
        sessionMs: this.#parts.model.spentMs - spentBefore,
      },
      promptTokenIds: prompt.ids,
    };
  }

  async *#reply(request: TextRequest, prompt: PreparedPrompt, control: RunControl, progress: ReplyProgress): AsyncGenerator<GenerationEvent, void, void> {
    const { model, files, tokenizer } = this.#parts;
    const rule = samplingRule(request, files);
    const random = seededRandom(request.sampling.seed ?? randomSeed());
    const guard = wantsGuard(request, files) ? new RepetitionGuard() : undefined;
    const thoughts = request.useDefaults && request.input.form === 'messages' ? new ThinkFilter(prompt.startsThinking) : undefined;
    const reply = new ReplyText(new Detokenizer((ids) => tokenizer.decode(ids)), new StopGuard([...request.stop, ...prompt.stopStrings]), thoughts);
    const cache = this.#takeCache(prompt.ids);
    const tokens = decodeTokens(model, cache, {
      promptIds: prompt.ids,
      maxTokens: prompt.maxTokens,
      endIds: prompt.endIds,
      choose: (logits, seen) => sampleToken(logits, seen, rule, random),
      control,
    });
    let repeats = false;
    for await (const { id, isEnd } of tokens) {
      progress.completionTokens += 1;
      progress.firstTokenMs ??= performance.now() - progress.startedMs;
      const delta = reply.push(id);
      if (delta !== undefined) yield { type: 'text-delta', ...delta };
      repeats = guard?.push(id, delta?.text ?? '') === true;
      if (isEnd || reply.stopped) progress.finishReason = 'stop';
      if (isEnd || reply.stopped || repeats) break;
    }
    this.#idleCache = cache.canTruncate && cache.sizeBytes <= keptCacheBytes ? cache : undefined;
    const rest = reply.finish();
    if (reply.stopped)
      progress.finishReason = 'stop'; // the last held character may complete a stop string
    else if (progress.finishReason === 'length' && repeats) progress.finishReason = 'repetition';
    else if (progress.finishReason === 'length' && control.keep.aborted && progress.completionTokens < prompt.maxTokens)
      progress.finishReason = 'stopped-early';
    if (rest !== undefined) yield { type: 'text-delta', ...rest };
    if (progress.finishReason === 'repetition') yield { type: 'notice', code: 'repetition-ended', facts: {} };
  }

  /** The last conversation's cache cut back to what this prompt shares with it, or an empty one. */
  #takeCache(promptIds: readonly number[]): KvCache {
    const idle = this.#idleCache;
    this.#idleCache = undefined;
    const shared = idle === undefined ? 0 : reusableLength(idle.ids, promptIds);
    if (idle === undefined || shared === 0) return this.#parts.model.emptyCache();
    idle.truncate(shared);
    return idle;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#idleCache = undefined;
    await this.#parts.model[Symbol.asyncDispose]();
  }
}

interface ReplyProgress {
  readonly startedMs: number;
  completionTokens: number;
  firstTokenMs: number | undefined;
  finishReason: FinishReason;
}

/**
 * What the request says wins. What it leaves open comes from Fresco's or the publisher's defaults when they are wanted, and else
 * only from the publisher's, without a penalty. Greedy requests get no penalty that they did not ask for.
 */
export function samplingRule(
  { sampling, useDefaults, input }: TextRequest,
  { defaults, publisherSampling }: Pick<TextModelFiles, 'defaults' | 'publisherSampling'>,
): SamplingRule {
  const asked = stated(sampling);
  const { repetitionPenalty: _publishers, ...unpenalised } = publisherSampling ?? {};
  const chat = input.form === 'messages' ? chatSampling : {};
  const base = useDefaults ? (defaults.sampling ?? publisherSampling ?? chat) : unpenalised;
  if (sampling.temperature !== 0) return { ...neutralRule, ...stated(base), ...asked };
  return { ...neutralRule, ...asked };
}

function stated({ temperature, topK, topP, minP, repetitionPenalty }: Sampling): Partial<SamplingRule> {
  return Object.fromEntries(Object.entries({ temperature, topK, topP, minP, repetitionPenalty }).filter(([, value]) => value !== undefined));
}

function wantsGuard({ sampling, useDefaults }: TextRequest, { defaults }: TextModelFiles): boolean {
  return useDefaults && sampling.temperature !== 0 && defaults.repetitionGuard !== false;
}
