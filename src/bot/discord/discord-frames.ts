import type { Picture } from '../../commands/contract.ts';
import { fitPicture } from '../../commands/fit-picture.ts';
import type { BlobRef } from '../../ids.ts';
import type { Preview } from '../../inference/contract.ts';
import type { Upload } from './discord-api.ts';
import { clipped, discordLimits, type NamedPicture } from './discord-render.ts';

/** Where stored pictures are read. */
export interface PictureShelf {
  get(blob: BlobRef): Promise<Uint8Array>;
}

export interface Frame {
  readonly named: readonly NamedPicture[];
  readonly uploads: readonly Upload[];
  /** The full list of attachments after the edit: what is not in it is removed. */
  readonly attachments: readonly { readonly id: number; readonly filename: string; readonly description?: string }[];
}

const mediaTypes: Readonly<Record<string, string>> = { png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', webp: 'image/webp', gif: 'image/gif' };
/** A request holds at most 25 MiB in all; something is left for its other parts. */
const maxRequestBytes = 24 * 1024 * 1024;

/** Turns the pictures of one message into uploads: short ASCII names, a new one each time, so that no client shows a cached picture. */
export class DiscordFrames {
  readonly #shelf: PictureShelf;
  readonly #ordinals = new WeakMap<Preview, number>();
  #previews = 0;
  #frames = 0;

  constructor(shelf: PictureShelf) {
    this.#shelf = shelf;
  }

  /** Equal for pictures that look equal. */
  keyOf(pictures: readonly Picture[]): string {
    return pictures.map((picture) => `${this.#identity(picture)}${picture.spoiler ? '!' : ''}`).join(' ');
  }

  /** Reads and, where they are too large, re-encodes the pictures. Throws what the shelf throws. */
  async load(pictures: readonly Picture[], maxFileBytes: number): Promise<Frame> {
    this.#frames += 1;
    const shown = pictures.slice(0, discordLimits.galleryItems);
    const maxBytes = Math.min(maxFileBytes, Math.floor(maxRequestBytes / Math.max(1, shown.length)));
    const named: NamedPicture[] = [];
    const uploads: Upload[] = [];
    for (const [index, picture] of shown.entries()) {
      const { bytes, extension } = await this.#read(picture, maxBytes);
      const word = picture.source.kind === 'preview' ? 'preview' : 'picture';
      const filename = `${word}-${this.#frames}-${index + 1}.${extension}`;
      named.push({ picture, filename });
      uploads.push({ name: filename, contentType: mediaTypes[extension] ?? 'application/octet-stream', data: bytes });
    }
    const attachments = named.map(({ picture, filename }, id) => ({
      id,
      filename,
      ...(picture.alt.trim() === '' ? {} : { description: clipped(picture.alt, discordLimits.altText) }),
    }));
    return { named, uploads, attachments };
  }

  async #read({ source }: Picture, maxBytes: number): Promise<{ readonly bytes: Uint8Array; readonly extension: string }> {
    if (source.kind === 'preview') return { bytes: source.preview.bytes, extension: source.preview.mediaType.slice('image/'.length) };
    const bytes = await this.#shelf.get(source.blob);
    const own = source.blob.split('.')[1] ?? 'png';
    const fitted = await fitPicture(bytes, maxBytes);
    return { bytes: fitted.bytes, extension: fitted.extension === 'same' ? own : fitted.extension };
  }

  #identity({ source }: Picture): string {
    if (source.kind === 'blob') return source.blob;
    const known = this.#ordinals.get(source.preview);
    if (known !== undefined) return `preview ${known}`;
    this.#previews += 1;
    this.#ordinals.set(source.preview, this.#previews);
    return `preview ${this.#previews}`;
  }
}
