import { randomUUID } from 'node:crypto';
import {
  type APIInteractionResponse,
  type APIMessage,
  InteractionResponseType,
  type RawFile,
  type REST,
  RESTEvents,
  type RESTPostAPIApplicationCommandsJSONBody,
  Routes,
} from 'discord.js';
import { z } from 'zod';
import { failureOf } from './discord-failure.ts';
import type { DiscordPace, Urgency } from './discord-pace.ts';

/** A picture on its way to Discord. */
export interface Upload {
  readonly name: string;
  readonly contentType: string;
  readonly data: Uint8Array;
}
export interface DiscordRequest {
  readonly body: object;
  readonly files?: readonly Upload[];
}
/** Made when its turn has come, so that it shows what is newest then; undefined when there is nothing to send any more. */
export type MakeRequest = () => Promise<DiscordRequest | undefined>;
export interface SendOptions {
  readonly urgency: Urgency;
  /** Gives up the wait for a turn; a request that was sent is not taken back. */
  readonly signal?: AbortSignal;
}
/** A message by an interaction's token. */
export interface TokenMessage {
  readonly token: string;
  /** An id or `@original`. */
  readonly message: string;
}

const acknowledgement = z.object({ interaction: z.object({ response_message_id: z.string().optional() }) });
const sentMessage = z.object({ id: z.string() });
const knownMessage = z.object({ id: z.string(), flags: z.int().default(0) });
const spokenMessage = z.object({
  id: z.string(),
  content: z.string(),
  author: z.object({ id: z.string(), username: z.string(), global_name: z.string().nullish() }),
  components: z.array(z.unknown()).default([]),
});
export type SpokenMessage = z.infer<typeof spokenMessage>;

/** A fresh mark for one message; Discord takes up to 25 characters. */
export const newNonce = (): string => randomUUID().replaceAll('-', '').slice(0, 24);

/** No message of ours ever notifies anybody by a mention. */
const noMentions = { allowed_mentions: { parse: [], replied_user: false } } as const;

/** How often a request that must arrive waits for a limit before it gives up: with Discord's usual seconds, minutes. */
const limitWaits = 12;

/**
 * The requests Fresco makes of Discord, through discord.js's REST client: paced by the headers of the responses,
 * without mentions, and with the endless retries after a 429 bounded. Throws what discord.js throws.
 */
export class DiscordApi {
  readonly applicationId: string;
  readonly #rest: REST;
  readonly #pace: DiscordPace;

