import type { BlobRef, ConversationKey, JobId, UserKey } from '../../ids.ts';
import type { Lane } from '../../inference/contract.ts';
import type { MessageRef, PlatformName } from '../contract.ts';
import type { Choices, ConversationRecord, EndState, JobNote, JobRecord, JobState, StoredPicture, TurnRecord, UsageRecord } from './records.ts';

/** A job that begins, with the turns it belongs to; all of it is stored, or none. */
export interface JobStart {
  readonly job: JobRecord;
  readonly conversation: { readonly title: string; readonly ownsThread: boolean };
  /** Turns to add, parents first; the last becomes the conversation's head. An existing turn is left as it is. */
  readonly turns: readonly TurnRecord[];
  /** Messages that exist already. */
  readonly links: readonly { readonly ref: MessageRef; readonly to: Omit<LinkTarget, 'atMs'> }[];
  readonly atMs: number;
}
/** What came of a job: its turn's last text and message, its pictures and what it used. */
export interface JobResult {
  readonly job: JobId;
  readonly turn: Pick<TurnRecord, 'id' | 'text' | 'message'>;
  readonly pictures: readonly StoredPicture[];
  readonly usage: UsageRecord | undefined;
  readonly atMs: number;
}
export interface UsageTotals {
  readonly lane: Lane;
  readonly jobs: number;
  readonly people: number;
  readonly completionTokens: number;
  readonly images: number;
  readonly totalMs: number;
}
export interface LinkTarget {
  readonly turn: string;
  readonly job: JobId | undefined;
  readonly atMs: number;
}
export interface MessageAddress {
  readonly platform: PlatformName;
  readonly channel: string;
  readonly message: string;
}

/** What outlives the process. Every method throws 'disk-full' or 'folder-unwritable' where that is the reason. */
export interface Store extends AsyncDisposable {
  beginJob(start: JobStart): Promise<void>;
  setJobState(job: JobId, state: JobState, atMs: number): Promise<void>;
  /** Stores what came of a job before it is shown for the last time; the job is then `delivering`. */
  saveResult(result: JobResult): Promise<void>;
  /** Ends a job and deletes the secrets of its messages. */
  closeJob(job: JobId, state: EndState, atMs: number): Promise<void>;
  job(id: JobId): Promise<JobRecord | undefined>;
  /** Jobs that wait, run or are being delivered, oldest first. */
  openJobs(platform: PlatformName): Promise<readonly JobRecord[]>;
  /** The newest first; many are read at the start, so no more of them than is needed. */
  recentJobs(limit: number): Promise<readonly JobNote[]>;

  /** Remembers which message shows which turn and job; a message linked again shows the newer one. */
  link(ref: MessageRef, to: LinkTarget): Promise<void>;
  linkOf(turn: string): Promise<MessageRef | undefined>;
  turnOfMessage(address: MessageAddress): Promise<TurnRecord | undefined>;
  dropSecrets(expiredBeforeMs: number): Promise<void>;

  conversation(key: ConversationKey): Promise<ConversationRecord | undefined>;
  turn(id: string): Promise<TurnRecord | undefined>;
  /** The turn and those it follows, oldest first, at most `limit`. */
  path(turn: string, limit: number): Promise<readonly TurnRecord[]>;
  /** All turns of a conversation, oldest first. */
  turns(conversation: ConversationKey): Promise<readonly TurnRecord[]>;
  /** Deletes a conversation, its turns, links and the jobs' words; pictures stay with who asked for them. */
  forget(conversation: ConversationKey): Promise<void>;
  conversationsOf(user: UserKey, limit: number): Promise<readonly ConversationRecord[]>;
  /** Threads in which the bot answers without a mention, newest first. */
  ownedThreads(limit: number): Promise<readonly ConversationKey[]>;
  takesPart(user: UserKey, conversation: ConversationKey): Promise<boolean>;

  picturesOfJob(job: JobId): Promise<readonly StoredPicture[]>;
  picturesOf(user: UserKey, limit: number): Promise<readonly StoredPicture[]>;
  /** True when the user asked for the picture or takes part in its conversation. */
  maySee(user: UserKey, blob: BlobRef): Promise<boolean>;
  /** Deletes what a job made; returns the blobs that nothing needs any more. */
  deleteJob(job: JobId): Promise<readonly BlobRef[]>;

  choices(): Promise<readonly { readonly scope: string; readonly choices: Choices }[]>;
  setChoices(scope: string, choices: Choices): Promise<void>;

  usageSince(sinceMs: number): Promise<readonly { readonly owner: UserKey; readonly atMs: number }[]>;
  usageTotals(sinceMs: number): Promise<readonly UsageTotals[]>;
}
