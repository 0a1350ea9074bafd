import { randomUUID } from 'node:crypto';
import { webApi } from '@slack/bolt';
import { FrescoError } from '../../fresco-error.ts';
import type { Rendered } from './slack-blocks.ts';
import { platformFailed, slackFailure } from './slack-failure.ts';
import type { Priority, SlackPace, Slot } from './slack-pace.ts';

/** Where a message goes. */
export interface SlackSpot {
  readonly channel: string;
  readonly thread?: string;
}
export interface SlackMessageId {
  readonly channel: string;
  readonly ts: string;
}
/** What is asked of the pace for one call. */
export type Urgency = { readonly priority: Priority; readonly signal?: AbortSignal };

/** Names our messages among others, so that a post whose answer was lost is found instead of repeated. */
export const metadataType = 'fresco_message';
/** `anchor` is the message that a preview belongs to. */
export type MessageMark = { readonly role: 'text' | 'preview' | 'picture'; readonly anchor?: string };

const callTimeoutMs = 15_000;
const postAttempts = 3;

/** A WebClient that never pauses as a whole and never repeats a call by itself. */
export function openWebClient(token: string, apiUrl: string): webApi.WebClient {
  return new webApi.WebClient(token, {
    slackApiUrl: apiUrl,
    timeout: callTimeoutMs,
    rejectRateLimitedCalls: true,
    allowAbsoluteUrls: false,
    retryConfig: { retries: 0 },
    logger: { debug() {}, info() {}, warn() {}, error() {}, setLevel() {}, getLevel: () => webApi.LogLevel.ERROR, setName() {} },
  });
}

/** The calls that messages need, each at its pace. What a closure renders is read when the call is made. */
export class SlackClient {
  readonly web: webApi.WebClient;
  readonly pace: SlackPace;
  readonly #onFailure: (error: unknown) => void;

  /** `onFailure` sees every failure, so that the platform's health can tell of a revoked token or a missing scope. */
  constructor(options: { readonly web: webApi.WebClient; readonly pace: SlackPace; readonly onFailure: (error: unknown) => void }) {
    this.web = options.web;
    this.pace = options.pace;
    this.#onFailure = options.onFailure;
  }

  /** Any call at its pace. */
  async call<Result>(slot: Slot, work: () => Promise<Result>): Promise<Result> {
    try {
      return await this.pace.run(slot, work);
    } catch (error) {
      if (error !== slot.signal?.reason) this.#onFailure(error);
      throw error;
    }
  }

