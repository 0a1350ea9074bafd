import { FrescoError } from '../../src/fresco-error.ts';
import { type BlobRef, blobRefOf } from '../../src/ids.ts';
import type { BlobStore } from '../../src/inference/contract.ts';

/** A BlobStore that lives and dies with a test. */
export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<BlobRef, Uint8Array>();

  async put(bytes: Uint8Array, extension: string): Promise<BlobRef> {
    const ref = blobRefOf(bytes, extension);
    this.#blobs.set(ref, bytes.slice());
    return ref;
  }

  async get(ref: BlobRef): Promise<Uint8Array> {
    const bytes = this.#blobs.get(ref);
    if (bytes === undefined) throw new FrescoError('not-found', { what: `blob ${ref}` });
    return bytes.slice();
  }

  async has(ref: BlobRef): Promise<boolean> {
    return this.#blobs.has(ref);
  }

  async delete(ref: BlobRef): Promise<void> {
    this.#blobs.delete(ref);
  }
}
