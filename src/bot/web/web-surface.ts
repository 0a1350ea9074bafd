import type { Clock } from '../../clock.ts';
import type { Message, MessageRef, Surface } from '../../commands/contract.ts';
import { statusLine } from '../../commands/status-line.ts';
import { EditLatest } from '../edit-latest.ts';
import type { WebRooms } from './web-rooms.ts';
import { type WireEnvelope, wireMessage } from './wire-message.ts';

export interface WebSurfaceOptions {
  readonly rooms: WebRooms;
  readonly clock: Clock;
  readonly user: string;
  readonly conversation: string;
  readonly envelope: WireEnvelope;
  readonly gapMs: number;
}

/** One message on the page. It always exists: what no page is open to see is read from the transcript later. */
export class WebSurface implements Surface {
  readonly gone = new AbortController().signal;
  readonly #options: WebSurfaceOptions;
  readonly #pacer: EditLatest;

  constructor(options: WebSurfaceOptions) {
    this.#options = options;
    this.#pacer = new EditLatest({
      edit: async (message) => this.#send(message),
      gapMs: () => options.gapMs,
      clock: options.clock,
      onFailedPreview: () => undefined, // #send only writes to memory: it can't fail
    });
  }

  show(message: Message): void {
    this.#pacer.show(message);
  }

  async finish(message: Message): Promise<void> {
    await this.#pacer.finish({ ...message, final: true });
  }

  async posted(): Promise<MessageRef> {
    const { user, conversation, envelope } = this.#options;
    return { platform: 'web', channel: `${user}/${conversation}`, message: envelope.id };
  }

  async remove(): Promise<void> {
    this.#send({ kind: 'notice', text: '', pictures: [], actions: [], final: true }, true);
  }

  #send(message: Message, isRemoved = false): void {
    const { rooms, user, conversation, envelope } = this.#options;
    const line = message.status === undefined ? undefined : statusLine(message.status);
    rooms.send(user, { conversation, message: wireMessage(envelope, message, line), ...(isRemoved ? { removed: true } : {}) });
  }
}
