import type { Attachment } from '../../commands/contract.ts';
import { FrescoError } from '../../fresco-error.ts';

/** What Discord says about a file, in a message or as a command's option. */
export interface DiscordFile {
  readonly name: string;
  readonly url: string;
  readonly sizeBytes: number;
  readonly mediaType: string | undefined;
}

/** A file larger than this is not fetched; text is read by a model with a small window, so it may be smaller still. */
export const attachmentLimits = { pictureBytes: 20 * 1024 * 1024, otherBytes: 2 * 1024 * 1024 } as const;

/** Discord's own file hosts; a link in a payload may point anywhere, and we follow it only there. */
const discordHosts = ['cdn.discordapp.com', 'media.discordapp.net'];

const signatures: readonly { readonly offset: number; readonly bytes: string }[] = [
  { offset: 0, bytes: '\x89PNG\r\n\x1a\n' },
  { offset: 0, bytes: '\xff\xd8\xff' },
  { offset: 0, bytes: 'GIF8' },
  { offset: 8, bytes: 'WEBP' },
  { offset: 4, bytes: 'ftypavi' },
  { offset: 0, bytes: 'II*\0' },
  { offset: 0, bytes: 'MM\0*' },
  { offset: 0, bytes: 'BM' },
];

/** Makes attachments that are fetched only when wanted, from Discord alone, within bounds, and only if they are what they say. */
export class DiscordAttachments {
  readonly #origins: ReadonlySet<string>;

  /** `apiUrl`: behind a proxy of the API, files come from its origin too. */
  constructor(apiUrl: string) {
    const own = new URL(apiUrl);
    this.#origins = new Set([...discordHosts.map((host) => `https://${host}`), ...(own.hostname === 'discord.com' ? [] : [own.origin])]);
  }

  open(file: DiscordFile): Attachment {
    const mediaType = (file.mediaType ?? 'application/octet-stream').split(';')[0]?.trim().toLowerCase() ?? '';
    return { name: file.name, mediaType, sizeBytes: file.sizeBytes, fetch: (signal) => this.#fetch({ ...file, mediaType }, signal) };
  }

  async #fetch(file: DiscordFile & { readonly mediaType: string }, signal: AbortSignal): Promise<Uint8Array> {
    const refused = (reason: string, cause?: unknown): FrescoError => new FrescoError('attachment-refused', { name: file.name, reason }, { cause });
    const isPicture = file.mediaType.startsWith('image/');
    const limit = isPicture ? attachmentLimits.pictureBytes : attachmentLimits.otherBytes;
    const tooLarge = `it is larger than ${Math.round(limit / 1024 / 1024)} MB`;
    if (file.sizeBytes > limit) throw refused(tooLarge);
    if (!URL.canParse(file.url) || !this.#origins.has(new URL(file.url).origin)) throw refused('it does not lie on Discord');
    let bytes: Uint8Array | 'too-large';
    try {
      const response = await fetch(file.url, { signal: AbortSignal.any([signal, AbortSignal.timeout(60_000)]), redirect: 'error' });
      if (!response.ok) throw new Error(`status ${response.status}`);
      bytes = await readWithin(response, limit);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw refused('Discord did not hand it over', error);
    }
    if (bytes === 'too-large') throw refused(tooLarge);
    if (isPicture && !looksLikePicture(bytes)) throw refused('it says it is a picture and is none');
    if (file.mediaType.startsWith('text/') && !isUtf8(bytes)) throw refused('it is not text in UTF-8');
    return bytes;
  }
}

/** The declared length may lie, so what arrives is counted. */
async function readWithin(response: Response, limit: number): Promise<Uint8Array | 'too-large'> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (response.body === null) return new Uint8Array();
  for await (const chunk of response.body) {
    length += chunk.byteLength;
    if (length > limit) return 'too-large'; // leaving the loop cancels the download
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function looksLikePicture(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  return signatures.some((signature) => head.startsWith(signature.bytes, signature.offset));
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    return !new TextDecoder('utf-8', { fatal: true }).decode(bytes).includes('\0');
  } catch {
    return false;
  }
}
