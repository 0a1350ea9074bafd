const replacement = '\u{fffd}';
/** A character of up to four bytes can leave at most this many replacement characters while it is incomplete. */
const mostIncomplete = 3;

/** Text from ids as they come, never a part of a character. */
export class Detokenizer {
  readonly #decode: (ids: readonly number[]) => string;
  #window: number[] = [];
  /** How many ids at the window's start were there before: metaspace decoders strip a blank only where text begins. */
  #settled = 0;
  #shown = 0;

  constructor(decode: (ids: readonly number[]) => string) {
    this.#decode = decode;
  }

  /** Adds one id and returns the text that became certain, which may be empty. */
  push(id: number): string {
    this.#window.push(id);
    const text = this.#decode(this.#window);
    const certain = text.length - incompleteLength(text);
    const piece = text.slice(this.#shown, certain);
    this.#shown = Math.max(this.#shown, certain);
    if (certain === text.length && text.length > 0) this.#slide();
    return piece;
  }

  /** What is left at the end, complete or not. */
  flush(): string {
    const rest = this.#decode(this.#window).slice(this.#shown);
    this.#shown += rest.length;
    return rest;
  }

  #slide(): void {
    this.#window = this.#window.slice(this.#settled);
    this.#settled = this.#window.length;
    this.#shown = this.#decode(this.#window).length;
  }
}

function incompleteLength(text: string): number {
  let length = 0;
  while (length < mostIncomplete && text.endsWith(replacement, text.length - length)) length += 1;
  return length;
}
