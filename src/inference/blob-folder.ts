import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { FrescoError } from '../fresco-error.ts';
import { type BlobRef, blobRefOf, blobRefSchema } from '../ids.ts';
import type { BlobStore } from './contract.ts';

/** What a sweep may take: blobs untouched for `olderThanMs` that `keep` does not claim. */
export interface SweepRule {
  readonly olderThanMs: number;
  readonly keep: ReadonlySet<BlobRef>;
}

/** Half-written files older than this are nobody's any more: an hour is far beyond any single write. */
const strayMs = 3_600_000;

/** Pictures by content hash: `<folder>/<two digits>/<ref>`; a blob appears whole or not at all. */
export class BlobFolder implements BlobStore {
  readonly #folder: string;
  readonly #clock: Clock;

  constructor(options: { readonly folder: string; readonly clock: Clock }) {
    this.#folder = options.folder;
    this.#clock = options.clock;
  }

  async put(bytes: Uint8Array, extension: string): Promise<BlobRef> {
    const ref = blobRefOf(bytes, extension);
    const target = this.#pathOf(ref);
    const now = new Date(this.#clock.now());
    if (await this.has(ref)) {
      await utimes(target, now, now).catch(() => {}); // only the retention period starts anew; a read-only folder still serves what it has
      return ref;
    }
    const partial = join(this.#folder, ref.slice(0, 2), `.${randomUUID()}.partial`);
    try {
      await mkdir(join(this.#folder, ref.slice(0, 2)), { recursive: true });
      await writeFile(partial, bytes);
      await utimes(partial, now, now);
      await rename(partial, target);
    } catch (error) {
      await rm(partial, { force: true }).catch(() => {}); // the first failure is the one to tell
      throw writeFailure(error, this.#folder, bytes.length);
    }
    return ref;
  }

  async get(ref: BlobRef): Promise<Uint8Array> {
    try {
      return new Uint8Array(await readFile(this.#pathOf(ref)));
    } catch (error) {
      throw new FrescoError('not-found', { what: 'picture' }, { cause: error });
    }
  }

  async has(ref: BlobRef): Promise<boolean> {
    const found = await stat(this.#pathOf(ref)).catch(() => undefined);
    return found?.isFile() === true;
  }

  async delete(ref: BlobRef): Promise<void> {
    await rm(this.#pathOf(ref), { force: true });
  }

  /** Deletes what is older than the retention period and not kept, and half-written strays; resolves with the number of blobs that went. */
  async sweep({ olderThanMs, keep }: SweepRule): Promise<number> {
    let swept = 0;
    const shelves = await readdir(this.#folder).catch(() => []);
    for (const shelf of shelves.filter((name) => /^[0-9a-f]{2}$/.test(name))) {
      for (const name of await readdir(join(this.#folder, shelf))) {
        const path = join(this.#folder, shelf, name);
        const ref = blobRefSchema.safeParse(name);
        const ageMs = this.#clock.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? this.#clock.now());
        if (ref.success ? ageMs > olderThanMs && !keep.has(ref.data) : ageMs > strayMs) {
          await rm(path, { force: true });
          if (ref.success) swept += 1;
        }
      }
    }
    return swept;
  }

  #pathOf(ref: BlobRef): string {
    return join(this.#folder, ref.slice(0, 2), ref);
  }
}

/** What a failed write means: 'disk-full' or 'folder-unwritable'; anything else as it came. */
export function writeFailure(error: unknown, folder: string, neededBytes?: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new FrescoError('disk-full', { folder, ...(neededBytes === undefined ? {} : { neededBytes }) }, { cause: error });
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST' || code === 'ENOENT') {
    // ENOENT: what Node says when it can't make a folder on a read-only disk
    return new FrescoError('folder-unwritable', { folder }, { cause: error });
  }
  return error;
}
