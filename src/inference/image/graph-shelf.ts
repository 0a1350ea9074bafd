import { FrescoError } from '../../fresco-error.ts';
import type { Logger } from '../../logger.ts';
import type { GraphSession, OpenOptions, OrtRuntime } from '../runtime/ort-session.ts';
import type { FileOwner } from './model-config.ts';
import type { GraphFile } from './model-files.ts';

/** How a graph is opened when it is not opened from its file as it is: with LoRA weights merged in. */
export type GraphSource =
  | { readonly bytes: Uint8Array; readonly options: OpenOptions }
  | { readonly path: string; readonly options: OpenOptions; readonly discard: () => Promise<void> };

/** Weights in memory take more than their file: packed copies and the arena. Estimated, not measured. */
const residentFactor = 1.2;

interface Slot {
  readonly graph: GraphFile;
  session: GraphSession | undefined;
  /** What the open session was opened with: '' for the file itself. */
  variant: string;
  lastUse: number;
}

/**
 * The open graphs of one model. Opens each when it is first needed, keeps them while they fit the budget, and lets the least recently
 * used go when another has to be opened: with a small budget the encoders are gone while the denoiser runs.
 */
export class GraphShelf implements AsyncDisposable {
  readonly #runtime: OrtRuntime;
  readonly #owner: FileOwner;
  readonly #budgetBytes: number;
  readonly #logger: Logger;
  readonly #slots = new Map<string, Slot>();
  #uses = 0;
  #goneMs = 0;

  constructor(runtime: OrtRuntime, owner: FileOwner, options: { readonly budgetBytes: number; readonly logger: Logger }) {
    this.#runtime = runtime;
    this.#owner = owner;
    this.#budgetBytes = options.budgetBytes;
    this.#logger = options.logger;
  }

  /** Milliseconds inside graph runs, of open and of dropped sessions. */
  get spentMs(): number {
    return [...this.#slots.values()].reduce((sum, { session }) => sum + (session?.spentMs ?? 0), this.#goneMs);
  }

  /** True when all these graphs fit the budget at once. */
  fits(graphs: readonly GraphFile[]): boolean {
    return graphs.reduce((sum, { sizeBytes }) => sum + sizeBytes * residentFactor, 0) <= this.#budgetBytes;
  }

  /** Bytes left of the budget beside what is open. */
  get freeBytes(): number {
    return this.#budgetBytes - this.#openBytes();
  }

  /**
   * The session of a graph, opened now if need be; `variant` names another source for the same graph, opened in its place.
   * Throws 'model-broken' naming the file, 'out-of-memory', 'memory-budget' when the graph alone is too large.
   */
  async open(graph: GraphFile, variant?: { readonly key: string; readonly source: () => Promise<GraphSource> }): Promise<GraphSession> {
    const key = variant?.key ?? '';
    const slot: Slot = this.#slots.get(graph.component) ?? { graph, session: undefined, variant: '', lastUse: 0 };
    this.#slots.set(graph.component, slot);
    this.#uses += 1;
    slot.lastUse = this.#uses;
    if (slot.session !== undefined && slot.variant === key) return slot.session;
    await this.#close(slot);
    const neededBytes = Math.round(graph.sizeBytes * residentFactor);
    if (neededBytes > this.#budgetBytes) throw new FrescoError('memory-budget', { neededBytes, budgetBytes: this.#budgetBytes });
    await this.#makeRoom(neededBytes);
    slot.session = await this.#create(graph, variant);
    slot.variant = key;
    return slot.session;
  }

  async #create(graph: GraphFile, variant: Parameters<GraphShelf['open']>[1]): Promise<GraphSession> {
    try {
      const session = variant === undefined ? await this.#runtime.open(graph.path) : await this.#openSource(await variant.source());
      return new NamedSession(session, (error) => this.#named(error, graph));
    } catch (error) {
      throw this.#named(error, graph);
    }
  }

  /** The runtime knows no models: whose graph it was is said here. */
  #named(error: unknown, { file }: GraphFile): unknown {
    if (!FrescoError.is(error, 'model-broken')) return error;
    const problem = error.facts.problem.replaceAll(this.#owner.folder, '').replace(/^Load model from \S+ failed:\s*/, ''); // no path of the machine in what a person may read
    return new FrescoError('model-broken', { model: this.#owner.model, file, problem }, { cause: error });
  }

  async #openSource(source: GraphSource): Promise<GraphSession> {
    if ('bytes' in source) return this.#runtime.open(source.bytes, source.options);
    try {
      return await this.#runtime.open(source.path, source.options);
    } finally {
      await source.discard();
    }
  }

  /** Lets a graph go; it is opened again when it is needed. */
  async drop(graph: GraphFile): Promise<void> {
    const slot = this.#slots.get(graph.component);
    if (slot !== undefined) await this.#close(slot);
  }

  #openBytes(): number {
    return [...this.#slots.values()].reduce((sum, { session, graph }) => sum + (session === undefined ? 0 : graph.sizeBytes * residentFactor), 0);
  }

  async #makeRoom(neededBytes: number): Promise<void> {
    const open = [...this.#slots.values()].filter(({ session }) => session !== undefined).sort((a, b) => a.lastUse - b.lastUse);
    for (const slot of open) {
      if (this.#openBytes() + neededBytes <= this.#budgetBytes) return;
      this.#logger.debug({ graph: slot.graph.file }, 'a graph is let go to make room');
      await this.#close(slot);
    }
  }

  async #close(slot: Slot): Promise<void> {
    const { session } = slot;
    if (session === undefined) return;
    slot.session = undefined;
    this.#goneMs += session.spentMs;
    await session[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const slot of this.#slots.values()) await this.#close(slot);
  }
}

/** A session whose failures name its graph. */
class NamedSession implements GraphSession {
  readonly #inner: GraphSession;
  readonly #named: (error: unknown) => unknown;

  constructor(inner: GraphSession, named: (error: unknown) => unknown) {
    this.#inner = inner;
    this.#named = named;
  }

  get inputs(): GraphSession['inputs'] {
    return this.#inner.inputs;
  }
  get outputs(): GraphSession['outputs'] {
    return this.#inner.outputs;
  }
  get spentMs(): number {
    return this.#inner.spentMs;
  }

  async run(...given: Parameters<GraphSession['run']>): ReturnType<GraphSession['run']> {
    try {
      return await this.#inner.run(...given);
    } catch (error) {
      throw this.#named(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}
