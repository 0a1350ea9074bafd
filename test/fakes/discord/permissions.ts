import { ChannelType, PermissionFlagsBits } from 'discord-api-types/v10';
import { refusals } from './refusal.ts';
import type { StoredChannel, World } from './world.ts';

export type PermissionName = keyof typeof PermissionFlagsBits;

export const isThread = ({ type }: Pick<StoredChannel, 'type'>): boolean =>
  type === ChannelType.PublicThread || type === ChannelType.PrivateThread || type === ChannelType.AnnouncementThread;

/** What the bot may do in a channel; everything in its direct messages. */
export function botPermissionsIn(world: World, channel: StoredChannel): bigint {
  const guild = world.guildOf(channel);
  if (guild === undefined) return channel.hasBot ? ~0n & ((1n << 53n) - 1n) : 0n;
  if (!guild.hasBot) return 0n;
  const denied = channel.denied | (channel.parentId === undefined ? 0n : (world.channels.get(channel.parentId)?.denied ?? 0n));
  return guild.botPermissions & ~denied;
}

/** Throws 50001 where the bot sees nothing, 50013 where it lacks one of these. */
export function needPermissions(world: World, channel: StoredChannel, ...names: readonly PermissionName[]): void {
  const has = botPermissionsIn(world, channel);
  if ((has & PermissionFlagsBits.ViewChannel) === 0n) throw refusals.missingAccess();
  for (const name of names) {
    if ((has & PermissionFlagsBits[name]) === 0n) throw refusals.missingPermissions();
  }
}

/** The permission to write here: threads have their own. */
export const sendPermission = (channel: StoredChannel): PermissionName => (isThread(channel) ? 'SendMessagesInThreads' : 'SendMessages');
