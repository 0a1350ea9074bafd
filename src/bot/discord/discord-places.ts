import {
  ApplicationIntegrationType,
  type BaseInteraction,
  type Channel,
  ChannelType,
  GuildMember,
  GuildMemberFlags,
  InteractionContextType,
  type Message,
  PermissionFlagsBits,
  type User,
} from 'discord.js';
import type { Place, Principal } from '../../commands/contract.ts';
import { type ConversationKey, conversationKeySchema } from '../../ids.ts';

/** Who runs the application, by Discord's own word. */
export interface DiscordIdentity {
  readonly applicationId: string;
  readonly botId: string;
  readonly ownerIds: ReadonlySet<string>;
}

/** Direct messages and threads are conversations; elsewhere each question begins one, which replies to its answer carry on. */
export const conversationOf = {
  directMessages: (channel: string): ConversationKey => conversationKeySchema.parse(`discord:dm:${channel}`),
  thread: (thread: string): ConversationKey => conversationKeySchema.parse(`discord:thread:${thread}`),
  chain: (channel: string, root: string): ConversationKey => conversationKeySchema.parse(`discord:chain:${channel}:${root}`),
} as const;

/** Who used a command, button or menu. Somebody whose own installation brought us here is a guest: the owner did not invite us there. */
export function principalOfInteraction(interaction: BaseInteraction, identity: DiscordIdentity): Principal {
  const { member, user } = interaction;
  const isOwner = identity.ownerIds.has(user.id);
  const isOnlyUserInstalled = interaction.authorizingIntegrationOwners[ApplicationIntegrationType.GuildInstall] === undefined;
  const isServerGuest = member instanceof GuildMember && member.flags.has(GuildMemberFlags.IsGuest);
  return {
    platform: 'discord',
    workspace: interaction.guildId ?? '',
    channel: interaction.channelId ?? '',
    user: user.id,
    name: member instanceof GuildMember ? member.displayName : (member?.nick ?? user.displayName),
    groups: rolesOf(member),
    isGuest: !isOwner && (isOnlyUserInstalled || isServerGuest),
    ...(isOwner ? { isOwner } : {}),
  };
}

const rolesOf = (member: BaseInteraction['member']): readonly string[] => {
  if (member === null) return [];
  return member instanceof GuildMember ? [...member.roles.cache.keys()].filter((role) => role !== member.guild.id) : member.roles;
};

export function placeOfInteraction(interaction: BaseInteraction): Place {
  const channel = interaction.channelId ?? '';
  const isDirect = interaction.context === InteractionContextType.BotDM || (interaction.context === null && interaction.guildId === null);
  const isElsewhere = interaction.context === InteractionContextType.PrivateChannel;
  const base = placeIn(interaction.channel, { channel, workspace: interaction.guildId ?? '' });
  const conversation = isDirect
    ? conversationOf.directMessages(channel)
    : base.thread === undefined
      ? conversationOf.chain(channel, interaction.id)
      : conversationOf.thread(channel);
  return { ...base, direct: isDirect || isElsewhere, conversation };
}

/** True when the bot's own token reaches the channel, so that messages can be edited after the interaction's fifteen minutes. */
export function hasChannelAccess(interaction: BaseInteraction): boolean {
  if (interaction.context === InteractionContextType.BotDM) return true;
  return interaction.guild !== null && interaction.appPermissions.has(PermissionFlagsBits.ViewChannel);
}

export function principalOfMessage(message: Message, identity: DiscordIdentity): Principal {
  const isOwner = identity.ownerIds.has(message.author.id);
  const member = message.member;
  return {
    platform: 'discord',
    workspace: message.guildId ?? '',
    channel: message.channelId,
    user: message.author.id,
    name: member?.displayName ?? message.author.displayName,
    groups: rolesOf(member),
    isGuest: !isOwner && member?.flags.has(GuildMemberFlags.IsGuest) === true,
    ...(isOwner ? { isOwner } : {}),
  };
}

/** Where a message was written; `root` is the message that begins its conversation, where neither thread nor direct message does. */
export function placeOfMessage(message: Message, root: string): Place {
  const base = placeIn(message.channel, { channel: message.channelId, workspace: message.guildId ?? '' });
  const isDirect = message.guildId === null;
  const conversation = isDirect
    ? conversationOf.directMessages(message.channelId)
    : base.thread === undefined
      ? conversationOf.chain(message.channelId, root)
      : conversationOf.thread(base.thread);
  return { ...base, direct: isDirect, conversation };
}

/** The same place once its message has become a thread: the thread has the message's id. */
export const inNewThread = (place: Place, message: string): Place => ({
  ...place,
  channel: message,
  thread: message,
  conversation: conversationOf.thread(message),
});

function placeIn(channel: Channel | null, at: { readonly channel: string; readonly workspace: string }): Omit<Place, 'direct' | 'conversation'> {
  const parent = channel?.isThread() === true ? channel.parent : channel;
  const thread = channel?.isThread() === true ? { thread: at.channel } : {};
  return {
    platform: 'discord',
    workspace: at.workspace,
    channel: at.channel,
    ...thread,
    parentChannel: (channel?.isThread() === true ? channel.parentId : undefined) ?? at.channel,
    ageRestricted: parent !== null && parent !== undefined && 'nsfw' in parent && parent.nsfw === true,
  };
}

/** A thread can be started here from a message, and we may write in it. */
export function canStartThread(channel: Channel, bot: User): boolean {
  if (channel.type !== ChannelType.GuildText && channel.type !== ChannelType.GuildAnnouncement) return false;
  const needed = [PermissionFlagsBits.ViewChannel, PermissionFlagsBits.CreatePublicThreads, PermissionFlagsBits.SendMessagesInThreads];
  return channel.permissionsFor(bot)?.has(needed) === true;
}
