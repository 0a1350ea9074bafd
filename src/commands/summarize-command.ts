import { FrescoError } from '../fresco-error.ts';
import { type ChatAsk, chatPlan } from './chat-work.ts';
import { optionsOf } from './command-options.ts';
import type { CommandSpec } from './command-spec.ts';
import { type CommandInvocation, type MenuInvocation, type Reception, type TypedInvocation, userKeyOf } from './contract.ts';
import { conversationOf, longestPath, transcriptOf } from './conversation.ts';
import type { DeskTools } from './desk-tools.ts';
import type { JobPlan } from './job-desk.ts';
import { maxChatText, readableText } from './prompt-text.ts';

export const summarizeSpec = {
  name: 'summarize',
  description: 'Sum up a text, a file, or this conversation so far',
  aliases: ['summarise', 'tldr'],
  example: '/summarize',
  unknownFlags: 'keep',
  options: [
    { type: 'text', name: 'text', description: 'The text; leave it out to sum up this conversation', maxLength: 100_000, isRest: true, multiline: true },
    { type: 'file', name: 'file', description: 'A text file to sum up' },
    { type: 'text', name: 'model', description: 'The model that writes', maxLength: 200, completes: true },
    { type: 'flag', name: 'private', description: 'Only you see the summary' },
  ],
} as const satisfies CommandSpec;

const wish = 'Sum this up in a few plain sentences, with what matters most first:';

/** Sums up the given text or file, else the conversation so far. */
export function receiveSummarize(tools: DeskTools, invocation: CommandInvocation | TypedInvocation): Reception {
  const { principal, place, receivedAtMs } = invocation;
  const options = optionsOf(summarizeSpec, invocation);
  const text = options.text('text');
  const file = options.attachment('file');
  const isPrivate = options.flag('private') ?? tools.memory.choicesFor(principal, place).privateAnswers ?? false;
  const ask = { principal, place, receivedAtMs, model: options.text('model'), isPrivate, alone: true, ownsThread: false };
  if (text !== undefined || file !== undefined) {
    const words = text === undefined ? '' : readableText(text, maxChatText);
    const said = words === '' ? `Sum up ${file?.name ?? 'this'}.` : words;
    return tools.jobs.open(chatPlan(tools, { ...ask, text: said, files: file === undefined ? [] : [file], wording: summaryWording }));
  }
  return tools.jobs.open(
    summaryPlan(tools, ask, async () => {
      const conversation = conversationOf(place, { id: 'none', isPrivate: false, owner: userKeyOf(principal) });
      const head = (await tools.store.conversation(conversation))?.head;
      return head === undefined ? '' : transcriptOf(await tools.store.path(head, longestPath));
    }),
  );
}

/** Sums up a message and what follows it in its channel. */
export function summaryOfLines(tools: DeskTools, { principal, place, receivedAtMs, lines }: MenuInvocation): JobPlan {
  return summaryPlan(tools, { principal, place, receivedAtMs, isPrivate: false, alone: true, ownsThread: false }, async (signal) =>
    (await lines(signal)).map(({ speaker, text }) => `${speaker}: ${text}`).join('\n'),
  );
}

/** A summary of what has to be looked up first. What is too long loses its oldest part. */
function summaryPlan(tools: DeskTools, ask: Omit<ChatAsk, 'text' | 'files'>, find: (signal: AbortSignal) => Promise<string>): JobPlan {
  const said = { ...ask, text: 'Sum this up.', files: [] };
  return {
    ...chatPlan(tools, said),
    prepare: async (job, signal) => {
      const lines = (await find(signal)).slice(-maxChatText);
      if (lines.trim() === '') throw new FrescoError('not-found', { what: 'anything to sum up here' });
      return chatPlan(tools, { ...said, wording: () => summaryWording(lines) }).prepare(job, signal);
    },
  };
}

function summaryWording(text: string): string {
  return `${wish}\n\n${text}`;
}
