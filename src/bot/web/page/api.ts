import type { OptionSpec } from '../../../commands/command-spec.ts';
import type { WireMessage, WireReception, WireUpdate } from '../wire-message.ts';

export interface CommandInfo {
  readonly name: string;
  readonly description: string;
  readonly example: string;
  readonly options: readonly OptionSpec[];
}
export interface ModelEntry {
  readonly id: string;
  readonly kind: 'text' | 'image' | 'upscaler';
  readonly name: string;
  readonly installed: boolean;
  readonly embedded: boolean;
}
export interface About {
  readonly commands: readonly CommandInfo[];
  readonly models: readonly ModelEntry[];
  readonly defaults: { readonly textModel: string; readonly imageModel: string };
}
export interface ConversationEntry {
  readonly id: string;
  readonly title: string;
  readonly updatedAtMs: number;
}
export interface PictureEntry {
  readonly job: string;
  readonly src: string;
  readonly prompt: string;
  readonly width: number;
  readonly height: number;
  readonly createdAtMs: number;
  readonly conversation?: string;
}

/** A refusal in the server's own words. */
export class PageError extends Error {}

async function ask<Answer>(path: string, init?: RequestInit): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new PageError('Fresco does not answer. Is it still running?');
  }
  const body: unknown = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new PageError(
      typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string' ? body.error : `The server answered ${response.status}.`,
    );
  }
  return trusted<Answer>(body);
}

/** Our own server's JSON: the one door where its shape is taken on trust. */
function trusted<Answer>(body: unknown): Answer {
  return body as Answer;
}

const post = <Answer>(path: string, body: object): Promise<Answer> =>
  ask<Answer>(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

export const api = {
  me: () => ask<{ signedIn: boolean; isOwner: boolean }>('/api/me'),
  login: (password: string) => post<{ signedIn: boolean; isOwner: boolean }>('/api/login', { password }),
  about: () => ask<About>('/api/about'),
  conversations: () => ask<ConversationEntry[]>('/api/conversations'),
  transcript: (conversation: string) => ask<WireMessage[]>(`/api/conversations/${conversation}`),
  pictures: () => ask<PictureEntry[]>('/api/pictures'),
  chat: (body: { conversation: string; message: string; text: string; replyTo?: string; files: readonly string[] }) => post<WireReception>('/api/chat', body),
  command: (body: { conversation: string; command: string; text: string; files: readonly string[] }) => post<WireReception>('/api/command', body),
  press: (body: { conversation: string; message: string; action: string }) => post<WireReception>('/api/press', body),
  form: (body: { conversation: string; form: string; values: Readonly<Record<string, string>> }) => post<WireReception>('/api/form', body),
  upload: (file: File) =>
    ask<{ id: string }>('/api/files', {
      method: 'POST',
      headers: { 'content-type': file.type === '' ? 'application/octet-stream' : file.type, 'x-file-name': encodeURIComponent(file.name) },
      body: file,
    }),
};

/** Listens to all updates; calls `onConnect` at every (re)connection, so that what was missed is read again. */
export function listen(onUpdate: (update: WireUpdate) => void, onConnect: (isConnected: boolean) => void): () => void {
  const source = new EventSource('/api/events');
  source.onopen = () => onConnect(true);
  source.onerror = () => onConnect(false);
  source.onmessage = ({ data }) => onUpdate(trusted<WireUpdate>(JSON.parse(String(data))));
  return () => source.close();
}

/** A fresh id of 24 hexadecimal digits. */
export function freshId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
