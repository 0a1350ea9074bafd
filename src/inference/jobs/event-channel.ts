import type { GenerationEvent } from '../contract.ts';

/**
 * A job's events on their way to its one reader. Of queue positions nobody read yet only the newest is kept.
 * Leaving the loop before the end calls `onLeft`.
 */
export class EventChannel implements AsyncIterable<GenerationEvent> {
  #pending: GenerationEvent[] = [];
  #end: { readonly error?: unknown } | undefined;
  #left = false;
  #wake: () => void = () => {};
  readonly #onLeft: () => void;

  constructor(onLeft: () => void) {
    this.#onLeft = onLeft;
  }

  push(event: GenerationEvent): void {
    if (this.#end !== undefined || this.#left) return;
    if (event.type === 'queued' && this.#pending.at(-1)?.type === 'queued') this.#pending.pop();
    this.#pending.push(event);
    this.#wake();
  }

  /** Ends the stream behind what is pending. */
  close(): void {
    this.#finish({});
  }

  /** Ends the stream with an error behind what is pending. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  #finish(end: { readonly error?: unknown }): void {
    this.#end ??= end;
    this.#wake();
  }

  // Written out, for a generator's `return` would wait for the pending `next` and a reader could not leave while nothing comes.
  [Symbol.asyncIterator](): AsyncIterator<GenerationEvent, undefined> {
    return {
      next: () => this.#next(),
      return: () => {
        this.#leave();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  async #next(): Promise<IteratorResult<GenerationEvent, undefined>> {
    for (;;) {
      if (this.#left) return { done: true, value: undefined };
      const event = this.#pending.shift();
      if (event !== undefined) return { done: false, value: event };
      if (this.#end !== undefined) {
        this.#left = true;
        if ('error' in this.#end) throw this.#end.error;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#pending = [];
    this.#wake();
    if (this.#end === undefined) this.#onLeft();
  }
}
