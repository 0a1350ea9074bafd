import type { Form } from '../../../commands/contract.ts';
import type { WireMessage, WireUpdate } from '../wire-message.ts';
import type { About, ConversationEntry } from './api.ts';

export interface PageState {
  readonly about: About | undefined;
  readonly conversations: readonly ConversationEntry[];
  /** The open conversation. */
  readonly open: string;
  readonly messages: readonly WireMessage[];
  readonly view: 'talk' | 'gallery';
  readonly isConnected: boolean;
  readonly isSidebarOpen: boolean;
  readonly form: Form | undefined;
  readonly replyTo: WireMessage | undefined;
  /** A sentence shown for a while. */
  readonly toast: string | undefined;
  readonly lightbox: { readonly src: string; readonly alt: string } | undefined;
}

export type PageEvent =
  | { readonly type: 'about'; readonly about: About }
  | { readonly type: 'conversations'; readonly conversations: readonly ConversationEntry[] }
  | { readonly type: 'open'; readonly conversation: string }
  | { readonly type: 'transcript'; readonly conversation: string; readonly messages: readonly WireMessage[] }
  | { readonly type: 'update'; readonly update: WireUpdate }
  | { readonly type: 'add'; readonly message: WireMessage }
  | { readonly type: 'drop'; readonly id: string }
  | { readonly type: 'view'; readonly view: PageState['view'] }
  | { readonly type: 'connected'; readonly isConnected: boolean }
  | { readonly type: 'sidebar'; readonly isOpen: boolean }
  | { readonly type: 'form'; readonly form: Form | undefined }
  | { readonly type: 'reply'; readonly to: WireMessage | undefined }
  | { readonly type: 'toast'; readonly text: string | undefined }
  | { readonly type: 'lightbox'; readonly picture: PageState['lightbox'] };

export function firstState(open: string): PageState {
  return {
    about: undefined,
    conversations: [],
    open,
    messages: [],
    view: 'talk',
    isConnected: true,
    isSidebarOpen: false,
    form: undefined,
    replyTo: undefined,
    toast: undefined,
    lightbox: undefined,
  };
}

/** The page's state after an event; pure. */
export function nextState(state: PageState, event: PageEvent): PageState {
  switch (event.type) {
    case 'about':
      return { ...state, about: event.about };
    case 'conversations':
      return { ...state, conversations: event.conversations };
    case 'open':
      return {
        ...state,
        open: event.conversation,
        messages: event.conversation === state.open ? state.messages : [],
        view: 'talk',
        isSidebarOpen: false,
        replyTo: undefined,
      };
    case 'transcript':
      return event.conversation === state.open ? { ...state, messages: mergeTranscript(state.messages, event.messages) } : state;
    case 'update':
      return event.update.conversation === state.open ? { ...state, messages: withUpdate(state.messages, event.update) } : state;
    case 'add':
      return { ...state, messages: withMessage(state.messages, event.message) };
    case 'drop':
      return { ...state, messages: state.messages.filter(({ id }) => id !== event.id) };
    case 'view':
      return { ...state, view: event.view, isSidebarOpen: false };
    case 'connected':
      return { ...state, isConnected: event.isConnected };
    case 'sidebar':
      return { ...state, isSidebarOpen: event.isOpen };
    case 'form':
      return { ...state, form: event.form };
    case 'reply':
      return { ...state, replyTo: event.to };
    case 'toast':
      return { ...state, toast: event.text };
    case 'lightbox':
      return { ...state, lightbox: event.picture };
    default:
      return event satisfies never;
  }
}

function withUpdate(messages: readonly WireMessage[], { message, removed }: WireUpdate): readonly WireMessage[] {
  return removed === true ? messages.filter(({ id }) => id !== message.id) : withMessage(messages, message);
}

function withMessage(messages: readonly WireMessage[], message: WireMessage): readonly WireMessage[] {
  const at = messages.findIndex(({ id }) => id === message.id);
  if (at < 0) return [...messages, message];
  return messages.with(at, { ...message, createdAtMs: messages[at]?.createdAtMs ?? message.createdAtMs });
}

/** The stored turns, and after them what is only here. What grew here and is known there no more was lost in a restart. */
function mergeTranscript(here: readonly WireMessage[], stored: readonly WireMessage[]): readonly WireMessage[] {
  const known = new Set(stored.map(({ id }) => id));
  const newestMs = stored.at(-1)?.createdAtMs ?? 0;
  const onlyHere = here.filter(({ id }) => !known.has(id)).map((message) => (message.final ? message : cutOff(message)));
  return [...stored, ...onlyHere.filter(({ kind, createdAtMs, status }) => kind === 'notice' || status?.phase === 'failed' || createdAtMs > newestMs)];
}

function cutOff({ statusLine: _, ...message }: WireMessage): WireMessage {
  const sentence = 'I was restarted before I had taken this in. Please send it again.';
  return { ...message, text: `${message.text}\n\n${sentence}`.trim(), actions: [], status: { phase: 'failed' }, final: true };
}
