import { ChannelType, GatewayIntentBits, PermissionFlagsBits } from 'discord-api-types/v10';
import { type Clock, systemClock } from '../../../src/clock.ts';
import type { Settings } from '../../../src/settings.ts';
import { publish } from './echo.ts';
import { FakePerson } from './fake-person.ts';
import { GatewayServer } from './gateway-server.ts';
import { HttpServer } from './http-server.ts';
import { deleteMessage } from './message-store.ts';
import { channelJson, guildJson } from './payloads.ts';
import type { PermissionName } from './permissions.ts';
import { type RateRules, usualRates } from './rate-buckets.ts';
import { type StoredChannel, type StoredGuild, type StoredMessage, World } from './world.ts';

/** What the invite link asks for. */
export const invitedPermissions = 309_237_763_136n;

export interface FakeDiscordOptions {
  /** Decides the three seconds, the fifteen minutes and all ids. */
  readonly clock?: Clock;
  /** Whether the portal's message-content switch is on. */
  readonly messageContent?: boolean;
  readonly rates?: Partial<RateRules>;
}

/** How long `until` waits before it says what never came; a limit, not a pause. */
const patienceMs = 15_000;

/** Discord on loopback: strict, stateful, and reachable by the real client. */
export class FakeDiscord implements AsyncDisposable {
  readonly world: World;
  readonly http: HttpServer;
  readonly gateway: GatewayServer;

  private constructor(world: World, http: HttpServer) {
    this.world = world;
    this.http = http;
    this.gateway = new GatewayServer(world, http.server);
    http.gateway = this.gateway;
  }

  static async open({ clock = systemClock, messageContent = true, rates = {} }: FakeDiscordOptions = {}): Promise<FakeDiscord> {
    const world = new World(clock);
    world.applicationFlags = messageContent ? 1 << 19 : 0;
    const http = new HttpServer(world);
    http.buckets.rules = { ...usualRates, ...rates };
    const fake = new FakeDiscord(world, http);
    world.origin = await http.listen();
    return fake;
  }

  get login(): NonNullable<Settings['discordLogin']> {
    return { token: this.world.token, apiUrl: `${this.world.origin}/api`, server: undefined };
  }

  get timeline() {
    return this.world.timeline;
  }

  addPerson(name: string): FakePerson {
    const user = { id: this.world.mint.next(), name, isBot: false, takesDms: true };
    this.world.users.set(user.id, user);
    return new FakePerson(this, user);
  }

  addServer(name: string, options: { readonly hasBot?: boolean } = {}): StoredGuild {
    const guild: StoredGuild = {
      id: this.world.mint.next(),
      name,
      ownerId: this.world.ownerId,
      botRoleId: this.world.mint.next(),
      botPermissions: invitedPermissions,
      memberRoles: new Map(),
      maxFileBytes: 10 * 1024 * 1024,
      hasBot: options.hasBot ?? true,
    };
    this.world.guilds.set(guild.id, guild);
    if (guild.hasBot)
      this.gateway.dispatch({ event: 'GUILD_CREATE', guildId: guild.id, intent: GatewayIntentBits.Guilds, data: () => guildJson(this.world, guild) });
    return guild;
  }

  addChannel(guild: StoredGuild, name: string, options: { readonly nsfw?: boolean; readonly denied?: readonly PermissionName[] } = {}): StoredChannel {
    const denied = (options.denied ?? []).reduce((bits, permission) => bits | PermissionFlagsBits[permission], 0n);
    const channel = this.#channel({
      type: ChannelType.GuildText,
      name,
      guildId: guild.id,
      nsfw: options.nsfw ?? false,
      denied,
      hasBot: guild.hasBot,
      recipients: [],
    });
    if (guild.hasBot)
      this.gateway.dispatch({ event: 'CHANNEL_CREATE', guildId: guild.id, intent: GatewayIntentBits.Guilds, data: () => channelJson(this.world, channel) });
    return channel;
  }

  /** The direct messages between a person and the bot. */
  directMessages(person: FakePerson): StoredChannel {
    const known = [...this.world.channels.values()].find((channel) => channel.type === ChannelType.DM && channel.recipients.includes(person.id));
    return (
      known ??
      this.#channel({ type: ChannelType.DM, name: '', guildId: undefined, nsfw: false, denied: 0n, hasBot: true, recipients: [person.id, this.world.botId] })
    );
  }

  /** A conversation between people, where only a user-installed command reaches the bot. */
  groupMessages(...people: readonly FakePerson[]): StoredChannel {
    return this.#channel({
      type: ChannelType.GroupDM,
      name: 'friends',
      guildId: undefined,
      nsfw: false,
      denied: 0n,
      hasBot: false,
      recipients: people.map(({ id }) => id),
    });
  }

  #channel(part: Omit<StoredChannel, 'id' | 'parentId' | 'archived' | 'locked'>): StoredChannel {
    const channel: StoredChannel = { ...part, id: this.world.mint.next(), parentId: undefined, archived: false, locked: false };
    this.world.channels.set(channel.id, channel);
    return channel;
  }

  /** What a moderator can do to a message or channel. */
  removeMessage(message: StoredMessage): void {
    deleteMessage(this.world, message, 'channel');
    publish(this.world, this.gateway, 'MESSAGE_DELETE', message);
  }

  removeChannel(channel: StoredChannel): void {
    this.world.channels.delete(channel.id);
    this.gateway.dispatch({
      event: 'CHANNEL_DELETE',
      guildId: channel.guildId,
      intent: GatewayIntentBits.Guilds,
      data: () => channelJson(this.world, channel),
    });
  }

  deny(channel: StoredChannel, ...permissions: readonly PermissionName[]): void {
    channel.denied = permissions.reduce((bits, permission) => bits | PermissionFlagsBits[permission], channel.denied);
    this.gateway.dispatch({
      event: 'CHANNEL_UPDATE',
      guildId: channel.guildId,
      intent: GatewayIntentBits.Guilds,
      data: () => channelJson(this.world, channel),
    });
  }

  /** The bot's messages in a channel as people see them, oldest first. */
  answersIn(channel: Pick<StoredChannel, 'id'>): StoredMessage[] {
    return this.world.messagesIn(channel.id).filter(({ authorId }) => authorId === this.world.botId);
  }

  /** Resolves with what `look` finds, as soon as something happens that makes it find it. Throws, naming `what`, when it never does. */
  until<Found>(look: () => Found | undefined | false, what: string, withinMs: number = patienceMs): Promise<Found> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        unwatch();
      };
      const check = (): void => {
        try {
          const found = look();
          if (found === undefined || found === false) return;
          stop();
          resolve(found);
        } catch (error) {
          stop();
          reject(error);
        }
      };
      const unwatch = this.timeline.watch(() => queueMicrotask(check));
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`never came: ${what}; last of the timeline: ${JSON.stringify(this.timeline.entries.slice(-12), undefined, 1)}`));
      }, withinMs);
      check();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway.close();
    await this.http.close();
  }
}
