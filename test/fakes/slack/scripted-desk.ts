import type { Desk, DeskPulse, Invocation, Message, PictureRecord, Place, Reception, Surface } from '../../../src/commands/contract.ts';

/** A desk in the test's hands: it writes down what it gets and answers as it is told. */
export class ScriptedDesk implements Desk {
  readonly received: Invocation[] = [];
  answer: (invocation: Invocation) => Reception = () => ({ kind: 'silent' });
  owned = new Set<string>();
  pictures: readonly PictureRecord[] = [];
  readonly library: Desk['library'] = {
    conversations: async () => [],
    transcript: async () => [],
    pictures: async (_, limit) => this.pictures.slice(0, limit),
    maySee: async () => true,
  };

  receive(invocation: Invocation): Reception {
    this.received.push(invocation);
    return this.answer(invocation);
  }
  complete(): readonly [] {
    return [];
  }
  ownsThread(place: Place): boolean {
    return this.owned.has(place.conversation);
  }
  async recover(): Promise<void> {}
  pulse(): DeskPulse {
    return { waiting: 2, running: 1, paused: false };
  }
}

export const chatMessage = (text: string, rest: Partial<Message> = {}): Message => ({ kind: 'chat', text, pictures: [], actions: [], final: false, ...rest });
export const noticeWord = (text: string): Message => ({ kind: 'notice', text, pictures: [], actions: [], final: true });

/** Work whose surface the test drives itself. */
export function workWith(take: (surface: Surface) => Promise<void> | void, rest: Partial<Extract<Reception, { kind: 'work' }>> = {}): Reception {
  return {
    kind: 'work',
    opening: chatMessage('', { status: { phase: 'queued', position: 0, etaMs: undefined } }),
    audience: 'everyone',
    on: 'new',
    run: async (surface) => take(surface),
    ...rest,
  };
}
