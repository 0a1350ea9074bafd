import type { Clock } from '../../clock.ts';
import { FrescoError } from '../../fresco-error.ts';
import type { GenerationEvent, Lane } from '../contract.ts';
import type { HostClient, TaskControl } from './host-client.ts';
import type { HostSettings, HostTask } from './wire-protocol.ts';

export interface SupervisorOptions {
  readonly lane: Lane;
  readonly clock: Clock;
  /** Forks a new host. */
  readonly launch: () => HostClient;
  /** What it begins with; asked at each start. */
  readonly settings: () => Promise<HostSettings>;
  /** The host is gone, however it went, and the models it held with it. */
  readonly onGone: () => void;
}

const attemptsAtMost = 2;
/** The first restart is at once; then 0.5 s, 1 s, … up to half a minute, until a job ends well. */
const firstBackoffMs = 500;
const longestBackoffMs = 30_000;

/** Keeps one lane's host running: starts it when it is needed, again when it died, and repeats the job it died on once. */
export class HostSupervisor {
  readonly #options: SupervisorOptions;
  #client: HostClient | undefined;
  #starting: Promise<HostClient> | undefined;
  #deaths = 0;
  #closed = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** The host as it is now, for reports and tests. */
  get client(): HostClient | undefined {
    return this.#client;
  }

  /** Runs a task; if its host dies it is run once more, after `restarted`. Throws 'host-died' when that dies too. */
  async *run(task: HostTask, control: TaskControl = {}): AsyncGenerator<GenerationEvent, void, void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const client = await this.#ready();
        control.signal?.throwIfAborted();
        for await (const event of client.run(task, control)) if (event.type !== 'devices' && event.type !== 'probed') yield event;
        this.#deaths = 0;
        return;
      } catch (error) {
        control.signal?.throwIfAborted(); // killed because of a cancel: that is what its owner hears
        if (!FrescoError.is(error, 'host-died')) throw error;
        if (attempt === attemptsAtMost || this.#closed) {
          throw new FrescoError('host-died', { lane: this.#options.lane, attempts: attempt }, { cause: error.cause });
        }
        yield { type: 'restarted' };
      }
    }
  }

  /** Runs a task that gives nothing but its end. */
  async perform(task: HostTask, control: TaskControl = {}): Promise<void> {
    const events = this.run(task, control);
    while ((await events.next()).done !== true) {
      // what it says on the way concerns nobody
    }
  }

  /** Lets the host go with all it holds; the next task starts another. */
  async dismiss(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.close();
  }

  /** Lets the host go for good. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.dismiss(), this.#starting?.then((client) => client.close()).catch(() => {})]);
  }

  #ready(): Promise<HostClient> {
    if (this.#closed) throw new FrescoError('shutting-down', {});
    if (this.#starting === undefined && this.#client?.alive === true) return Promise.resolve(this.#client);
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #start(): Promise<HostClient> {
    const { clock, launch, settings, onGone } = this.#options;
    if (this.#deaths > 1) await clock.wait(Math.min(longestBackoffMs, firstBackoffMs * 2 ** (this.#deaths - 2)));
    const client = launch();
    client.gone.addEventListener('abort', () => {
      if (this.#client === client || this.#client === undefined) onGone();
      if (this.#client === client) {
        this.#deaths += 1; // one that was dismissed is not ours any more
        this.#client = undefined;
      }
    });
    this.#client = client;
    await client.perform({ type: 'begin', settings: await settings() });
    return client;
  }
}
