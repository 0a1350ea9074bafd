import type { Message } from '../../commands/contract.ts';
import { renderMessage } from './slack-blocks.ts';
import type { SlackClient, SlackMessageId, Urgency } from './slack-client.ts';
import { slackFailure } from './slack-failure.ts';
import { harmlessMarkdown, sendableMarkdown } from './slack-mrkdwn.ts';

/** Slack closes a stream five minutes after its start, text or no text: a new one takes over well before. */
const streamLifeMs = 230_000;
/** Characters of one streamed message; its blocks fail near 13,200. */
const streamLength = 10_500;

export interface StreamSpot {
  readonly channel: string;
  readonly thread: string;
  readonly recipient: { readonly user: string; readonly team: string };
  readonly direct: boolean;
}

/** Which surfaces of this workspace stream natively; learned from what Slack refuses. */
export class StreamSupport {
  #nowhere: boolean;
  #directOnly = false;

  constructor(options: { readonly wanted: boolean }) {
    this.#nowhere = !options.wanted;
  }

  worksIn(spot: { readonly direct: boolean }): boolean {
    return !this.#nowhere && (spot.direct || !this.#directOnly);
  }

  refused(code: string, spot: { readonly direct: boolean }): void {
    if (code === 'channel_type_not_supported' && !spot.direct) this.#directOnly = true;
    else this.#nowhere = true;
  }
}

export interface SlackStreamOptions {
  readonly client: SlackClient;
  readonly spot: StreamSpot;
  readonly now: () => number;
  readonly onPosted: (id: SlackMessageId) => void;
}

/**
 * One answer over Slack's native streams, each stopped and followed by the next before Slack would close it.
 * Every failure leaves `ids`: the messages so far, which `chat.update` can bring to the right state.
 */
export class SlackStream {
  readonly #options: SlackStreamOptions;
  readonly #segments: { readonly id: SlackMessageId; readonly startedAtMs: number; length: number }[] = [];
  /** The text that went out, over all segments. */
  #sent = '';

  constructor(options: SlackStreamOptions) {
    this.#options = options;
  }

  get ids(): readonly SlackMessageId[] {
    return this.#segments.map(({ id }) => id);
  }

  get hasStarted(): boolean {
    return this.#segments.length > 0;
  }

  /** Sends what is new. False when the text no longer continues what was sent: then only an update can show it. Throws what Slack said. */
  async show(latest: () => Message, urgency: Urgency): Promise<boolean> {
    const wanted = (): string => sendableMarkdown(harmlessMarkdown(latest().text));
    for (let text = wanted(); text !== this.#sent; text = wanted()) {
      if (!text.startsWith(this.#sent)) return false;
      const open = this.#segments.at(-1);
      if (open === undefined) await this.#start(text, '', urgency);
      else if (this.#options.now() - open.startedAtMs > streamLifeMs || open.length >= streamLength) await this.#rotate(text, urgency);
      else await this.#append(open, text, urgency);
    }
    return true;
  }

  /** Sends the rest and ends the stream with buttons and status under it. False and throws as `show`. */
  async finish(message: Message): Promise<boolean> {
    const urgency: Urgency = { priority: 'final' };
    if (!(await this.show(() => message, urgency))) return false;
    const rest = harmlessMarkdown(message.text).slice(this.#sent.length);
    const open = this.#segments.at(-1);
    if (open === undefined) return false;
    const { blocks } = renderMessage(message, { text: '', files: [], header: undefined, isLast: true });
    const hasMore = message.actions.length > 0 || message.status !== undefined;
    await this.#stop(open.id, { markdown: rest, blocks: hasMore ? blocks : [], urgency });
    this.#sent += rest;
    return true;
  }

  async #start(text: string, prefix: string, urgency: Urgency): Promise<void> {
    const { client, spot, now, onPosted } = this.#options;
    const delta = text.slice(this.#sent.length, this.#sent.length + streamLength);
    const answer = await client.call({ method: 'chat.startStream', priority: urgency.priority === 'final' ? 'final' : 'first' }, () =>
      client.web.chat.startStream({
        channel: spot.channel,
        thread_ts: spot.thread,
        markdown_text: prefix + delta,
        ...(spot.direct ? {} : { recipient_user_id: spot.recipient.user, recipient_team_id: spot.recipient.team }),
      }),
    );
    if (answer.ts === undefined) return;
    const id = { channel: spot.channel, ts: answer.ts };
    this.#segments.push({ id, startedAtMs: now(), length: prefix.length + delta.length });
    this.#sent += delta;
    onPosted(id);
  }

  async #append(open: { readonly id: SlackMessageId; length: number }, text: string, urgency: Urgency): Promise<void> {
    const delta = text.slice(this.#sent.length, this.#sent.length + Math.max(1, streamLength - open.length));
    const { client } = this.#options;
    await client.call({ method: 'chat.appendStream', ...urgency }, () =>
      client.web.chat.appendStream({ channel: open.id.channel, ts: open.id.ts, markdown_text: delta }),
    );
    open.length += delta.length;
    this.#sent += delta;
  }

  /** A fence that is open is closed on the old message and opened again on the new one. */
  async #rotate(text: string, urgency: Urgency): Promise<void> {
    const open = this.#segments.at(-1);
    const fence = openFenceOf(this.#sent);
    if (open !== undefined) {
      const closing = fence === undefined ? '' : `\n${fence.marker}`;
      await this.#stop(open.id, { markdown: closing, blocks: [], urgency }).catch((error: unknown) => {
        // Slack may have been quicker: the message stands as it is and the next one goes on
        if (slackFailure(error).code !== 'message_not_in_streaming_state') throw error;
      });
    }
    await this.#start(text, fence === undefined ? '' : `${fence.opener}\n`, urgency);
  }

  async #stop(
    id: SlackMessageId,
    { markdown, blocks, urgency }: { markdown: string; blocks: Parameters<SlackClient['web']['chat']['stopStream']>[0]['blocks']; urgency: Urgency },
  ): Promise<void> {
    const { client } = this.#options;
    await client.call({ method: 'chat.stopStream', priority: urgency.priority === 'final' ? 'final' : 'first' }, () =>
      client.web.chat.stopStream({
        channel: id.channel,
        ts: id.ts,
        ...(markdown === '' ? {} : { markdown_text: markdown }),
        ...(blocks === undefined || blocks.length === 0 ? {} : { blocks }),
      }),
    );
  }
}

/** The fence that is open at the end of this Markdown. */
function openFenceOf(markdown: string): { readonly marker: string; readonly opener: string } | undefined {
  let open: { readonly marker: string; readonly opener: string } | undefined;
  for (const line of markdown.split('\n')) {
    const marker = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (marker === undefined) continue;
    if (open === undefined) open = { marker, opener: line };
    else if (marker.startsWith(open.marker) && line.trim() === marker) open = undefined;
  }
  return open;
}
