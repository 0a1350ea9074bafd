import type { Message, MessageRef, Surface } from '../../commands/contract.ts';
import { statusLine } from '../../commands/status-line.ts';
import { FrescoError } from '../../fresco-error.ts';
import { EditLatest } from '../edit-latest.ts';
import { leftovers } from './leftovers.ts';
import { PictureShow } from './picture-show.ts';
import type { SlackMessageId, Urgency } from './slack-client.ts';
import { platformFailed, slackFailure } from './slack-failure.ts';
import { SlackParts } from './slack-parts.ts';
import { SlackStream, type StreamSpot } from './slack-stream.ts';
import type { BookedSurface } from './surface-book.ts';
import type { SlackSurfaceOptions, SurfaceTools } from './surface-tools.ts';

/** Between edits of one message. Pictures cost several calls; a stream's append is cheap. */
const gaps = { picture: 3000, text: 1500, stream: 1000 } as const;
/** Nothing but a status line under the thread for so long: then a message says it. */
const quietMs = 60_000;
const overtaken = new Error('overtaken by a newer state');
/** A ref without a message yet: the first answer after this message of the person. */
export const answerTo = 'after:';

/** One message (or one long answer over several) that grows in a Slack channel, thread or direct message. */
export class SlackSurface implements Surface, BookedSurface {
  readonly #tools: SurfaceTools;
  readonly #options: SlackSurfaceOptions;
  readonly #pacer: EditLatest;
  readonly #pictures: PictureShow;
  readonly #gone = new AbortController();
  readonly #overtaken = new AbortController();
  #parts: SlackParts;
  #stream: SlackStream | undefined;
  #latest: Message | undefined;
  #main: SlackMessageId | undefined;
  #mayBeQuiet: boolean;
  #found: () => void = () => {};
  readonly #existsOrFailed: Promise<void>;
  #mayAdopt: boolean;

