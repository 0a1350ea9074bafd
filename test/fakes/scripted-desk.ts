import type { CompletionQuery, Desk, DeskPulse, Invocation, Library, Message, Place, Reception, Surface } from '../../src/commands/contract.ts';
import { FrescoError } from '../../src/fresco-error.ts';

/** A desk whose answers the test writes; for what a platform does with a reception, whatever decided it. */
export class ScriptedDesk implements Desk {
  readonly received: Invocation[] = [];
  readonly ownThreads = new Set<string>();
  answer: (invocation: Invocation) => Reception = () => ({ kind: 'ignored' });
  completions: (query: CompletionQuery) => readonly { readonly name: string; readonly value: string }[] = () => [];
  pulseNow: DeskPulse = { waiting: 0, running: 0, paused: false };
  readonly library: Library = {
    conversations: async () => [],
    transcript: async () => [],
    pictures: async () => [],
    maySee: async () => false,
  };

  receive(invocation: Invocation): Reception {
    this.received.push(invocation);
    return this.answer(invocation);
  }

  complete(query: CompletionQuery): readonly { readonly name: string; readonly value: string }[] {
    return this.completions(query);
  }

  ownsThread(place: Place): boolean {
    return this.ownThreads.has(place.thread ?? '');
  }

  async recover(): Promise<void> {}

  pulse(): DeskPulse {
    return this.pulseNow;
  }

  /** Answers everything with work, whose surfaces come out in order. */
  works(opening: Message, options: { readonly audience?: 'everyone' | 'sender'; readonly on?: 'new' | 'pressed' } = {}): SurfaceQueue {
    const queue = new SurfaceQueue();
    this.answer = () => ({
      kind: 'work',
      opening,
      audience: options.audience ?? 'everyone',
      on: options.on ?? 'new',
      run: async (surface) => queue.push(surface),
    });
    return queue;
  }
}

export class SurfaceQueue {
  readonly #surfaces: Surface[] = [];
  #wake: () => void = () => {};

  push(surface: Surface): void {
    this.#surfaces.push(surface);
    this.#wake();
  }

  async next(): Promise<Surface> {
    for (;;) {
      const surface = this.#surfaces.shift();
      if (surface !== undefined) return surface;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new FrescoError('not-found', { what: 'a surface within ten seconds' })), 10_000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

export const chatMessage = (text: string, more: Partial<Message> = {}): Message => ({ kind: 'chat', text, pictures: [], actions: [], final: false, ...more });