  constructor(options: { readonly rest: REST; readonly applicationId: string; readonly pace: DiscordPace }) {
    this.applicationId = options.applicationId;
    this.#rest = options.rest;
    this.#pace = options.pace;
    this.#rest.on(RESTEvents.Response, (request, response) => {
      const lane = laneOf(request.method, request.path);
      if (lane !== undefined) this.#pace.observe(lane, response.headers);
    });
    this.#rest.on(RESTEvents.InvalidRequestWarning, ({ count, remainingTime }) => {
      if (count >= invalidRequestAlarm) this.#pace.restPreviews(remainingTime);
    });
  }

  /** The one answer to an interaction; never queued behind anything. Returns the id of the message it made, if it made one. */
  async acknowledge(interaction: { readonly id: string; readonly token: string }, answer: APIInteractionResponse): Promise<string | undefined> {
    const body = 'data' in answer && isMessageAnswer(answer.type) ? { ...answer, data: { ...answer.data, ...noMentions } } : answer;
    const query = new URLSearchParams({ with_response: 'true' });
    const response = await again(() => this.#rest.post(Routes.interactionCallback(interaction.id, interaction.token), { auth: false, query, body }));
    const parsed = acknowledgement.safeParse(response);
    return parsed.success ? parsed.data.interaction.response_message_id : undefined;
  }

  async editByToken({ token, message }: TokenMessage, make: MakeRequest, options: SendOptions): Promise<string | undefined> {
    const route = Routes.webhookMessage(this.applicationId, token, message);
    return this.#paced(tokenLane(token), options, async () =>
      this.#send(await make(), (request) => this.#rest.patch(route, { auth: false, ...bodyOf(request) })),
    );
  }

  async followUp(token: string, make: MakeRequest, options: SendOptions): Promise<string | undefined> {
    const route = Routes.webhook(this.applicationId, token);
    const query = new URLSearchParams({ wait: 'true' });
    return this.#paced(tokenLane(token), options, async () =>
      this.#send(await make(), (request) => this.#rest.post(route, { auth: false, query, ...bodyOf(request) })),
    );
  }

  async editInChannel(at: { readonly channel: string; readonly message: string }, make: MakeRequest, options: SendOptions): Promise<string | undefined> {
    const route = Routes.channelMessage(at.channel, at.message);
    return this.#paced(channelLane(at.channel), options, async () => this.#send(await make(), (request) => this.#rest.patch(route, bodyOf(request))));
  }

  /** Posts a message. Sent again with the same nonce after a lost answer, the first message comes back as it was, and no second one appears. */
  async post(channel: string, make: MakeRequest, options: SendOptions & { readonly nonce: string; readonly replyTo?: string }): Promise<string | undefined> {
    const reference = options.replyTo === undefined ? {} : { message_reference: { message_id: options.replyTo, fail_if_not_exists: false } };
    const nonce = { nonce: options.nonce, enforce_nonce: true };
    const whole = (request: DiscordRequest): DiscordRequest => ({ ...request, body: { ...request.body, ...reference, ...nonce } });
    const send = (request: DiscordRequest) => this.#rest.post(Routes.channelMessages(channel), bodyOf(whole(request)));
    return this.#paced(channelLane(channel), options, async () => this.#send(await make(), send));
  }

  async #send(request: DiscordRequest | undefined, send: (request: DiscordRequest) => Promise<unknown>): Promise<string | undefined> {
    return request === undefined ? undefined : idOf(await send(request));
  }

  async deleteByToken({ token, message }: TokenMessage): Promise<void> {
    await this.#rest.delete(Routes.webhookMessage(this.applicationId, token, message), { auth: false });
  }

  async deleteInChannel(at: { readonly channel: string; readonly message: string }): Promise<void> {
    await this.#rest.delete(Routes.channelMessage(at.channel, at.message));
  }

  async find(at: { readonly channel: string; readonly message: string } | TokenMessage): Promise<Pick<APIMessage, 'id'> & { readonly flags: number }> {
    const found =
      'token' in at
        ? this.#rest.get(Routes.webhookMessage(this.applicationId, at.token, at.message), { auth: false })
        : this.#rest.get(Routes.channelMessage(at.channel, at.message));
    return knownMessage.parse(await found);
  }

  async startThread(at: { readonly channel: string; readonly message: string }, name: string): Promise<string> {
    return idOf(await this.#rest.post(Routes.threads(at.channel, at.message), { body: { name, auto_archive_duration: 1440 } }));
  }

  async type(channel: string): Promise<void> {
    await this.#rest.post(Routes.channelTyping(channel));
  }

  /** The messages after this one, oldest first; at most 100. */
  async messagesAfter(at: { readonly channel: string; readonly message: string }, signal: AbortSignal): Promise<SpokenMessage[]> {
    const query = new URLSearchParams({ after: at.message, limit: '100' });
    return z
      .array(spokenMessage)
      .parse(await this.#rest.get(Routes.channelMessages(at.channel), { query, signal }))
      .reverse();
  }

  async putCommands(server: string | undefined, commands: readonly RESTPostAPIApplicationCommandsJSONBody[]): Promise<void> {
    const route = server === undefined ? Routes.applicationCommands(this.applicationId) : Routes.applicationGuildCommands(this.applicationId, server);
    await this.#rest.put(route, { body: commands });
  }

  async #paced<Result>(lane: string, { urgency, signal }: SendOptions, send: () => Promise<Result>): Promise<Result> {
    for (let waits = 0; ; waits += 1) {
      try {
        return await this.#pace.run(lane, urgency, send, signal);
      } catch (error) {
        const failure = failureOf(error);
        if (failure.kind !== 'rate-limited') throw error;
        this.#pace.rest(failure.isGlobal ? undefined : lane, failure.retryAfterMs);
        if (urgency === 'preview' || waits >= limitWaits) throw error;
      }
    }
  }
}

/** A connection that broke says nothing about whether the request was taken: discord.js gives up there, and three seconds leave time for more. */
async function again<Result>(send: () => Promise<Result>): Promise<Result> {
  for (let left = 2; ; left -= 1) {
    try {
      return await send();
    } catch (error) {
      if (left === 0 || failureOf(error).kind !== 'unavailable') throw error;
    }
  }
}

/** Discord bans an address after 10,000 invalid requests in ten minutes. */
const invalidRequestAlarm = 2000;

const isMessageAnswer = (type: InteractionResponseType): boolean =>
  type === InteractionResponseType.ChannelMessageWithSource || type === InteractionResponseType.UpdateMessage;
const tokenLane = (token: string): string => `token:${token}`;
const channelLane = (channel: string): string => `channel:${channel}`;

/** Which budget a request counts against: posts and edits of a channel share one, each interaction's token has its own. */
function laneOf(method: string, path: string): string | undefined {
  const token = /^\/webhooks\/\d+\/([^/]+)/.exec(path)?.[1];
  if (token !== undefined) return tokenLane(token);
  const channel = /^\/channels\/(\d+)\/messages(\/\d+)?$/.exec(path)?.[1];
  const isWrite = method === 'POST' || method === 'PATCH';
  return channel !== undefined && isWrite ? channelLane(channel) : undefined;
}

/** Fresh objects each time: a request that is sent again must find its files whole. No signal: what is on its way is done, or it would be done twice. */
function bodyOf({ body, files = [] }: DiscordRequest): { readonly body: object; readonly files: RawFile[] } {
  return { body: { ...body, ...noMentions }, files: files.map(({ name, data, contentType }) => ({ name, contentType, data: Buffer.from(data) })) };
}

const idOf = (response: unknown): string => sentMessage.parse(response).id;
