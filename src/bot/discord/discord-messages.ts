import { cleanContent, type Message, MessageReferenceType, MessageType, type User } from 'discord.js';
import type { Clock } from '../../clock.ts';
import { findCommand } from '../../commands/command-table.ts';
import type { ChatInvocation, Desk, Invocation, Place, Reception, TypedInvocation } from '../../commands/contract.ts';
import type { Logger } from '../../logger.ts';
import type { DiscordApi } from './discord-api.ts';
import type { DiscordAttachments } from './discord-attachments.ts';
import { failureOf, withoutBody } from './discord-failure.ts';
import { canStartThread, type DiscordIdentity, inNewThread, placeOfMessage, principalOfMessage } from './discord-places.ts';
import type { PostHome } from './discord-post.ts';
import { attachmentsOf, textOf } from './discord-read.ts';
import { clipped } from './discord-render.ts';
import type { SeenIds } from './discord-seen-ids.ts';
import type { DiscordSurface } from './discord-surface.ts';
import type { SurfaceMaker } from './discord-surface-maker.ts';

export interface DiscordMessagesOptions {
  readonly api: DiscordApi;
  readonly surfaces: SurfaceMaker;
  readonly attachments: DiscordAttachments;
  readonly identity: DiscordIdentity;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly seen: SeenIds;
  readonly startThreads: boolean;
  readonly answerInThreads: boolean;
  readonly desk: () => Desk | undefined;
}

/** Typing shows for ten seconds. */
const typingMs = 9000;
/** A thread's name holds 100 characters; a short one reads better in the list. */
const threadNameLength = 60;
const quotedLength = 4000;

/** Messages: direct ones, mentions, replies to the bot, and all that is said in the bot's own threads. */
export class DiscordMessages {
  readonly #options: DiscordMessagesOptions;

  constructor(options: DiscordMessagesOptions) {
    this.#options = options;
  }

  /** Never throws. */
  async handle(message: Message): Promise<void> {
    const { logger, seen } = this.#options;
    try {
      const isFromPerson = !message.author.bot && message.webhookId === null && !message.system;
      const isTalk = message.type === MessageType.Default || message.type === MessageType.Reply;
      if (!isFromPerson || !isTalk || !seen.isNew(message.id)) return;
      const desk = this.#options.desk();
      if (desk === undefined) return;
      const invocation = this.#invocationOf(message, desk);
      if (invocation !== undefined) this.#carryOut(message, invocation, desk.receive(invocation));
    } catch (error) {
      logger.error({ message: message.id, cause: withoutBody(error) }, 'a message could not be handled');
    }
  }

