import { FrescoError } from '../../src/fresco-error.ts';
import type { FinishReason, GenerationEvent, NoticeEvent, RunControl, TextEngine, TextRequest } from '../../src/inference/contract.ts';

/** What a scripted reply does: words come one a token; the script may also hold, notice or fail. */
export interface TextScript {
  /** The pieces of the reply, one token each. By default the request's own last text, word by word. */
  readonly pieces?: readonly string[];
  /** Tokens that may pass at once; the rest wait for `release`. Without it nothing waits. */
  readonly openTokens?: number;
  readonly notices?: readonly NoticeEvent[];
  /** Thrown instead of the token at this place. */
  readonly failure?: { readonly atToken: number; readonly error: Error };
}

/** A text engine without a model: it says what its script says, as fast as the test lets it. Ids are 1, 2, 3 … in order of use. */
export class ScriptedTextEngine implements TextEngine {
  readonly kind = 'text';
  /** Every request it was given. */
  readonly requests: TextRequest[] = [];
  isDisposed = false;
  readonly #script: TextScript;
  readonly #vocabulary = new Map<string, number>();
  #permits: number;
  #waiting: (() => void)[] = [];

  constructor(script: TextScript = {}) {
    this.#script = script;
    this.#permits = script.openTokens ?? Number.POSITIVE_INFINITY;
  }

  /** Replies that stand still now. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Lets `tokens` more tokens pass. */
  release(tokens = Number.POSITIVE_INFINITY): void {
    this.#permits += tokens;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  tokenize(text: string): { readonly ids: readonly number[]; readonly tokens: readonly string[] } {
    const tokens = text.match(/\s*\S+|\s+$/g) ?? [];
    return { ids: tokens.map((token) => this.#idOf(token)), tokens };
  }

  async *generate(request: TextRequest, control: RunControl): AsyncGenerator<GenerationEvent, void, void> {
    if (this.isDisposed) throw new Error('the scripted engine was used after it was disposed');
    this.requests.push(request);
    const prompt = request.input.form === 'raw' ? request.input.text : request.input.messages.map(({ content }) => content).join('\n');
    if (prompt.trim() === '') throw new FrescoError('empty-prompt', {});
    const promptTokenIds = this.tokenize(prompt).ids;
    yield* this.#script.notices ?? [];
    const pieces = this.#script.pieces ?? this.tokenize(prompt).tokens;
    const told = { tokens: 0, text: '' };
    let finishReason: FinishReason = 'stop';
    for (const [place, piece] of pieces.entries()) {
      const early = await this.#turn(place, request, control);
      if (early !== undefined) {
        finishReason = early;
        break;
      }
      told.tokens += 1;
      told.text += piece;
      const stop = request.stop.find((text) => told.text.includes(text));
      if (stop !== undefined) {
        const shown = told.text.slice(0, told.text.indexOf(stop)).slice(told.text.length - piece.length);
        yield { type: 'text-delta', text: shown, tokenIds: [this.#idOf(piece)] };
        break;
      }
      yield { type: 'text-delta', text: piece, tokenIds: [this.#idOf(piece)] };
    }
    const usage = { promptTokens: promptTokenIds.length, completionTokens: told.tokens };
    yield { type: 'finished', finishReason, usage, timings: { firstTokenMs: 1, totalMs: told.tokens, sessionMs: 0 }, promptTokenIds };
  }

  /** Waits for the turn of the token at `place`; says why the reply ends before it, if it does. */
  async #turn(place: number, request: TextRequest, control: RunControl): Promise<FinishReason | undefined> {
    if (this.#script.failure?.atToken === place) throw this.#script.failure.error;
    await this.#permit(control);
    if (control.signal.aborted) throw new FrescoError('cancelled', { by: 'user' });
    if (place > 0 && control.keep.aborted) return 'stopped-early';
    return place >= request.maxTokens ? 'length' : undefined;
  }

  async #permit({ signal, keep }: RunControl): Promise<void> {
    while (this.#permits < 1 && !signal.aborted && !keep.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
        keep.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.#permits -= 1;
  }

  #idOf(token: string): number {
    const id = this.#vocabulary.get(token) ?? this.#vocabulary.size + 1;
    this.#vocabulary.set(token, id);
    return id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
  }
}
