import { type Client, Events, GatewayCloseCodes } from 'discord.js';
import type { Clock } from '../../clock.ts';
import type { CommandSpec } from '../../commands/command-spec.ts';
import type { Desk, MessageRef, Surface } from '../../commands/contract.ts';
import { FrescoError } from '../../fresco-error.ts';
import type { Logger } from '../../logger.ts';
import type { Settings } from '../../settings.ts';
import type { ChatPlatform, PlatformCapabilities, PlatformHealth } from '../contract.ts';
import { DiscordApi } from './discord-api.ts';
import { DiscordAttachments } from './discord-attachments.ts';
import { type DiscordApplication, type DiscordLogin, openClient, readApplication } from './discord-client.ts';
import { failureOf, withoutBody } from './discord-failure.ts';
import type { PictureShelf } from './discord-frames.ts';
import { DiscordInteractions } from './discord-interactions.ts';
import { inviteLink } from './discord-invite.ts';
import { DiscordMessages } from './discord-messages.ts';
import { DiscordPace } from './discord-pace.ts';
import { showPresence } from './discord-presence.ts';
import { registerCommands } from './discord-registration.ts';
import { discordLimits } from './discord-render.ts';
import { SeenIds } from './discord-seen-ids.ts';
import { SurfaceMaker, usualMaxFileBytes } from './discord-surface-maker.ts';

export interface DiscordPlatformOptions {
  readonly login: DiscordLogin;
  readonly settings: Pick<Settings, 'chat' | 'discord'>;
  readonly blobs: PictureShelf;
  readonly clock: Clock;
  /** For the moment of quiet after a rush; tests that stop `clock` let this one run. */
  readonly rushClock?: Clock;
  readonly logger: Logger;
  readonly dataDir: string;
  readonly specs: readonly CommandSpec[];
  /** The least time between two edits of one message; Discord takes about five in five seconds for a whole channel. */
  readonly editGapMs?: number;
}

const readyWithinMs = 60_000;
const stopWithinMs = 5000;
const seenCap = 2000;

/** Discord as a chat platform. `start` connects; nothing is sent before. */
export function createDiscordPlatform(options: DiscordPlatformOptions): ChatPlatform {
  return new DiscordPlatform(options);
}

interface Connection {
  readonly application: DiscordApplication;
  readonly client: Client;
  readonly api: DiscordApi;
  readonly surfaces: SurfaceMaker;
}

class DiscordPlatform implements ChatPlatform {
  readonly name = 'discord';
  readonly capabilities: PlatformCapabilities;
  readonly #options: DiscordPlatformOptions;
  readonly #stopping = new AbortController();
  readonly #editGapMs: number;
  #connection: Connection | undefined;
  #desk: Desk | undefined;
  #isConnected = false;
  #problem: string | undefined;

  constructor(options: DiscordPlatformOptions) {
    this.#options = options;
    this.#editGapMs = options.editGapMs ?? 1200;
    this.capabilities = {
      maxText: discordLimits.content,
      maxFileBytes: usualMaxFileBytes,
      ephemeral: true,
      threads: true,
      pictureEdit: 'in-place',
      stream: 'edit',
      editGapMs: this.#editGapMs,
      tokenLifeMs: 15 * 60_000,
    };
  }

