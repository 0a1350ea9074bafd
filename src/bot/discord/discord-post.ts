import { MessageFlags } from 'discord.js';
import type { Clock } from '../../clock.ts';
import type { MessageRef } from '../../commands/contract.ts';
import { FrescoError } from '../../fresco-error.ts';
import { type DiscordApi, type DiscordRequest, type MakeRequest, newNonce, type SendOptions } from './discord-api.ts';
import { failureOf } from './discord-failure.ts';

/** Where a message is, or will be. */
export interface PostHome {
  readonly channel: string;
  /** Undefined until it is posted. */
  readonly message: string | undefined;
  /** An interaction's key, which edits the message without any permission while it lives. */
  readonly token: { readonly value: string; readonly expiresAtMs: number } | undefined;
  /** False where only the token reaches: user-installed use, servers the bot is not in. */
  readonly hasChannelAccess: boolean;
  readonly isEphemeral: boolean;
  /** Answers this message. */
  readonly replyTo?: string;
}

/** What was seen last of a piece, so that nothing is sent twice. */
interface Piece {
  readonly id: string;
  readonly key: string;
}

/** One piece as it is at the moment of asking. */
export interface PieceSource {
  /** Equal keys look equal. */
  readonly key: () => string;
  readonly build: () => Promise<DiscordRequest>;
}

/** The token is left a minute before its end. */
export const tokenMarginMs = 60_000;
/** A user-installed command may follow up five times. */
const tokenOnlyPieces = 5;
const channelPieces = 20;
/** Marks a reference that only its token reaches; a thread's own id is its channel here, so the field is free. */
const tokenOnly = 'token-only';

/** One message of ours on Discord, with the further ones that carry on a long text: posts, edits and deletes them by token or by channel. */
export class DiscordPost {
  readonly #api: DiscordApi;
  readonly #clock: Clock;
  readonly #locate: () => Promise<PostHome>;
  #home: PostHome | undefined;
  #pieces: Piece[] = [];
  /** Of a piece that was sent and whose answer may have been lost. */
  #nonce: string | undefined;
  #isTokenSpent = false;

  /** `home`: where it is, or how to find out (a thread may have to be started first). */
  constructor(options: { readonly api: DiscordApi; readonly clock: Clock; readonly home: PostHome | (() => Promise<PostHome>) }) {
    this.#api = options.api;
    this.#clock = options.clock;
    const { home } = options;
    this.#locate = typeof home === 'function' ? home : async () => home;
    if (typeof home !== 'function') this.#settle(home);
  }

  get home(): PostHome | undefined {
    return this.#home;
  }

  get isPosted(): boolean {
    return this.#pieces.length > 0;
  }

  /** All ids, the first piece's first. */
  get ids(): readonly string[] {
    return this.#pieces.map(({ id }) => id);
  }

  get maxPieces(): number {
    return this.#home?.hasChannelAccess === false ? tokenOnlyPieces : channelPieces;
  }

  /** True while somebody may still change the message. */
  get isReachable(): boolean {
    return this.#home === undefined || this.#home.hasChannelAccess || this.#token(this.#home) !== undefined;
  }

  /** Whether the message as it stands is laid out in components; asks Discord. */
  async isLayout(): Promise<boolean> {
    const home = await this.#find();
    const token = this.#token(home);
    if (home.message === undefined) return false;
    const at = token === undefined ? { channel: home.channel, message: home.message } : { token, message: '@original' };
    const { flags } = await this.#api.find(at);
    return (flags & MessageFlags.IsComponentsV2) !== 0;
  }

  /** Shows a piece as it is when its turn has come: edits it where it is, posts it where it is not. */
  async put(index: number, source: PieceSource, options: SendOptions): Promise<void> {
    const home = await this.#find();
    const known = this.#pieces[index];
    if (known?.key === source.key()) return;
    const wasTried = known === undefined && this.#nonce !== undefined;
    let key = '';
    const make = async (): Promise<DiscordRequest | undefined> => {
      key = source.key();
      return known?.key === key ? undefined : source.build();
    };
    const sent = known === undefined ? await this.#create(home, make, options) : await this.#edit(home, { index, id: known.id }, { make, options });
    const id = sent ?? known?.id;
    if (id === undefined) return;
    this.#pieces[index] = { id, key: sent === undefined || !wasTried ? key : '' };
    if (index === 0 && home.message === undefined) this.#home = { ...home, message: id };
    if (wasTried) await this.put(index, source, options); // Discord gave the earlier message back, as it was
  }

  /** Deletes the pieces beyond `count`. */
  async trim(count: number): Promise<void> {
    const home = await this.#find();
    while (this.#pieces.length > count) {
      const piece = this.#pieces.at(-1);
      if (piece !== undefined) await this.#delete(home, piece.id);
      this.#pieces.pop();
    }
  }

