import type { Kysely, Transaction } from 'kysely';
import type { Tables } from './tables.ts';

type Write<Result> = (transaction: Transaction<Tables>) => Promise<Result>;
interface Pending {
  /** Writes, and returns what to do once it is committed. */
  readonly perform: (transaction: Transaction<Tables>) => Promise<() => void>;
  readonly failed: (error: unknown) => void;
}

/** More than this in one transaction would hold the event loop up. */
const batchSize = 8;

/**
 * Writes that arrive in one turn of the event loop share a transaction; between two batches the loop gets its turn.
 * Each write's promise settles after its commit. A write that fails takes none of its companions along.
 */
export class BatchedWrites {
  readonly #database: Kysely<Tables>;
  #pending: Pending[] = [];
  #running: Promise<void> | undefined;

  constructor(database: Kysely<Tables>) {
    this.#database = database;
  }

  add<Result>(write: Write<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const perform = async (transaction: Transaction<Tables>): Promise<() => void> => {
        const result = await write(transaction);
        return () => resolve(result);
      };
      this.#pending.push({ perform, failed: reject });
      this.#running ??= this.#drain();
    });
  }

  /** Resolves when nothing is left to write. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
      await this.#commit(this.#pending.splice(0, batchSize));
    }
    this.#running = undefined; // in the same breath as the look at what is pending, or a write that comes between waits for ever
  }

  async #commit(batch: readonly Pending[]): Promise<void> {
    let done: (() => void)[];
    try {
      done = await this.#database.transaction().execute(async (transaction) => {
        const settled = [];
        for (const { perform } of batch) settled.push(await perform(transaction));
        return settled;
      });
    } catch (error) {
      if (batch.length === 1) return batch[0]?.failed(error);
      for (const alone of batch) await this.#commit([alone]);
      return undefined;
    }
    for (const tell of done) tell();
    return undefined;
  }
}
