import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebPlatform } from '../../../src/bot/web/web-platform.ts';
import type { WireMessage, WireReception, WireUpdate } from '../../../src/bot/web/wire-message.ts';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/logger.ts';
import { type DeskBench, type DeskBenchOverrides, openDeskBench } from '../../fakes/desk-bench.ts';

export interface WebBenchOptions extends DeskBenchOverrides {
  readonly host?: string;
  readonly password?: string;
  readonly ownerPassword?: string;
  /** A built page; by default one with a bare index.html. */
  readonly pageFolder?: string;
}

/** The page's server over a real desk and a scripted runner, with visitors who speak HTTP to it. */
export class WebBench implements AsyncDisposable {
  readonly #options: WebBenchOptions;
  readonly #folder: string;
  readonly #visitors = new Map<string, WebVisitorClient>();
  bench: DeskBench;
  platform: WebPlatform;

  private constructor(options: WebBenchOptions, folder: string, bench: DeskBench, platform: WebPlatform) {
    this.#options = options;
    this.#folder = folder;
    this.bench = bench;
    this.platform = platform;
  }

  static async open(options: WebBenchOptions = {}): Promise<WebBench> {
    const folder = mkdtempSync(join(tmpdir(), 'fresco-web-'));
    mkdirSync(join(folder, 'page'));
    writeFileSync(join(folder, 'page/index.html'), '<!doctype html><title>Fresco</title>');
    const bench = await openDeskBench(options);
    const platform = platformOver(bench, options, folder);
    await platform.start(bench.desk);
    return new WebBench(options, folder, bench, platform);
  }

  get address(): string {
    return this.platform.address;
  }

  async visitor(name: string): Promise<WebVisitorClient> {
    const known = this.#visitors.get(name);
    if (known !== undefined) return known;
    const visitor = new WebVisitorClient(() => this.address);
    await visitor.open();
    this.#visitors.set(name, visitor);
    return visitor;
  }

  /** Kills the bot without goodbye and starts it again on the same store; the pages connect again. */
  async restart(): Promise<void> {
    await this.platform.stop();
    this.bench = await this.bench.restarted();
    this.platform = platformOver(this.bench, this.#options, this.#folder);
    await this.platform.start(this.bench.desk);
    for (const visitor of this.#visitors.values()) await visitor.connect();
    await this.bench.desk.recover('web', (ref) => this.platform.reopen(ref));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const visitor of this.#visitors.values()) visitor.close();
    await this.platform.stop();
    await this.bench[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function platformOver(bench: DeskBench, options: WebBenchOptions, folder: string): WebPlatform {
  return new WebPlatform({
    host: options.host ?? '127.0.0.1',
    port: 0,
    password: options.password,
    ownerPassword: options.ownerPassword,
    dataDir: folder,
    pageFolder: options.pageFolder ?? join(folder, 'page'),
    blobs: bench.blobs,
    models: bench.models,
    defaults: { textModel: 'tiny-writer', imageModel: 'tiny-painter' },
    clock: bench.clock,
    rushClock: systemClock,
    logger: silentLogger,
    health: () => ({ status: 'ok' }),
  });
}

/** Somebody with a browser: a cookie, an event stream and one conversation. */
export class WebVisitorClient {
  readonly conversation = newId();
  readonly messages = new Map<string, WireMessage>();
  readonly #address: () => string;
  #leave = new AbortController();
  cookie = '';

  constructor(address: () => string) {
    this.#address = address;
  }

  async open(): Promise<void> {
    const response = await fetch(`${this.#address()}/api/me`);
    this.cookie = (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    await this.connect();
  }

  /** (Re)connects the event stream and reads the transcript, as the page does. */
  async connect(): Promise<void> {
    this.close();
    this.#leave = new AbortController();
    const response = await this.get('/api/events', this.#leave.signal);
    void this.#listen(response).catch(() => undefined); // ends when the page leaves or the server stops
    const transcript = await this.get(`/api/conversations/${this.conversation}`);
    for (const message of await jsonOf<WireMessage[]>(transcript)) this.messages.set(message.id, message);
  }

  close(): void {
    this.#leave.abort();
  }

  get(path: string, signal?: AbortSignal): Promise<Response> {
    return fetch(this.#address() + path, { headers: { cookie: this.cookie }, ...(signal === undefined ? {} : { signal }) });
  }

  post(path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(this.#address() + path, {
      method: 'POST',
      headers: { cookie: this.cookie, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  async say(text: string, more: object = {}): Promise<WireReception> {
    return this.#take(await this.post('/api/chat', { conversation: this.conversation, message: newId(), text, files: [], ...more }));
  }

  async command(line: string, files: readonly string[] = []): Promise<WireReception> {
    const [, command = '', text = ''] = /^\/(\S+)\s*([\s\S]*)$/.exec(line) ?? [];
    return this.#take(await this.post('/api/command', { conversation: this.conversation, command, text, files }));
  }

  async press(label: string): Promise<WireReception> {
    const message = this.shown().findLast(({ actions }) => actions.some((action) => action.label === label));
    const action = message?.actions.find((each) => each.label === label);
    if (message === undefined || action === undefined) throw new Error(`no button "${label}"`);
    return this.#take(await this.post('/api/press', { conversation: this.conversation, message: message.id, action: action.id }));
  }

  /** The bot's messages. */
  shown(): readonly WireMessage[] {
    return [...this.messages.values()].filter(({ role }) => role === 'assistant');
  }

  readonly privateIds = new Set<string>();

  async #take(response: Response): Promise<WireReception> {
    if (!response.ok) throw new Error((await jsonOf<{ error: string }>(response)).error);
    const reception = await jsonOf<WireReception>(response);
    if (reception.kind === 'answer') {
      this.messages.set(reception.message.id, reception.message);
      this.privateIds.add(reception.message.id);
    }
    return reception;
  }

  async #listen(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of response.body ?? []) {
      const events = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) if (event.startsWith('data: ')) this.#update(JSON.parse(event.slice(6)));
    }
  }

  #update({ message, removed }: WireUpdate): void {
    if (removed === true) this.messages.delete(message.id);
    else this.messages.set(message.id, message);
  }
}

/** Our own server's JSON, its shape taken on trust. */
async function jsonOf<Body>(response: Response): Promise<Body> {
  return (await response.json()) as Body;
}

export const newId = (): string => randomBytes(12).toString('hex');
