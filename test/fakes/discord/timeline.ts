import type { Clock } from '../../../src/clock.ts';

export type TimelineEntry =
  | {
      readonly kind: 'request';
      readonly atMs: number;
      readonly method: string;
      readonly path: string;
      readonly bucket: string;
      readonly status: number;
      readonly code: number | undefined;
    }
  | { readonly kind: 'dispatch'; readonly atMs: number; readonly event: string }
  | { readonly kind: 'acknowledged'; readonly atMs: number; readonly interaction: string; readonly afterMs: number; readonly type: number }
  | {
      readonly kind: 'posted' | 'edited' | 'deleted';
      readonly atMs: number;
      readonly message: string;
      readonly channel: string;
      readonly via: 'channel' | 'token';
    }
  | { readonly kind: 'gateway'; readonly atMs: number; readonly what: string };

type WithoutTime<Entry> = Entry extends unknown ? Omit<Entry, 'atMs'> : never;

/** Everything that happened, in order, so that a test can ask "at most five edits in five seconds?". */
export class Timeline {
  readonly entries: TimelineEntry[] = [];
  readonly #clock: Pick<Clock, 'now'>;
  readonly #watchers = new Set<() => void>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  add(entry: WithoutTime<TimelineEntry>): void {
    this.entries.push({ ...entry, atMs: this.#clock.now() });
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Calls back on every entry until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  of<Kind extends TimelineEntry['kind']>(...kinds: readonly Kind[]): Extract<TimelineEntry, { kind: Kind }>[] {
    const isWanted = (entry: TimelineEntry): entry is Extract<TimelineEntry, { kind: Kind }> => kinds.some((kind) => kind === entry.kind);
    return this.entries.filter(isWanted);
  }

  /** The most entries that fall into any window of `windowMs`. */
  static densest(times: readonly number[], windowMs: number): number {
    const sorted = [...times].sort((left, right) => left - right);
    return sorted.reduce((most, start) => Math.max(most, sorted.filter((time) => time >= start && time < start + windowMs).length), 0);
  }
}
