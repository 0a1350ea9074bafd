import { ChannelType, ComponentType, GatewayIntentBits, MessageFlags, MessageType } from 'discord-api-types/v10';
import { allComponents, type StoredComponent, shownFiles } from './component-schema.ts';
import { isThread } from './permissions.ts';
import type { StoredChannel, StoredFile, StoredGuild, StoredMessage, StoredUser, World } from './world.ts';

/** What the API and the gateway send. */

export const userJson = (user: StoredUser): object => ({
  id: user.id,
  username: user.name.toLowerCase().replaceAll(/[^a-z0-9_.]/g, '_'),
  discriminator: '0',
  global_name: user.isBot ? null : user.name,
  avatar: null,
  ...(user.isBot ? { bot: true } : {}),
});

export const memberJson = (guild: StoredGuild, userId: string): object => ({
  roles: guild.memberRoles.get(userId) ?? [],
  joined_at: '2024-01-01T00:00:00.000000+00:00',
  deaf: false,
  mute: false,
  flags: 0,
});

export function channelJson(world: World, channel: StoredChannel): object {
  const base = { id: channel.id, type: channel.type };
  if (channel.type === ChannelType.DM) return { ...base, recipients: channel.recipients.map((id) => userJson(world.user(id))) };
  if (channel.type === ChannelType.GroupDM) return { ...base, name: channel.name, owner_id: channel.recipients[0], recipients: [] };
  const guild = world.guildOf(channel);
  const parent = channel.parentId === undefined ? {} : { parent_id: channel.parentId };
  if (isThread(channel)) {
    const metadata = {
      archived: channel.archived,
      locked: channel.locked,
      auto_archive_duration: 1440,
      archive_timestamp: new Date(world.clock.now()).toISOString(),
    };
    return {
      ...base,
      ...parent,
      guild_id: channel.guildId,
      name: channel.name,
      owner_id: world.botId,
      thread_metadata: metadata,
      message_count: 0,
      member_count: 2,
    };
  }
  const overwrites = channel.denied === 0n || guild === undefined ? [] : [{ id: guild.botRoleId, type: 0, allow: '0', deny: channel.denied.toString() }];
  return { ...base, ...parent, guild_id: channel.guildId, name: channel.name, position: 0, nsfw: channel.nsfw, permission_overwrites: overwrites };
}

export function guildJson(world: World, guild: StoredGuild): object {
  const channels = [...world.channels.values()].filter(({ guildId }) => guildId === guild.id);
  const memberRoles = [...new Set([...guild.memberRoles.values()].flat())];
  const role = (id: string, name: string, permissions: bigint): object => ({
    id,
    name,
    permissions: permissions.toString(),
    color: 0,
    colors: { primary_color: 0 },
    hoist: false,
    position: 0,
    managed: false,
    mentionable: false,
    flags: 0,
  });
  return {
    id: guild.id,
    name: guild.name,
    owner_id: guild.ownerId,
    roles: [role(guild.id, '@everyone', 0n), role(guild.botRoleId, 'Fresco', guild.botPermissions), ...memberRoles.map((id) => role(id, 'members', 0n))],
    channels: channels.filter((channel) => !isThread(channel)).map((channel) => channelJson(world, channel)),
    threads: channels.filter(isThread).map((channel) => channelJson(world, channel)),
    members: [{ user: userJson(world.user(world.botId)), ...memberJson(guild, world.botId), roles: [guild.botRoleId] }],
    ...{ emojis: [], stickers: [], features: [], presences: [], voice_states: [], stage_instances: [], guild_scheduled_events: [], soundboard_sounds: [] },
    ...{ member_count: 3, joined_at: '2024-01-01T00:00:00.000000+00:00', large: false, unavailable: false, premium_tier: 0, preferred_locale: 'en-US' },
    ...{
      verification_level: 0,
      default_message_notifications: 0,
      explicit_content_filter: 0,
      mfa_level: 0,
      nsfw_level: 0,
      system_channel_flags: 0,
      afk_timeout: 300,
    },
  };
}

/** A signed link as the platform's file store gives out; here it lies on loopback. */
export const fileUrl = (world: World, channelId: string, file: StoredFile): string =>
  `${world.origin}/attachments/${channelId}/${file.id}/${file.filename}?ex=66aa0000&is=66a90000&hm=${file.id}`;

