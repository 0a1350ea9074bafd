import type { Desk, MessageRef, PlatformName, Surface } from '../commands/contract.ts';

/** What a platform can show; rendering and pacing follow these. */
export interface PlatformCapabilities {
  /** Characters of one message. */
  readonly maxText: number;
  readonly maxFileBytes: number;
  /** Messages that the sender alone sees. */
  readonly ephemeral: boolean;
  readonly threads: boolean;
  /** How a picture sharpens: replaced in its message, posted again, or shown at the end only. */
  readonly pictureEdit: 'in-place' | 'repost' | 'final-only';
  /** How an answer streams: by editing the message, by the platform's own streams, or pushed as it comes. */
  readonly stream: 'edit' | 'native' | 'push';
  /** The least time between two edits of one message. */
  readonly editGapMs: number;
  /** How long an interaction's own key can edit; undefined where there is none. */
  readonly tokenLifeMs: number | undefined;
}

export interface PlatformHealth {
  readonly platform: PlatformName;
  readonly connected: boolean;
  /** One sentence for the owner when something needs doing. */
  readonly problem?: string;
}

/** A chat platform: Discord, Slack, the web page, and the fake that tests drive. */
export interface ChatPlatform {
  readonly name: PlatformName;
  readonly capabilities: PlatformCapabilities;
  /** Connects and begins to hand invocations to the desk. Throws 'platform-failed' with what the owner must mend. */
  start(desk: Desk): Promise<void>;
  /** A surface over a message posted before a restart; undefined when that can't be (an expired token without channel access). */
  reopen(ref: MessageRef): Surface | undefined;
  /** Takes no new requests; open surfaces still work. */
  closeIntake(): Promise<void>;
  /** Disconnects, in bounded time. */
  stop(): Promise<void>;
  health(): PlatformHealth;
}
