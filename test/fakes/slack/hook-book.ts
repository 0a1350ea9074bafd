import { checkMessageBlocks } from './slack-block-rules.ts';
import { SlackRefusal } from './slack-refusal.ts';
import { type FakeMessage, type SlackState, slackIds } from './slack-state.ts';

const usesAllowed = 5;
const lifeMs = 30 * 60_000;

interface Hook {
  readonly channel: string;
  readonly user: string;
  readonly expiresAtMs: number;
  readonly original: FakeMessage | undefined;
  uses: number;
}

/** Response URLs: five uses in thirty minutes, and no message id comes back. */
export class HookBook {
  readonly #state: SlackState;
  readonly #hooks = new Map<string, Hook>();

  constructor(state: SlackState) {
    this.#state = state;
  }

  issue(hook: { readonly channel: string; readonly user: string; readonly original?: FakeMessage }): string {
    const id = `h${this.#hooks.size + 1}`;
    this.#hooks.set(id, { channel: hook.channel, user: hook.user, original: hook.original, expiresAtMs: this.#state.clock.now() + lifeMs, uses: 0 });
    return id;
  }

  /** Why it was refused; undefined when it was done. */
  use(id: string, payload: unknown): string | undefined {
    const hook = this.#hooks.get(id);
    if (hook === undefined || this.#state.clock.now() > hook.expiresAtMs) return 'expired_url';
    if (hook.uses >= usesAllowed) return 'used_url';
    hook.uses += 1;
    const field = (name: string): unknown => Reflect.get(Object(payload), name);
    try {
      const blocks = field('blocks') === undefined ? [] : checkMessageBlocks(field('blocks'));
      const text = String(field('text') ?? '');
      if (field('delete_original') === true && hook.original !== undefined) hook.original.deleted = true;
      else if (field('replace_original') === true && hook.original !== undefined) Object.assign(hook.original, { text, blocks });
      else {
        const ephemeralTo = field('response_type') === 'in_channel' ? undefined : hook.user;
        const thread = field('thread_ts');
        this.#state.add({
          channel: hook.channel,
          user: slackIds.bot,
          byBot: true,
          text,
          blocks,
          ephemeralTo,
          threadTs: typeof thread === 'string' ? thread : undefined,
        });
      }
      return undefined;
    } catch (error) {
      if (error instanceof SlackRefusal) return error.code;
      throw error;
    }
  }
}