  constructor(tools: SurfaceTools, options: SlackSurfaceOptions) {
    this.#tools = tools;
    this.#options = options;
    this.#main = options.existing?.id;
    this.#mayAdopt = options.adopt === true;
    this.#existsOrFailed = new Promise((resolve) => {
      this.#found = resolve;
    });
    if (options.existing !== undefined) this.#appeared(options.existing.id);
    this.#pictures = new PictureShow(tools, options, {
      main: () => this.#main,
      syncText: (latest, urgency) => this.#syncText(latest, urgency),
      changedElsewhere: (id) => this.#parts.changedElsewhere(id),
      replaceAll: (id) => this.#replaceAll(id),
      overtaken: this.#overtaken.signal,
    });
    this.#parts = this.#partsOver(options.existing === undefined ? [] : [options.existing.id]);
    this.#stream = this.#openStream();
    this.#mayBeQuiet = this.#stream !== undefined;
    if (this.#mayBeQuiet && options.answers !== undefined) this.#found();
    this.#pacer = new EditLatest({
      edit: (message) => this.#edit(message),
      gapMs: (next) => (next.final ? 0 : next.pictures.length > 0 ? gaps.picture : this.#stream === undefined ? gaps.text : gaps.stream),
      clock: tools.clock,
      onFailedPreview: (error) => this.#noteFailure(error),
    });
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get stopAction(): string | undefined {
    return this.#latest?.actions[0]?.id;
  }

  show(message: Message): void {
    if (this.#gone.signal.aborted || this.#latest?.final === true) return;
    this.#latest = message;
    this.#pacer.show(message);
  }

  async finish(message: Message): Promise<void> {
    this.#latest = { ...message, final: true };
    this.#overtaken.abort(overtaken);
    try {
      await this.#pacer.finish(this.#latest);
    } catch (error) {
      this.#noteFailure(error);
      throw platformFailed('show the last state', error);
    } finally {
      this.#found();
      this.#tools.book.leaveAll(this);
    }
  }

  async posted(): Promise<MessageRef | undefined> {
    await this.#existsOrFailed;
    const { spot, answers } = this.#options;
    const place = { platform: 'slack' as const, ...(spot.thread === undefined ? {} : { thread: spot.thread }) };
    if (this.#main !== undefined) return { ...place, channel: this.#main.channel, message: this.#main.ts };
    return answers === undefined || this.#gone.signal.aborted ? undefined : { ...place, channel: spot.channel, message: `${answerTo}${answers}` };
  }

  async remove(): Promise<void> {
    const ids = new Set([...this.#parts.ids, ...(this.#stream?.ids ?? []), ...(this.#main === undefined ? [] : [this.#main])]);
    this.#overtaken.abort(overtaken);
    this.#tools.book.leaveAll(this);
    this.#pictures.clear();
    for (const id of ids) await this.#tools.client.delete(id, 'first');
  }

  lose(reason: string): void {
    this.#gone.abort(new FrescoError('platform-failed', { platform: 'slack', operation: 'show a message', reason }));
    this.#overtaken.abort(overtaken);
    this.#found();
  }

  async #edit(message: Message): Promise<void> {
    if (this.#gone.signal.aborted) throw this.#gone.signal.reason;
    await this.#adoptOnce(message);
    const latest = (): Message => this.#latest ?? message;
    const urgency: Urgency = message.final ? { priority: 'final' } : { priority: 'progress', signal: this.#overtaken.signal };
    if (message.pictures.length > 0) {
      this.#stream = undefined;
      await this.#pictures.show(latest, urgency);
    } else await this.#showText(latest, urgency);
  }

  /** An answer that was begun must be found before anything is posted; previews that are left over can go meanwhile. */
  async #adoptOnce({ kind }: Message): Promise<void> {
    if (!this.#mayAdopt) return;
    this.#mayAdopt = false;
    if (this.#options.existing === undefined) await this.#adopt();
    else if (kind === 'picture') this.#tools.book.tidy(this.#adopt());
  }

  /** Previews of the last run go; an answer that it had begun goes on. What cannot be read is left alone. */
  async #adopt(): Promise<void> {
    const { existing, answers } = this.#options;
    const { client, identity } = this.#tools;
    try {
      const found = await leftovers(
        { client, botUser: identity.botUser ?? '' },
        { spot: existing === undefined ? this.#options.spot : this.#pictures.previewSpot(), anchor: existing?.id.ts, answers },
      );
      for (const id of found.previews) this.#tools.book.tidy(client.delete(id));
      if (existing === undefined && found.answer.length > 0) {
        this.#parts = this.#partsOver(found.answer);
        for (const id of found.answer) this.#appeared(id);
      }
    } catch (error) {
      this.#noteFailure(error);
    }
  }

  async #showText(latest: () => Message, urgency: Urgency): Promise<void> {
    if (this.#stream !== undefined && (await this.#showByStream(this.#stream, latest))) return;
    await this.#syncText(latest, urgency);
    if (latest().final) this.#pictures.clear();
  }

  /** True when the state is on the screen, by the stream or by the status line. Otherwise the messages so far go over to updates. */
  async #showByStream(stream: SlackStream, latest: () => Message): Promise<boolean> {
    const message = latest();
    const { spot } = this.#options;
    if (
      !stream.hasStarted &&
      !message.final &&
      message.text.trim() === '' &&
      this.#mayBeQuiet &&
      (message.status?.phase !== 'queued' || message.status.position === 0)
    ) {
      const status = message.status === undefined ? 'is thinking …' : statusLine(message.status);
      if (await this.#tools.assistant.setStatus(spot.channel, spot.thread ?? '', status)) {
        this.#speakUpLater();
        return true;
      }
    }
    const isPlain = message.kind === 'chat' && message.text.trim() !== '';
    const mayStart = isPlain && !message.final && this.#tools.client.pace.hasRoom('chat.startStream');
    try {
      if (
        stream.hasStarted &&
        message.kind === 'chat' &&
        (message.final ? await stream.finish(message) : await stream.show(latest, { priority: 'progress', signal: this.#overtaken.signal }))
      )
        return true;
      if (!stream.hasStarted && mayStart && (await stream.show(latest, { priority: 'progress', signal: this.#overtaken.signal }))) return true;
    } catch (error) {
      this.#streamBroke(stream, error);
      if (error === overtaken) throw error;
      // the answer to its start may be lost: then the message is there, and goes on by updates
      if (!stream.hasStarted && slackFailure(error).kind === 'uncertain') await this.#adopt();
    }
    this.#stream = undefined;
    if (stream.ids.length > 0) this.#parts = this.#partsOver(stream.ids);
    return false;
  }

  #streamBroke(stream: SlackStream, error: unknown): void {
    const { kind, code } = slackFailure(error);
    if (code === 'stopped_by_user' || error === overtaken) return;
    this.#tools.logger.debug({ code }, 'a native stream ended early; the message goes on by updates');
    if (!stream.hasStarted && (kind === 'unsupported' || kind === 'scope' || kind === 'refused')) this.#tools.streams.refused(code, this.#options);
  }

  #speakUpLater(): void {
    if (!this.#mayBeQuiet) return;
    const { clock } = this.#tools;
    const settled = AbortSignal.any([this.#overtaken.signal, this.#gone.signal]);
    void clock.wait(quietMs, settled).then(() => {
      if (settled.aborted || this.#stream?.hasStarted === true || this.#latest === undefined) return;
      this.#mayBeQuiet = false;
      this.#pacer.show(this.#latest);
    });
  }

  async #syncText(latest: () => Message, urgency: Urgency): Promise<void> {
    try {
      await this.#parts.sync(latest, urgency);
    } catch (error) {
      if (!latest().final || slackFailure(error).kind !== 'refused') throw error;
      // whatever Slack dislikes about these blocks, the words themselves go through as a notice
      await this.#parts.sync(() => ({ ...latest(), kind: 'notice' }), urgency);
    }
  }

  /** The message that was just posted is the one that counts; all before it goes away. */
  #replaceAll(id: SlackMessageId): void {
    const before = this.#parts.ids.filter(({ ts }) => ts !== id.ts);
    for (const old of before) this.#tools.book.leave(old);
    this.#main = id;
    this.#found();
    for (const old of before) this.#tools.book.tidy(this.#tools.client.delete(old, 'first'));
    this.#parts = this.#partsOver([id]);
  }

  #partsOver(existing: readonly SlackMessageId[]): SlackParts {
    return new SlackParts({
      client: this.#tools.client,
      spot: this.#options.spot,
      header: this.#options.header,
      mark: { role: 'text' },
      existing,
      onPosted: (id) => this.#appeared(id),
      onDeleted: (id) => this.#tools.book.leave(id),
    });
  }

  #openStream(): SlackStream | undefined {
    const { spot, direct, recipient, existing } = this.#options;
    if (spot.thread === undefined || recipient === undefined || existing !== undefined || !this.#tools.streams.worksIn({ direct })) return undefined;
    const streamSpot: StreamSpot = { channel: spot.channel, thread: spot.thread, recipient, direct };
    return new SlackStream({ client: this.#tools.client, spot: streamSpot, now: () => this.#tools.clock.now(), onPosted: (id) => this.#appeared(id) });
  }

  #appeared(id: SlackMessageId): void {
    this.#main ??= id;
    this.#tools.book.enter(id, this);
    this.#found();
  }

  #noteFailure(error: unknown): void {
    if (error === overtaken) return;
    const failure = slackFailure(error);
    this.#tools.logger.debug({ code: failure.code }, 'a state could not be shown');
    if (failure.kind !== 'gone' && failure.kind !== 'login') return;
    if (this.#main === undefined) this.#options.onUnpostable?.(failure);
    this.lose(failure.code);
  }
}
