import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../clock.ts';
import { FrescoError } from '../../fresco-error.ts';
import { writeFailure } from '../blob-folder.ts';
import type { HubClient, HubFile } from './hub-client.ts';

export interface FileDownload {
  readonly hub: HubClient;
  readonly repo: string;
  readonly sha: string;
  readonly file: HubFile;
  /** Where it lies when it is whole; until then it is `<target>.part`. */
  readonly target: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called with how many bytes of the file are there. */
  readonly onBytes: (received: number) => void;
}

/** Tries that bring nothing new; one that brought bytes starts the count anew. */
const mostVainTries = 5;
/** A byte may flip on the way once; twice is a wrong file. */
const mostWrongContents = 2;

/**
 * Fetches one file: goes on where an earlier try ended, hashes while it writes, and gives it its name only when size and
 * content are what the hub lists. Returns its SHA-256. Throws 'download-failed', 'disk-full', 'folder-unwritable'.
 */
export async function downloadFile(download: FileDownload): Promise<string> {
  const { file, target, clock, signal } = download;
  await mkdir(dirname(target), { recursive: true }).catch((error: unknown) => {
    throw writeFailure(error, dirname(target));
  });
  const part = `${target}.part`;
  let vain = 0;
  let wrong = 0;
  for (;;) {
    signal.throwIfAborted();
    const before = await sizeOf(part);
    try {
      const sums = await fetchRest(download, part);
      if (sums !== undefined) {
        if (isAsListed(file, sums)) {
          await rename(part, target);
          return sums.sha256;
        }
        await rm(part, { force: true });
        wrong += 1;
        const again = wrong < mostWrongContents ? { retryAfterMs: 0 } : {};
        throw new FrescoError('download-failed', { file: file.path, reason: 'its content is not what the hub lists', ...again });
      }
      throw new FrescoError('download-failed', { file: file.path, reason: 'the connection breaks again and again', retryAfterMs: 500 });
    } catch (error) {
      signal.throwIfAborted();
      vain = (await sizeOf(part)) > before ? 0 : vain + 1;
      if (!FrescoError.is(error, 'download-failed') || error.facts.retryAfterMs === undefined || vain >= mostVainTries) throw error;
      await clock.wait(error.facts.retryAfterMs * 2 ** Math.max(0, vain - 1), signal);
    }
  }
}

interface Sums {
  readonly sha256: string;
  readonly gitSha1: string;
}

function isAsListed(file: HubFile, sums: Sums): boolean {
  return file.sha256 === undefined ? file.gitSha1 === sums.gitSha1 : file.sha256 === sums.sha256;
}

/** Brings the part nearer to the whole; its sums when all bytes are there, undefined when the connection broke before. */
async function fetchRest({ hub, repo, sha, file, signal, onBytes }: FileDownload, part: string): Promise<Sums | undefined> {
  if ((await sizeOf(part)) > file.sizeBytes) await rm(part, { force: true });
  let have = await sizeOf(part);
  const hashes = newHashes(file.sizeBytes);
  if (have > 0) for await (const chunk of createReadStream(part)) hashes.update(chunk);
  if (have === file.sizeBytes && have > 0) return hashes.digest();
  const response = await hub.open(repo, sha, file.path, { fromByte: have, signal });
  if (response.status === 416 || (response.status === 206 && !continuesAt(response, have))) {
    await response.body?.cancel();
    await rm(part, { force: true });
    return undefined; // the hub and the part disagree: from the start
  }
  const startsOver = response.status === 200 && have > 0;
  const sums = startsOver ? newHashes(file.sizeBytes) : hashes;
  if (startsOver) have = 0;
  const handle = await open(part, startsOver ? 'w' : 'a').catch((error: unknown) => {
    throw writeFailure(error, dirname(part));
  });
  try {
    for await (const chunk of chunksOf(response, file.path, signal)) {
      have += chunk.length;
      if (have > file.sizeBytes)
        throw new FrescoError('download-failed', { file: file.path, reason: `the hub sends more than the ${file.sizeBytes} bytes it lists` });
      sums.update(chunk);
      await handle.write(chunk).catch((error: unknown) => {
        throw writeFailure(error, dirname(part), file.sizeBytes);
      });
      onBytes(have);
    }
  } finally {
    await handle.close();
  }
  return have === file.sizeBytes ? sums.digest() : undefined;
}

async function* chunksOf(response: Response, file: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new FrescoError('download-failed', { file, reason: 'the connection breaks again and again', retryAfterMs: 500 }, { cause: error });
  } finally {
    await reader.cancel().catch(() => {}); // it may be broken already
  }
}

function continuesAt(response: Response, fromByte: number): boolean {
  return (response.headers.get('content-range') ?? '').startsWith(`bytes ${fromByte}-`);
}

function newHashes(sizeBytes: number): { update(chunk: Uint8Array): void; digest(): Sums } {
  const sha256: Hash = createHash('sha256');
  const gitSha1: Hash = createHash('sha1').update(`blob ${sizeBytes}\0`);
  return {
    update: (chunk) => {
      sha256.update(chunk);
      gitSha1.update(chunk);
    },
    digest: () => ({ sha256: sha256.digest('hex'), gitSha1: gitSha1.digest('hex') }),
  };
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
