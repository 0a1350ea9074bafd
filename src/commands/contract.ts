import type { BlobRef, ConversationKey, JobId, UserKey } from '../ids.ts';
import { userKeySchema } from '../ids.ts';
import type { Preview } from '../inference/contract.ts';

/**
 * What the commands room and the platforms say to each other. Platform-neutral: no Discord, Slack or web type appears.
 * A platform turns what happened into an `Invocation`, hands it to the `Desk`, acknowledges by the `Reception` and shows messages on a `Surface`.
 */

// ---- who and where ----------------------------------------------------------------------------------------------

export type PlatformName = 'discord' | 'slack' | 'web' | 'terminal' | 'fake';

/** Who asks, as the platform vouches for it. */
export interface Principal {
  readonly platform: PlatformName;
  /** Server, workspace or '' where there is none. */
  readonly workspace: string;
  readonly channel: string;
  readonly user: string;
  /** As others call this person; for the speaker's name in a shared conversation. */
  readonly name: string;
  /** Role or user-group ids. */
  readonly groups: readonly string[];
  /** Guests and people of other organisations. */
  readonly isGuest: boolean;
  /** The platform itself vouches that this is the owner (the person at the loopback page, a Discord application owner). */
  readonly isOwner?: boolean;
}

/** The unit of fairness and ownership: the same person in every channel. */
export function userKeyOf({ platform, workspace, user }: Pick<Principal, 'platform' | 'workspace' | 'user'>): UserKey {
  return userKeySchema.parse(platform === 'slack' ? `${platform}:${workspace}:${user}` : `${platform}:${user}`);
}

/** Where it was asked; answers go there. */
export interface Place {
  readonly platform: PlatformName;
  readonly workspace: string;
  readonly channel: string;
  readonly thread?: string;
  /** The channel that a thread belongs to, for allow-lists; equals `channel` outside threads. */
  readonly parentChannel: string;
  readonly direct: boolean;
  readonly conversation: ConversationKey;
  /** True where the platform says that only adults read along. */
  readonly ageRestricted: boolean;
}

/** A platform's message, so that it can be found again after a restart. Serialisable. */
export interface MessageRef {
  readonly platform: PlatformName;
  readonly channel: string;
  readonly message: string;
  readonly thread?: string;
  /** A short-lived key such as an interaction token; deleted when its job ends or it expires. Never logged. */
  readonly secret?: { readonly value: string; readonly expiresAtMs: number };
}

/** A file somebody sent; fetched only when it is wanted, within bounds. */
export interface Attachment {
  readonly name: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Throws 'attachment-refused'. */
  fetch(signal: AbortSignal): Promise<Uint8Array>;
}

// ---- what a person did --------------------------------------------------------------------------------------------

interface Asked {
  readonly principal: Principal;
  readonly place: Place;
  /** When the platform handed it over, for "took n seconds". */
  readonly receivedAtMs: number;
}
export type OptionValue = string | number | boolean | Attachment;

/** A slash command with options already apart. */
export interface CommandInvocation extends Asked {
  readonly kind: 'command';
  readonly command: string;
  readonly options: Readonly<Record<string, OptionValue>>;
}
/** A command as typed text: `a fox --ar 16:9`. */
export interface TypedInvocation extends Asked {
  readonly kind: 'typed';
  readonly command: string;
  readonly text: string;
  readonly attachments: readonly Attachment[];
}
/** A plain message meant for the bot: a mention (removed from the text), a direct message, a line in its own thread. */
export interface ChatInvocation extends Asked {
  readonly kind: 'chat';
  readonly text: string;
  /** The platform's id of this message; links the turn to it. */
  readonly message: string;
  /** The message replied to: the conversation branches there. */
  readonly replyTo?: { readonly message: string; readonly text?: string };
  readonly attachments: readonly Attachment[];
}
/** A button or a select. */
export interface PressInvocation extends Asked {
  readonly kind: 'press';
  /** The action id that was sent as `Action.id`. Untrusted. */
  readonly actionId: string;
  /** The message whose button it is. */
  readonly message: MessageRef;
  readonly values?: readonly string[];
}
/** A submitted form (modal). */
export interface FormInvocation extends Asked {
  readonly kind: 'form';
  readonly formId: string;
  readonly values: Readonly<Record<string, string>>;
}
/** One line of a channel or thread, for summaries. */
export interface SpokenLine {
  readonly speaker: string;
  readonly text: string;
  readonly byBot: boolean;
}
export type MenuName = 'vary-picture' | 'show-parameters' | 'ask-about' | 'summarize-from';
/** A message's context menu or shortcut. */
export interface MenuInvocation extends Asked {
  readonly kind: 'menu';
  readonly menu: MenuName;
  readonly target: { readonly message: string; readonly text: string; readonly speaker: string; readonly attachments: readonly Attachment[] };
  /** The target and what follows it, oldest first; fetched on demand. */
  readonly lines: (signal: AbortSignal) => Promise<readonly SpokenLine[]>;
}
export type Invocation = CommandInvocation | TypedInvocation | ChatInvocation | PressInvocation | FormInvocation | MenuInvocation;

// ---- what is shown ------------------------------------------------------------------------------------------------

