import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import sharp from 'sharp';
import type { ChatPlatform } from '../../../src/bot/contract.ts';
import { slackManifestOf } from '../../../src/bot/slack/slack-manifest.ts';
import { createSlackPlatform, type SlackLogin } from '../../../src/bot/slack/slack-platform.ts';
import { commandSpecs } from '../../../src/commands/command-table.ts';
import type { Desk } from '../../../src/commands/contract.ts';
import type { BlobStore } from '../../../src/inference/contract.ts';
import { type Logger, silentLogger } from '../../../src/logger.ts';
import { loadSettings, type Settings } from '../../../src/settings.ts';
import { FakeClock, settled } from '../fake-clock.ts';
import { MemoryBlobStore } from '../memory-blob-store.ts';
import { FakeSlack, fakeTokens } from './fake-slack.ts';
import { SlackPerson } from './slack-person.ts';
import { type FakeChannel, type FakeMessage, slackIds } from './slack-state.ts';

export interface SlackBenchOptions {
  readonly desk: (bench: { readonly clock: FakeClock; readonly blobs: BlobStore; readonly settings: Settings }) => Desk | Promise<Desk>;
  readonly blobs?: BlobStore;
  readonly settings?: (defaults: Settings) => Settings;
  readonly logger?: Logger;
  /** HTTP mode on this port, instead of Socket Mode. */
  readonly httpPort?: number;
  readonly before?: (slack: FakeSlack) => void;
}

const turnsAtMost = 20_000;

