import { randomUUID } from 'node:crypto';
import type { ConversationKey, JobId, UserKey } from '../ids.ts';
import { type Place, type Principal, userKeyOf } from './contract.ts';
import { conversationOf } from './conversation.ts';
import type { TurnRecord } from './store/records.ts';
import type { Store } from './store/store.ts';

/** Where new turns go: which conversation, after which turn. */
export interface Placement {
  readonly conversation: ConversationKey;
  readonly parent: string | undefined;
  /** Words of a message replied to that is not ours, for the model to know. */
  readonly quoted: string | undefined;
}
export interface PlacedAsk {
  readonly principal: Principal;
  readonly place: Place;
  readonly isPrivate: boolean;
  readonly replyTo?: { readonly message: string; readonly text?: string } | undefined;
}

/** Finds the place: behind the message replied to where that is ours (a branch), else behind the conversation's last turn. */
export async function placeTurns(store: Store, ask: PlacedAsk, job: JobId): Promise<Placement> {
  const { place, replyTo, isPrivate } = ask;
  const owner = userKeyOf(ask.principal);
  if (replyTo !== undefined) {
    const turn = await store.turnOfMessage({ platform: place.platform, channel: place.channel, message: replyTo.message });
    if (turn !== undefined && mayFollow(turn.conversation, owner)) return { conversation: turn.conversation, parent: turn.id, quoted: undefined };
  }
  const conversation = conversationOf(place, { id: job, isPrivate, owner });
  return { conversation, parent: (await store.conversation(conversation))?.head, quoted: replyTo?.text };
}

function mayFollow(conversation: ConversationKey, owner: UserKey): boolean {
  const [, whose] = conversation.split('#private:');
  return whose === undefined || whose === owner;
}

export interface TurnWords {
  readonly text: string;
  readonly content?: string | undefined;
}

/** What a person said, as a turn. */
export function userTurn(principal: Principal, placement: Placement, words: TurnWords, atMs: number): TurnRecord {
  return {
    id: randomUUID(),
    conversation: placement.conversation,
    parent: placement.parent,
    role: 'user',
    owner: userKeyOf(principal),
    speaker: principal.name,
    text: words.text,
    content: words.content,
    job: undefined,
    message: undefined,
    createdAtMs: atMs,
  };
}

/** The turn in which a job answers; empty until it ends. */
export function assistantTurn(
  owner: UserKey,
  follows: { readonly conversation: ConversationKey; readonly parent: string | undefined },
  job: JobId,
  atMs: number,
): TurnRecord {
  return {
    id: randomUUID(),
    conversation: follows.conversation,
    parent: follows.parent,
    role: 'assistant',
    owner,
    speaker: 'Fresco',
    text: '',
    content: undefined,
    job,
    message: undefined,
    createdAtMs: atMs,
  };
}
