import type { SlackMessageId } from './slack-client.ts';

/** What the book needs to know of a surface. */
export interface BookedSurface {
  /** Its message, its channel or the login is lost. */
  lose(reason: string): void;
  /** The id of the button that stops it, while it has one. */
  readonly stopAction: string | undefined;
}

/** The surfaces that still grow, by message, and the tidying that goes on behind them. */
export class SurfaceBook {
  readonly #surfaces = new Map<string, BookedSurface>();
  readonly #tidying = new Set<Promise<unknown>>();

  enter(id: SlackMessageId, surface: BookedSurface): void {
    this.#surfaces.set(keyOf(id), surface);
  }

  leave(id: SlackMessageId): void {
    this.#surfaces.delete(keyOf(id));
  }

  leaveAll(surface: BookedSurface): void {
    for (const [key, booked] of this.#surfaces) if (booked === surface) this.#surfaces.delete(key);
  }

  find(id: SlackMessageId): BookedSurface | undefined {
    return this.#surfaces.get(keyOf(id));
  }

  /** Deletes superseded messages and files without keeping anybody waiting. */
  tidy(work: Promise<unknown>): void {
    const done = work.catch(() => undefined).finally(() => this.#tidying.delete(done));
    this.#tidying.add(done);
  }

  async tidied(): Promise<void> {
    await Promise.all(this.#tidying);
  }

  loseAll(reason: string): void {
    for (const surface of new Set(this.#surfaces.values())) surface.lose(reason);
  }
}

const keyOf = ({ channel, ts }: SlackMessageId): string => `${channel}:${ts}`;
