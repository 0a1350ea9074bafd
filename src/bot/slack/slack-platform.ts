import { App, HTTPReceiver } from '@slack/bolt';
import type { Clock } from '../../clock.ts';
import type { CommandSpec } from '../../commands/command-spec.ts';
import type { Desk, MessageRef, Surface } from '../../commands/contract.ts';
import { FrescoError } from '../../fresco-error.ts';
import type { BlobStore } from '../../inference/contract.ts';
import type { Logger } from '../../logger.ts';
import type { Settings } from '../../settings.ts';
import type { ChatPlatform, PlatformCapabilities, PlatformHealth } from '../contract.ts';
import { boltLogger } from './bolt-logger.ts';
import { PictureStrategy } from './picture-strategy.ts';
import { SeenKeys } from './seen-keys.ts';
import { SlackAssistant } from './slack-assistant.ts';
import { slackLimits } from './slack-blocks.ts';
import { openWebClient, SlackClient } from './slack-client.ts';
import { platformFailed, slackFailure } from './slack-failure.ts';
import { SlackFiles } from './slack-files.ts';
import { SlackGateway } from './slack-gateway.ts';
import type { IntakeTools } from './slack-intake.ts';
import { usesGroups } from './slack-manifest.ts';
import { SlackPace } from './slack-pace.ts';
import { SlackPeople } from './slack-people.ts';
import { SlackReception } from './slack-reception.ts';
import { isDirect, SlackRooms, spotOf } from './slack-rooms.ts';
import { SlackSocket } from './slack-socket.ts';
import { StreamSupport } from './slack-stream.ts';
import { answerTo, SlackSurface } from './slack-surface.ts';
import { SurfaceBook } from './surface-book.ts';
import type { SurfaceTools } from './surface-tools.ts';

export type SlackLogin = NonNullable<Settings['slackLogin']>;

export interface SlackPlatformOptions {
  readonly login: SlackLogin;
  readonly settings: Settings;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly specs: readonly CommandSpec[];
}

/** Least time between two edits of one message, as other rooms should reckon with. */
const editGapMs = 1500;
/** Slack takes files up to a gigabyte; pictures are far below. */
const maxFileBytes = 1_000_000_000;
/** How long `stop` waits for last words. */
const lastWordsMs = 5000;

/** Slack as a chat platform. Nothing is connected before `start`. */
export function createSlackPlatform(options: SlackPlatformOptions): ChatPlatform {
  return new SlackPlatform(options);
}

class SlackPlatform implements ChatPlatform {
  readonly name = 'slack';
  readonly capabilities: PlatformCapabilities;
  readonly #options: SlackPlatformOptions;
  readonly #tools: SurfaceTools;
  readonly #socket: SlackSocket | undefined;
  #app: App | undefined;
  #rooms: SlackRooms | undefined;
  #reception: SlackReception | undefined;
  #listening = false;
  #lost: string | undefined;
  #missingScope: string | undefined;

