/** A cycle of up to this many tokens is noticed. */
const longestCycle = 64;
/** A cycle must come this often … */
const fewestRounds = 3;
/** … and cover this many tokens, so that "ha ha ha" and a table's rule pass. */
const fewestTokens = 36;
/** The same sentence of at least so many words may come three times in a reply, as in a refrain, not four times. */
const lineWords = 4;
const lineRounds = 4;

/** Notices a reply that repeats itself: a cycle of tokens, or the same line again and again. */
export class RepetitionGuard {
  readonly #ids: number[] = [];
  readonly #lines = new Map<string, number>();
  #line = '';

  /** Takes one token and its text; true when the reply has begun to repeat itself. */
  push(id: number, text: string): boolean {
    this.#ids.push(id);
    return this.#repeatsLine(text) || this.#isCycling();
  }

  #isCycling(): boolean {
    for (let cycle = 1; cycle <= longestCycle; cycle += 1) {
      const needed = Math.max(cycle * fewestRounds, fewestTokens);
      if (this.#ids.length < needed) continue;
      let matched = 0;
      while (matched < needed - cycle && this.#ids.at(-1 - matched) === this.#ids.at(-1 - matched - cycle)) matched += 1;
      if (matched === needed - cycle) return true;
    }
    return false;
  }

  #repeatsLine(text: string): boolean {
    this.#line += text;
    if (!/[\n.!?]/.test(text)) return false;
    const parts = this.#line.split(/[\n.!?]+/);
    this.#line = parts.pop() ?? '';
    return parts.some((part) => this.#count(part) >= lineRounds);
  }

  #count(part: string): number {
    const words = part.toLowerCase().match(/\p{L}+/gu) ?? []; // numbers apart: a numbered list of one thought is a repetition, too
    if (words.length < lineWords) return 0;
    const key = words.join(' ');
    const count = (this.#lines.get(key) ?? 0) + 1;
    this.#lines.set(key, count);
    return count;
  }
}
