import { FrescoError } from '../fresco-error.ts';
import type { Sampling, TextRequest } from '../inference/contract.ts';
import { readTextFile } from './attached-files.ts';
import type { Attachment } from './contract.ts';
import { userKeyOf } from './contract.ts';
import { chatMessages, longestPath } from './conversation.ts';
import { type Asker, chosenModel, type DeskTools } from './desk-tools.ts';
import type { JobPlan } from './job-desk.ts';
import { blockedReason } from './prompt-blocklist.ts';
import { maxChatText, oneLine } from './prompt-text.ts';
import type { ChatTask, TurnRecord } from './store/records.ts';
import type { Store } from './store/store.ts';
import { assistantTurn, type PlacedAsk, placeTurns, userTurn } from './turn-placement.ts';

/** A question for the text model. */
export interface ChatAsk extends Asker, PlacedAsk {
  readonly receivedAtMs: number;
  readonly text: string;
  readonly files: readonly Attachment[];
  readonly model?: string | undefined;
  readonly sampling?: Sampling;
  readonly maxTokens?: number | undefined;
  /** Leaves the conversation so far out of the model's sight. */
  readonly alone?: boolean;
  /** What the model reads in place of the text, as `{text}` with the files already in it. */
  readonly wording?: (text: string) => string;
  /** The platform's id of the message it came in. */
  readonly message?: string;
  readonly ownsThread: boolean;
}

/** How a question is answered. Throws 'prompt-blocked', 'model-unknown', 'model-not-installed'. */
export function chatPlan(tools: DeskTools, ask: ChatAsk): JobPlan {
  const { principal, place, receivedAtMs, isPrivate } = ask;
  const reason = blockedReason(ask.text, tools.settings.safety, 'chat');
  if (reason !== undefined) throw new FrescoError('prompt-blocked', { reason });
  const settings = chatSettings(tools, ask);
  return {
    principal,
    place,
    receivedAtMs,
    lane: 'text',
    view: { kind: 'chat', prompt: oneLine(ask.text, 300) },
    isPrivate,
    on: 'new',
    prepare: async (job, signal) => {
      const withFiles = await wordsWithFiles(ask, signal);
      return async () => {
        const { store, clock } = tools;
        const placement = await placeTurns(store, ask, job);
        const words = placement.quoted === undefined ? withFiles : `> ${oneLine(placement.quoted, 2000)}\n\n${withFiles}`;
        const content = ask.wording?.(words) ?? words;
        const question = userTurn(principal, placement, { text: ask.text, content: content === ask.text ? undefined : content }, clock.now());
        const answer = assistantTurn(userKeyOf(principal), { conversation: placement.conversation, parent: question.id }, job, clock.now());
        const task: ChatTask = { kind: 'chat', ...settings, asks: question.id, goesOn: false, alone: ask.alone ?? false };
        const path = placement.parent === undefined || task.alone ? [] : await store.path(placement.parent, longestPath);
        return {
          task,
          request: textRequestOf(task, [...path, question]),
          conversation: placement.conversation,
          title: oneLine(ask.text, 60),
          ownsThread: ask.ownsThread,
          turns: [question, answer],
          turn: answer.id,
          ...(ask.message === undefined ? {} : { askedIn: { turn: question.id, message: ask.message } }),
        };
      };
    },
  };
}

function chatSettings(tools: DeskTools, ask: ChatAsk): Pick<ChatTask, 'model' | 'sampling' | 'maxTokens' | 'persona'> {
  const choices = tools.memory.choicesFor(ask.principal, ask.place);
  const persona = choices.persona ?? tools.settings.chat.persona;
  return {
    model: chosenModel(tools, 'text', ask.model, choices),
    sampling: { ...(choices.temperature === undefined ? {} : { temperature: choices.temperature }), ...ask.sampling },
    maxTokens: Math.min(ask.maxTokens ?? tools.settings.chat.maxTokens, 8192),
    ...(persona === undefined ? {} : { persona }),
  };
}

async function wordsWithFiles({ text, files }: ChatAsk, signal: AbortSignal): Promise<string> {
  const read = await Promise.all(files.map(async (file) => `The file “${oneLine(file.name, 100)}”:\n\n${await readTextFile(file, signal)}`));
  const words = [text, ...read].filter((part) => part !== '').join('\n\n');
  if (words.length > maxChatText) throw new FrescoError('prompt-too-long', { length: words.length, limit: maxChatText });
  return words;
}

/** The request for a task over the turns that lead to it, the question last. Pure. */
export function textRequestOf(task: ChatTask, path: readonly TurnRecord[]): TextRequest {
  const { model, sampling, maxTokens, goesOn, alone, persona } = task;
  const messages = chatMessages(alone ? path.slice(goesOn ? -2 : -1) : path, persona);
  return { kind: 'text', model, input: { form: 'messages', messages }, sampling, maxTokens, stop: [], continueLast: goesOn, useDefaults: true };
}

/** The request for a stored task, its conversation read again; undefined where that was forgotten. */
export async function storedTextRequest(store: Store, task: ChatTask, answer: TurnRecord | undefined): Promise<TextRequest | undefined> {
  const path = await store.path(task.asks, longestPath);
  if (path.length === 0) return undefined;
  return textRequestOf(task, task.goesOn && answer !== undefined ? [...path, answer] : path);
}
