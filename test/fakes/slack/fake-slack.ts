import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Clock } from '../../../src/clock.ts';
import { chatMethods } from './chat-methods.ts';
import { fileMethods } from './file-methods.ts';
import { HookBook } from './hook-book.ts';
import { SlackArguments } from './slack-arguments.ts';
import type { Acknowledgement, Envelope, SlackDoor } from './slack-door.ts';
import type { FakeSlackSwitches, MethodCall, SlackMethod } from './slack-method.ts';
import { SlackRefusal } from './slack-refusal.ts';
import { SlackState, slackIds } from './slack-state.ts';
import { SlackTiers } from './slack-tiers.ts';
import { SocketDoor } from './socket-door.ts';
import { streamMethods } from './stream-methods.ts';
import { TriggerDrawer } from './trigger-drawer.ts';
import { workspaceMethods } from './workspace-methods.ts';

const methods: Readonly<Record<string, SlackMethod>> = { ...chatMethods, ...streamMethods, ...fileMethods, ...workspaceMethods };

/** The parts of a manifest that decide what the app gets to see and may do. */
export const installedManifestSchema = z.object({
  features: z.object({
    slash_commands: z.array(z.object({ command: z.string().startsWith('/') })).max(50),
    shortcuts: z.array(z.object({ callback_id: z.string(), type: z.enum(['message', 'global']) })).max(10),
  }),
  oauth_config: z.object({ scopes: z.object({ bot: z.array(z.string()) }) }),
  settings: z.object({ event_subscriptions: z.object({ bot_events: z.array(z.string()) }), socket_mode_enabled: z.boolean() }),
});
export type InstalledManifest = z.infer<typeof installedManifestSchema>;

export interface FakeSlackOptions {
  readonly clock: Clock;
  /** What the app was created from; anything that `slackManifest` gives. */
  readonly manifest: unknown;
}

export const fakeTokens = { bot: 'xoxb-fake-bot-token', app: 'xapp-fake-app-token', secret: 'fake-signing-secret' } as const;

/** A strict, stateful Slack on a loopback port: the Web API, uploads, response URLs, Socket Mode. */
export class FakeSlack implements AsyncDisposable {
  readonly state: SlackState;
  readonly tiers: SlackTiers;
  readonly sockets: SocketDoor;
  readonly hooks: HookBook;
  readonly triggers: TriggerDrawer;
  readonly manifest: InstalledManifest;
  readonly switches: FakeSlackSwitches;
  /** Every Web API call with its answer, in order. */
  readonly calls: { readonly method: string; readonly error: string | undefined }[] = [];
  readonly #server: Server;
  #door: SlackDoor;
  #inFlight = 0;
  #seed = 1;
  #events = 0;

  private constructor({ clock, manifest }: FakeSlackOptions) {
    this.manifest = installedManifestSchema.parse(manifest);
    this.state = new SlackState(clock);
    this.tiers = new SlackTiers(clock);
    this.triggers = new TriggerDrawer(clock);
    this.hooks = new HookBook(this.state);
    this.switches = {
      updateShares: false,
      fileDelayMs: 700,
      scopes: new Set(this.manifest.oauth_config.scopes.bot),
      streamsInChannels: true,
      agentFeatures: true,
      tokenRevoked: false,
      redeliverShare: 0,
      uploadsDisabled: false,
      failing: new Map(),
      brokenAnswers: new Map(),
    };
    this.sockets = new SocketDoor(this.state, () => this.#random() < this.switches.redeliverShare);
    this.#door = this.sockets;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on('upgrade', (request, socket, head) => this.sockets.upgrade(request, socket, head));
  }

  static async open(options: FakeSlackOptions): Promise<FakeSlack> {
    const slack = new FakeSlack(options);
    await new Promise<void>((resolve) => slack.#server.listen(0, '127.0.0.1', resolve));
    return slack;
  }

  get baseUrl(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the fake Slack is not listening');
    return `http://127.0.0.1:${address.port}`;
  }

  get apiUrl(): string {
    return `${this.baseUrl}/api/`;
  }

  /** True while something is on its way: a call, or an envelope nobody acknowledged yet. */
  get busy(): boolean {
    return this.#inFlight > 0 || this.#door.pending > 0;
  }

  /** Sends through another door, such as HTTP, from now on. */
  useDoor(door: SlackDoor): void {
    this.#door = door;
  }

  deliver(envelope: Envelope): Promise<Acknowledgement> {
    return this.#door.deliver(envelope);
  }

  /** Wraps an event and sends it, if the app subscribed to it. */
  emit(event: Readonly<Record<string, unknown>>, extra: Readonly<Record<string, unknown>> = {}): void {
    if (!this.#subscribed(event)) return;
    void this.deliver({ type: 'events_api', payload: this.eventBody(event, extra) });
  }

  eventBody(event: Readonly<Record<string, unknown>>, extra: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
    this.#events += 1;
    return {
      type: 'event_callback',
      team_id: slackIds.team,
      api_app_id: slackIds.app,
      event_id: `Ev${String(this.#events).padStart(8, '0')}`,
      event_time: Math.floor(this.state.clock.now() / 1000),
      authorizations: [{ team_id: slackIds.team, user_id: slackIds.bot, is_bot: true, is_enterprise_install: false }],
      event,
      ...extra,
    };
  }

  #subscribed(event: Readonly<Record<string, unknown>>): boolean {
    const names = this.manifest.settings.event_subscriptions.bot_events;
    const kinds: Readonly<Record<string, string>> = { channel: 'message.channels', group: 'message.groups', im: 'message.im', mpim: 'message.mpim' };
    const type = String(event['type']);
    if (type !== 'message') return names.includes(type);
    const channelType = event['channel_type'] ?? { C: 'channel', G: 'group', D: 'im' }[String(event['channel'])[0] ?? ''];
    return names.includes(kinds[String(channelType)] ?? '');
  }

  #random(): number {
    this.#seed = (this.#seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return this.#seed / 2 ** 31;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#inFlight += 1;
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(Buffer.from(chunk));
      this.#route(request, Buffer.concat(chunks), response);
    } catch (error) {
      response.writeHead(500).end(String(error));
    } finally {
      this.#inFlight -= 1;
    }
  }