export const attachmentJson = (world: World, channelId: string, file: StoredFile): object => ({
  id: file.id,
  filename: file.filename,
  size: file.bytes.length,
  url: fileUrl(world, channelId, file),
  proxy_url: fileUrl(world, channelId, file),
  content_type: file.contentType,
  ...(file.contentType.startsWith('image/') ? { width: 512, height: 512 } : {}),
  ...(file.description === undefined ? {} : { description: file.description }),
  ...(file.isEphemeral ? { ephemeral: true } : {}),
});

function componentJson(world: World, message: StoredMessage, component: StoredComponent): object {
  if (component.type === ComponentType.Container)
    return { ...component, components: component.components.map((child) => componentJson(world, message, child)) };
  if (component.type !== ComponentType.MediaGallery) return component;
  const items = component.items.map((item) => {
    const file = message.files.find(({ filename }) => item.media.url === `attachment://${filename}`);
    if (file === undefined) return item;
    const url = fileUrl(world, message.channelId, file);
    return { ...item, media: { url, proxy_url: url, width: 512, height: 512, content_type: file.contentType, attachment_id: file.id } };
  });
  return { ...component, items };
}

export interface Reader {
  /** Gateway intents of who reads; content is withheld without MESSAGE_CONTENT. */
  readonly intents: number;
}

/** The message as this reader may see it. */
export function messageJson(world: World, message: StoredMessage, reader: Reader): object {
  const channel = world.channels.get(message.channelId);
  const guild = channel === undefined ? undefined : world.guildOf(channel);
  const target = message.replyTo === undefined ? undefined : world.messages.get(message.replyTo);
  const isReadable = mayRead(world, message, reader);
  const hidden = shownFiles(message.components);
  const files = message.files.filter(({ filename }) => !hidden.includes(filename));
  return {
    id: message.id,
    channel_id: message.channelId,
    author: userJson(world.user(message.authorId)),
    content: isReadable ? message.content : '',
    timestamp: new Date(message.createdAtMs).toISOString(),
    edited_timestamp: message.editedAtMs === undefined ? null : new Date(message.editedAtMs).toISOString(),
    tts: false,
    mention_everyone: false,
    mentions: message.mentions.map((id) => userJson(world.user(id))),
    mention_roles: [],
    attachments: isReadable ? files.map((file) => attachmentJson(world, message.channelId, file)) : [],
    embeds: [],
    components: isReadable ? message.components.map((component) => componentJson(world, message, component)) : [],
    pinned: false,
    type: message.type,
    flags: message.flags,
    channel_type: channel?.type ?? 0,
    ...(message.nonce === undefined ? {} : { nonce: message.nonce }),
    ...(guild === undefined ? {} : { guild_id: guild.id }),
    ...(guild === undefined || message.authorId === world.botId ? {} : { member: memberJson(guild, message.authorId) }),
    ...(message.interaction === undefined ? {} : { application_id: world.applicationId, webhook_id: world.applicationId }),
    ...(message.type === MessageType.Reply
      ? {
          message_reference: {
            type: 0,
            channel_id: message.channelId,
            message_id: message.replyTo ?? message.id,
            ...(guild === undefined ? {} : { guild_id: guild.id }),
          },
          referenced_message: target === undefined ? null : messageJson(world, { ...target, replyTo: undefined }, reader),
        }
      : {}),
  };
}

function mayRead(world: World, message: StoredMessage, reader: Reader): boolean {
  const isDirect = world.channels.get(message.channelId)?.guildId === undefined;
  return (reader.intents & GatewayIntentBits.MessageContent) !== 0 || isDirect || message.authorId === world.botId || message.mentions.includes(world.botId);
}

/** The text a person reads in a message, whatever carries it. */
export function visibleText(message: Pick<StoredMessage, 'content' | 'components'>): string {
  const shown = allComponents(message.components).flatMap((component) => (component.type === ComponentType.TextDisplay ? [component.content] : []));
  return [message.content, ...shown].filter((text) => text !== '').join('\n');
}

export const isLoading = ({ flags }: Pick<StoredMessage, 'flags'>): boolean => (flags & MessageFlags.Loading) !== 0;
