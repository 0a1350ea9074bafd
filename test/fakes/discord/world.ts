import type { ChannelType, MessageType } from 'discord-api-types/v10';
import type { Clock } from '../../../src/clock.ts';
import type { CommandJson } from './command-schema.ts';
import type { StoredComponent } from './component-schema.ts';
import { refusals } from './refusal.ts';
import { SnowflakeMint } from './snowflake.ts';
import { Timeline } from './timeline.ts';

/** What Discord keeps: people, servers, channels, messages, files, interactions, commands. */

export interface StoredUser {
  readonly id: string;
  readonly name: string;
  readonly isBot: boolean;
  /** False: this person lets nobody write to them. */
  takesDms: boolean;
}
export interface StoredGuild {
  readonly id: string;
  readonly name: string;
  readonly ownerId: string;
  readonly botRoleId: string;
  botPermissions: bigint;
  readonly memberRoles: Map<string, string[]>;
  maxFileBytes: number;
  /** False: the bot was never added; only user-installed commands reach it. */
  readonly hasBot: boolean;
}
export interface StoredChannel {
  readonly id: string;
  readonly type: ChannelType;
  readonly name: string;
  readonly guildId: string | undefined;
  readonly parentId: string | undefined;
  readonly recipients: readonly string[];
  nsfw: boolean;
  /** Permissions the bot lacks here. */
  denied: bigint;
  archived: boolean;
  locked: boolean;
  /** False in group messages and in direct messages of other people. */
  readonly hasBot: boolean;
}
export interface StoredFile {
  readonly id: string;
  readonly filename: string;
  readonly description: string | undefined;
  readonly contentType: string;
  readonly bytes: Uint8Array;
  readonly isEphemeral: boolean;
}
/** What a message looked like at a moment. */
export interface MessageState {
  readonly atMs: number;
  readonly content: string;
  readonly components: readonly StoredComponent[];
  readonly files: readonly StoredFile[];
  readonly flags: number;
}
export interface StoredMessage {
  readonly id: string;
  readonly channelId: string;
  readonly authorId: string;
  readonly type: MessageType;
  readonly createdAtMs: number;
  content: string;
  components: readonly StoredComponent[];
  files: readonly StoredFile[];
  embeds: number;
  flags: number;
  editedAtMs: number | undefined;
  readonly replyTo: string | undefined;
  readonly mentions: readonly string[];
  /** Who got a notification by this message; must stay empty for everything the bot says. */
  readonly pings: string[];
  /** Oldest first, the present state last. */
  readonly history: MessageState[];
  /** For the answer to an interaction: who asked, and with which command. */
  readonly interaction: { readonly id: string; readonly userId: string; readonly name: string | undefined; readonly token: string } | undefined;
  /** Who can see it; undefined: everyone in the channel. */
  readonly onlyFor: string | undefined;
  readonly nonce: string | undefined;
}
export interface StoredInteraction {
  readonly id: string;
  readonly token: string;
  readonly type: 2 | 3 | 4 | 5;
  readonly name: string | undefined;
  readonly userId: string;
  readonly channelId: string;
  readonly dispatchedAtMs: number;
  readonly isUserInstallOnly: boolean;
  /** The message whose component was pressed. */
  readonly sourceMessageId: string | undefined;
  readonly maxFileBytes: number;
  acknowledgedAtMs: number | undefined;
  /** The callback type it was acknowledged with. */
  answer: number | undefined;
  ephemeral: boolean;
  originalMessageId: string | undefined;
  followUps: number;
  choices: readonly { readonly name: string; readonly value: string | number }[] | undefined;
  modal: StoredModal | undefined;
}
export interface StoredModal {
  readonly customId: string;
  readonly title: string;
  readonly fields: readonly {
    readonly customId: string;
    readonly label: string;
    readonly value: string;
    readonly required: boolean;
    readonly maxLength: number;
    readonly multiline: boolean;
  }[];
}

export class World {
  readonly clock: Clock;
  readonly mint: SnowflakeMint;
  readonly timeline: Timeline;
  readonly users = new Map<string, StoredUser>();
  readonly guilds = new Map<string, StoredGuild>();
  readonly channels = new Map<string, StoredChannel>();
  readonly messages = new Map<string, StoredMessage>();
  readonly interactions = new Map<string, StoredInteraction>();
  /** Files by id, for downloads. */
  readonly files = new Map<string, StoredFile>();
  /** Keyed by 'global' or a server's id. */
  readonly commands = new Map<string, readonly (CommandJson & { readonly id: string })[]>();
  readonly applicationId: string;
  readonly botId: string;
  readonly token: string;
  ownerId: string;
  applicationFlags = 0;
  /** Where this server listens, once it does. */
  origin = '';
  /** Words that automatic moderation refuses. */
  readonly moderatedWords: string[] = [];

  constructor(clock: Clock) {
    this.clock = clock;
    this.mint = new SnowflakeMint(clock);
    this.timeline = new Timeline(clock);
    this.applicationId = this.mint.next();
    this.botId = this.mint.next();
    this.token = `${Buffer.from(this.botId).toString('base64')}.Gfake01.a-token-that-opens-nothing-anywhere`;
    this.users.set(this.botId, { id: this.botId, name: 'Fresco', isBot: true, takesDms: true });
    this.ownerId = this.botId;
  }

  channel(id: string | undefined): StoredChannel {
    const found = this.channels.get(id ?? '');
    if (found === undefined) throw refusals.unknownChannel();
    return found;
  }

  message(channelId: string | undefined, id: string | undefined): StoredMessage {
    const found = this.messages.get(id ?? '');
    if (found === undefined || found.channelId !== channelId) throw refusals.unknownMessage();
    return found;
  }

  user(id: string): StoredUser {
    const found = this.users.get(id);
    if (found === undefined) throw refusals.unknownUser();
    return found;
  }

  /** The channel's messages that everyone there sees, oldest first. */
  messagesIn(channelId: string): StoredMessage[] {
    return [...this.messages.values()]
      .filter((message) => message.channelId === channelId)
      .sort((left, right) => (BigInt(left.id) < BigInt(right.id) ? -1 : 1));
  }

  /** The server of a channel, if it has one. */
  guildOf(channel: StoredChannel): StoredGuild | undefined {
    return channel.guildId === undefined ? undefined : this.guilds.get(channel.guildId);
  }
}
