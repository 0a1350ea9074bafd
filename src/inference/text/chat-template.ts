import { Template } from '@huggingface/jinja';
import { FrescoError } from '../../fresco-error.ts';
import type { ChatTurn } from '../contract.ts';

/** For a model that was never taught to chat: a transcript it can go on with. */
const transcript =
  "{% for message in messages %}{{ message['role'] | capitalize }}: {{ message['content'] }}\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}";
const transcriptStops = ['\nUser:', '\nSystem:'];

export interface RenderOptions {
  /** The last message is an assistant's that goes on where it ends. */
  readonly continueLast: boolean;
  /** Passed on as `enable_thinking`; absent leaves it to the template. */
  readonly thinking?: boolean;
}

/** A model's own Jinja template: turns to the one text that the model reads. */
export class ChatTemplate {
  readonly #template: Template;
  readonly #model: string;
  readonly #namedTokens: Readonly<Record<string, string>>;
  readonly source: string;
  /** Strings that end a reply besides the model's end tokens. */
  readonly stopStrings: readonly string[];

  /** Throws 'model-broken' when the template does not parse. */
  constructor(model: string, source: string | undefined, namedTokens: Readonly<Record<string, string>>) {
    this.#model = model;
    this.#namedTokens = namedTokens;
    this.source = source ?? transcript;
    this.stopStrings = source === undefined ? transcriptStops : [];
    try {
      this.#template = new Template(this.source);
    } catch (error) {
      throw new FrescoError('model-broken', { model, file: 'tokenizer_config.json', problem: 'its chat template cannot be parsed' }, { cause: error });
    }
  }

  /**
   * Renders `turns`. A template that refuses them gets them again with same-role neighbours joined, then with the system text
   * in front of the first user turn (Gemma, Mistral). Throws 'model-unsupported' when it refuses all of that.
   */
  render(turns: readonly ChatTurn[], options: RenderOptions): string {
    const merged = mergeNeighbours(turns);
    const attempts = [turns, merged, startWithUser(foldSystem(merged))];
    let refusal: unknown;
    for (const attempt of attempts) {
      try {
        return options.continueLast ? this.#renderOpenEnded(attempt, options) : this.#render(attempt, { ...options, reply: true });
      } catch (error) {
        refusal = error;
      }
    }
    throw new FrescoError('model-unsupported', { model: this.#model, problem: 'its chat template refuses this conversation' }, { cause: refusal });
  }

  #render(turns: readonly ChatTurn[], { thinking, reply }: { readonly thinking?: boolean; readonly reply: boolean }): string {
    return this.#template.render({
      messages: turns.map(({ role, content }) => ({ role, content })),
      add_generation_prompt: reply,
      ...this.#namedTokens,
      ...(thinking === undefined ? {} : { enable_thinking: thinking }),
    });
  }

  /** As transformers' `continue_final_message`: everything after the last message's text is cut. */
  #renderOpenEnded(turns: readonly ChatTurn[], { thinking }: RenderOptions): string {
    const last = turns.at(-1);
    const flags = thinking === undefined ? {} : { thinking };
    if (last === undefined || last.role !== 'assistant' || last.content.trim() === '') {
      return this.#render(last?.role === 'assistant' ? turns.slice(0, -1) : turns, { ...flags, reply: true });
    }
    const rendered = this.#render(turns, { ...flags, reply: false });
    const start = rendered.lastIndexOf(last.content.trim());
    if (start < 0) return this.#render(turns.slice(0, -1), { ...flags, reply: true }) + last.content;
    const kept = last.content.trimStart();
    const end = start + (rendered.startsWith(kept, start) ? kept.length : last.content.trim().length);
    return rendered.slice(0, end);
  }
}

/** Joins neighbours of one role by an empty line. */
export function mergeNeighbours(turns: readonly ChatTurn[]): ChatTurn[] {
  const merged: ChatTurn[] = [];
  for (const turn of turns) {
    const last = merged.at(-1);
    if (last?.role === turn.role) merged[merged.length - 1] = { role: turn.role, content: `${last.content}\n\n${turn.content}` };
    else merged.push(turn);
  }
  return merged;
}

/** Puts the system text in front of the first user turn. */
export function foldSystem(turns: readonly ChatTurn[]): ChatTurn[] {
  const system = turns.filter(({ role }) => role === 'system').map(({ content }) => content);
  const rest = turns.filter(({ role }) => role !== 'system');
  if (system.length === 0) return [...rest];
  const first = rest.findIndex(({ role }) => role === 'user');
  const text = system.join('\n\n');
  if (first < 0) return mergeNeighbours([{ role: 'user', content: text }, ...rest]);
  return mergeNeighbours(rest.map((turn, index) => (index === first ? { role: turn.role, content: `${text}\n\n${turn.content}` } : turn)));
}

function startWithUser(turns: readonly ChatTurn[]): ChatTurn[] {
  const first = turns.findIndex(({ role }) => role === 'user');
  return first < 0 ? [...turns] : turns.slice(first);
}