  async start(desk: Desk): Promise<void> {
    const { login, logger, settings, dataDir, specs, clock } = this.#options;
    const application = await readApplication(login);
    const withMessageContent = application.mayReadMessages && settings.discord.messageContent !== false;
    if (!withMessageContent && settings.discord.messageContent !== false) {
      this.#problem = intentProblem;
      logger.warn({}, intentProblem);
    }
    const client = openClient(login, { withMessageContent });
    this.#connection = this.#connect(client, application);
    this.#desk = desk;
    this.#watch(client);
    await this.#login(client);
    this.#isConnected = true;
    const { api } = this.#connection;
    await registerCommands({
      applicationId: application.id,
      server: login.server,
      specs,
      dataDir,
      logger,
      put: (scope, commands) => api.putCommands(scope.server, commands),
    }).catch((error: unknown) => this.#tell(`Discord did not take the commands: ${failureOf(error).reason}. Commands registered before still work.`, error));
    logger.info({ servers: client.guilds.cache.size, shards: client.ws.shards.size, invite: inviteLink(application.id) }, 'Discord is connected');
    if (client.isReady()) {
      showPresence(client, { desk, clock, signal: this.#stopping.signal }).catch((error: unknown) =>
        logger.warn({ cause: withoutBody(error) }, 'the presence is not shown any more'),
      );
    }
  }

  reopen(ref: MessageRef): Surface | undefined {
    return this.#connection?.surfaces.reopen(ref);
  }

  async closeIntake(): Promise<void> {
    this.#desk = undefined;
  }

  async stop(): Promise<void> {
    this.#desk = undefined;
    this.#stopping.abort();
    this.#isConnected = false;
    const goodbye = this.#connection?.client.destroy();
    await Promise.race([goodbye, this.#options.clock.wait(stopWithinMs)]);
  }

  health(): PlatformHealth {
    return { platform: 'discord', connected: this.#isConnected, ...(this.#problem === undefined ? {} : { problem: this.#problem }) };
  }

  #connect(client: Client, application: DiscordApplication): Connection {
    const { clock, logger, blobs } = this.#options;
    const pace = new DiscordPace({ clock, marginMs: 50 });
    const api = new DiscordApi({ rest: client.rest, applicationId: application.id, pace });
    const surfaces = new SurfaceMaker({ api, pictures: blobs, clock, logger, editGapMs: this.#editGapMs });
    return { application, client, api, surfaces };
  }

  /** Listens to what people do, once it is known who the bot is. */
  #listen(client: Client<true>): void {
    if (this.#connection === undefined) return;
    const { api, surfaces, application } = this.#connection;
    const { clock, rushClock = clock, logger, login, settings } = this.#options;
    const identity = { applicationId: application.id, botId: client.user.id, ownerIds: application.ownerIds };
    const shared = { api, surfaces, identity, clock, logger, attachments: new DiscordAttachments(login.apiUrl), desk: () => this.#desk };
    const interactions = new DiscordInteractions({ ...shared, rushClock, seen: new SeenIds(seenCap) });
    const messages = new DiscordMessages({
      ...shared,
      seen: new SeenIds(seenCap),
      startThreads: settings.discord.startThreads ?? settings.chat.startThreads,
      answerInThreads: settings.chat.answerInThreads,
    });
    client.on(Events.InteractionCreate, (interaction) => void interactions.handle(interaction));
    client.on(Events.MessageCreate, (message) => void messages.handle(message));
    client.on(Events.MessageDelete, ({ id }) => surfaces.open.messageDeleted(id));
    client.on(Events.ChannelDelete, ({ id }) => surfaces.open.channelDeleted(id));
    client.on(Events.ThreadDelete, ({ id }) => surfaces.open.channelDeleted(id));
    client.on(Events.GuildDelete, (guild) => {
      for (const id of guild.channels.cache.keys()) surfaces.open.channelDeleted(id);
    });
  }

  #watch(client: Client): void {
    const { logger } = this.#options;
    client.once(Events.ClientReady, (ready) => this.#listen(ready));
    client.on(Events.Error, (error) => logger.error({ cause: withoutBody(error) }, 'discord.js reports an error'));
    client.on(Events.ShardError, (error, shard) => logger.warn({ shard, cause: error }, 'a Discord connection had an error'));
    client.on(Events.ShardReconnecting, (shard) => {
      this.#isConnected = false;
      logger.info({ shard }, 'reconnecting to Discord');
    });
    const back = (shard: number): void => {
      this.#isConnected = !this.#stopping.signal.aborted;
      logger.info({ shard }, 'connected to Discord again');
    };
    client.on(Events.ShardResume, back);
    client.on(Events.ShardReady, back);
    client.on(Events.ShardDisconnect, ({ code }) => {
      this.#isConnected = false;
      const fatal = fatalCloses[code];
      if (fatal !== undefined) this.#tell(fatal, undefined);
    });
  }

  /** Resolves when all servers are there. Throws 'platform-failed' with what the owner must mend. */
  async #login(client: Client): Promise<void> {
    const { clock, login } = this.#options;
    const ready = new Promise<void>((resolve) => client.once(Events.ClientReady, () => resolve()));
    const given = new AbortController();
    const failed = (reason: string, cause?: unknown): FrescoError =>
      new FrescoError('platform-failed', { platform: 'Discord', operation: 'logging in', reason }, { cause });
    const refused = new Promise<never>((_, reject) =>
      client.on(Events.ShardDisconnect, ({ code }) => reject(failed(fatalCloses[code] ?? `the connection closed with ${code}`))),
    );
    const late = clock.wait(readyWithinMs, given.signal).then(() => {
      if (!given.signal.aborted) throw failed(`no answer within ${readyWithinMs / 1000} s`);
    });
    try {
      refused.catch(() => undefined);
      const opened = client.login(login.token).catch((error: unknown) => {
        throw failed(failureOf(error).reason, withoutBody(error));
      });
      await Promise.race([Promise.all([opened, ready]), refused, late.then(() => ready)]);
    } catch (error) {
      await client.destroy();
      throw error;
    } finally {
      given.abort();
    }
  }

  #tell(problem: string, cause: unknown): void {
    this.#problem = problem;
    this.#options.logger.error({ cause: withoutBody(cause) }, problem);
  }
}

const intentProblem =
  'Discord keeps most messages from me: switch on “Message Content Intent” on the Bot page of the Developer Portal, so that I can follow threads without a mention. Commands, mentions, direct messages and replies with a ping work without it.';

/** Closes after which discord.js does not come back. */
const fatalCloses: Readonly<Record<number, string>> = {
  [GatewayCloseCodes.AuthenticationFailed]: 'Discord does not accept the bot token any more: put a new one into DISCORD_TOKEN and start again.',
  [GatewayCloseCodes.InvalidShard]: 'Discord refused the shards; start again.',
  [GatewayCloseCodes.ShardingRequired]: 'Discord asks for more shards; start again.',
  [GatewayCloseCodes.InvalidAPIVersion]: 'Discord no longer speaks this version of its interface: update Fresco.',
  [GatewayCloseCodes.InvalidIntents]: 'Discord refused the intents: update Fresco.',
  [GatewayCloseCodes.DisallowedIntents]:
    'Discord did not allow the message-content intent: switch it on in the Developer Portal, or set discord.messageContent to false in config/fresco.json.',
};
