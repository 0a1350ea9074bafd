import { FrescoError } from '../fresco-error.ts';
import type { BlobRef } from '../ids.ts';
import type { BlobStore } from '../inference/contract.ts';
import type { Attachment } from './contract.ts';
import { isPicture } from './option-values.ts';
import { maxChatText } from './prompt-text.ts';

const maxTextBytes = 1_000_000;
const maxPictureBytes = 20_000_000;
const textName =
  /\.(txt|md|markdown|rst|csv|tsv|json|jsonl|ya?ml|toml|ini|log|xml|html?|css|[cm]?[jt]sx?|py|rb|go|rs|java|kt|swift|c|h|cc|cpp|hpp|cs|php|sh|bash|sql|tex|srt|vtt|diff|patch)$/i;

/** True for a file that is meant to be read as text. */
export function isTextFile({ mediaType, name }: Attachment): boolean {
  return /^text\/|[/+](json|xml|yaml|javascript|typescript|toml|x-sh|sql)\b/.test(mediaType) || textName.test(name);
}

/** The text of an attached file. Throws 'attachment-refused' where it is too large or no text, naming the limit. */
export async function readTextFile(attachment: Attachment, signal: AbortSignal): Promise<string> {
  const refuse = (reason: string): FrescoError => new FrescoError('attachment-refused', { name: attachment.name, reason });
  if (!isTextFile(attachment)) throw refuse('only text files can be read');
  if (attachment.sizeBytes > maxTextBytes) throw refuse(`it has ${attachment.sizeBytes} bytes and I read at most ${maxTextBytes}`);
  const bytes = await attachment.fetch(signal);
  if (bytes.byteLength > maxTextBytes) throw refuse(`it has ${bytes.byteLength} bytes and I read at most ${maxTextBytes}`);
  const text = decoded(bytes)?.replace(/\r\n?/g, '\n');
  if (text === undefined || /[^\P{Cc}\n\t\f]/u.test(text)) throw refuse('it is no text in UTF-8');
  if (text.length > maxChatText) throw refuse(`it has ${text.length} characters and I read at most ${maxChatText}`);
  return text;
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** What a picture really is, by its first bytes: its name and media type may lie. */
function extensionOf(bytes: Uint8Array): string | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 12));
  if (head.startsWith('\u0089PNG\r\n')) return 'png';
  if (head.startsWith('\u00ff\u00d8\u00ff')) return 'jpg';
  if (head.startsWith('RIFF') && head.endsWith('WEBP')) return 'webp';
  if (head.startsWith('GIF8')) return 'gif';
  return head.slice(4, 12) === 'ftypavif' ? 'avif' : undefined;
}

/** Stores an attached picture to start from. Throws 'attachment-refused', 'picture-unreadable'. */
export async function storePicture(attachment: Attachment, blobs: BlobStore, signal: AbortSignal): Promise<BlobRef> {
  const { name, sizeBytes } = attachment;
  const refuse = (reason: string): FrescoError => new FrescoError('attachment-refused', { name, reason });
  if (!isPicture(attachment)) throw refuse('it is no picture');
  if (sizeBytes > maxPictureBytes) throw refuse(`it has ${sizeBytes} bytes and I take at most ${maxPictureBytes}`);
  const bytes = await attachment.fetch(signal);
  if (bytes.byteLength > maxPictureBytes) throw refuse(`it has ${bytes.byteLength} bytes and I take at most ${maxPictureBytes}`);
  const extension = extensionOf(bytes);
  if (extension === undefined) throw new FrescoError('picture-unreadable', { reason: 'its bytes are no picture that I know' });
  return blobs.put(bytes, extension);
}