/** Counts HTTP requests and pictures under work in this process, so that the fake clock waits for what is under way. */
class Traffic {
  readonly #requests = new Set<unknown>();
  readonly #begin = (event: unknown): void => {
    const request: unknown = Reflect.get(Object(event), 'request');
    if (Reflect.get(Object(request), 'upgrade') !== 'websocket') this.#requests.add(request); // a socket stays open
  };
  readonly #end = (event: unknown): void => {
    this.#requests.delete(Reflect.get(Object(event), 'request'));
  };

  constructor() {
    subscribe('undici:request:create', this.#begin);
    subscribe('undici:request:trailers', this.#end);
    subscribe('undici:request:error', this.#end);
  }

  get open(): number {
    const { queue, process } = sharp.counters();
    return this.#requests.size + queue + process;
  }

  close(): void {
    unsubscribe('undici:request:create', this.#begin);
    unsubscribe('undici:request:trailers', this.#end);
    unsubscribe('undici:request:error', this.#end);
  }
}

/** Fresco's Slack platform, connected to the fake Slack by Bolt itself, on a clock that moves only when the test lets it. */
export class SlackBench implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly slack: FakeSlack;
  readonly settings: Settings;
  readonly blobs: BlobStore;
  readonly login: SlackLogin;
  platform: ChatPlatform;
  desk: Desk;
  readonly general: FakeChannel;
  readonly ana: SlackPerson;
  readonly ben: SlackPerson;
  readonly #traffic: Traffic;
  readonly #logger: Logger;

  private constructor(
    parts: Pick<SlackBench, 'clock' | 'slack' | 'settings' | 'blobs' | 'login' | 'platform' | 'desk'> & { traffic: Traffic; logger: Logger },
  ) {
    this.clock = parts.clock;
    this.slack = parts.slack;
    this.settings = parts.settings;
    this.blobs = parts.blobs;
    this.login = parts.login;
    this.platform = parts.platform;
    this.desk = parts.desk;
    this.#traffic = parts.traffic;
    this.#logger = parts.logger;
    this.general = this.channel('general');
    this.ana = new SlackPerson(this.slack, { id: 'U00000ANA', name: 'Ana' });
    this.ben = new SlackPerson(this.slack, { id: 'U00000BEN', name: 'Ben' });
    this.general.members.add(this.ana.id).add(this.ben.id).add(slackIds.bot);
  }

  static async open(options: SlackBenchOptions): Promise<SlackBench> {
    const clock = new FakeClock(Math.floor(Date.now() / 1000) * 1000); // Bolt compares signatures with the real time
    const adjust = options.settings ?? ((defaults: Settings) => defaults);
    const defaults = loadSettings({ environment: {}, folder: '/nonexistent' });
    const settings = adjust({ ...defaults, slack: { ...defaults.slack, mode: options.httpPort === undefined ? 'socket' : 'http' } });
    const groups = [...settings.access.allow.groups, ...settings.access.deny.groups].length > 0;
    const slack = await FakeSlack.open({
      clock,
      manifest: slackManifestOf({ groups, ...(options.httpPort === undefined ? {} : { requestUrl: `http://127.0.0.1:${options.httpPort}/slack/events` }) }),
    });
    options.before?.(slack);
    const blobs = options.blobs ?? new MemoryBlobStore();
    const login = { botToken: fakeTokens.bot, appToken: fakeTokens.app, signingSecret: fakeTokens.secret, apiUrl: slack.apiUrl, port: options.httpPort ?? 0 };
    const logger = options.logger ?? silentLogger;
    const platform = createSlackPlatform({ login, settings, blobs, clock, logger, specs: commandSpecs });
    const desk = await options.desk({ clock, blobs, settings });
    const bench = new SlackBench({ clock, slack, settings, blobs, login, platform, desk, traffic: new Traffic(), logger });
    await bench.connect();
    return bench;
  }

  async connect(): Promise<void> {
    await this.platform.start(this.desk);
    let recovered = false;
    const recovering = this.desk
      .recover('slack', (ref) => this.platform.reopen(ref))
      .then(() => {
        recovered = true;
      });
    await this.until(() => recovered);
    await recovering;
  }

  /** A killed bot: its sockets are cut and nothing of it is heard again; the next one runs on `desk`. */
  async replace(desk: Desk): Promise<void> {
    const dead = this.platform;
    await dead.closeIntake();
    this.platform = createSlackPlatform({
      login: this.login,
      settings: this.settings,
      blobs: this.blobs,
      clock: this.clock,
      logger: this.#logger,
      specs: commandSpecs,
    });
    this.desk = desk;
    await this.connect();
  }

  channel(name: string, kind: FakeChannel['kind'] = 'public'): FakeChannel {
    const id = `${kind === 'public' ? 'C' : 'G'}0${name.toUpperCase().replace(/[^A-Z0-9]/g, '')}`;
    const channel: FakeChannel = { id, name, kind, members: new Set(), archived: false, extShared: false };
    this.slack.state.channels.set(id, channel);
    return channel;
  }

  /** What the bot has in a channel now, in order; deleted messages are gone. */
  shown(channel?: FakeChannel): readonly FakeMessage[] {
    return this.slack.state.messages.filter((message) => message.byBot && !message.deleted && (channel === undefined || message.channel === channel.id));
  }

  /** Everything a message says, over text and blocks. */
  textOf(message: FakeMessage): string {
    return message.blocks.length === 0
      ? message.text
      : [message.stream === undefined ? '' : message.text, ...wordsIn(message.blocks)].filter((part) => part !== '').join('\n');
  }

  allText(channel?: FakeChannel): string {
    return this.shown(channel)
      .map((message) => this.textOf(message))
      .join('\n');
  }

  /** Resolves when no call and no envelope is under way. */
  async quiet(): Promise<void> {
    let calm = 0;
    for (let turn = 0; turn < turnsAtMost && calm < 3; turn += 1) {
      await settled();
      calm = this.slack.busy || this.#traffic.open > 0 ? 0 : calm + 1;
    }
  }

  /** Lets time pass in steps, each when nothing is under way any more. */
  async pass(ms: number, stepMs = 250): Promise<void> {
    await this.quiet();
    for (let left = ms; left > 0; left -= stepMs) {
      await this.clock.advance(Math.min(stepMs, left));
      await this.quiet();
    }
  }

  /** Lets time pass until the check holds; throws its last failure when it does not within `limitMs` of the fake clock. */
  async until(check: () => unknown, { stepMs = 250, limitMs = 120_000 } = {}): Promise<void> {
    for (let spentMs = 0; ; spentMs += stepMs) {
      await this.quiet();
      try {
        if (check() !== false) return;
        if (spentMs >= limitMs) throw new Error(`it did not come about; the bot shows:\n${this.allText()}`);
      } catch (error) {
        if (spentMs >= limitMs) throw error;
      }
      await this.clock.advance(stepMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = this.platform.stop();
    await this.pass(6000, 1000);
    await stopped;
    await this.slack[Symbol.asyncDispose]();
    this.#traffic.close();
  }
}

function wordsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(wordsIn);
  if (typeof value !== 'object' || value === null || Reflect.get(value, 'type') === 'button') return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === 'text' && typeof inner === 'string' ? [inner] : wordsIn(inner)));
}
