import { randomBytes } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import type { Attachment } from '../../commands/contract.ts';
import { FrescoError } from '../../fresco-error.ts';

export const maxUploadBytes = 12 * 1024 * 1024;
const keepMs = 15 * 60 * 1000;
const perUser = 12;

interface Upload {
  readonly user: string;
  readonly attachment: Attachment;
  readonly atMs: number;
}

/** Files a visitor attached and has not sent yet; forgotten after a quarter of an hour. */
export class WebUploads {
  readonly #clock: Clock;
  readonly #uploads = new Map<string, Upload>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keeps a file and returns its id. Throws 'attachment-refused'. */
  add(user: string, name: string, mediaType: string, bytes: Uint8Array): string {
    this.#forgetOld();
    if (bytes.length === 0) throw new FrescoError('attachment-refused', { name, reason: 'it is empty' });
    const own = [...this.#uploads].filter(([, upload]) => upload.user === user);
    if (own.length >= perUser) this.#uploads.delete(own[0]?.[0] ?? '');
    const id = randomBytes(16).toString('hex');
    const attachment: Attachment = { name, mediaType, sizeBytes: bytes.length, fetch: async () => bytes };
    this.#uploads.set(id, { user, attachment, atMs: this.#clock.now() });
    return id;
  }

  /** The visitor's own files by id. Throws 'not-found' for others' and forgotten ones. */
  take(user: string, ids: readonly string[]): readonly Attachment[] {
    return ids.map((id) => {
      const upload = this.#uploads.get(id);
      if (upload === undefined || upload.user !== user) throw new FrescoError('not-found', { what: 'the attached file' });
      return upload.attachment;
    });
  }

  #forgetOld(): void {
    for (const [id, { atMs }] of this.#uploads) if (this.#clock.now() - atMs > keepMs) this.#uploads.delete(id);
  }
}
