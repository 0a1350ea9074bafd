import type { DiscordSurface } from './discord-surface.ts';

/** Later pieces of long answers that are remembered with their first one. */
const pieceCap = 5000;

/** The surfaces somebody still works for, so that a deleted message or channel ends that work. */
export class DiscordSurfaces {
  readonly #open = new Set<DiscordSurface>();
  readonly #firstOf = new Map<string, string>();

  add(surface: DiscordSurface): void {
    this.#open.add(surface);
  }

  delete(surface: DiscordSurface): void {
    const [first, ...later] = surface.ids;
    for (const id of later) if (first !== undefined) this.#firstOf.set(id, first);
    for (const id of this.#firstOf.keys()) {
      if (this.#firstOf.size <= pieceCap) break;
      this.#firstOf.delete(id);
    }
    this.#open.delete(surface);
  }

  /** The message by which an answer is known: a reply to its third piece is a reply to it. */
  firstPieceOf(message: string): string {
    return this.#firstOf.get(message) ?? message;
  }

  messageDeleted(id: string): void {
    for (const surface of this.#open) if (surface.ids[0] === id) surface.leave();
  }

  channelDeleted(id: string): void {
    for (const surface of this.#open) if (surface.channel === id) surface.leave();
  }
}
