import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export interface FakeFile {
  readonly path: string;
  readonly bytes: Buffer;
  /** Kept as a large file: listed with its SHA-256 and served by the other origin. */
  readonly lfs?: boolean;
}
/** What goes wrong with one file; each entry is used up by the requests it meets. */
export interface Trouble {
  /** The connection breaks after so many bytes of an answer. */
  readonly breakAfter?: number;
  /** Other bytes of the same length are served. */
  readonly wrongContent?: boolean;
  /** An answer of this status instead, with these headers. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** `Range` is ignored: the whole file comes with status 200. */
  readonly ignoreRange?: boolean;
  /** More bytes than listed are served. */
  readonly tooLong?: boolean;
}

const pageSize = 2;

/**
 * A strict hub on loopback: the paths, headers and answers that the Hugging Face Hub documents, large files by redirect to
 * another origin. What a client must not do is noted in `violations`; tests expect none.
 */
export class FakeHub {
  readonly violations: string[] = [];
  readonly requests: { readonly path: string; readonly range: string | undefined; readonly authorization: string | undefined }[] = [];
  readonly sha = 'c0ffee'.padEnd(40, '0');
  readonly repo: string;
  token: string | undefined;
  /** Awaited before a connection breaks: a client may lose what it received and did not take yet, so tests wait until it has. */
  beforeBreak: (path: string, sentBytes: number) => Promise<unknown> = async () => {};
  gated: false | 'auto' | 'manual' = false;
  #files: readonly FakeFile[];
  readonly #troubles = new Map<string, Trouble[]>();
  readonly #hub: Server;
  readonly #cdn: Server;

  constructor(repo: string, files: readonly FakeFile[]) {
    this.repo = repo;
    this.#files = files;
    this.#hub = createServer((request, response) => this.#serveHub(request, response));
    this.#cdn = createServer((request, response) => this.#serveCdn(request, response));
  }

  static async open(repo: string, files: readonly FakeFile[]): Promise<FakeHub> {
    const hub = new FakeHub(repo, files);
    for (const server of [hub.#hub, hub.#cdn]) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return hub;
  }

  get endpoint(): string {
    return originOf(this.#hub);
  }

  /** The troubles that the next requests for a file meet, one each. */
  trouble(path: string, ...troubles: readonly Trouble[]): void {
    this.#troubles.set(path, [...troubles]);
  }

  /** Requests for the content of a file, with their ranges. */
  contentRequests(path: string): readonly (string | undefined)[] {
    return this.requests.filter((request) => request.path === `/content/${path}`).map(({ range }) => range);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  #serveHub(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.endpoint);
    const { authorization } = request.headers;
    this.requests.push({ path: url.pathname, range: request.headers.range, authorization });
    if (authorization !== undefined && authorization !== `Bearer ${this.token}`) {
      fail(response, 401);
      return;
    }
    const api = `/api/models/${this.repo}`;
    if (url.pathname === `${api}/revision/main` || url.pathname === `${api}/revision/${this.sha}`) {
      json(response, { sha: this.sha, gated: this.gated });
      return;
    }
    if (url.pathname === `${api}/tree/${this.sha}` || url.pathname.startsWith(`${api}/tree/${this.sha}/`)) {
      this.#list(url, response);
      return;
    }
    const resolve = `/${this.repo}/resolve/${this.sha}/`;
    if (!url.pathname.startsWith(resolve)) {
      fail(response, 404);
      return;
    }
    if (this.gated !== false && authorization === undefined) {
      fail(response, 401);
      return;
    }
    const file = this.#files.find(({ path }) => path === decodeURIComponent(url.pathname.slice(resolve.length)));
    if (file === undefined) {
      fail(response, 404, { 'x-error-code': 'EntryNotFound' });
      return;
    }
    if (file.lfs !== true) {
      this.#content(file, request, response);
      return;
    }
    response
      .writeHead(302, { location: `${originOf(this.#cdn)}/${encodeURIComponent(file.path)}?signature=1`, 'x-linked-size': String(file.bytes.length) })
      .end();
  }

  #serveCdn(request: IncomingMessage, response: ServerResponse): void {
    if (request.headers.authorization !== undefined) this.violations.push('the token was sent to another origin');
    const url = new URL(request.url ?? '/', originOf(this.#cdn));
    const file = this.#files.find(({ path }) => path === decodeURIComponent(url.pathname.slice(1)));
    if (file === undefined || url.searchParams.get('signature') !== '1') {
      fail(response, 403);
      return;
    }
    this.#content(file, request, response);
  }

  #list(url: URL, response: ServerResponse): void {
    if (url.searchParams.get('recursive') !== 'true') this.violations.push('the tree was listed without recursive=true');
    const [, under = ''] = url.pathname.split(`/tree/${this.sha}/`);
    const files = this.#files.filter(({ path }) => under === '' || path.startsWith(`${decodeURIComponent(under)}/`));
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const next = new URL(url);
    next.searchParams.set('cursor', String(from + pageSize));
    const link = from + pageSize < files.length ? { link: `<${next.href}>; rel="next"` } : {};
    const entries = files.slice(from, from + pageSize).map(({ path, bytes, lfs }) => ({
      type: 'file',
      path,
      size: bytes.length,
      oid: createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex'),
      ...(lfs === true ? { lfs: { oid: createHash('sha256').update(bytes).digest('hex'), size: bytes.length, pointerSize: 130 } } : {}),
    }));
    json(response, [{ type: 'directory', path: 'onnx', size: 0, oid: '0'.repeat(40) }, ...entries], link);
  }

  #breakOff(path: string, response: ServerResponse, { bytes, from }: { readonly bytes: Buffer; readonly from: number }): void {
    const broken = (): void => void response.destroy();
    response.write(bytes, () => this.beforeBreak(path, from + bytes.length).then(broken, broken));
  }

  #content(file: FakeFile, request: IncomingMessage, response: ServerResponse): void {
    const { range, 'accept-encoding': encoding } = request.headers;
    this.requests.push({ path: `/content/${file.path}`, range, authorization: undefined });
    if (encoding !== 'identity') this.violations.push(`content was asked for with Accept-Encoding: ${encoding}`);
    const trouble = this.#troubles.get(file.path)?.shift() ?? {};
    if (trouble.status !== undefined) {
      fail(response, trouble.status, trouble.headers);
      return;
    }
    let bytes = trouble.wrongContent === true ? Buffer.alloc(file.bytes.length, 88) : file.bytes;
    if (trouble.tooLong === true) bytes = Buffer.concat([bytes, Buffer.from('more')]);
    const from = trouble.ignoreRange === true ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    if (from >= bytes.length && bytes.length > 0) {
      fail(response, 416, { 'content-range': `bytes */${bytes.length}` });
      return;
    }
    const rest = bytes.subarray(from);
    const partial = from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length, ...partial });
    if (trouble.breakAfter === undefined) response.end(rest);
    else this.#breakOff(file.path, response, { bytes: rest.subarray(0, trouble.breakAfter), from });
  }
}

function originOf(server: Server): string {
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

function json(response: ServerResponse, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function fail(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, headers).end();
}
