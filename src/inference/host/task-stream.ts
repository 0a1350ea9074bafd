/** What comes of one task, for its one reader, in order. */
export class TaskStream<Item> implements AsyncIterable<Item> {
  readonly #pending: Item[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake: () => void = () => {};

  push(item: Item): void {
    this.#pending.push(item);
    this.#wake();
  }

  close(): void {
    this.#end ??= {};
    this.#wake();
  }

  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, void> {
    for (;;) {
      const item = this.#pending.shift();
      if (item !== undefined) yield item;
      else if (this.#end === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if ('error' in this.#end) throw this.#end.error;
      else return;
    }
  }
}
