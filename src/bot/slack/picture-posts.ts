import type { Clock } from '../../clock.ts';
import type { Message, Picture } from '../../commands/contract.ts';
import { type Rendered, renderMessage, shortened, slackLimits } from './slack-blocks.ts';
import type { MessageMark, SlackClient, SlackMessageId, SlackSpot, Urgency } from './slack-client.ts';
import { slackFailure } from './slack-failure.ts';
import type { SlackFiles } from './slack-files.ts';
import type { SurfaceBook } from './surface-book.ts';

export interface ShownFile {
  readonly id: string;
  readonly picture: Picture;
}

/** A file that was usable a moment ago is refused now and then: so many tries, so far apart. */
const blockTries = 4;
const blockRetryMs = 1500;

export interface PicturePostsOptions {
  readonly client: SlackClient;
  readonly files: SlackFiles;
  readonly book: SurfaceBook;
  readonly clock: Clock;
}

/** Uploaded pictures of one surface, and the messages that show them. */
export class PicturePosts {
  readonly #options: PicturePostsOptions;
  /** By blob, or by the preview object itself. */
  readonly #uploaded = new Map<unknown, string>();
  #preview: { readonly id: SlackMessageId; readonly files: readonly string[] } | undefined;

  constructor(options: PicturePostsOptions & { readonly known: ReadonlyMap<string, string> }) {
    this.#options = options;
    for (const [blob, file] of options.known) this.#uploaded.set(blob, file);
  }

  /** The files of these pictures, uploading what is missing. Throws what Slack said. */
  async filesFor(pictures: readonly Picture[], urgency: Urgency): Promise<readonly ShownFile[]> {
    const shown: ShownFile[] = [];
    for (const picture of pictures) {
      const key = picture.source.kind === 'blob' ? picture.source.blob : picture.source.preview;
      const known = this.#uploaded.get(key);
      const id = known ?? (await this.#options.files.upload(picture, urgency));
      this.#uploaded.set(key, id);
      shown.push({ id, picture });
    }
    return shown;
  }

  /** True when all these pictures are up already. */
  has(pictures: readonly Picture[]): boolean {
    return pictures.every(({ source }) => this.#uploaded.has(source.kind === 'blob' ? source.blob : source.preview));
  }

  /** Posts a preview below and takes the one before away. Throws what Slack said. */
  async postPreview(spot: SlackSpot, message: Message, { urgency, anchor }: { urgency: Urgency; anchor: string }): Promise<void> {
    const files = await this.filesFor(message.pictures, urgency);
    const { status, ...still } = message;
    const header = status?.phase === 'painting' ? `Preview, step ${status.step} of ${status.steps}` : 'Preview';
    const render = (): Rendered => renderMessage({ ...still, kind: 'picture', actions: [] }, { text: '', files, header, isLast: true });
    const id = await this.#post(spot, render, { urgency, mark: { role: 'preview', anchor } });
    const before = this.#preview;
    this.#preview = id === undefined ? undefined : { id, files: files.map((file) => file.id) };
    if (before !== undefined) this.#takeAway(before);
  }

  /** Posts the last state with all its pictures. Throws what Slack said. */
  async postFinal(spot: SlackSpot, message: Message, header: string | undefined): Promise<SlackMessageId | undefined> {
    const files = await this.filesFor(message.pictures, { priority: 'final' });
    const id = await this.#post(spot, () => renderMessage(message, { text: captionOf(message), files, header, isLast: true }), {
      urgency: { priority: 'final' },
      mark: { role: 'picture' },
    });
    this.clear(files.map((file) => file.id));
    return id;
  }

  /** Changes the message in place to show these pictures. Throws what Slack said. */
  async update(
    id: SlackMessageId,
    latest: () => Message,
    { files, header, urgency }: { files: readonly ShownFile[]; header: string | undefined; urgency: Urgency },
  ): Promise<void> {
    const render = (): Rendered => renderMessage(latest(), { text: captionOf(latest()), files, header, isLast: true });
    const fileIds = files.map((file) => file.id);
    await this.#whenReady(urgency, () => this.#options.client.update(id, render, { urgency, fileIds }));
  }

  /** Takes previews away, and every uploaded file that is not kept. */
  clear(keep: readonly string[] = []): void {
    const before = this.#preview;
    this.#preview = undefined;
    const superseded = [...this.#uploaded].filter(([, file]) => !keep.includes(file));
    for (const [key] of superseded) this.#uploaded.delete(key);
    const { client, files, book } = this.#options;
    book.tidy(
      (async () => {
        if (before !== undefined) await client.delete(before.id);
        await files.delete(superseded.map(([, file]) => file));
      })(),
    );
  }

  #takeAway(before: { readonly id: SlackMessageId; readonly files: readonly string[] }): void {
    const { client, files, book } = this.#options;
    const kept = this.#preview?.files ?? [];
    const superseded = before.files.filter((file) => !kept.includes(file));
    for (const [key, file] of this.#uploaded) if (superseded.includes(file)) this.#uploaded.delete(key);
    book.tidy(client.delete(before.id).then(() => files.delete(superseded)));
  }

  async #post(spot: SlackSpot, render: () => Rendered, { urgency, mark }: { urgency: Urgency; mark: MessageMark }): Promise<SlackMessageId | undefined> {
    let id: SlackMessageId | undefined;
    await this.#whenReady(urgency, async () => {
      id = await this.#options.client.post(spot, render, { urgency, mark });
    });
    return id;
  }

  async #whenReady(urgency: Urgency, work: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (slackFailure(error).kind !== 'file-not-ready' || attempt >= blockTries) throw error;
        await this.#options.clock.wait(blockRetryMs * attempt, urgency.signal);
        if (urgency.signal?.aborted === true) throw urgency.signal.reason;
      }
    }
  }
}

/** A caption fits one message; a picture's text is short, but nothing may make it fail. */
function captionOf(message: Message): string {
  return shortened(message.text, slackLimits.markdown);
}
