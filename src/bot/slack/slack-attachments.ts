import type { Attachment } from '../../commands/contract.ts';
import { FrescoError } from '../../fresco-error.ts';
import type { SlackFile } from './slack-payloads.ts';

/** More than any picture or text that can be used. */
const mostBytes = 32 * 1024 * 1024;
const downloadTimeoutMs = 30_000;

const pictureStarts = ['\x89PNG', '\xff\xd8\xff', 'GIF8', 'RIFF', 'II*\0', 'MM\0*'];

export interface SlackDownloads {
  readonly botToken: string;
  readonly apiUrl: string;
  /** Reads a file that came without its address, as files of shared channels do. */
  readonly lookUp: (file: string) => Promise<SlackFile | undefined>;
}

/** A file somebody sent, fetched when it is wanted: only from Slack's own hosts, within bounds, and only if it is what it says it is. */
export function slackAttachment(file: SlackFile, downloads: SlackDownloads): Attachment {
  const name = file.name ?? file.id;
  return {
    name,
    mediaType: file.mimetype ?? 'application/octet-stream',
    sizeBytes: file.size ?? 0,
    fetch: (signal) => download(file, { ...downloads, name, signal }),
  };
}

/** The app's token goes to no other host than these. */
function isSlackAddress(url: string, apiUrl: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, origin } = new URL(url);
  const api = new URL(apiUrl);
  if (api.hostname !== 'slack.com' && origin === api.origin) return true;
  return protocol === 'https:' && (hostname === 'files.slack.com' || hostname.endsWith('.files.slack.com'));
}

async function download(
  file: SlackFile,
  { name, signal, apiUrl, botToken, lookUp }: SlackDownloads & { readonly name: string; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const refuse = (reason: string, cause?: unknown): FrescoError => new FrescoError('attachment-refused', { name, reason }, { cause });
  const address = (found: SlackFile | undefined): string | undefined => found?.url_private_download ?? found?.url_private ?? undefined;
  const url = address(file) ?? address(await lookUp(file.id).catch(() => undefined));
  if (url === undefined) throw refuse('Slack does not let me see it');
  if (!isSlackAddress(url, apiUrl)) throw refuse('it does not lie on Slack itself');
  if ((file.size ?? 0) > mostBytes) throw refuse(`it is larger than ${mostBytes / 1024 / 1024} MB`);
  let response: Response;
  try {
    response = await fetch(url, {
      headers: { authorization: `Bearer ${botToken}` },
      redirect: 'manual', // a redirect leads to the login page, or elsewhere with our token
      signal: AbortSignal.any([signal, AbortSignal.timeout(downloadTimeoutMs)]),
    });
  } catch (error) {
    throw refuse('it could not be fetched', error);
  }
  if (!response.ok) throw refuse(`Slack answered with ${response.status}`);
  const bytes = await readBounded(response, refuse);
  checkContent(bytes, file.mimetype ?? '', response.headers.get('content-type') ?? '', refuse);
  return bytes;
}

type Refuse = (reason: string, cause?: unknown) => FrescoError;

async function readBounded(response: Response, refuse: Refuse): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > mostBytes) throw refuse(`it is larger than ${mostBytes / 1024 / 1024} MB`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw FrescoError.is(error, 'attachment-refused') ? error : refuse('it could not be fetched', error);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** Without the right scope Slack answers with its login page and status 200: that is neither a picture nor somebody's text. */
function checkContent(bytes: Uint8Array, declared: string, served: string, refuse: Refuse): void {
  const start = Buffer.from(bytes.subarray(0, 512)).toString('latin1');
  const isPage = served.startsWith('text/html') || /^\s*<(!doctype html|html)/i.test(start);
  if (isPage && declared !== 'text/html') throw refuse('Slack sent its login page instead: the scope files:read may be missing');
  if (declared.startsWith('image/') && !pictureStarts.some((signature) => start.startsWith(signature)) && !start.includes('ftyp')) {
    throw refuse('it is not the picture it says it is');
  }
}
