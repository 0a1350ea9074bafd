import type { SlackClient } from './slack-client.ts';
import { slackFailure } from './slack-failure.ts';

/** What the pane offers before anything was said; the manifest names the same. */
export const suggestedPrompts = [
  { title: 'Paint a picture', message: 'Paint a castle at night' },
  { title: 'Explain something', message: 'Explain how a rainbow comes about, in three sentences' },
  { title: 'Write something', message: 'Write a short birthday greeting for a colleague who likes sailing' },
  { title: 'What can you do?', message: 'help' },
] as const;

const titleLength = 80;

/** The assistant pane: suggested prompts, the "is thinking" line, titles. A workspace without agent features has none of it, which harms nothing. */
export class SlackAssistant {
  readonly #client: SlackClient;
  readonly #unsupported = new Set<string>();

  constructor(client: SlackClient) {
    this.#client = client;
  }

  /** Shows what goes on under the thread; `''` clears it. True when the person sees it. */
  setStatus(channel: string, thread: string, status: string): Promise<boolean> {
    return this.#try('assistant.threads.setStatus', () => this.#client.web.assistant.threads.setStatus({ channel_id: channel, thread_ts: thread, status }));
  }

  /** `thread` only in the older assistant view. */
  suggest(channel: string, thread?: string): Promise<boolean> {
    const prompts = suggestedPrompts.map((prompt) => ({ ...prompt }));
    return this.#try('assistant.threads.setSuggestedPrompts', () =>
      // by name: the typed method asks for a thread, which the agent view has not got
      this.#client.web.apiCall('assistant.threads.setSuggestedPrompts', {
        channel_id: channel,
        ...(thread === undefined ? {} : { thread_ts: thread }),
        title: 'What would you like?',
        prompts,
      }),
    );
  }

  setTitle(channel: string, thread: string, text: string): Promise<boolean> {
    const title = text.replace(/\s+/g, ' ').trim().slice(0, titleLength);
    if (title === '') return Promise.resolve(false);
    return this.#try('assistant.threads.setTitle', () => this.#client.web.assistant.threads.setTitle({ channel_id: channel, thread_ts: thread, title }));
  }

  async #try(
    method: 'assistant.threads.setStatus' | 'assistant.threads.setSuggestedPrompts' | 'assistant.threads.setTitle',
    work: () => Promise<unknown>,
  ): Promise<boolean> {
    if (this.#unsupported.has(method)) return false;
    try {
      await this.#client.pace.run({ method, priority: 'progress' }, work);
      return true;
    } catch (error) {
      const { kind, code } = slackFailure(error);
      // what a plan or an installation lacks stays lacking; anything else may work the next time
      if (kind === 'unsupported' || kind === 'scope' || code === 'not_allowed_token_type') this.#unsupported.add(method);
      return false;
    }
  }
}
