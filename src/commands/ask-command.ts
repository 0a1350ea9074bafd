import { seedSchema } from '../ids.ts';
import { chatPlan } from './chat-work.ts';
import { optionsOf } from './command-options.ts';
import type { CommandSpec } from './command-spec.ts';
import type { CommandInvocation, Reception, TypedInvocation } from './contract.ts';
import type { DeskTools } from './desk-tools.ts';
import { maxChatText, readableText } from './prompt-text.ts';

export const askSpec = {
  name: 'ask',
  description: 'Ask a question; the answer streams in',
  aliases: ['chat'],
  example: '/ask why is the sky blue?',
  unknownFlags: 'keep',
  options: [
    { type: 'text', name: 'prompt', description: 'What you would like to know', required: true, maxLength: 100_000, isRest: true, multiline: true },
    { type: 'file', name: 'file', description: 'A text file to read with the question' },
    { type: 'text', name: 'model', description: 'The model that answers', maxLength: 200, completes: true },
    { type: 'number', name: 'temperature', description: 'How freely words are chosen: 0 is always the likeliest', min: 0, max: 2, aliases: ['temp'] },
    { type: 'integer', name: 'max-tokens', description: 'The longest answer, in tokens', min: 1, max: 8192 },
    { type: 'integer', name: 'seed', description: 'The same seed gives the same answer again', min: 0, max: 0xffff_ffff },
    { type: 'flag', name: 'private', description: 'Only you see the answer' },
  ],
} as const satisfies CommandSpec;

/** Answers a question; in a direct message or thread it goes on with the conversation there. */
export function receiveAsk(tools: DeskTools, invocation: CommandInvocation | TypedInvocation): Reception {
  const { principal, place, receivedAtMs } = invocation;
  const options = optionsOf(askSpec, invocation);
  const file = options.attachment('file');
  const seed = options.number('seed');
  const temperature = options.number('temperature');
  const choices = tools.memory.choicesFor(principal, place);
  return tools.jobs.open(
    chatPlan(tools, {
      principal,
      place,
      receivedAtMs,
      text: readableText(options.text('prompt') ?? '', maxChatText),
      files: file === undefined ? [] : [file],
      model: options.text('model'),
      sampling: { ...(seed === undefined ? {} : { seed: seedSchema.parse(seed) }), ...(temperature === undefined ? {} : { temperature }) },
      maxTokens: options.number('max-tokens'),
      isPrivate: options.flag('private') ?? choices.privateAnswers ?? false,
      ownsThread: false,
    }),
  );
}
