import { PermissionFlagsBits } from 'discord.js';

/** What Fresco asks for when it is invited: the least that every feature needs. */
export const neededPermissions = {
  AddReactions: 'Add Reactions',
  ViewChannel: 'View Channels',
  SendMessages: 'Send Messages',
  EmbedLinks: 'Embed Links',
  AttachFiles: 'Attach Files',
  ReadMessageHistory: 'Read Message History',
  CreatePublicThreads: 'Create Public Threads',
  SendMessagesInThreads: 'Send Messages in Threads',
} as const satisfies Partial<Record<keyof typeof PermissionFlagsBits, string>>;

export type NeededPermission = keyof typeof neededPermissions;

const isNeeded = (name: string): name is NeededPermission => Object.hasOwn(neededPermissions, name);
export const neededPermissionNames: readonly NeededPermission[] = Object.keys(neededPermissions).filter(isNeeded);

/** The permissions as one number: 309237763136. */
export const invitePermissions: bigint = neededPermissionNames.reduce((bits, name) => bits | PermissionFlagsBits[name], 0n);

/** The link an owner opens to add the bot to a server: slash commands and the least permissions. */
export function inviteLink(applicationId: string): string {
  const query = new URLSearchParams({ client_id: applicationId, scope: 'bot applications.commands', permissions: invitePermissions.toString() });
  return `https://discord.com/oauth2/authorize?${query}`;
}
