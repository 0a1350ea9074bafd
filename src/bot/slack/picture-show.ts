import type { Message } from '../../commands/contract.ts';
import { PicturePosts } from './picture-posts.ts';
import type { PictureStrategy } from './picture-strategy.ts';
import type { SlackMessageId, SlackSpot, Urgency } from './slack-client.ts';
import { slackFailure } from './slack-failure.ts';
import type { SlackSurfaceOptions, SurfaceTools } from './surface-tools.ts';

/** What the pictures need of the surface they belong to. */
export interface PictureHost {
  /** The message that counts. */
  readonly main: () => SlackMessageId | undefined;
  readonly syncText: (latest: () => Message, urgency: Urgency) => Promise<void>;
  readonly changedElsewhere: (id: SlackMessageId) => void;
  /** This message takes the place of all before. */
  readonly replaceAll: (id: SlackMessageId) => void;
  /** Aborts when the last state is there: previews are given up. */
  readonly overtaken: AbortSignal;
}

/** Pictures that sharpen, by the owner's strategy. The last picture is never lost: one way or another it is shown, or the words say why not. */
export class PictureShow {
  readonly #tools: SurfaceTools;
  readonly #options: SlackSurfaceOptions;
  readonly #host: PictureHost;
  readonly #posts: PicturePosts;
  #previewsShown = 0;

  constructor(tools: SurfaceTools, options: SlackSurfaceOptions, host: PictureHost) {
    this.#tools = tools;
    this.#options = options;
    this.#host = host;
    this.#posts = new PicturePosts({ ...tools, known: options.existing?.filesByBlob ?? new Map() });
  }

  /** Brings the newest state there. Throws what Slack said. */
  async show(latest: () => Message, urgency: Urgency): Promise<void> {
    const strategy = this.#tools.strategy.current;
    if (latest().final) return await this.#finish(latest(), strategy);
    const due = this.#tools.strategy.isDue(latest(), this.#previewsShown);
    // in place the picture is in the message of the text: only words would take it away again
    if (strategy !== 'in-place' || this.#host.main() === undefined) await this.#host.syncText(latest, urgency);
    if (!due) return;
    const count = this.#tools.strategy.previewsBy(latest());
    const preview: Urgency = { priority: 'preview', signal: this.#host.overtaken };
    if (strategy === 'repost') await this.#posts.postPreview(this.previewSpot(), latest(), { urgency: preview, anchor: this.#host.main()?.ts ?? '' });
    if (strategy === 'in-place') await this.#updateInPlace(latest, preview);
    this.#previewsShown = count;
  }

  /** Takes previews and files away. */
  clear(): void {
    this.#posts.clear();
  }

  /** Previews never fill a channel: outside direct messages and threads they go under the message itself. */
  previewSpot(): SlackSpot {
    const { spot, direct } = this.#options;
    const main = this.#host.main();
    return direct || spot.thread !== undefined || main === undefined ? spot : { channel: main.channel, thread: main.ts };
  }

  async #updateInPlace(latest: () => Message, urgency: Urgency): Promise<void> {
    const id = this.#host.main();
    if (id === undefined) return;
    const files = await this.#posts.filesFor(latest().pictures, urgency);
    await this.#posts.update(id, latest, { files, header: this.#options.header, urgency });
    this.#host.changedElsewhere(id);
    await this.#tools.strategy.proveSharing(files[0]?.id, id.channel, this.#tools.files);
    this.#posts.clear(files.map((file) => file.id));
  }

  /** By an update where that is known to be seen by all, else by a message of its own that takes the place of the text. */
  async #finish(message: Message, strategy: PictureStrategy['current']): Promise<void> {
    try {
      if (await this.#finishInPlace(message, strategy)) return;
      const posted = await this.#posts.postFinal(this.#options.spot, message, this.#options.header);
      if (posted !== undefined) this.#host.replaceAll(posted);
    } catch (error) {
      await this.#finishWithoutBlock(message, error);
    }
  }

  async #finishInPlace(message: Message, strategy: PictureStrategy['current']): Promise<boolean> {
    const id = this.#host.main();
    // what this very message showed before is shared already
    const isShownAlready = id !== undefined && this.#options.existing?.id.ts === id.ts && this.#posts.has(message.pictures);
    if (id === undefined || !(isShownAlready || strategy === 'in-place')) return false;
    const files = await this.#posts.filesFor(message.pictures, { priority: 'final' });
    await this.#posts.update(id, () => message, { files, header: this.#options.header, urgency: { priority: 'final' } });
    const isSeen = isShownAlready || (await this.#tools.strategy.proveSharing(files[0]?.id, id.channel, this.#tools.files));
    if (isSeen) this.#posts.clear(files.map((file) => file.id));
    return isSeen;
  }

  /** An image block was refused: Slack posts the file itself, or at least the words and buttons are there. */
  async #finishWithoutBlock(message: Message, error: unknown): Promise<void> {
    const { kind, code } = slackFailure(error);
    if (kind === 'gone' || kind === 'login') throw error;
    this.#tools.logger.warn({ code, error }, 'the picture could not be shown in a block');
    const shared = kind === 'file-not-ready' && (await this.#shareFile(message));
    const note = shared ? '' : `\n\n_The picture is painted, but Slack did not take it (${code})._`;
    await this.#host.syncText(() => ({ ...message, pictures: [], text: `${message.text}${note}` }), { priority: 'final' });
    this.#posts.clear();
  }

  async #shareFile({ pictures }: Message): Promise<boolean> {
    const { spot } = this.#options;
    const first = pictures[0];
    if (first === undefined) return false;
    return await this.#tools.files.share(first, { ...spot, channel: this.#host.main()?.channel ?? spot.channel }, '').then(
      () => true,
      () => false,
    );
  }
}
