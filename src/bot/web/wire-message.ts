import type { Form, Message, Picture, Status } from '../../commands/contract.ts';

/** A message as the page receives it: blobs as addresses, previews as data addresses. */
export interface WirePicture {
  readonly src: string;
  readonly alt: string;
  readonly spoiler: boolean;
  readonly width: number;
  readonly height: number;
  readonly isPreview: boolean;
}
export interface WireMessage {
  readonly id: string;
  readonly role: 'user' | 'assistant';
  readonly speaker: string;
  readonly createdAtMs: number;
  readonly parent?: string;
  readonly kind: Message['kind'];
  readonly text: string;
  readonly pictures: readonly WirePicture[];
  readonly actions: readonly Message['actions'][number][];
  readonly status?: Status;
  readonly statusLine?: string;
  readonly final: boolean;
}
/** The answer to a post: what the desk decided at once. */
export type WireReception =
  | { readonly kind: 'answer'; readonly message: WireMessage }
  | { readonly kind: 'work'; readonly message: string }
  | { readonly kind: 'form'; readonly form: Form }
  | { readonly kind: 'silent' }
  | { readonly kind: 'ignored' };

/** Server-sent to the page: a new state of one message of one conversation. */
export interface WireUpdate {
  readonly conversation: string;
  readonly message: WireMessage;
  /** The message was deleted. */
  readonly removed?: true;
}

export interface WireEnvelope {
  readonly id: string;
  readonly role: 'user' | 'assistant';
  readonly speaker: string;
  readonly createdAtMs: number;
  readonly parent?: string | undefined;
}

/** The neutral message as the page shows it. `statusLine` is the sentence for its status, where it has one. */
export function wireMessage(envelope: WireEnvelope, message: Message, statusLine: string | undefined): WireMessage {
  return {
    id: envelope.id,
    role: envelope.role,
    speaker: envelope.speaker,
    createdAtMs: envelope.createdAtMs,
    ...(envelope.parent === undefined ? {} : { parent: envelope.parent }),
    kind: message.kind,
    text: message.text,
    pictures: message.pictures.map(wirePicture),
    actions: message.actions,
    ...(message.status === undefined ? {} : { status: message.status }),
    ...(statusLine === undefined ? {} : { statusLine }),
    final: message.final,
  };
}

function wirePicture({ source, alt, spoiler, width, height }: Picture): WirePicture {
  const isPreview = source.kind === 'preview';
  const src = isPreview ? `data:${source.preview.mediaType};base64,${Buffer.from(source.preview.bytes).toString('base64')}` : `/pictures/${source.blob}`;
  return { src, alt, spoiler, width, height, isPreview };
}
