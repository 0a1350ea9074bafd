import type { Place } from '../../commands/contract.ts';
import { type ConversationKey, conversationKeySchema } from '../../ids.ts';
import type { SlackSpot } from './slack-client.ts';

const mostThreads = 20_000;

/** Where things are said: threads and direct messages as conversations. */
export class SlackRooms {
  readonly #team: string;
  /** An answer to a slash command starts a thread under a name that was given before the message was there. */
  readonly #named = new Map<string, ConversationKey>();

  constructor(team: string) {
    this.#team = team;
  }

  /** The place of a thread; in a direct message every message of the person starts one. */
  threadPlace({ channel, thread }: { readonly channel: string; readonly thread: string }): Place {
    return {
      ...this.#common(channel),
      thread,
      conversation: this.#named.get(`${channel}:${thread}`) ?? conversationKeySchema.parse(`slack:${this.#team}:${channel}:${thread}`),
    };
  }

  /** The place of a slash command or form outside threads: its answer will start a thread of its own. */
  freshPlace(channel: string, nonce: string): Place {
    return { ...this.#common(channel), conversation: conversationKeySchema.parse(`slack:${this.#team}:${channel}:new-${nonce}`) };
  }

  /** What is said under this message belongs to that conversation. */
  nameThread(channel: string, message: string, conversation: ConversationKey): void {
    if (this.#named.size >= mostThreads) {
      const oldest = this.#named.keys().next().value;
      if (oldest !== undefined) this.#named.delete(oldest);
    }
    this.#named.set(`${channel}:${message}`, conversation);
  }

  #common(channel: string): Omit<Place, 'conversation' | 'thread'> {
    return { platform: 'slack', workspace: this.#team, channel, parentChannel: channel, direct: isDirect(channel), ageRestricted: false };
  }
}

/** `D…` is a direct message; `U…` stands for the one with that person. */
export const isDirect = (channel: string): boolean => channel.startsWith('D') || channel.startsWith('U');

export const spotOf = (channel: string, thread: string | undefined): SlackSpot => (thread === undefined ? { channel } : { channel, thread });
