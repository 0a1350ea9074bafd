export interface GuardedText {
  /** Text that can be shown. */
  readonly text: string;
  /** True when a stop string was met; what follows it is gone. */
  readonly stopped: boolean;
}

/** Lets text through but for what is, or may still become, a stop string. */
export class StopGuard {
  readonly #stops: readonly string[];
  #held = '';
  #stopped = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  /** Takes the next piece; returns what is now certain not to begin a stop string. Nothing comes after a stop. */
  push(piece: string): GuardedText {
    if (this.#stopped) return { text: '', stopped: true };
    const text = this.#held + piece;
    const found = this.#stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
    if (found.length > 0) {
      this.#stopped = true;
      this.#held = '';
      return { text: text.slice(0, Math.min(...found)), stopped: true };
    }
    const safe = text.length - this.#heldLength(text);
    this.#held = text.slice(safe);
    return { text: text.slice(0, safe), stopped: false };
  }

  /** What was held back when the reply ended without completing a stop string. */
  flush(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  #heldLength(text: string): number {
    const longest = Math.max(0, ...this.#stops.map((stop) => stop.length - 1));
    for (let length = Math.min(longest, text.length); length > 0; length -= 1) {
      const tail = text.slice(-length);
      if (this.#stops.some((stop) => stop.startsWith(tail))) return length;
    }
    return 0;
  }
}
