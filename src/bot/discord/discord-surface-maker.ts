import type { Clock } from '../../clock.ts';
import type { MessageRef, Surface } from '../../commands/contract.ts';
import type { Logger } from '../../logger.ts';
import type { DiscordApi } from './discord-api.ts';
import type { PictureShelf } from './discord-frames.ts';
import { neededPermissions } from './discord-invite.ts';
import { DiscordPost, homeOf, type PostHome } from './discord-post.ts';
import { DiscordSurface, type DiscordSurfaceOptions } from './discord-surface.ts';
import { DiscordSurfaces } from './discord-surfaces.ts';

export interface SurfaceMakerOptions {
  readonly api: DiscordApi;
  readonly pictures: PictureShelf;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly editGapMs: number;
}

/** What every server takes without boosts. */
export const usualMaxFileBytes = 10 * 1024 * 1024;
/** The rest of a request beside the files. */
const requestSlackBytes = 64 * 1024;

/** Makes surfaces over messages that exist or will. */
export class SurfaceMaker {
  readonly open = new DiscordSurfaces();
  readonly #options: SurfaceMakerOptions;
  readonly #toldForbidden = new Set<string>();

  constructor(options: SurfaceMakerOptions) {
    this.#options = options;
  }

  make(home: PostHome | (() => Promise<PostHome>), how: Pick<DiscordSurfaceOptions, 'form'> & { readonly maxFileBytes?: number }): DiscordSurface {
    const { api, pictures, clock, logger, editGapMs } = this.#options;
    return new DiscordSurface({
      post: new DiscordPost({ api, clock, home }),
      pictures,
      clock,
      logger,
      open: this.open,
      editGapMs,
      maxFileBytes: (how.maxFileBytes ?? usualMaxFileBytes) - requestSlackBytes,
      form: how.form,
      onForbidden: (reason, channel) => this.#tellForbidden(reason, channel),
    });
  }

  /** A surface over a message from before a restart; undefined when nothing reaches it. */
  reopen(ref: MessageRef): Surface | undefined {
    const home = homeOf(ref, this.#options.clock.now());
    return home === undefined ? undefined : this.make(home, { form: 'unknown' });
  }

  /** Once for each channel: the log must not fill with what one click mends. */
  #tellForbidden(reason: string, channel = 'unknown'): void {
    if (this.#toldForbidden.has(channel)) return;
    this.#toldForbidden.add(channel);
    const needed = Object.values(neededPermissions).join(', ');
    this.#options.logger.warn({ channel, reason, needed }, 'Discord does not let me write in this channel; give my role there the permissions named here');
  }
}
