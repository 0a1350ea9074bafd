import type { Clock } from '../../clock.ts';
import type { Message, MessageRef, Surface } from '../../commands/contract.ts';
import { FrescoError } from '../../fresco-error.ts';
import type { Logger } from '../../logger.ts';
import { EditLatest } from '../edit-latest.ts';
import type { DiscordRequest, SendOptions } from './discord-api.ts';
import { type DiscordFailure, failureOf, platformFailed, withoutBody } from './discord-failure.ts';
import { moderated, type Way, wayAround, withRemark } from './discord-fallback.ts';
import { DiscordFrames, type PictureShelf } from './discord-frames.ts';
import { type DiscordPost, tokenMarginMs } from './discord-post.ts';
import { type RenderedPiece, renderLayout, renderText, wantsLayout } from './discord-render.ts';
import type { DiscordSurfaces } from './discord-surfaces.ts';

export interface DiscordSurfaceOptions {
  readonly post: DiscordPost;
  readonly pictures: PictureShelf;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly open: DiscordSurfaces;
  /** The least time between two edits of this message. */
  readonly editGapMs: number;
  readonly maxFileBytes: number;
  /** How the message stands: 'unknown' after a restart, 'none' before it is posted. */
  readonly form: 'none' | 'text' | 'layout' | 'unknown';
  /** Told where a message could not be posted or changed for want of a permission. */
  readonly onForbidden: (reason: string, channel: string | undefined) => void;
}

/** While a picture sharpens, an edit without a new preview would only make it flicker; this often it tells the step all the same. */
const sameFrameMs = 10_000;
const finalAttempts = 8;
const backOffMs = [1000, 2000, 4000, 8000, 15_000] as const;

/** One message on Discord that shows the newest state: previews when there is room, the last state always. */
export class DiscordSurface implements Surface {
  readonly #options: DiscordSurfaceOptions;
  readonly #frames: DiscordFrames;
  readonly #pacer: EditLatest;
  readonly #gone = new AbortController();
  /** Aborts a preview that still waits for its turn when the last state comes. */
  readonly #finishing = new AbortController();
  readonly #posted: Promise<MessageRef | undefined>;
  #tellPosted: (ref: MessageRef | undefined) => void = () => {};
  readonly firstText: Promise<void>;
  #tellFirstText: () => void = () => {};
  #latest: Message | undefined;
  #form: DiscordSurfaceOptions['form'];
  #frameKey = '';
  #frameAtMs = Number.NEGATIVE_INFINITY;
  #arePreviewsOff = false;

