import { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';

export interface HubOptions {
  /** `https://huggingface.co` or a mirror (HF_ENDPOINT). */
  readonly endpoint: string;
  /** Sent to the endpoint's own origin and to nobody else (HF_TOKEN). */
  readonly token?: string | undefined;
  readonly fetch?: typeof fetch;
}
export interface HubRevision {
  /** The full commit. */
  readonly sha: string;
  readonly gated: boolean;
}
export interface HubFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256 of the content, where the hub keeps it as a large file. */
  readonly sha256: string | undefined;
  /** SHA-1 as git computes it, for the small ones. */
  readonly gitSha1: string | undefined;
}

const revisionSchema = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/), gated: z.union([z.literal(false), z.string()]).default(false) });
const treeSchema = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    size: z.number().default(0),
    oid: z.string(),
    lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.number() }).optional(),
  }),
);
const mostRedirects = 5;
const mostPages = 200;
const laterMs = 2_000;

/**
 * The part of the Hugging Face Hub's HTTP interface that pulling needs: resolve a revision, list its files, open one.
 * Every failure is 'download-failed'; with `retryAfterMs` where it may pass.
 */
export class HubClient {
  readonly #endpoint: string;
  readonly #token: string | undefined;
  readonly #fetch: typeof fetch;

  constructor({ endpoint, token, fetch: fetcher = fetch }: HubOptions) {
    this.#endpoint = endpoint.replace(/\/+$/, '');
    this.#token = token;
    this.#fetch = fetcher;
  }

  /** The page where a person reads about a model and agrees to its terms. */
  pageOf(repo: string): string {
    return `${this.#endpoint}/${repo}`;
  }

  async revision(repo: string, revision: string, signal: AbortSignal): Promise<HubRevision> {
    const url = `${this.#endpoint}/api/models/${repo}/revision/${encodeURIComponent(revision)}?expand=sha&expand=gated`;
    const { sha, gated } = await this.#json(url, revisionSchema, repo, signal);
    return { sha, gated: gated !== false };
  }

  /** All files of a commit, of one folder where given. */
  async files(repo: string, sha: string, folder: string | undefined, signal: AbortSignal): Promise<readonly HubFile[]> {
    const found: HubFile[] = [];
    let url: string | undefined =
      `${this.#endpoint}/api/models/${repo}/tree/${sha}${folder === undefined ? '' : `/${encodePath(folder)}`}?recursive=true&expand=false`;
    for (let page = 0; url !== undefined && page < mostPages; page += 1) {
      const response: Response = await this.#get(url, repo, signal, {});
      const entries = await parsed(response, treeSchema, repo);
      found.push(
        ...entries
          .filter(({ type }) => type === 'file')
          .map(({ path, size, oid, lfs }) => ({ path, sizeBytes: lfs?.size ?? size, sha256: lfs?.oid, gitSha1: lfs === undefined ? oid : undefined })),
      );
      url = this.#nextPage(response);
    }
    return found;
  }

  /** The content of one file from `fromByte` on: status 206 continues there, 200 begins at the start, 416 has nothing there. */
  open(repo: string, sha: string, path: string, { fromByte, signal }: { readonly fromByte: number; readonly signal: AbortSignal }): Promise<Response> {
    const range = fromByte === 0 ? {} : { range: `bytes=${fromByte}-` };
    return this.#get(`${this.#endpoint}/${repo}/resolve/${sha}/${encodePath(path)}`, path, signal, { 'accept-encoding': 'identity', ...range });
  }

  #nextPage(response: Response): string | undefined {
    const [, next] = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '') ?? [];
    if (next === undefined) return undefined;
    const url = new URL(next, response.url === '' ? this.#endpoint : response.url);
    return url.origin === new URL(this.#endpoint).origin ? url.href : undefined;
  }

  async #json<Schema extends z.ZodType>(url: string, schema: Schema, file: string, signal: AbortSignal): Promise<z.infer<Schema>> {
    return parsed(await this.#get(url, file, signal, {}), schema, file);
  }

  async #get(from: string, file: string, signal: AbortSignal, headers: Readonly<Record<string, string>>): Promise<Response> {
    let url = new URL(from);
    const home = new URL(this.#endpoint);
    for (let hop = 0; hop <= mostRedirects; hop += 1) {
      // Redirects lead to other hosts: each request is made by hand, so that the token goes to none of them.
      const authorization = this.#token !== undefined && url.origin === home.origin ? { authorization: `Bearer ${this.#token}` } : {};
      const response = await this.#request(url, { ...headers, ...authorization }, file, signal);
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) return this.#checked(response, file);
      await response.body?.cancel();
      const next = new URL(location, url);
      if (next.protocol !== 'https:' && next.protocol !== home.protocol)
        throw new FrescoError('download-failed', { file, reason: 'the hub sends us to an address without encryption' });
      url = next;
    }
    throw new FrescoError('download-failed', { file, reason: 'the hub sends us in a circle' });
  }

  async #request(url: URL, headers: Readonly<Record<string, string>>, file: string, signal: AbortSignal): Promise<Response> {
    try {
      return await this.#fetch(url, { headers: { 'user-agent': 'fresco', ...headers }, redirect: 'manual', signal });
    } catch (error) {
      signal.throwIfAborted();
      throw new FrescoError('download-failed', { file, reason: `${url.host} does not answer`, retryAfterMs: laterMs }, { cause: error });
    }
  }

  async #checked(response: Response, file: string): Promise<Response> {
    if (response.ok || response.status === 416) return response;
    await response.body?.cancel();
    throw new FrescoError('download-failed', { file, ...this.#refusal(response) });
  }

  #refusal(response: Response): { readonly reason: string; readonly retryAfterMs?: number } {
    const { status } = response;
    if (status === 429) return { reason: 'the hub wants us to slow down', retryAfterMs: retryAfterMs(response) };
    if (status >= 500) return { reason: `the hub has trouble (status ${status})`, retryAfterMs: retryAfterMs(response) };
    if (status === 401)
      return {
        reason:
          this.#token === undefined
            ? 'the hub knows no such public model; if it is a private or gated one, set HF_TOKEN'
            : 'the hub does not accept HF_TOKEN, or knows no such model',
      };
    if (status === 403) return { reason: "this model's publisher asks you to agree to its terms on its page first, with the account of HF_TOKEN" };
    if (status === 404) return { reason: 'the hub does not have it (status 404)' };
    return { reason: `the hub refuses it (status ${status})` };
  }
}

async function parsed<Schema extends z.ZodType>(response: Response, schema: Schema, file: string): Promise<z.infer<Schema>> {
  try {
    return schema.parse(await response.json());
  } catch (error) {
    throw new FrescoError('download-failed', { file, reason: 'the hub answers in a form we do not know' }, { cause: error });
  }
}

/** Reads `Retry-After` in seconds or the hub's `RateLimit: …;t=seconds`; at most five minutes. */
function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? /;t=(\d+)/.exec(response.headers.get('ratelimit') ?? '')?.[1] ?? Number.NaN);
  return Number.isFinite(seconds) ? Math.min(300_000, Math.max(laterMs, seconds * 1000)) : laterMs;
}

const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');
