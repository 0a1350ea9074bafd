import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ApplicationCommandOptionType,
  ApplicationCommandType,
  ApplicationIntegrationType,
  InteractionContextType,
  PermissionFlagsBits,
  type RESTPostAPIApplicationCommandsJSONBody,
} from 'discord.js';
import { z } from 'zod';
import type { CommandSpec, OptionSpec } from '../../commands/command-spec.ts';
import type { MenuName } from '../../commands/contract.ts';
import type { Logger } from '../../logger.ts';
import { clipped } from './discord-render.ts';

/** The entries in a message's context menu ("Apps"). */
export const menuTitles = {
  'vary-picture': 'Vary this picture',
  'show-parameters': 'Show parameters',
  'ask-about': 'Ask about this',
  'summarize-from': 'Summarise from here',
} as const satisfies { [Name in MenuName]: string };

const isMenuName = (name: string): name is MenuName => Object.hasOwn(menuTitles, name);
const menuNames = Object.keys(menuTitles).filter(isMenuName);

/** The menu entry with this title. */
export const menuNamed = (title: string): MenuName | undefined => menuNames.find((name) => menuTitles[name] === title);

const limits = { description: 100, text: 6000, choices: 25, choice: 100 } as const;

/** Discord's JSON for all commands. Contexts and integration types exist for global commands only. */
export function commandsJson(specs: readonly CommandSpec[], scope: 'global' | 'server'): RESTPostAPIApplicationCommandsJSONBody[] {
  const everywhere =
    scope === 'server'
      ? {}
      : {
          contexts: [InteractionContextType.Guild, InteractionContextType.BotDM, InteractionContextType.PrivateChannel],
          integration_types: [ApplicationIntegrationType.GuildInstall, ApplicationIntegrationType.UserInstall],
        };
  const commands = specs.map((spec) => ({
    type: ApplicationCommandType.ChatInput as const,
    name: spec.name,
    description: clipped(spec.description, limits.description),
    options: [...spec.options].sort((left, right) => Number(right.required === true) - Number(left.required === true)).map(optionJson),
    // keeps it out of most people's menus; the desk decides who may
    ...(spec.adminOnly === true ? { default_member_permissions: PermissionFlagsBits.ManageGuild.toString() } : {}),
    ...everywhere,
  }));
  const menus = menuNames.map((name) => ({ type: ApplicationCommandType.Message as const, name: menuTitles[name], ...everywhere }));
  return [...commands, ...menus];
}

function optionJson(option: OptionSpec) {
  const base = { name: option.name, description: clipped(option.description, limits.description), ...(option.required === true ? { required: true } : {}) };
  switch (option.type) {
    case 'text':
      return {
        ...base,
        type: ApplicationCommandOptionType.String as const,
        max_length: Math.min(option.maxLength, limits.text),
        ...(option.completes === true ? { autocomplete: true as const } : {}),
      };
    case 'choice':
      return {
        ...base,
        type: ApplicationCommandOptionType.String as const,
        choices: option.choices.slice(0, limits.choices).map((choice) => ({ name: clipped(choice.name, limits.choice), value: choice.value })),
      };
    case 'integer':
      return { ...base, type: ApplicationCommandOptionType.Integer as const, min_value: option.min, max_value: option.max };
    case 'number':
      return { ...base, type: ApplicationCommandOptionType.Number as const, min_value: option.min, max_value: option.max };
    case 'flag':
      return { ...base, type: ApplicationCommandOptionType.Boolean as const };
    case 'picture':
    case 'file':
      return { ...base, type: ApplicationCommandOptionType.Attachment as const };
    default:
      return option satisfies never;
  }
}

const recordSchema = z.object({ application: z.string(), scopes: z.record(z.string(), z.string()) });
type RegistrationRecord = z.infer<typeof recordSchema>;

export interface RegistrationOptions {
  readonly applicationId: string;
  /** Register for this server alone; undefined: everywhere. */
  readonly server: string | undefined;
  readonly specs: readonly CommandSpec[];
  readonly dataDir: string;
  readonly logger: Logger;
  /** Overwrites all commands of a scope. */
  readonly put: (scope: { readonly server: string | undefined }, commands: readonly RESTPostAPIApplicationCommandsJSONBody[]) => Promise<void>;
}

/**
 * Registers the commands where they differ from what was registered last, which a small file in the data folder remembers
 * (Discord allows 200 new commands a day). A scope no longer used is emptied, since the same command in both is listed twice.
 */
export async function registerCommands(options: RegistrationOptions): Promise<void> {
  const path = join(options.dataDir, 'discord-commands.json');
  const before = await readRecord(path, options.applicationId);
  const scope = options.server ?? 'global';
  const commands = commandsJson(options.specs, options.server === undefined ? 'global' : 'server');
  const hash = createHash('sha256').update(JSON.stringify(commands)).digest('hex');
  const scopes: Record<string, string> = { ...before.scopes };
  for (const stale of Object.keys(scopes).filter((name) => name !== scope)) {
    await options.put({ server: stale === 'global' ? undefined : stale }, []);
    delete scopes[stale];
  }
  if (scopes[scope] !== hash) {
    await options.put({ server: options.server }, commands);
    options.logger.info({ commands: commands.length, scope: options.server === undefined ? 'everywhere' : 'one server' }, 'Discord commands registered');
  }
  await mkdir(options.dataDir, { recursive: true });
  await writeFile(path, `${JSON.stringify({ application: options.applicationId, scopes: { ...scopes, [scope]: hash } } satisfies RegistrationRecord)}\n`);
}

async function readRecord(path: string, applicationId: string): Promise<RegistrationRecord> {
  const nothing = { application: applicationId, scopes: {} };
  try {
    const record = recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    return record.application === applicationId ? record : nothing;
  } catch {
    return nothing; // never registered here, or a file we can't read: registering again does no harm
  }
}
