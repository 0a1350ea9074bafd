import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { applicationRoutes } from './application-routes.ts';
import { channelRoutes } from './channel-routes.ts';
import type { GatewayServer } from './gateway-server.ts';
import { HttpFaults } from './http-faults.ts';
import { interactionRoutes } from './interaction-routes.ts';
import type { UploadedFile } from './message-store.ts';
import { RateBuckets } from './rate-buckets.ts';
import { DiscordRefusal, refusals } from './refusal.ts';
import { matchRoute, type Route, type RouteAnswer } from './routes.ts';
import type { World } from './world.ts';

const routes: readonly Route[] = [...applicationRoutes, ...interactionRoutes, ...channelRoutes];
const maxRequestBytes = 25 * 1024 * 1024;
const apiPrefix = '/api/v10';

interface Answer extends RouteAnswer {
  readonly headers?: Readonly<Record<string, string>>;
}

/** Discord's REST API on loopback. */
export class HttpServer {
  readonly server: Server;
  readonly faults = new HttpFaults();
  readonly buckets: RateBuckets;
  readonly #world: World;
  gateway: GatewayServer | undefined;

  constructor(world: World) {
    this.#world = world;
    this.buckets = new RateBuckets(world.clock);
    this.server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        response.writeHead(500, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ message: error instanceof Error ? (error.stack ?? error.message) : String(error) }));
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new TypeError('no port');
    return `http://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const body = await readAll(request);
    if (url.pathname.startsWith('/attachments/')) return this.#serveFile(url, response);
    const path = url.pathname.slice(apiPrefix.length);
    const method = request.method ?? 'GET';
    const fault = this.faults.take(`${method} ${decodeURIComponent(path)}`);
    if (fault?.until !== undefined) await fault.until;
    const found = url.pathname.startsWith(apiPrefix) ? matchRoute(routes, method, path) : undefined;
    const answer =
      fault?.status === undefined
        ? await this.#answer({ request, found, url, body })
        : { status: fault.status, json: fault.json ?? {}, ...(fault.headers === undefined ? {} : { headers: fault.headers }) };
    this.#record(method, path, { answer, bucket: found?.route.bucket ?? 'none' });
    if (fault?.loseAnswer === true) {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, { ...(answer.json === undefined ? {} : { 'content-type': 'application/json' }), ...answer.headers });
    response.end(answer.json === undefined ? undefined : JSON.stringify(answer.json));
  }

  async #answer({
    request,
    found,
    url,
    body,
  }: {
    readonly request: IncomingMessage;
    readonly found: ReturnType<typeof matchRoute>;
    readonly url: URL;
    readonly body: Buffer;
  }): Promise<Answer> {
    let headers: Readonly<Record<string, string>> = {};
    try {
      if (!/^DiscordBot \(/.test(request.headers['user-agent'] ?? '')) throw refusals.missingAccess();
      if (found === undefined || this.gateway === undefined) throw refusals.notFound();
      const { route, params } = found;
      if (route.needsToken && request.headers.authorization !== `Bot ${this.#world.token}`) throw refusals.unauthorized();
      const isExempt = !route.needsToken;
      if (!route.pattern.endsWith('/callback')) {
        const verdict = this.buckets.take(route.bucket, route.hash, route.major.map((name) => params[name]).join('/'), isExempt);
        headers = verdict.headers;
        if (verdict.retryAfterMs !== undefined) {
          return { status: 429, headers, json: { message: 'You are being rate limited.', retry_after: verdict.retryAfterMs / 1000, global: verdict.isGlobal } };
        }
      }
      const { json, files } = await readBody(request, body);
      return { ...route.handle({ world: this.#world, gateway: this.gateway, params, query: url.searchParams, body: json, files }), headers };
    } catch (error) {
      if (!(error instanceof DiscordRefusal)) throw error;
      return { status: error.status, headers: { ...headers, ...error.headers }, json: error.toJson() };
    }
  }

  #record(method: string, path: string, { answer, bucket }: { readonly answer: Answer; readonly bucket: string }): void {
    const code =
      typeof answer.json === 'object' && answer.json !== null && 'code' in answer.json && typeof answer.json.code === 'number' ? answer.json.code : undefined;
    this.#world.timeline.add({ kind: 'request', method, path: decodeURIComponent(path), bucket, status: answer.status, code });
  }

  #serveFile(url: URL, response: ServerResponse): void {
    const file = this.#world.files.get(url.pathname.split('/')[3] ?? '');
    if (file === undefined || url.searchParams.get('hm') !== file.id) {
      response.writeHead(404);
      response.end();
      return;
    }
    response.writeHead(200, { 'content-type': file.contentType });
    response.end(file.bytes);
  }
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function readBody(request: IncomingMessage, body: Buffer): Promise<{ readonly json: unknown; readonly files: readonly UploadedFile[] }> {
  if (body.length > maxRequestBytes) throw refusals.tooLarge();
  if (body.length === 0) return { json: undefined, files: [] };
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('multipart/form-data')) return { json: parseJson(body.toString('utf8')), files: [] };
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
  const payload = form.get('payload_json');
  const files: UploadedFile[] = [];
  for (const [name, value] of form.entries()) {
    const index = /^files\[(\d+)\]$/.exec(name)?.[1];
    if (index === undefined || typeof value === 'string') continue;
    files.push({ index, filename: value.name, contentType: value.type, bytes: new Uint8Array(await value.arrayBuffer()) });
  }
  return { json: typeof payload === 'string' ? parseJson(payload) : undefined, files };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refusals.invalidJson();
  }
}