  #route(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const [, room, name = ''] = new URL(request.url ?? '/', 'http://localhost').pathname.split('/');
    switch (`${request.method} ${room}`) {
      case 'POST api':
        this.#answerCall(name, { request, body, response });
        break;
      case 'POST upload':
        this.#receiveFile(name, body, response);
        break;
      case 'GET files':
        this.#sendFile(name, request, response);
        break;
      case 'POST hooks': {
        const refusal = this.hooks.use(name, JSON.parse(body.toString()));
        response.writeHead(refusal === undefined ? 200 : 404, { 'content-type': 'text/plain' }).end(refusal ?? 'ok');
        break;
      }
      default:
        response.writeHead(404).end();
    }
  }

  #answerCall(method: string, { request, body, response }: { request: IncomingMessage; body: Buffer; response: ServerResponse }): void {
    const headers: Record<string, string> = { 'content-type': 'application/json', 'x-oauth-scopes': [...this.switches.scopes].join(',') };
    let answer: Readonly<Record<string, unknown>>;
    let status = 200;
    try {
      answer = { ok: true, ...this.#call(method, request.headers.authorization ?? '', new URLSearchParams(body.toString())) };
      if (this.#breaksAnswer(method)) status = 500;
    } catch (error) {
      if (!(error instanceof SlackRefusal)) throw error;
      if (error.retryAfterS !== undefined) {
        status = 429;
        headers['retry-after'] = String(error.retryAfterS);
      }
      answer = { ok: false, error: error.code, ...error.extra };
    }
    this.calls.push({ method, error: typeof answer['error'] === 'string' ? answer['error'] : undefined });
    response.writeHead(status, headers).end(JSON.stringify(answer));
  }

  #breaksAnswer(method: string): boolean {
    const left = this.switches.brokenAnswers.get(method) ?? 0;
    if (left > 0) this.switches.brokenAnswers.set(method, left - 1);
    return left > 0;
  }

  #call(name: string, authorization: string, form: URLSearchParams): Readonly<Record<string, unknown>> {
    if (name === 'apps.connections.open') return this.#openConnection(authorization);
    const method = methods[name];
    if (method === undefined) throw new SlackRefusal('unknown_method');
    this.#checkToken(authorization, fakeTokens.bot);
    const failure = this.switches.failing.get(name);
    if (failure !== undefined) throw new SlackRefusal(failure);
    const { state, switches, baseUrl } = this;
    const call: MethodCall = {
      args: new SlackArguments(form, method.args),
      state,
      switches,
      baseUrl,
      emit: (event) => this.emit(event),
      trigger: this.triggers,
    };
    const needed = method.scopes(call);
    if (needed.length > 0 && !needed.some((scope) => switches.scopes.has(scope))) {
      throw new SlackRefusal('missing_scope', { needed: needed[0], provided: [...switches.scopes].join(',') });
    }
    this.tiers.spend(name, method.tier, form.get('channel') ?? undefined);
    return method.run(call);
  }

  #checkToken(authorization: string, expected: string): void {
    if (authorization === '') throw new SlackRefusal('not_authed');
    if (authorization === `Bearer ${fakeTokens.app}` && expected !== fakeTokens.app) throw new SlackRefusal('not_allowed_token_type');
    if (authorization !== `Bearer ${expected}`) throw new SlackRefusal('invalid_auth');
    if (this.switches.tokenRevoked) throw new SlackRefusal('token_revoked');
  }

  #openConnection(authorization: string): Readonly<Record<string, unknown>> {
    this.#checkToken(authorization, fakeTokens.app);
    const failure = this.switches.failing.get('apps.connections.open');
    if (failure !== undefined) throw new SlackRefusal(failure);
    return { url: `${this.baseUrl.replace('http', 'ws')}/link/?ticket=${this.sockets.newTicket()}&app_id=${slackIds.app}` };
  }

  #receiveFile(id: string, body: Buffer, response: ServerResponse): void {
    const file = this.state.files.get(id);
    if (file === undefined || file.bytes !== undefined || body.length !== file.declaredLength) {
      response.writeHead(400).end('bad upload');
      return;
    }
    file.bytes = body;
    response.writeHead(200).end(`OK - ${body.length}`);
  }

  /** Without a right token Slack answers with its login page and status 200. */
  #sendFile(id: string, request: IncomingMessage, response: ServerResponse): void {
    const file = this.state.files.get(id);
    if (request.headers.authorization !== `Bearer ${fakeTokens.bot}` || !this.switches.scopes.has('files:read') || file?.bytes === undefined) {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!DOCTYPE html><html><body>Sign in to Slack</body></html>');
      return;
    }
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': String(file.bytes.length) }).end(file.bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sockets.stop();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
