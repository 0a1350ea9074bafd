import type { Clock } from '../../clock.ts';
import type { Lane, ModelFolder } from '../contract.ts';
import { planRoom, type Resident } from '../models/memory-budget.ts';

/** A model kept in memory for one job. */
export interface Lease {
  /** The host has really loaded it: it stays when the job ends. */
  markLoaded(): void;
  release(): void;
}

interface Entry extends Resident {
  readonly lane: Lane;
  readonly folder: string;
  users: number;
  lastUsedMs: number;
  loaded: boolean;
}

export interface ResidencyOptions {
  readonly budgetBytes: number;
  readonly clock: Clock;
  /** Lets a model go; `isLast` when its host holds no other. */
  readonly unload: (lane: Lane, folder: string, isLast: boolean) => Promise<void>;
}

/** Main's account of which models the hosts hold, within one memory budget over all of them. */
export class ModelResidency {
  readonly #options: ResidencyOptions;
  readonly #entries = new Map<string, Entry>();
  #changed: Promise<void> = Promise.resolve();
  #tellChanged: () => void = () => {};

  constructor(options: ResidencyOptions) {
    this.#options = options;
    this.#renew();
  }

  /** Models in memory by lane, for reports and tests. */
  list(): readonly { readonly lane: Lane; readonly folder: string; readonly bytes: number }[] {
    return [...this.#entries.values()].map(({ lane, folder, bytes }) => ({ lane, folder, bytes }));
  }

  /** Makes room for a model and keeps it there until released; waits while used models fill the budget. Throws 'memory-budget', or the signal's reason. */
  async acquire(lane: Lane, model: ModelFolder, signal: AbortSignal): Promise<Lease> {
    const key = `${lane} ${model.folder}`;
    for (;;) {
      signal.throwIfAborted();
      const known = this.#entries.get(key);
      if (known !== undefined) return this.#lend(known);
      const plan = planRoom([...this.#entries.values()], model.memoryBytes, this.#options.budgetBytes);
      if (plan.action === 'fits') {
        const entry: Entry = { key, lane, folder: model.folder, bytes: model.memoryBytes, users: 0, lastUsedMs: this.#options.clock.now(), loaded: false };
        this.#entries.set(key, entry);
        return this.#lend(entry);
      }
      if (plan.action === 'unload') await this.#letGo(plan.keys);
      else await this.#change(signal);
    }
  }

  /** A lane's host is gone, and its models with it. */
  forget(lane: Lane): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.lane !== lane) continue;
      entry.loaded = false;
      if (entry.users === 0) this.#entries.delete(entry.key);
    }
    this.#tell();
  }

  #lend(entry: Entry): Lease {
    entry.users += 1;
    let released = false;
    return {
      markLoaded: () => {
        entry.loaded = true;
      },
      release: () => {
        if (released) return;
        released = true;
        entry.users -= 1;
        entry.lastUsedMs = this.#options.clock.now();
        if (entry.users === 0 && !entry.loaded) this.#entries.delete(entry.key);
        this.#tell();
      },
    };
  }

  async #letGo(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const entry = this.#entries.get(key);
      if (entry === undefined || entry.users > 0) continue;
      const isLast = [...this.#entries.values()].every(({ lane, key: other }) => lane !== entry.lane || other === key);
      this.#entries.delete(key);
      await this.#options.unload(entry.lane, entry.folder, isLast);
    }
    this.#tell();
  }

  async #change(signal: AbortSignal): Promise<void> {
    const changed = this.#changed;
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      changed.then(resolve, resolve);
    });
  }

  #tell(): void {
    this.#tellChanged();
    this.#renew();
  }

  #renew(): void {
    this.#changed = new Promise((resolve) => {
      this.#tellChanged = resolve;
    });
  }
}
