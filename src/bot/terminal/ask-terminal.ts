import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';
import { seedSchema } from '../../ids.ts';
import { type ChatTurn, chatTurnSchema, type GenerationEvent, type TextRequest } from '../../inference/contract.ts';
import { runShown, type TerminalCore } from './terminal-core.ts';
import { writeJson } from './terminal-output.ts';

export interface AskOptions {
  readonly model?: string;
  readonly system?: string;
  readonly messages?: string;
  readonly raw?: boolean;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly maxTokens?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  readonly json?: boolean;
}

/** `fresco ask`: streams the answer, or prints one JSON object with text, token ids, usage and timings. */
export async function askOnTerminal(core: TerminalCore, question: string | undefined, options: AskOptions): Promise<void> {
  const request = textRequest(core, question, options);
  const { out } = core.streams;
  const result = { text: '', tokenIds: [] as number[] };
  let finished: Extract<GenerationEvent, { type: 'finished' }> | undefined;
  for await (const event of runShown(core, request)) {
    if (event.type === 'restarted') Object.assign(result, { text: '', tokenIds: [] });
    if (event.type === 'text-delta') {
      result.text += event.text;
      result.tokenIds.push(...event.tokenIds);
      if (options.json !== true) out.write(event.text);
    }
    if (event.type === 'finished') finished = event;
  }
  if (options.json !== true) out.write('\n');
  else {
    const { promptTokenIds = [], finishReason = 'stop', usage = {}, timings = { totalMs: 0 } } = finished ?? {};
    writeJson(core.streams, { text: result.text, promptTokenIds, tokenIds: result.tokenIds, finishReason, usage, timings });
  }
}

function textRequest(core: TerminalCore, question: string | undefined, options: AskOptions): TextRequest {
  const { messages, raw, system, model, temperature, topP, topK, minP, repetitionPenalty, seed, stop = [], maxTokens = 512 } = options;
  const isPlain = messages !== undefined || raw === true; // nothing of ours is added
  const isMeasured = temperature === 0 || model !== undefined; // no penalty and no guard unless asked for
  return {
    kind: 'text',
    model: model ?? core.defaults.textModel,
    input:
      raw === true
        ? { form: 'raw', text: words(question) }
        : { form: 'messages', messages: messages === undefined ? spoken(words(question), system) : readMessages(messages, question) },
    sampling: {
      ...(temperature === undefined ? {} : { temperature }),
      ...(topP === undefined ? {} : { topP }),
      ...(topK === undefined ? {} : { topK }),
      ...(minP === undefined ? {} : { minP }),
      ...(repetitionPenalty === undefined ? {} : { repetitionPenalty }),
      ...(seed === undefined ? {} : { seed: seedSchema.parse(seed) }),
    },
    maxTokens,
    stop: [...stop],
    continueLast: false,
    useDefaults: !isPlain && !isMeasured,
  };
}

function words(question: string | undefined): string {
  if (question === undefined || question.trim() === '') throw new FrescoError('empty-prompt', {});
  return question;
}

function spoken(question: string, system: string | undefined): ChatTurn[] {
  return [...(system === undefined ? [] : [{ role: 'system' as const, content: system }]), { role: 'user', content: question }];
}

function readMessages(file: string, question: string | undefined): ChatTurn[] {
  let raw: unknown;
  try {
    raw = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new FrescoError('option-invalid', { option: '--messages', found: file, expected: 'a file with a JSON list of {role, content}' }, { cause: error });
  }
  const parsed = z.array(chatTurnSchema).min(1).safeParse(raw);
  if (!parsed.success) {
    throw new FrescoError(
      'option-invalid',
      { option: '--messages', found: file, expected: 'a JSON list of {role: system|user|assistant, content}' },
      { cause: parsed.error },
    );
  }
  return question === undefined || question === '' ? parsed.data : [...parsed.data, { role: 'user', content: question }];
}

/** `fresco summarize FILE`: the file's text (or standard input for `-`) as a short summary. */
export async function summarizeOnTerminal(core: TerminalCore, text: string, instruction: string, options: AskOptions): Promise<void> {
  await askOnTerminal(core, `${instruction}\n\n${words(text)}`, options);
}
