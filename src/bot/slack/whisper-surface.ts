import type { Message, Surface } from '../../commands/contract.ts';
import { platformFailed } from './slack-failure.ts';

/** A short word for one person. Slack can't change such a message, so only its last state is shown. */
export class WhisperSurface implements Surface {
  readonly gone = new AbortController().signal;
  readonly #whisper: (message: Message) => Promise<void>;

  constructor(whisper: (message: Message) => Promise<void>) {
    this.#whisper = whisper;
  }

  show(): void {}

  async finish(message: Message): Promise<void> {
    try {
      await this.#whisper(message);
    } catch (error) {
      throw platformFailed('whisper', error);
    }
  }

  async posted(): Promise<undefined> {
    return undefined;
  }

  async remove(): Promise<void> {}
}
