import type { Message, MessageRef, Surface } from '../../src/commands/contract.ts';
import { FrescoError } from '../../src/fresco-error.ts';

/** A message that keeps every state it was shown in. It refuses what a platform refuses: a state after the last, a last one after it is gone. */
export class FakeSurface implements Surface {
  readonly ref: MessageRef;
  readonly shown: Message[] = [];
  isRemoved = false;
  /** How often `finish` was called; more than once is a defect. */
  finishes = 0;
  readonly #gone = new AbortController();
  #final: Message | undefined;
  #wake: (() => void)[] = [];

  constructor(ref: MessageRef) {
    this.ref = ref;
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }
  /** As a person sees it now. */
  get current(): Message | undefined {
    return this.#final ?? this.shown.at(-1);
  }
  get final(): Message | undefined {
    return this.#final;
  }

  show(message: Message): void {
    if (this.#final !== undefined) throw new Error('shown after its last state');
    this.shown.push(message);
    this.#tell();
  }
  async finish(message: Message): Promise<void> {
    this.finishes += 1;
    if (this.#gone.signal.aborted) throw new FrescoError('platform-failed', { platform: 'fake', operation: 'edit', reason: 'the message is gone' });
    this.#final = message;
    this.#tell();
  }
  posted(): Promise<MessageRef | undefined> {
    return Promise.resolve(this.ref);
  }
  async remove(): Promise<void> {
    this.isRemoved = true;
    this.#gone.abort();
    this.#tell();
  }

  /** The message is deleted by somebody else. */
  disappear(): void {
    this.#gone.abort();
    this.#tell();
  }
  /** The same message after a restart, or for a button that works on it. */
  reopened(): FakeSurface {
    const surface = new FakeSurface(this.ref);
    if (this.current !== undefined) surface.shown.push(this.current);
    return surface;
  }

  /** The message as soon as it is as wanted. */
  async until(wanted: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const { current } = this;
      if (current !== undefined && wanted(current)) return current;
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }
  /** The last state, as soon as it is there. */
  async whenFinal(): Promise<Message> {
    await this.until(() => this.#final !== undefined);
    return this.until((message) => message === this.#final);
  }

  #tell(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const each of wake) each();
  }
}