  constructor(options: DiscordSurfaceOptions) {
    this.#options = options;
    this.#frames = new DiscordFrames(options.pictures);
    this.#form = options.form;
    this.#posted = new Promise((resolve) => {
      this.#tellPosted = resolve;
    });
    this.firstText = new Promise((resolve) => {
      this.#tellFirstText = resolve;
    });
    this.#pacer = new EditLatest({
      edit: (message) => (message.final ? this.#showLast(message) : this.#showNewest()),
      gapMs: (next) => (next.final ? 0 : options.editGapMs),
      clock: options.clock,
      onFailedPreview: (error) => this.#afterFailedPreview(error),
    });
    options.open.add(this);
    if (options.post.isPosted) this.#tellPosted(options.post.ref());
    void this.#sayGoodbyeInTime();
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get ids(): readonly string[] {
    return this.#options.post.ids;
  }

  get channel(): string | undefined {
    return this.#options.post.home?.channel;
  }

  show(message: Message): void {
    if (this.#finishing.signal.aborted || this.#gone.signal.aborted || message.final) return;
    this.#latest = message;
    this.#pacer.show(message);
  }

  async finish(message: Message): Promise<void> {
    if (this.#finishing.signal.aborted) return;
    this.#finishing.abort(new FrescoError('cancelled', { by: 'the final state' }));
    try {
      if (this.#gone.signal.aborted) throw goneFailure();
      await this.#pacer.finish({ ...message, final: true });
    } finally {
      this.#tellPosted(this.#options.post.ref());
      this.#tellFirstText();
      this.#options.open.delete(this);
    }
  }

  posted(): Promise<MessageRef | undefined> {
    return this.#posted;
  }

  async remove(): Promise<void> {
    this.#finishing.abort(new FrescoError('cancelled', { by: 'removal' }));
    this.#options.open.delete(this);
    try {
      await this.#options.post.remove();
    } catch (error) {
      const { kind } = failureOf(error);
      if (kind !== 'gone') throw platformFailed('deleting a message', error);
    }
  }

  /** The message or its channel is no more, or nothing reaches it: whoever works for it may stop. */
  leave(): void {
    this.#gone.abort(goneFailure());
    this.#tellPosted(undefined);
    this.#tellFirstText();
    this.#options.open.delete(this);
  }

  /** A preview waits for its turn; by then the newest state is shown, whichever that is. */
  async #showNewest(): Promise<void> {
    if (this.#arePreviewsOff || this.#latest === undefined || this.#isOnlyNextStep(this.#latest)) return;
    const urgency = this.#options.post.isPosted ? 'preview' : 'needed';
    const first = this.#latest;
    await this.#write(
      () => this.#latest ?? first,
      { maxFileBytes: this.#options.maxFileBytes, withPictures: true },
      { urgency, signal: this.#finishing.signal },
    );
  }

  #isOnlyNextStep(message: Message): boolean {
    if (message.pictures.length === 0 || message.status?.phase !== 'painting') return false;
    return this.#frames.keyOf(message.pictures) === this.#frameKey && this.#options.clock.now() - this.#frameAtMs < sameFrameMs;
  }

  async #write(newest: () => Message, way: Way, send: SendOptions): Promise<void> {
    const { post } = this.#options;
    if (this.#form === 'unknown') this.#form = (await post.isLayout()) ? 'layout' : 'text';
    const wasPosted = post.isPosted;
    const shown = (): Message => withRemark(newest(), way);
    if (this.#form === 'layout' || wantsLayout(shown())) await this.#writeLayout(shown, way, send);
    else await this.#writeText(shown, send);
    if (!wasPosted && post.isPosted) this.#tellPosted(post.ref());
    if (shown().text.trim() !== '') this.#tellFirstText();
  }

  async #writeText(shown: () => Message, send: SendOptions): Promise<void> {
    const { post } = this.#options;
    const pieces = (): readonly RenderedPiece[] => renderText(shown()).slice(0, post.maxPieces);
    const at = (index: number): RenderedPiece => pieces()[index] ?? { content: '\u2026', components: [] };
    for (let index = 0; index < pieces().length; index += 1) {
      await post.put(index, { key: () => JSON.stringify(at(index)), build: async () => ({ body: at(index) }) }, send);
    }
    this.#form = 'text';
    await post.trim(pieces().length);
  }

  async #writeLayout(shown: () => Message, way: Way, send: SendOptions): Promise<void> {
    const { post } = this.#options;
    const pictures = (): Message['pictures'] => (way.withPictures ? shown().pictures : []);
    const key = (): string => JSON.stringify([shown().text, shown().actions, shown().status, this.#frames.keyOf(pictures()), way.maxFileBytes]);
    const build = async (): Promise<DiscordRequest> => {
      const frame = await this.#frames.load(pictures(), way.maxFileBytes);
      // what a text message held must be taken off by the edit that lays it out
      const reset = this.#form === 'text' ? { content: null, embeds: [] } : {};
      this.#frameKey = this.#frames.keyOf(pictures());
      return { body: { ...renderLayout(shown(), frame.named), ...reset, attachments: frame.attachments }, files: frame.uploads };
    };
    await post.put(0, { key, build }, send);
    this.#form = 'layout';
    this.#frameAtMs = this.#options.clock.now();
    await post.trim(1);
  }

  /** Shows the last state by whatever way is left. Throws 'platform-failed' when there is none. */
  async #showLast(message: Message): Promise<void> {
    let way: Way = { maxFileBytes: this.#options.maxFileBytes, withPictures: true };
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#write(() => (way.isModerated === true ? moderated(message) : message), way, { urgency: 'needed' });
      } catch (error) {
        if (FrescoError.is(error, 'platform-failed')) this.leave();
        if (error instanceof FrescoError) throw error;
        const failure = failureOf(error);
        const next = attempt >= finalAttempts ? undefined : wayAround(failure, way, message.pictures.length > 0);
        if (failure.kind === 'gone') this.leave();
        if (failure.kind === 'forbidden') this.#options.onForbidden(failure.reason, this.channel);
        if (failure.kind === 'refused') this.#tellRefused(failure);
        if (next === undefined) throw platformFailed('showing the result', error);
        await this.#prepare(failure, attempt);
        way = next;
      }
    }
  }

  async #prepare({ kind }: DiscordFailure, attempt: number): Promise<void> {
    const { post, clock } = this.#options;
    if (kind === 'token-expired') post.leaveToken();
    if (kind === 'unavailable') await clock.wait(backOffMs[attempt] ?? 15_000);
    if (kind !== 'too-old' && kind !== 'archived') return;
    post.startAnew();
    this.#form = 'none';
  }

  #tellRefused({ where, reason }: Extract<DiscordFailure, { kind: 'refused' }>): void {
    this.#options.logger.error({ where, reason }, 'Discord refused a message as we built it');
  }

  /** A failed preview never fails the job: it shows at the next one, or the end. */
  #afterFailedPreview(error: unknown): void {
    if (this.#finishing.signal.aborted) return;
    const { logger, post } = this.#options;
    const failure = FrescoError.is(error, 'platform-failed') ? undefined : failureOf(error);
    switch (failure?.kind) {
      case undefined:
      case 'gone':
        this.leave();
        break;
      case 'token-expired':
        this.#leaveToken();
        break;
      case 'forbidden':
        this.#options.onForbidden(failure.reason, this.channel);
        this.#arePreviewsOff = true;
        if (!post.isPosted) this.leave(); // nobody would ever see the result
        break;
      case 'too-old':
      case 'archived':
      case 'moderated':
      case 'too-large':
        this.#arePreviewsOff = true; // the last state has its own ways around
        break;
      case 'refused':
        this.#arePreviewsOff = true;
        this.#tellRefused(failure);
        break;
      default:
        logger.debug({ reason: failure?.reason, cause: withoutBody(error) }, 'a preview was not shown');
    }
  }

  #leaveToken(): void {
    try {
      this.#options.post.leaveToken();
    } catch {
      this.leave();
    }
  }

  /** Where only the token reaches, its end is the end: better a word in time than a message that stands still for ever. */
  async #sayGoodbyeInTime(): Promise<void> {
    const { clock, post } = this.#options;
    const home = post.home;
    if (home?.token === undefined || (home.hasChannelAccess && !home.isEphemeral)) return;
    await clock.wait(home.token.expiresAtMs - tokenMarginMs - goodbyeBeforeMs - clock.now(), AbortSignal.any([this.#finishing.signal, this.#gone.signal]));
    if (this.#finishing.signal.aborted || this.#gone.signal.aborted) return;
    const message: Message = { kind: 'notice', text: goodbye, pictures: [], actions: [], final: true };
    await this.finish(message).catch((error: unknown) => this.#options.logger.debug({ cause: withoutBody(error) }, 'the word in time came too late'));
    this.leave();
  }
}

const goodbyeBeforeMs = 30_000;
const goodbye =
  'This takes longer than the fifteen minutes that Discord lets me change a message here, so I stopped. In a server where I am a member, or in a direct message to me, I can take longer.';
const goneFailure = (): FrescoError<'platform-failed'> =>
  new FrescoError('platform-failed', { platform: 'Discord', operation: 'showing the result', reason: 'the message or its channel is no longer there' });