  /** Undefined for what is not said to us. */
  #invocationOf(message: Message, desk: Desk): Invocation | undefined {
    const bot = message.client.user;
    const target = repliedTo(message);
    const place = placeOfMessage(message, target?.author.id === bot.id ? this.#options.surfaces.open.firstPieceOf(target.id) : message.id);
    const isMentioned = message.mentions.has(bot, { ignoreEveryone: true, ignoreRoles: true });
    const isReply = target?.author.id === bot.id;
    const isInOwnThread = this.#options.answerInThreads && place.thread !== undefined && desk.ownsThread(place);
    if (!place.direct && !isMentioned && !isReply && !isInOwnThread) return undefined;
    const text = withoutMention(message, bot);
    const attachments = attachmentsOf(message, this.#options.attachments);
    if (text === '' && attachments.length === 0 && !isMentioned) return undefined; // content withheld from us, a sticker, a poll
    const asked = { principal: principalOfMessage(message, this.#options.identity), receivedAtMs: this.#options.clock.now(), attachments };
    const typed = typedCommand(text);
    if (typed !== undefined) return { ...asked, ...typed, kind: 'typed', place } satisfies TypedInvocation;
    const startsThread = this.#options.startThreads && !isReply && !place.direct && place.thread === undefined && canStartThread(message.channel, bot);
    return {
      ...asked,
      kind: 'chat',
      place: startsThread ? inNewThread(place, message.id) : place,
      text,
      message: message.id,
      ...(message.reference === null ? {} : this.#replyOf(message, target)),
    } satisfies ChatInvocation;
  }

  #replyOf(message: Message, target: Message | undefined): Pick<ChatInvocation, 'replyTo'> {
    const id = message.reference?.messageId;
    if (id === undefined || message.reference?.type !== MessageReferenceType.Default) return {};
    const text = target === undefined ? '' : clipped(textOf(target), quotedLength);
    return { replyTo: { message: this.#options.surfaces.open.firstPieceOf(id), ...(text === '' ? {} : { text }) } };
  }

  #carryOut(message: Message, invocation: Invocation, reception: Reception): void {
    switch (reception.kind) {
      case 'answer': {
        // nothing in a channel is for one person's eyes alone; a refusal is short and stands under what was asked
        const surface = this.#surfaceFor(message, invocation.place, { startsThread: false });
        surface.finish(reception.message).catch((error: unknown) => this.#logFailure(message, error));
        return;
      }
      case 'work': {
        const surface = this.#surfaceFor(message, invocation.place, { startsThread: invocation.place.channel !== message.channelId });
        if (invocation.kind === 'chat') this.#typeUntilText(invocation.place.channel === message.channelId ? message.channelId : undefined, surface);
        surface.show(reception.opening);
        reception.run(surface).catch((error: unknown) => this.#logFailure(message, error));
        return;
      }
      case 'form':
      case 'silent':
      case 'ignored':
        return;
      default:
        reception satisfies never;
    }
  }

  #surfaceFor(message: Message, place: Place, { startsThread }: { readonly startsThread: boolean }): DiscordSurface {
    const reply: PostHome = {
      channel: message.channelId,
      message: undefined,
      token: undefined,
      hasChannelAccess: true,
      isEphemeral: false,
      replyTo: message.id,
    };
    if (!startsThread) return this.#options.surfaces.make(place.direct || place.thread !== undefined ? withoutReply(reply) : reply, { form: 'none' });
    return this.#options.surfaces.make(() => this.#threadFor(message, reply), { form: 'none' });
  }

  /** The new thread as the answer's home; a reply in the channel where Discord does not let us start one. */
  async #threadFor(message: Message, reply: PostHome): Promise<PostHome> {
    try {
      const thread = await this.#options.api.startThread({ channel: message.channelId, message: message.id }, threadName(message));
      return { ...withoutReply(reply), channel: thread };
    } catch (error) {
      const { kind, reason } = failureOf(error);
      if (kind === 'gone') throw error;
      this.#options.logger.warn({ channel: message.channelId, reason }, 'a thread could not be started; I answer in the channel');
      return reply;
    }
  }

  #typeUntilText(channel: string | undefined, surface: DiscordSurface): void {
    const { api, clock } = this.#options;
    if (channel === undefined) return; // the thread does not exist yet, and will show the answer first
    const done = new AbortController();
    void surface.firstText.then(() => done.abort());
    const type = async (): Promise<void> => {
      while (!done.signal.aborted) {
        await api.type(channel);
        await clock.wait(typingMs, done.signal);
      }
    };
    type().catch(() => done.abort()); // a nicety: whatever hinders it hinders the answer too, which tells
  }

  #logFailure(message: Message, error: unknown): void {
    this.#options.logger.error({ message: message.id, cause: withoutBody(error) }, 'a request ended without its last word');
  }
}

const withoutReply = ({ replyTo: _, ...home }: PostHome): PostHome => home;

/** The message this one answers, as far as Discord sent it along. */
function repliedTo(message: Message): Message | undefined {
  const { reference } = message;
  if (reference?.messageId === undefined || reference.type !== MessageReferenceType.Default || reference.channelId !== message.channelId) return undefined;
  return message.channel.messages.cache.get(reference.messageId);
}

/** The text with the bot's own mention taken out and other mentions as names. */
function withoutMention(message: Message, bot: User): string {
  const own = new RegExp(`<@!?${bot.id}>`, 'g');
  return cleanContent(message.content.replaceAll(own, ' '), message.channel)
    .replaceAll(/[ \t]{2,}/g, ' ')
    .trim();
}

/** `/imagine a fox --ar 16:9`, typed as a message. */
function typedCommand(text: string): { readonly command: string; readonly text: string } | undefined {
  const match = /^\/([\p{L}\p{N}_-]{1,32})(?:\s+([\s\S]*))?$/u.exec(text);
  const spec = match?.[1] === undefined ? undefined : findCommand(match[1]);
  return spec === undefined ? undefined : { command: spec.name, text: (match?.[2] ?? '').trim() };
}

function threadName(message: Message): string {
  const line = withoutMention(message, message.client.user).split('\n')[0]?.trim() ?? '';
  const plain = line.replaceAll(/[*_`~|>#]/g, '').trim();
  return plain === '' ? `Chat with ${clipped(message.author.displayName, threadNameLength)}` : clipped(plain, threadNameLength);
}