  async remove(): Promise<void> {
    const home = await this.#find();
    for (const piece of this.#pieces.splice(0).reverse()) await this.#delete(home, piece.id, piece.id === home.message);
  }

  /** Edits go by channel from now on: Discord says the token is over. Throws 'platform-failed' where there is no other way. */
  leaveToken(): void {
    this.#isTokenSpent = true;
    if (!this.isReachable) throw unreachable();
  }

  /** The next `put` posts a new message instead of editing this one, which stays as it is. */
  startAnew(): void {
    if (this.#home === undefined || !this.#home.hasChannelAccess) throw unreachable();
    const old = this.#home.message;
    this.#home = { ...this.#home, message: undefined, token: undefined, ...(old === undefined ? {} : { replyTo: old }) };
    this.#pieces = [];
  }

  /** How the message is found again after a restart; undefined for one that only one person sees. */
  ref(): MessageRef | undefined {
    const home = this.#home;
    if (home?.message === undefined || home.isEphemeral) return undefined;
    return {
      platform: 'discord',
      channel: home.channel,
      message: home.message,
      ...(home.hasChannelAccess ? {} : { thread: tokenOnly }),
      ...(home.token === undefined ? {} : { secret: home.token }),
    };
  }

  async #find(): Promise<PostHome> {
    if (this.#home === undefined) this.#settle(await this.#locate());
    if (this.#home === undefined) throw unreachable();
    return this.#home;
  }

  #settle(home: PostHome): void {
    this.#home = home;
    if (home.message !== undefined && this.#pieces.length === 0) this.#pieces = [{ id: home.message, key: '' }];
  }

  #token({ token }: PostHome): string | undefined {
    if (token === undefined || this.#isTokenSpent || this.#clock.now() >= token.expiresAtMs - tokenMarginMs) return undefined;
    return token.value;
  }

  async #create(home: PostHome, make: MakeRequest, options: SendOptions): Promise<string | undefined> {
    const token = this.#token(home);
    if (token !== undefined && this.#pieces.length > 0) {
      return this.#api.followUp(token, home.isEphemeral ? privately(make) : make, options);
    }
    if (!home.hasChannelAccess) throw unreachable();
    const reply = home.replyTo === undefined || this.#pieces.length > 0 ? {} : { replyTo: home.replyTo };
    this.#nonce ??= newNonce();
    const id = await this.#api.post(home.channel, make, { ...options, ...reply, nonce: this.#nonce });
    this.#nonce = undefined;
    return id;
  }

  async #edit(
    home: PostHome,
    piece: { readonly index: number; readonly id: string },
    send: { readonly make: MakeRequest; readonly options: SendOptions },
  ): Promise<string | undefined> {
    const token = this.#token(home);
    if (token !== undefined) return this.#api.editByToken({ token, message: piece.index === 0 ? '@original' : piece.id }, send.make, send.options);
    if (!home.hasChannelAccess || home.isEphemeral) throw unreachable();
    return this.#api.editInChannel({ channel: home.channel, message: piece.id }, send.make, send.options);
  }

  /** Deleted already is deleted. */
  async #delete(home: PostHome, id: string, isOriginal = false): Promise<void> {
    const token = this.#token(home);
    try {
      if (token !== undefined) await this.#api.deleteByToken({ token, message: isOriginal ? '@original' : id });
      else if (home.hasChannelAccess) await this.#api.deleteInChannel({ channel: home.channel, message: id });
    } catch (error) {
      if (failureOf(error).kind !== 'gone') throw error;
    }
  }
}

/** Follow-ups choose anew who sees them. */
const privately =
  (make: MakeRequest): MakeRequest =>
  async () => {
    const request = await make();
    return request === undefined ? undefined : { ...request, body: { ...request.body, flags: MessageFlags.Ephemeral } };
  };

/** The home of a message from before a restart; undefined when nothing reaches it any more. */
export function homeOf(ref: MessageRef, nowMs: number): PostHome | undefined {
  const isTokenOnly = ref.thread === tokenOnly;
  const { channel } = ref;
  const isAlive = ref.secret !== undefined && nowMs < ref.secret.expiresAtMs - tokenMarginMs;
  const isId = /^\d{17,20}$/;
  if (ref.platform !== 'discord' || !isId.test(channel) || !isId.test(ref.message) || (isTokenOnly && !isAlive)) return undefined;
  return { channel, message: ref.message, token: isAlive ? ref.secret : undefined, hasChannelAccess: !isTokenOnly, isEphemeral: false };
}

const unreachable = (): FrescoError<'platform-failed'> =>
  new FrescoError('platform-failed', {
    platform: 'Discord',
    operation: 'editing a message',
    reason: 'the fifteen minutes of this request are over and I have no access to the channel',
  });
