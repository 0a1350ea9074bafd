import { StopGuard } from './stop-guard.ts';

const opening = '<think>';
const closing = '</think>';

/** Removes whole thoughts from a finished text. */
export function withoutThoughts(text: string): string {
  const afterOpen = text.replaceAll(/<think>[\s\S]*?<\/think>\s*/g, '');
  const tail = afterOpen.indexOf(closing); // the opening tag may have stood in the prompt
  return tail < 0 ? afterOpen : afterOpen.slice(tail + closing.length).trimStart();
}

/** Hides `<think>…</think>` in a stream, tags included, and the blank space between a thought and the answer. */
export class ThinkFilter {
  #isThinking: boolean;
  #trims: boolean;
  #guard: StopGuard;
  /** The same characters that the guard holds back. */
  #held = '';

  /** `startsThinking`: the prompt ends with the opening tag. */
  constructor(startsThinking: boolean) {
    this.#isThinking = startsThinking;
    this.#trims = startsThinking;
    this.#guard = new StopGuard([startsThinking ? closing : opening]);
  }

  /** The visible part of the next piece, as far as it is certain. */
  push(piece: string): string {
    let left = piece;
    let visible = '';
    for (;;) {
      const whole = this.#held + left;
      const { text, stopped } = this.#guard.push(left);
      visible += this.#isThinking ? '' : this.#trimmed(text);
      if (!stopped) {
        this.#held = whole.slice(text.length);
        return visible;
      }
      left = whole.slice(text.length + this.#tag.length);
      this.#isThinking = !this.#isThinking;
      this.#trims = !this.#isThinking;
      this.#held = '';
      this.#guard = new StopGuard([this.#tag]);
    }
  }

  /** What was held back as a possible tag. */
  flush(): string {
    const rest = this.#guard.flush();
    this.#held = '';
    return this.#isThinking ? '' : this.#trimmed(rest);
  }

  get #tag(): string {
    return this.#isThinking ? closing : opening;
  }

  #trimmed(text: string): string {
    if (!this.#trims) return text;
    const rest = text.trimStart();
    if (rest !== '') this.#trims = false;
    return rest;
  }
}
