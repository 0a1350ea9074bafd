import { ApplicationCommandType } from 'discord-api-types/v10';
import { z } from 'zod';
import { DiscordRefusal, invalidForm } from './refusal.ts';

/** Application commands, checked as Discord checks a bulk overwrite. */

const chatName = z.string().regex(/^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$/u, 'APPLICATION_COMMAND_INVALID_NAME');
const lowercase = (name: string) => name === name.toLowerCase();
const choice = z.strictObject({ name: z.string().min(1).max(100), value: z.union([z.string().min(1).max(100), z.number()]) });

const option = z
  .strictObject({
    type: z.union([z.literal(3), z.literal(4), z.literal(5), z.literal(10), z.literal(11)]),
    name: chatName.refine(lowercase, 'APPLICATION_COMMAND_INVALID_NAME'),
    description: z.string().min(1).max(100),
    required: z.boolean().optional(),
    choices: z.array(choice).min(1).max(25).optional(),
    autocomplete: z.boolean().optional(),
    min_length: z.int().min(0).max(6000).optional(),
    max_length: z.int().min(1).max(6000).optional(),
    min_value: z.number().optional(),
    max_value: z.number().optional(),
  })
  .superRefine((value, context) => {
    const fault = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if (value.autocomplete === true && value.choices !== undefined) fault('autocomplete', 'APPLICATION_COMMAND_OPTIONS_CHOICES_AND_AUTOCOMPLETE');
    if ((value.min_length ?? value.max_length) !== undefined && value.type !== 3) fault('max_length', 'lengths are for strings');
    if ((value.min_value ?? value.max_value) !== undefined && value.type !== 4 && value.type !== 10) fault('max_value', 'bounds are for numbers');
    if (value.choices !== undefined && ![3, 4, 10].includes(value.type)) fault('choices', 'choices are for strings and numbers');
  });

const contexts = z.array(z.int().min(0).max(2)).max(3);
const shared = {
  default_member_permissions: z.string().regex(/^\d+$/).nullable().optional(),
  contexts: contexts.optional(),
  integration_types: z.array(z.int().min(0).max(1)).min(1).max(2).optional(),
  nsfw: z.boolean().optional(),
};
const chatInput = z.strictObject({
  type: z.literal(ApplicationCommandType.ChatInput),
  name: chatName.refine(lowercase, 'APPLICATION_COMMAND_INVALID_NAME'),
  description: z.string().min(1).max(100),
  options: z.array(option).max(25).optional(),
  ...shared,
});
const contextMenu = z.strictObject({
  type: z.union([z.literal(ApplicationCommandType.Message), z.literal(ApplicationCommandType.User)]),
  name: z.string().min(1).max(32),
  ...shared,
});
export const commandSchema = z.discriminatedUnion('type', [chatInput, contextMenu]);
export type CommandJson = z.output<typeof commandSchema>;
export type ChatCommandJson = z.output<typeof chatInput>;

const caps: Readonly<Record<number, number>> = { 1: 100, 2: 15, 3: 15 };

/** Rules over the whole set. Throws 50035, 30032. */
export function checkCommandSet(commands: readonly CommandJson[], scope: 'global' | 'guild'): void {
  for (const [type, cap] of Object.entries(caps)) {
    if (commands.filter((command) => command.type === Number(type)).length > cap)
      throw new DiscordRefusal(400, 30032, `Maximum number of application commands reached (${cap})`);
  }
  const seen = new Set<string>();
  for (const [index, command] of commands.entries()) {
    const key = `${command.type}:${command.name}`;
    const fault = (field: string, code: string) => invalidForm([{ path: [index, field], code, message: code }]);
    if (seen.has(key)) throw fault('name', 'APPLICATION_COMMANDS_DUPLICATE_NAME');
    seen.add(key);
    if (scope === 'guild' && (command.contexts !== undefined || command.integration_types !== undefined))
      throw fault('contexts', 'APPLICATION_COMMAND_CONTEXTS_GLOBAL_ONLY');
    if (command.type !== ApplicationCommandType.ChatInput) continue;
    const options = command.options ?? [];
    const firstOptional = options.findIndex((item) => item.required !== true);
    if (firstOptional >= 0 && options.slice(firstOptional).some((item) => item.required === true))
      throw fault('options', 'APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID');
    if (new Set(options.map(({ name }) => name)).size < options.length) throw fault('options', 'APPLICATION_COMMAND_OPTIONS_NAME_INVALID');
    if (sizeOf(command) > 8000) throw fault('name', 'APPLICATION_COMMAND_TOO_LARGE');
  }
}

/** Characters over names, descriptions and choice values. */
function sizeOf(command: ChatCommandJson): number {
  const choices = (command.options ?? []).flatMap((item) => item.choices ?? []);
  return (
    [command, ...(command.options ?? [])].reduce((sum, part) => sum + part.name.length + part.description.length, 0) +
    choices.reduce((sum, item) => sum + item.name.length + String(item.value).length, 0)
  );
}
