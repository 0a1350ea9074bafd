import type { Message } from '../../commands/contract.ts';
import { splitMessage } from '../split-message.ts';
import { type Rendered, renderMessage, slackLimits } from './slack-blocks.ts';
import type { MessageMark, SlackClient, SlackMessageId, SlackSpot, Urgency } from './slack-client.ts';
import { slackFailure } from './slack-failure.ts';

interface Part {
  readonly id: SlackMessageId;
  /** What Slack shows, as far as we know; undefined: not known. */
  shown: string | undefined;
}

export interface SlackPartsOptions {
  readonly client: SlackClient;
  readonly spot: SlackSpot;
  readonly header: string | undefined;
  readonly mark: MessageMark;
  /** Messages that are there already, such as after a restart. */
  readonly existing: readonly SlackMessageId[];
  readonly onPosted: (id: SlackMessageId) => void;
  readonly onDeleted: (id: SlackMessageId) => void;
}

/** A text that grows over one or more messages, changed in place; the newest state is read when a call may go out. */
export class SlackParts {
  readonly #options: SlackPartsOptions;
  readonly #parts: Part[];

  constructor(options: SlackPartsOptions) {
    this.#options = options;
    this.#parts = options.existing.map((id) => ({ id, shown: undefined }));
  }

  get ids(): readonly SlackMessageId[] {
    return this.#parts.map(({ id }) => id);
  }

  /** What Slack shows of this message is not what was brought there from here. */
  changedElsewhere({ ts }: SlackMessageId): void {
    for (const part of this.#parts) if (part.id.ts === ts) part.shown = undefined;
  }

  /** Brings every piece up to date, posts what is missing and deletes what is too much. Throws what Slack said. */
  async sync(latest: () => Message, urgency: Urgency): Promise<void> {
    for (let index = 0; index < piecesOf(latest()).length; index += 1) {
      if (index < this.#parts.length) await this.#change(index, latest, urgency);
      else await this.#post(index, latest, urgency);
    }
    for (const part of this.#parts.splice(piecesOf(latest()).length)) {
      await this.#options.client.delete(part.id);
      this.#options.onDeleted(part.id);
    }
  }

  async #post(index: number, latest: () => Message, urgency: Urgency): Promise<void> {
    const { client, spot, mark, onPosted } = this.#options;
    let shown = '';
    const render = (): Rendered | undefined => {
      const rendered = this.#render(index, latest());
      shown = JSON.stringify(rendered);
      return rendered;
    };
    const id = await client.post(spot, render, { urgency: { ...urgency, priority: urgency.priority === 'final' ? 'final' : 'first' }, mark });
    if (id === undefined) return;
    this.#parts.push({ id, shown });
    onPosted(id);
  }

  async #change(index: number, latest: () => Message, urgency: Urgency): Promise<void> {
    const part = this.#parts[index];
    if (part === undefined || part.shown === JSON.stringify(this.#render(index, latest()))) return;
    let shown = part.shown;
    const render = (): Rendered | undefined => {
      const rendered = this.#render(index, latest());
      shown = JSON.stringify(rendered);
      return shown === part.shown ? undefined : rendered;
    };
    try {
      await this.#options.client.update(part.id, render, { urgency });
      part.shown = shown;
    } catch (error) {
      if (slackFailure(error).code !== 'block_mismatch') throw error;
      await this.#replace(index, latest, urgency);
    }
  }

  /** Slack can't turn some kinds of messages into others: then a new one takes the place. */
  async #replace(index: number, latest: () => Message, urgency: Urgency): Promise<void> {
    const old = this.#parts.splice(index, 1)[0];
    await this.#post(index, latest, urgency);
    if (old === undefined) return;
    await this.#options.client.delete(old.id);
    this.#options.onDeleted(old.id);
  }

  #render(index: number, message: Message): Rendered | undefined {
    const pieces = piecesOf(message);
    const text = pieces[index];
    if (text === undefined) return undefined;
    return renderMessage(message, { text, files: [], header: index === 0 ? this.#options.header : undefined, isLast: index === pieces.length - 1 });
  }
}

/** The text cut for one message each; at least one, though it may be empty. */
export function piecesOf(message: Message): readonly string[] {
  const pieces = splitMessage(message.text, slackLimits.markdown);
  return pieces.length === 0 ? [''] : pieces;
}
