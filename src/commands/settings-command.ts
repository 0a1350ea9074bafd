import { FrescoError } from '../fresco-error.ts';
import { changeChoices } from './change-choices.ts';
import { type CommandOptions, optionsOf } from './command-options.ts';
import type { CommandSpec } from './command-spec.ts';
import type { CommandInvocation, Reception, TypedInvocation } from './contract.ts';
import { channelScope, userScope } from './desk-memory.ts';
import { type Asker, type DeskTools, requireAdmin } from './desk-tools.ts';
import { noticeMessage } from './messages.ts';
import { literalMarkdown } from './plain-words.ts';
import { blockedReason } from './prompt-blocklist.ts';
import { oneLine, readableText } from './prompt-text.ts';
import type { Choices } from './store/records.ts';

export const settingsSpec = {
  name: 'settings',
  description: 'See or change how I answer you, or this channel',
  example: '/settings --persona "You are a patient teacher." --temperature 0.7',
  options: [
    { type: 'text', name: 'persona', description: 'Who I am when I answer; “default” goes back', maxLength: 4000, multiline: true },
    { type: 'number', name: 'temperature', description: 'How freely words are chosen: 0 is always the likeliest', min: 0, max: 2, aliases: ['temp'] },
    {
      type: 'choice',
      name: 'private',
      description: 'Whether only you see what you ask for by command',
      choices: [
        { name: 'on', value: 'on' },
        { name: 'off', value: 'off' },
      ],
    },
    {
      type: 'choice',
      name: 'for',
      description: 'Whose setting it is; a channel’s is for admins',
      choices: [
        { name: 'me', value: 'me' },
        { name: 'this channel', value: 'channel' },
      ],
    },
    { type: 'flag', name: 'reset', description: 'Go back to the defaults' },
  ],
} as const satisfies CommandSpec;

/** Shows or changes what a person or, by an admin, a channel chose. */
export function receiveSettings(tools: DeskTools, invocation: CommandInvocation | TypedInvocation): Reception {
  const options = optionsOf(settingsSpec, invocation);
  const isChannel = options.text('for') === 'channel';
  const scope = isChannel ? channelScope(invocation.place) : userScope(invocation.principal);
  const changes = changesOf(tools, options);
  if (changes !== undefined) {
    if (isChannel) requireAdmin(invocation, tools, 'a channel’s settings');
    const { textModel, imageModel } = tools.memory.choices(scope);
    const models = { ...(textModel === undefined ? {} : { textModel }), ...(imageModel === undefined ? {} : { imageModel }) };
    changeChoices(tools, scope, changes === 'reset' ? models : changes(tools.memory.choices(scope)));
  }
  const intro = changes === undefined ? 'This is how I answer you here.' : isChannel ? 'Done, for this channel.' : 'Done, for you.';
  return { kind: 'answer', message: noticeMessage(`${intro}\n${settingsText(tools, invocation)}`), audience: 'sender' };
}

function changesOf(tools: DeskTools, options: CommandOptions<typeof settingsSpec>): 'reset' | ((before: Choices) => Choices) | undefined {
  if (options.flag('reset') === true) return 'reset';
  const persona = options.text('persona');
  const temperature = options.number('temperature');
  const isPrivate = options.text('private');
  if (persona === undefined && temperature === undefined && isPrivate === undefined) return undefined;
  const reason = persona === undefined ? undefined : blockedReason(persona, tools.settings.safety, 'chat');
  if (reason !== undefined) throw new FrescoError('prompt-blocked', { reason });
  const role = persona === undefined || persona === 'default' ? undefined : readableText(persona, 4000);
  return ({ persona: before, ...rest }) => ({
    ...rest,
    ...(persona === undefined && before !== undefined ? { persona: before } : {}),
    ...(role === undefined ? {} : { persona: role }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(isPrivate === undefined ? {} : { privateAnswers: isPrivate === 'on' }),
  });
}

function settingsText(tools: DeskTools, { principal, place }: Asker): string {
  const choices = tools.memory.choicesFor(principal, place);
  const persona = choices.persona ?? tools.settings.chat.persona;
  return [
    `- Persona: ${persona === undefined ? 'the model’s own' : literalMarkdown(oneLine(persona, 500))}`,
    `- Temperature: ${choices.temperature ?? 'the model’s own'}`,
    `- Private answers: ${choices.privateAnswers === true ? 'on' : 'off'}`,
    `- Writing: \`${choices.textModel ?? tools.settings.textModel}\``,
    `- Painting: \`${choices.imageModel ?? tools.settings.imageModel}\``,
  ].join('\n');
}