  constructor(options: SlackPlatformOptions) {
    this.#options = options;
    const { login, settings, blobs, clock, logger } = options;
    this.capabilities = {
      maxText: slackLimits.markdown,
      maxFileBytes,
      ephemeral: true,
      threads: true,
      pictureEdit: settings.slack.pictureEdit,
      stream: settings.slack.nativeStreams ? 'native' : 'edit',
      editGapMs,
      tokenLifeMs: undefined,
    };
    const pace = new SlackPace({ clock, logger });
    const client = new SlackClient({ web: openWebClient(login.botToken, login.apiUrl), pace, onFailure: (error) => this.#noteFailure(error) });
    this.#tools = {
      client,
      files: new SlackFiles({ client, blobs, clock, logger }),
      book: new SurfaceBook(),
      assistant: new SlackAssistant(client),
      streams: new StreamSupport({ wanted: settings.slack.nativeStreams }),
      strategy: new PictureStrategy({ wanted: settings.slack.pictureEdit, logger }),
      clock,
      logger,
      identity: { botUser: undefined },
    };
    if (settings.slack.mode === 'socket') {
      if (login.appToken === undefined) throw new FrescoError('settings-invalid', { problems: ['SLACK_APP_TOKEN: found nothing; expected the xapp- token'] });
      this.#socket = new SlackSocket({ appToken: login.appToken, apiUrl: login.apiUrl, clock, logger, boltLogger: boltLogger(logger) });
    }
  }

  async start(desk: Desk): Promise<void> {
    try {
      const identity = await this.#identify();
      const intake = this.#intake(desk, identity);
      const app = this.#openApp(identity);
      this.#app = app;
      new SlackGateway(intake, { onRevoked: (reason) => this.#lose(reason) }).listen(app);
      if (this.#socket === undefined) await app.start(this.#options.login.port);
      else await this.#socket.start();
      this.#listening = true;
    } catch (error) {
      throw platformFailed('connect', error);
    }
  }

  async #identify(): Promise<{ readonly botUser: string; readonly botId: string; readonly team: string; readonly url: string }> {
    const { user_id: botUser, bot_id: botId, team_id: team, url = 'https://slack.com/' } = await this.#tools.client.web.auth.test();
    if (botUser === undefined || team === undefined)
      throw new FrescoError('platform-failed', { platform: 'slack', operation: 'log in', reason: 'this is not a bot token' });
    this.#tools.identity.botUser = botUser;
    return { botUser, botId: botId ?? '', team, url };
  }

  #openApp({ botUser, botId, team }: { readonly botUser: string; readonly botId: string; readonly team: string }): App {
    const { login, logger } = this.#options;
    const receiver =
      this.#socket?.receiver ??
      new HTTPReceiver({
        signingSecret: login.signingSecret ?? '',
        port: login.port,
        endpoints: ['/slack/events'],
        logger: boltLogger(logger),
      });
    return new App({
      receiver,
      // the workspace is known already; each event would otherwise be a look-up
      authorize: async () => ({ botToken: login.botToken, botId, botUserId: botUser, teamId: team }),
      convoStore: false,
      extendedErrorHandler: true,
      logger: boltLogger(logger),
      clientOptions: { slackApiUrl: login.apiUrl, timeout: 15_000, rejectRateLimitedCalls: true, allowAbsoluteUrls: false, retryConfig: { retries: 0 } },
    });
  }

  #intake(desk: Desk, { botUser, team, url }: { readonly botUser: string; readonly team: string; readonly url: string }): IntakeTools {
    const { login, settings, specs, clock, logger } = this.#options;
    const { client, book, assistant } = this.#tools;
    this.#rooms = new SlackRooms(team);
    this.#reception = new SlackReception(this.#tools);
    return {
      desk,
      client,
      book,
      assistant,
      settings,
      specs,
      clock,
      logger,
      botUser,
      team,
      people: new SlackPeople({ client, clock, logger, team, usesGroups: usesGroups(settings) }),
      rooms: this.#rooms,
      reception: this.#reception,
      seen: new SeenKeys(clock),
      botToken: login.botToken,
      apiUrl: login.apiUrl,
      workspaceUrl: url,
    };
  }

  reopen(ref: MessageRef): Surface | undefined {
    if (ref.platform !== 'slack' || ref.message === '') return undefined;
    const spot = spotOf(ref.channel, ref.thread);
    const direct = isDirect(ref.channel);
    if (ref.message.startsWith(answerTo)) return new SlackSurface(this.#tools, { spot, direct, answers: ref.message.slice(answerTo.length), adopt: true });
    return new SlackSurface(this.#tools, { spot, direct, existing: { id: { channel: ref.channel, ts: ref.message }, filesByBlob: new Map() }, adopt: true });
  }

  async closeIntake(): Promise<void> {
    if (!this.#listening) return;
    this.#listening = false;
    if (this.#socket === undefined) await this.#app?.stop();
    else await this.#socket.stop();
  }

  async stop(): Promise<void> {
    await this.closeIntake();
    const lastWords = Promise.all([this.#reception?.drained(), this.#tools.book.tidied()]);
    const enough = new AbortController();
    await Promise.race([lastWords, this.#options.clock.wait(lastWordsMs, enough.signal)]);
    enough.abort();
  }

  health(): PlatformHealth {
    const connected = this.#listening && this.#lost === undefined && (this.#socket?.connected ?? true);
    const problem = this.#problem();
    return { platform: 'slack', connected, ...(problem === undefined ? {} : { problem }) };
  }

  #problem(): string | undefined {
    if (this.#lost !== undefined) return `Slack has ended this login (${this.#lost}): install the app again and put its new token into SLACK_BOT_TOKEN.`;
    if (this.#missingScope !== undefined) return `The Slack app lacks the scope ${this.#missingScope}: add it and install the app again.`;
    return this.#socket?.problem ?? this.#tools.strategy.problem;
  }

  #noteFailure(error: unknown): void {
    const { kind, code, needed } = slackFailure(error);
    if (kind === 'scope') this.#missingScope = needed ?? code;
    if (kind === 'login') this.#lose(code);
  }

  /** Nothing can be shown any more: jobs whose messages are lost should not go on. */
  #lose(reason: string): void {
    if (this.#lost === undefined) this.#options.logger.error({ reason }, 'Slack has ended this login');
    this.#lost = reason;
    this.#tools.book.loseAll(reason);
  }
}
