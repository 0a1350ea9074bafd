import { FrescoError } from '../../fresco-error.ts';
import type { ChatTurn, TextRequest } from '../contract.ts';
import type { ChatTemplate } from './chat-template.ts';
import { fitTurns } from './context-window.ts';
import type { TextModelFiles } from './model-files.ts';
import { withoutThoughts } from './think-filter.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** A request made ready for the token loop. */
export interface PreparedPrompt {
  readonly ids: readonly number[];
  /** Oldest turns that did not fit. */
  readonly dropped: number;
  /** What the request asks for, or what the context window leaves. */
  readonly maxTokens: number;
  readonly endIds: ReadonlySet<number>;
  readonly stopStrings: readonly string[];
  /** The prompt itself opens a thought. */
  readonly startsThinking: boolean;
}

/** Room for at least this much of an answer is kept free when a conversation is cut. */
const answerRoom = 256;
/** Tokens by which chat models end a turn; they end a reply where the model's own template uses them. */
const turnEnds = ['<|im_end|>', '<|eot_id|>', '<end_of_turn>', '<|end|>', '<|end_of_turn|>', '<|eom_id|>'];

/** Turns requests into ids: defaults, template, protection of what people typed, and the context window. */
export class PromptWriter {
  readonly #tokenizer: TextTokenizer;
  readonly #template: ChatTemplate;
  readonly #files: TextModelFiles;

  constructor(tokenizer: TextTokenizer, template: ChatTemplate, files: TextModelFiles) {
    this.#tokenizer = tokenizer;
    this.#template = template;
    this.#files = files;
  }

  /** Throws 'empty-prompt', 'context-full', 'model-unsupported'. */
  write(request: TextRequest): PreparedPrompt {
    const { input } = request;
    return input.form === 'raw' ? this.#raw(request, input.text) : this.#chat(request, input.messages);
  }

  #raw({ maxTokens }: TextRequest, text: string): PreparedPrompt {
    const ids = this.#tokenizer.encode(text);
    const capacity = this.#files.contextWindow;
    if (ids.length === 0) throw new FrescoError('empty-prompt', {});
    if (ids.length >= capacity) throw new FrescoError('context-full', { tokens: ids.length, capacity });
    return {
      ids,
      dropped: 0,
      maxTokens: Math.min(maxTokens, capacity - ids.length),
      endIds: new Set(this.#files.endTokenIds),
      stopStrings: [],
      startsThinking: false,
    };
  }

  #chat(request: TextRequest, messages: readonly ChatTurn[]): PreparedPrompt {
    const last = messages.at(-1);
    if (last === undefined || (last.content.trim() === '' && last.role !== 'assistant')) throw new FrescoError('empty-prompt', {});
    const turns = this.#withDefaults(request, messages).map((turn) => this.#protected(turn));
    const render = (kept: readonly ChatTurn[]): string => this.#template.render(kept, this.#renderOptions(request));
    const encode = (kept: readonly ChatTurn[]): readonly number[] => this.#tokenizer.encodePrompt(render(kept));
    const capacity = this.#files.contextWindow;
    const room = Math.min(request.maxTokens, answerRoom, Math.floor(capacity / 4));
    const fitted = fitTurns(turns, capacity - room, (kept) => encode(kept).length);
    const ids = encode(fitted.turns);
    return {
      ids,
      dropped: fitted.dropped,
      maxTokens: Math.min(request.maxTokens, capacity - ids.length),
      endIds: this.#chatEndIds(),
      stopStrings: [...this.#files.stopStrings, ...this.#template.stopStrings],
      startsThinking: render(fitted.turns).trimEnd().endsWith('<think>'),
    };
  }

  #withDefaults({ useDefaults }: TextRequest, messages: readonly ChatTurn[]): readonly ChatTurn[] {
    const { systemPrompt } = this.#files.defaults;
    if (!useDefaults || systemPrompt === undefined || messages.some(({ role }) => role === 'system')) return messages;
    return [{ role: 'system', content: systemPrompt }, ...messages];
  }

  #protected({ role, content }: ChatTurn): ChatTurn {
    return { role, content: this.#tokenizer.protect(role === 'assistant' ? withoutThoughts(content) : content) };
  }

  /** Thinking aloud costs a chat its patience, so it is off unless the model's `fresco.json` turns it on. */
  #renderOptions({ continueLast, useDefaults }: TextRequest): { continueLast: boolean; thinking?: boolean } {
    return useDefaults ? { continueLast, thinking: this.#files.defaults.thinking ?? false } : { continueLast };
  }

  #chatEndIds(): ReadonlySet<number> {
    const ends = turnEnds.filter((token) => this.#template.source.includes(token)).map((token) => this.#tokenizer.idOf(token));
    return new Set([...this.#files.endTokenIds, ...ends.filter((id) => id !== undefined)]);
  }
}