  /**
   * Posts once: where the answer is lost, the message is looked for before it is posted again.
   * `render` may say that nothing is to be posted any more. Throws what Slack said.
   */
  async post(
    spot: SlackSpot,
    render: () => Rendered | undefined,
    { urgency, mark }: { urgency: Urgency; mark: MessageMark },
  ): Promise<SlackMessageId | undefined> {
    const nonce = randomUUID();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.call({ method: 'chat.postMessage', channel: spot.channel, ...urgency }, async () => {
          const rendered = render();
          return rendered === undefined ? undefined : this.#postNow(spot, rendered, { nonce, mark });
        });
      } catch (error) {
        if (slackFailure(error).kind !== 'uncertain' || attempt >= postAttempts) throw error;
        const found = await this.#findByNonce(spot, nonce);
        if (found !== undefined) return found;
      }
    }
  }

  async #postNow(spot: SlackSpot, { text, blocks }: Rendered, { nonce, mark }: { nonce: string; mark: MessageMark }): Promise<SlackMessageId> {
    const answer = await this.web.chat.postMessage({
      channel: spot.channel,
      ...(spot.thread === undefined ? {} : { thread_ts: spot.thread }),
      text,
      blocks,
      unfurl_links: false,
      unfurl_media: false,
      metadata: { event_type: metadataType, event_payload: { nonce, ...mark } },
    });
    if (answer.ts === undefined || answer.channel === undefined)
      throw new FrescoError('platform-failed', { platform: 'slack', operation: 'post', reason: 'no message id' });
    return { channel: answer.channel, ts: answer.ts };
  }

  async #findByNonce(spot: SlackSpot, nonce: string): Promise<SlackMessageId | undefined> {
    if (spot.channel.startsWith('U')) return undefined;
    const recent = await this.recent(spot).catch(() => []);
    const found = recent.find(({ metadata }) => metadata?.event_payload !== undefined && Reflect.get(metadata.event_payload, 'nonce') === nonce);
    return found?.ts === undefined ? undefined : { channel: spot.channel, ts: found.ts };
  }

  /** The last messages of a thread, or of a channel outside threads. */
  async recent(spot: SlackSpot, options: { readonly oldest?: string; readonly latest?: string; readonly limit?: number } = {}): Promise<readonly SlackLine[]> {
    const common = {
      channel: spot.channel,
      include_all_metadata: true,
      inclusive: true,
      limit: options.limit ?? 100,
      ...(options.oldest === undefined ? {} : { oldest: options.oldest }),
      ...(options.latest === undefined ? {} : { latest: options.latest }),
    };
    const answer =
      spot.thread === undefined
        ? await this.call({ method: 'conversations.history', priority: 'first' }, () => this.web.conversations.history(common))
        : await this.call({ method: 'conversations.replies', priority: 'first' }, () => this.web.conversations.replies({ ...common, ts: spot.thread ?? '' }));
    const messages: readonly SlackLine[] = answer.messages ?? [];
    return spot.thread === undefined ? [...messages].reverse() : messages;
  }

  /** Changes a message. A stream still open on it is stopped first. Throws what Slack said. */
  async update(id: SlackMessageId, render: () => Rendered | undefined, { urgency, fileIds }: { urgency: Urgency; fileIds?: readonly string[] }): Promise<void> {
    const send = async (): Promise<void> => {
      const rendered = render();
      if (rendered === undefined) return;
      await this.web.chat.update({
        channel: id.channel,
        ts: id.ts,
        text: rendered.text,
        blocks: rendered.blocks,
        ...(fileIds === undefined || fileIds.length === 0 ? {} : { file_ids: [...fileIds] }),
      });
    };
    try {
      await this.call({ method: 'chat.update', ...urgency }, send);
    } catch (error) {
      const { code, kind } = slackFailure(error);
      if (kind === 'uncertain') return await this.call({ method: 'chat.update', ...urgency }, send); // changing twice is changing once
      if (code !== 'streaming_state_conflict') throw error;
      await this.call({ method: 'chat.stopStream', ...urgency }, () => this.web.chat.stopStream({ channel: id.channel, ts: id.ts })).catch(() => undefined);
      await this.call({ method: 'chat.update', ...urgency }, send);
    }
  }

  /** Deletes a message of ours; one that is not there any more counts as deleted. */
  async delete(id: SlackMessageId, priority: Priority = 'tidy'): Promise<void> {
    try {
      await this.call({ method: 'chat.delete', priority }, () => this.web.chat.delete({ channel: id.channel, ts: id.ts }));
    } catch (error) {
      if (slackFailure(error).kind !== 'gone') throw platformFailed('delete a message', error);
    }
  }

  /** A message that one person sees. */
  async whisper(spot: SlackSpot, user: string, { text, blocks }: Rendered): Promise<void> {
    await this.call({ method: 'chat.postEphemeral', priority: 'first' }, () =>
      this.web.chat.postEphemeral({ channel: spot.channel, user, text, blocks, ...(spot.thread === undefined ? {} : { thread_ts: spot.thread }) }),
    );
  }
}

/** The parts of a read message that Fresco looks at. */
export interface SlackLine {
  readonly ts?: string;
  readonly thread_ts?: string;
  readonly user?: string;
  readonly bot_id?: string;
  readonly subtype?: string;
  readonly text?: string;
  readonly metadata?: { readonly event_type?: string; readonly event_payload?: object };
  readonly blocks?: readonly { readonly type?: string; readonly block_id?: string }[];
}
