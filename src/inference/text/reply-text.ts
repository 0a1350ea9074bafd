import type { Detokenizer } from './detokenizer.ts';
import type { StopGuard } from './stop-guard.ts';
import type { ThinkFilter } from './think-filter.ts';

export interface ReplyDelta {
  readonly text: string;
  readonly tokenIds: readonly number[];
}

/** Turns chosen ids into the text a person sees: whole characters, no thoughts, no stop strings. */
export class ReplyText {
  readonly #detokenizer: Detokenizer;
  readonly #thoughts: ThinkFilter | undefined;
  readonly #guard: StopGuard;
  #waiting: number[] = [];
  #stopped = false;

  constructor(detokenizer: Detokenizer, guard: StopGuard, thoughts?: ThinkFilter) {
    this.#detokenizer = detokenizer;
    this.#guard = guard;
    this.#thoughts = thoughts;
  }

  /** True after a stop string was met. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Adds one id; returns what can be shown now, with the ids of all that was held until now. */
  push(id: number): ReplyDelta | undefined {
    this.#waiting.push(id);
    return this.#delta(this.#show(this.#detokenizer.push(id)));
  }

  /** The rest at the end; ids without text (an end token) come here, too. */
  finish(): ReplyDelta | undefined {
    const rest = this.#show(this.#detokenizer.flush()) + this.#guardedRest();
    const delta = this.#delta(rest);
    if (delta !== undefined || this.#waiting.length === 0) return delta;
    const tokenIds = this.#waiting;
    this.#waiting = [];
    return { text: '', tokenIds };
  }

  #guardedRest(): string {
    if (this.#stopped) return '';
    const last = this.#thoughts === undefined ? '' : this.#guarded(this.#thoughts.flush());
    return last + this.#guard.flush();
  }

  #show(piece: string): string {
    return this.#guarded(this.#thoughts === undefined ? piece : this.#thoughts.push(piece));
  }

  #guarded(piece: string): string {
    const { text, stopped } = this.#guard.push(piece);
    this.#stopped ||= stopped;
    return text;
  }

  #delta(text: string): ReplyDelta | undefined {
    if (text === '') return undefined;
    const tokenIds = this.#waiting;
    this.#waiting = [];
    return { text, tokenIds };
  }
}