export interface Picture {
  readonly source: { readonly kind: 'blob'; readonly blob: BlobRef } | { readonly kind: 'preview'; readonly preview: Preview };
  readonly alt: string;
  readonly spoiler: boolean;
  readonly width: number;
  readonly height: number;
}
/** A button. `id` is what comes back in a press; at most 100 characters. */
export interface Action {
  readonly id: string;
  readonly label: string;
  readonly emoji?: string;
  readonly style: 'primary' | 'secondary' | 'danger';
}
export type Status =
  | { readonly phase: 'queued'; readonly position: number; readonly etaMs: number | undefined }
  | { readonly phase: 'loading'; readonly model: string }
  | { readonly phase: 'writing' }
  | { readonly phase: 'painting'; readonly step: number; readonly steps: number }
  | { readonly phase: 'done'; readonly tookMs: number }
  | { readonly phase: 'failed' };

/** One visible message. Text is GitHub-flavoured Markdown (what people typed comes with backslash escapes; mentions in it are the platform's to make harmless); a platform renders it by its capabilities. */
export interface Message {
  /** Chat is plain text, a picture comes with its parameters and buttons, a notice is a short word of the bot itself. */
  readonly kind: 'chat' | 'picture' | 'notice';
  readonly text: string;
  readonly pictures: readonly Picture[];
  readonly actions: readonly Action[];
  /** Absent: nothing is going on. Platforms show it as a line under the text, or as their own progress. */
  readonly status?: Status;
  /** True when no further change is to come. */
  readonly final: boolean;
}

/** A form to fill in: a modal on Discord and Slack, a dialog on the page. */
export interface Form {
  readonly id: string;
  readonly title: string;
  readonly fields: readonly {
    readonly name: string;
    readonly label: string;
    readonly value: string;
    readonly multiline: boolean;
    readonly required: boolean;
    readonly maxLength: number;
    readonly placeholder?: string;
  }[];
}

/** One message that grows on a platform: the pacer behind it shows the latest state and always the last one. */
export interface Surface {
  /** Shows the newest state soon; states that are overtaken are never shown. Never throws: a failed preview fails no job. */
  show(message: Message): void;
  /** Shows the last state and resolves when the platform has it. Throws 'platform-failed' when that is impossible. */
  finish(message: Message): Promise<void>;
  /** Resolves once the message exists on the platform; undefined where it can't be found again (an ephemeral one). */
  posted(): Promise<MessageRef | undefined>;
  /** Aborts when the message or its channel was deleted, or access was lost: the job is then cancelled. */
  readonly gone: AbortSignal;
  /** Removes the message. */
  remove(): Promise<void>;
}

// ---- the desk ---------------------------------------------------------------------------------------------------

/** Who sees the acknowledgement and what follows. */
export type Audience = 'everyone' | 'sender';

/** How a platform acknowledges. Decided from memory, synchronously, before any queue, database or model work. */
export type Reception =
  /** Show this message and be done: errors of the request itself, help, the queue. */
  | { readonly kind: 'answer'; readonly message: Message; readonly audience: Audience }
  /**
   * Acknowledge with `opening` (or the platform's own "thinking"), open a surface and call `run` with it.
   * `on: 'pressed'` asks for the surface of the message whose button was pressed; else a new message, in reply.
   */
  | {
      readonly kind: 'work';
      readonly opening: Message;
      readonly audience: Audience;
      readonly on: 'new' | 'pressed';
      readonly run: (surface: Surface) => Promise<void>;
    }
  | { readonly kind: 'form'; readonly form: Form }
  /** Acknowledge and show nothing new. */
  | { readonly kind: 'silent' }
  /** Not for us: do not answer at all. */
  | { readonly kind: 'ignored' };

export interface Choice {
  readonly name: string;
  readonly value: string;
}
export interface CompletionQuery {
  readonly principal: Principal;
  readonly command: string;
  readonly option: string;
  readonly typed: string;
}

/** The front desk of the bot: every platform hands over what happened and is told how to answer. */
export interface Desk {
  receive(invocation: Invocation): Reception;
  /** At most 25, from memory, at once. */
  complete(query: CompletionQuery): readonly Choice[];
  /** True when chat in this thread belongs to the bot, so that no mention is needed. From memory. */
  ownsThread(place: Place): boolean;
  /** Picks up what a restart left open: queued jobs go on, running ones end with a sentence and a working retry. `reopen` finds the message. */
  recover(platform: PlatformName, reopen: (ref: MessageRef) => Surface | undefined): Promise<void>;
  /** Numbers for presence, the health page and `/queue`. */
  pulse(): DeskPulse;
  readonly library: Library;
}
export interface DeskPulse {
  readonly waiting: number;
  readonly running: number;
  readonly paused: boolean;
}

// ---- what a person can look up ------------------------------------------------------------------------------------

export interface ConversationSummary {
  readonly conversation: ConversationKey;
  readonly title: string;
  readonly updatedAtMs: number;
}
export interface TranscriptTurn {
  readonly id: string;
  readonly parent: string | undefined;
  readonly role: 'user' | 'assistant';
  readonly speaker: string;
  readonly createdAtMs: number;
  /** For an assistant's turn: as it is shown, pictures and buttons included. */
  readonly message: Message;
  readonly ref: MessageRef | undefined;
}
export interface PictureRecord {
  readonly job: JobId;
  readonly blob: BlobRef;
  readonly prompt: string;
  readonly width: number;
  readonly height: number;
  readonly createdAtMs: number;
  readonly ref: MessageRef | undefined;
}
/** Reads only what the asking person may see: their own, and conversations they take part in. */
export interface Library {
  conversations(principal: Principal): Promise<readonly ConversationSummary[]>;
  transcript(principal: Principal, conversation: ConversationKey): Promise<readonly TranscriptTurn[]>;
  pictures(principal: Principal, limit: number): Promise<readonly PictureRecord[]>;
  /** True when this person may see the picture: they asked for it, or take part in its conversation. */
  maySee(principal: Principal, blob: BlobRef): Promise<boolean>;
}
