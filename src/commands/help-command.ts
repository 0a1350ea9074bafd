import { FrescoError } from '../fresco-error.ts';
import { isAdmin } from './access-policy.ts';
import { optionsOf } from './command-options.ts';
import type { CommandSpec, OptionSpec } from './command-spec.ts';
import type { CommandInvocation, Reception, TypedInvocation } from './contract.ts';
import type { DeskTools } from './desk-tools.ts';
import { noticeMessage } from './messages.ts';
import { expectedOf } from './option-values.ts';

export const helpSpec = {
  name: 'help',
  description: 'What I can do and how to ask for it',
  example: '/help imagine',
  options: [{ type: 'text', name: 'command', description: 'One command, to see its options', maxLength: 40, isRest: true, completes: true }],
} as const satisfies CommandSpec;

/** Help written from the command table: all commands, or one with its options. */
export function receiveHelp(tools: DeskTools, invocation: CommandInvocation | TypedInvocation): Reception {
  const name = optionsOf(helpSpec, invocation).text('command')?.replace(/^\//, '').toLowerCase();
  const specs = tools.specs.filter((spec) => spec.adminOnly !== true || isAdmin(invocation.principal, tools.settings.access));
  const wanted = specs.find((spec) => spec.name === name || (name !== undefined && spec.aliases?.includes(name) === true));
  if (name !== undefined && wanted === undefined) throw new FrescoError('command-unknown', { command: name, known: specs.map((spec) => spec.name) });
  const text = wanted === undefined ? overview(specs) : commandHelp(wanted);
  return { kind: 'answer', message: noticeMessage(text), audience: 'sender' };
}

function overview(specs: readonly CommandSpec[]): string {
  return [
    'Talk to me in a message, reply to what I said to go on from there, or say “draw me …”.',
    ...specs.map(({ name, description }) => `- \`/${name}\` ${description}`),
    '`/help COMMAND` shows its options.',
  ].join('\n');
}

/** One command with its options, as typed. */
export function commandHelp({ name, description, options, example }: CommandSpec): string {
  return [`**/${name}** ${description}`, ...options.map(optionHelp), `For example: \`${example}\``].join('\n');
}

function optionHelp(option: OptionSpec): string {
  const names = option.type === 'text' && option.isRest === true ? option.name : [option.name, ...(option.aliases ?? [])].map((each) => `--${each}`).join(' ');
  return `- \`${names}\` ${option.description}: ${expectedOf(option)}`;
}
