import type { Form, Invocation, Message, Reception, Surface } from '../../commands/contract.ts';
import { newReference, sentenceFor } from '../../commands/user-messages.ts';
import { FrescoError } from '../../fresco-error.ts';
import type { Logger } from '../../logger.ts';
import type { Rendered } from './slack-blocks.ts';
import { renderMessage } from './slack-blocks.ts';
import { slackFailure } from './slack-failure.ts';
import { piecesOf } from './slack-parts.ts';
import { SlackSurface } from './slack-surface.ts';
import type { SlackSurfaceOptions, SurfaceTools } from './surface-tools.ts';
import { WhisperSurface } from './whisper-surface.ts';

/** How one request can be answered. */
export interface Asking {
  readonly invocation: Invocation;
  /** For a message of its own. */
  readonly surface: SlackSurfaceOptions;
  /** Only the person who asked sees it. */
  readonly whisper: (rendered: Rendered) => Promise<void>;
  /** Only with a trigger that is still good. */
  readonly openForm?: (form: Form) => Promise<void>;
  /** Named where a form can't be opened at once: its button asks for it again. */
  readonly formCommand?: string;
  /** The message whose button was pressed. */
  readonly pressed?: SlackSurfaceOptions;
  /** Told once the first message of the answer is there. */
  readonly onPosted?: (channel: string, message: string) => void;
}

export const formButton = 'open-form';

/** Turns what the desk says into messages. */
export class SlackReception {
  readonly #tools: SurfaceTools;
  readonly #logger: Logger;
  readonly #running = new Set<Promise<void>>();

  constructor(tools: SurfaceTools) {
    this.#tools = tools;
    this.#logger = tools.logger;
  }

  /** Answers; resolves when the answer is on its way, not when the work is done. Never throws. */
  async deliver(reception: Reception, asking: Asking): Promise<void> {
    try {
      switch (reception.kind) {
        case 'answer':
          return await this.#answer(reception.message, reception.audience, asking);
        case 'work':
          return this.#work(reception, asking);
        case 'form':
          return await this.#openForm(reception.form, asking);
        case 'silent':
        case 'ignored':
          return;
        default:
          return reception satisfies never;
      }
    } catch (error) {
      this.#logger.warn({ code: slackFailure(error).code, error }, 'an answer could not be given');
    }
  }

  async #answer(message: Message, audience: 'everyone' | 'sender', asking: Asking): Promise<void> {
    if (audience === 'sender' && !asking.surface.direct) return await whisperAll(message, asking);
    const surface = new SlackSurface(this.#tools, { ...asking.surface, ...this.#refusals(asking) });
    await surface.finish({ ...message, final: true });
    await this.#tellPosted(surface, asking);
  }

  #work(reception: Extract<Reception, { kind: 'work' }>, asking: Asking): void {
    const surface = this.#surfaceFor(reception, asking);
    if (reception.on === 'new') surface.show(reception.opening);
    void this.#tellPosted(surface, asking).catch(() => undefined);
    const running = reception
      .run(surface)
      .catch((error: unknown) => {
        if (!surface.gone.aborted) this.#logger.warn({ error }, 'a job could not show its end');
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** What only one person may see, and still grows, is shown in their direct message: a whisper can't be changed. */
  #surfaceFor(reception: Extract<Reception, { kind: 'work' }>, asking: Asking): Surface {
    if (reception.on === 'pressed' && asking.pressed !== undefined) return new SlackSurface(this.#tools, asking.pressed);
    if (reception.audience === 'everyone' || asking.surface.direct) return new SlackSurface(this.#tools, { ...asking.surface, ...this.#refusals(asking) });
    if (reception.opening.kind === 'notice') return new WhisperSurface((message) => whisperAll(message, asking));
    void asking.whisper(notice('I answer you in our direct message.')).catch(() => undefined);
    const { header } = asking.surface;
    return new SlackSurface(this.#tools, { spot: { channel: asking.invocation.principal.user }, direct: true, ...(header === undefined ? {} : { header }) });
  }

  #refusals({ whisper }: Asking): Pick<SlackSurfaceOptions, 'onUnpostable'> {
    return {
      onUnpostable: ({ code }) => {
        void whisper(notice(unpostable(code))).catch(() => undefined);
      },
    };
  }

  async #tellPosted(surface: Surface, { onPosted }: Asking): Promise<void> {
    const ref = await surface.posted();
    if (ref !== undefined) onPosted?.(ref.channel, ref.message);
  }

  async #openForm(form: Form, asking: Asking): Promise<void> {
    if (asking.openForm !== undefined) return await asking.openForm(form);
    const { text, blocks } = notice(`There is a form for this: ${form.title}.`);
    const value = asking.formCommand ?? '';
    await asking.whisper({
      text,
      blocks: [
        ...blocks,
        { type: 'actions', elements: [{ type: 'button', action_id: formButton, value, text: { type: 'plain_text', text: 'Open the form' } }] },
      ],
    });
  }

  /** Something of ours failed before the desk could answer. */
  async apologise(error: unknown, whisper: Asking['whisper']): Promise<void> {
    const reference = newReference();
    this.#logger.error({ error, reference }, 'a request failed unexpectedly');
    const shown = error instanceof FrescoError ? error : new FrescoError('internal', { reference });
    await whisper(notice(sentenceFor(shown))).catch(() => undefined);
  }

  /** Resolves when every job that runs here has shown its end. */
  async drained(): Promise<void> {
    await Promise.all(this.#running);
  }
}

async function whisperAll(message: Message, { whisper }: Asking): Promise<void> {
  for (const rendered of whispered(message)) await whisper(rendered);
}

/** A message for one person: cut into pieces, without what only a real message can carry. */
function whispered(message: Message): readonly Rendered[] {
  const pieces = piecesOf(message);
  return pieces.map((text, index) =>
    renderMessage({ ...message, kind: 'notice' }, { text, files: [], header: undefined, isLast: index === pieces.length - 1 }),
  );
}

export function notice(text: string): Rendered {
  return renderMessage({ kind: 'notice', text, pictures: [], actions: [], final: true }, { text, files: [], header: undefined, isLast: true });
}

/** Why nothing can be posted, and what helps. */
function unpostable(code: string): string {
  switch (code) {
    case 'not_in_channel':
    case 'channel_not_found':
      return 'I am not in this channel yet. Invite me with `/invite @fresco`, then try again. In a direct message I answer at once.';
    case 'is_archived':
      return 'This channel is archived, so I can’t answer in it.';
    case 'messages_tab_disabled':
      return 'Direct messages to me are switched off in the settings of the Slack app.';
    default:
      return 'I may not write in this channel.';
  }
}
