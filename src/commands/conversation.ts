import { type ConversationKey, conversationKeySchema, type UserKey } from '../ids.ts';
import type { ChatTurn } from '../inference/contract.ts';
import type { Place } from './contract.ts';
import type { TurnRecord } from './store/records.ts';

/** Turns form a tree: each names the one it follows, so that a reply to an older answer begins a branch. All pure. */

/** A model's memory is shorter than this in any case; more would only be counted and dropped. */
export const longestPath = 200;

/**
 * Which conversation something asked in `place` belongs to. Direct messages and threads are one conversation, shared by the people
 * in it; in an open channel each question begins its own (`id`), and a private one is its asker's alone. Nothing crosses keys.
 */
export function conversationOf(place: Place, asked: { readonly id: string; readonly isPrivate: boolean; readonly owner: UserKey }): ConversationKey {
  if (asked.isPrivate && !place.direct) return conversationKeySchema.parse(`${place.conversation}#private:${asked.owner}`);
  if (place.direct || place.thread !== undefined) return place.conversation;
  return conversationKeySchema.parse(`${place.conversation}#${asked.id}`);
}

/**
 * The messages for a model: the persona, then the turns from the root on. Where several people speak each is named; what one role
 * says in a row becomes one message, as chat templates want it; turns without words are left out.
 */
export function chatMessages(path: readonly TurnRecord[], persona: string | undefined): ChatTurn[] {
  const speakers = new Set(path.filter(({ role }) => role === 'user').map(({ owner }) => owner));
  const messages: ChatTurn[] = persona === undefined ? [] : [{ role: 'system', content: persona }];
  for (const turn of path) {
    const words = turn.content ?? turn.text;
    if (words === '') continue;
    const content = turn.role === 'user' && speakers.size > 1 ? `${turn.speaker}: ${words}` : words;
    const last = messages.at(-1);
    if (last?.role === turn.role) messages[messages.length - 1] = { role: turn.role, content: `${last.content}\n\n${content}` };
    else messages.push({ role: turn.role, content });
  }
  return messages;
}

/** A conversation as plain lines, for a summary. */
export function transcriptOf(turns: readonly TurnRecord[]): string {
  return turns.flatMap(({ role, speaker, text }) => (text === '' ? [] : [`${role === 'user' ? speaker : 'Assistant'}: ${text}`])).join('\n');
}
