import type { Message } from '../../commands/contract.ts';
import type { Logger } from '../../logger.ts';
import type { SlackFiles } from './slack-files.ts';

export type PictureEdit = 'repost' | 'in-place' | 'final-only';

/** Where on its way a picture is shown again: up to four previews, none close to the end. */
const previewAt = [0.1, 0.35, 0.6, 0.82] as const;

/** How pictures sharpen in this workspace: the owner's choice, kept only while Slack really shares what an update shows. */
export class PictureStrategy {
  readonly #wanted: PictureEdit;
  readonly #logger: Logger;
  #sharing: 'unknown' | 'works' | 'fails' = 'unknown';

  constructor(options: { readonly wanted: PictureEdit; readonly logger: Logger }) {
    this.#wanted = options.wanted;
    this.#logger = options.logger;
  }

  get current(): PictureEdit {
    return this.#wanted === 'in-place' && this.#sharing === 'fails' ? 'repost' : this.#wanted;
  }

  /** One sentence for the owner when the choice could not be kept. */
  get problem(): string | undefined {
    return this.#wanted === 'in-place' && this.#sharing === 'fails'
      ? 'This workspace does not share pictures that a message gets by an update, so slack.pictureEdit "in-place" works as "repost".'
      : undefined;
  }

  /** How many of the previews belong on the screen by now. */
  previewsBy({ status }: Message): number {
    if (status?.phase !== 'painting' || status.steps === 0) return 0;
    const done = status.step / status.steps;
    return previewAt.filter((at) => done >= at).length;
  }

  isDue(message: Message, shown: number): boolean {
    if (this.current === 'final-only') return false;
    if (this.current === 'in-place') return message.status?.phase === 'painting' && message.status.step < message.status.steps;
    return this.previewsBy(message) > shown && message.status?.phase === 'painting' && message.status.step < message.status.steps;
  }

  /** Asks once whether a file that came by an update is seen by the channel; false switches to reposting. */
  async proveSharing(file: string | undefined, channel: string, files: SlackFiles): Promise<boolean> {
    if (this.#sharing !== 'unknown' || file === undefined) return this.#sharing === 'works';
    const isShared = await files.isSharedWith(file, channel);
    if (this.#sharing === 'unknown') this.#sharing = isShared ? 'works' : 'fails';
    if (!isShared) this.#logger.warn({ channel }, 'a picture that came by an update is not shared with its channel; pictures are posted again from now on');
    return isShared;
  }
}
