import { randomUUID } from 'node:crypto';
import { ChannelType } from 'discord-api-types/v10';
import { attachmentJson, channelJson, memberJson, messageJson, userJson } from './payloads.ts';
import { botPermissionsIn } from './permissions.ts';
import type { StoredChannel, StoredFile, StoredInteraction, StoredMessage, World } from './world.ts';

export interface NewInteraction {
  readonly type: StoredInteraction['type'];
  readonly userId: string;
  readonly channel: StoredChannel;
  readonly data: object;
  readonly name?: string;
  readonly message?: StoredMessage;
}

/** Stores an interaction and builds what the gateway sends about it. */
export function openInteraction(world: World, input: NewInteraction): { readonly interaction: StoredInteraction; readonly payload: object } {
  const { channel, userId } = input;
  const guild = world.guildOf(channel);
  const isUserInstallOnly = guild === undefined ? !channel.hasBot : !guild.hasBot;
  const interaction: StoredInteraction = {
    id: world.mint.next(),
    token: `tok-${randomUUID()}${randomUUID()}`,
    type: input.type,
    name: input.name,
    userId,
    channelId: channel.id,
    dispatchedAtMs: world.clock.now(),
    isUserInstallOnly,
    sourceMessageId: input.message?.id,
    maxFileBytes: guild?.maxFileBytes ?? 10 * 1024 * 1024,
    acknowledgedAtMs: undefined,
    answer: undefined,
    ephemeral: false,
    originalMessageId: undefined,
    followUps: 0,
    choices: undefined,
    modal: undefined,
  };
  world.interactions.set(interaction.id, interaction);
  const user = userJson(world.user(userId));
  const context = guild !== undefined ? 0 : channel.type === ChannelType.DM && channel.hasBot ? 1 : 2;
  const owners = isUserInstallOnly ? { '1': userId } : { '0': guild?.id ?? '0' };
  const who =
    guild === undefined
      ? { user }
      : {
          guild_id: guild.id,
          guild: { id: guild.id, locale: 'en-US', features: [] },
          guild_locale: 'en-US',
          member: { user, ...memberJson(guild, userId), permissions: '2147483647' },
        };
  const payload = {
    id: interaction.id,
    application_id: world.applicationId,
    type: input.type,
    data: input.data,
    token: interaction.token,
    version: 1,
    channel_id: channel.id,
    channel: channelJson(world, channel),
    ...who,
    app_permissions: (guild === undefined || guild.hasBot ? botPermissionsIn(world, channel) : 0x20_0000_0000_0n).toString(),
    locale: 'en-US',
    entitlements: [],
    authorizing_integration_owners: owners,
    context,
    attachment_size_limit: interaction.maxFileBytes,
    ...(input.message === undefined ? {} : { message: messageJson(world, input.message, { intents: 1 << 15 }) }),
  };
  return { interaction, payload };
}

export type OptionInput = string | number | boolean | StoredFile;

const isFile = (value: OptionInput): value is StoredFile => typeof value === 'object';

/** The `data` of a slash command; option types as the value says, unless `types` says otherwise. */
export function commandData(
  world: World,
  command: { readonly id: string; readonly name: string; readonly channelId: string },
  options: Readonly<Record<string, OptionInput>>,
  types: Readonly<Record<string, number>> = {},
): object {
  const files = Object.values(options).filter(isFile);
  const typeOf = (value: OptionInput): number => (isFile(value) ? 11 : typeof value === 'string' ? 3 : typeof value === 'boolean' ? 5 : 10);
  return {
    id: command.id,
    name: command.name,
    type: 1,
    options: Object.entries(options).map(([name, value]) => ({ name, type: types[name] ?? typeOf(value), value: isFile(value) ? value.id : value })),
    ...(files.length === 0
      ? {}
      : { resolved: { attachments: Object.fromEntries(files.map((file) => [file.id, attachmentJson(world, command.channelId, file)])) } }),
  };
}
