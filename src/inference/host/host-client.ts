import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../clock.ts';
import { FrescoError } from '../../fresco-error.ts';
import type { Logger } from '../../logger.ts';
import type { HostModule } from './host-module.ts';
import { HostWatch, type Patience } from './host-watch.ts';
import { TaskStream } from './task-stream.ts';
import { type FromHost, type HostTask, isFromHost, type TaskEvent, type ToHost, unpackError } from './wire-protocol.ts';

export interface HostClientOptions {
  /** What the host is for, in messages and errors. */
  readonly name: string;
  readonly module: HostModule;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly patience: Patience;
}
/** How a task is steered while it runs. */
export interface TaskControl {
  readonly signal?: AbortSignal;
  readonly keep?: AbortSignal;
}

/** Between asking a host to go and killing it. */
const farewellMs = 1_000;
/** Of what a host writes to standard error so much is kept, for the log line about its death. */
const lastWordsLength = 2_000;

/** One forked host: pairs tasks with streams over its channel, watches it, and kills it when it hangs. */
export class HostClient {
  readonly #options: HostClientOptions;
  readonly #child: ChildProcess;
  readonly #watch: HostWatch;
  readonly #tasks = new Map<number, TaskStream<TaskEvent>>();
  readonly #gone = new AbortController();
  readonly #ready: Promise<void>;
  #markReady: () => void = () => {};
  #taskCount = 0;
  #lastWords = '';
  #killedFor: string | undefined;

  constructor(options: HostClientOptions) {
    this.#options = options;
    const { module, clock, patience } = options;
    this.#watch = new HostWatch(patience, clock.now());
    this.#ready = new Promise((resolve) => {
      this.#markReady = resolve;
    });
    this.#child = fork(fileURLToPath(module.url), [], {
      serialization: 'advanced',
      execArgv: [...module.execArgv],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'], // a library's chatter must not reach our standard output, where --json is one line
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-lastWordsLength);
    });
    this.#child.on('message', (message: unknown) => {
      if (isFromHost(message)) this.#receive(message);
    });
    this.#child.once('error', (error) => this.#onGone(`it could not start: ${error.message}`));
    this.#child.once('exit', (code, signal) => this.#onGone(signal === null ? `exit code ${code}` : `signal ${signal}`));
    process.once('exit', this.#killNow);
    this.#look().catch((error: unknown) => options.logger.error({ cause: error }, 'the watch over a host failed'));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return !this.#gone.signal.aborted;
  }

  /** Aborts when the process is gone. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** What the host is inside of, as it announced. */
  get blockingCall(): string | undefined {
    return this.#watch.call;
  }

  /** Gives the host a task and streams what comes of it. Throws the task's FrescoError, or 'host-died'. */
  async *run(task: HostTask, { signal, keep }: TaskControl = {}): AsyncGenerator<TaskEvent, void, void> {
    await this.#ready;
    if (!this.alive) throw this.#deathError();
    this.#taskCount += 1;
    const id = this.#taskCount;
    const stream = new TaskStream<TaskEvent>();
    this.#tasks.set(id, stream);
    const cancel = (): void => {
      this.#watch.cancelled(id);
      this.#send({ type: 'cancel', id });
    };
    const keepNow = (): void => this.#send({ type: 'keep', id });
    this.#send({ type: 'task', id, task });
    whenAborted(signal, cancel);
    whenAborted(keep, keepNow);
    let ended = false;
    try {
      for await (const event of stream) yield event;
      ended = true;
    } catch (error) {
      ended = true;
      throw error;
    } finally {
      signal?.removeEventListener('abort', cancel);
      keep?.removeEventListener('abort', keepNow);
      if (!ended) cancel(); // the reader left: the host is watched until it has really let go
    }
  }

  /** Runs a task that gives nothing but its end. */
  async perform(task: HostTask, control?: TaskControl): Promise<void> {
    for await (const event of this.run(task, control)) this.#options.logger.debug({ type: event.type }, 'a host said more than was asked');
  }

  /** Kills the process at once; its tasks throw 'host-died'. */
  kill(reason: string): void {
    this.#killedFor ??= reason;
    this.#killNow();
  }

  /** Lets the process go, by force after a second. */
  async close(): Promise<void> {
    if (!this.alive) return;
    this.#killedFor ??= 'it was closed';
    if (this.#child.connected) this.#child.disconnect();
    await this.#options.clock.wait(farewellMs, this.#gone.signal);
    this.#killNow();
  }

  readonly #killNow = (): void => {
    this.#child.kill('SIGKILL');
  };

  #send(message: ToHost): void {
    if (!this.#child.connected) return; // its end is told by `exit`
    this.#child.send(message, (error) => {
      if (error !== null) this.#options.logger.debug({ cause: error }, 'a message did not reach its host');
    });
  }

  #receive(message: FromHost): void {
    this.#watch.heard();
    switch (message.type) {
      case 'hello':
        this.#markReady();
        break;
      case 'pong':
        break;
      case 'blocking':
        this.#watch.blocking(message.call);
        break;
      case 'log':
        this.#options.logger[message.level]({ host: this.#options.name, ...message.facts }, message.message);
        break;
      case 'event':
        this.#tasks.get(message.id)?.push(message.event);
        break;
      case 'done':
        this.#end(message.id, (stream) => stream.close());
        break;
      case 'failed':
        this.#end(message.id, (stream) => stream.fail(unpackError(message.error)));
        break;
      default:
        message satisfies never;
    }
  }

  #end(id: number, how: (stream: TaskStream<TaskEvent>) => void): void {
    this.#watch.ended(id);
    const stream = this.#tasks.get(id);
    this.#tasks.delete(id);
    if (stream !== undefined) how(stream);
  }

  async #look(): Promise<void> {
    const { clock, patience, logger, name } = this.#options;
    while (this.alive) {
      await clock.wait(patience.tickMs, this.#gone.signal);
      if (!this.alive) return;
      const reason = this.#watch.look(clock.now());
      if (reason !== undefined) {
        logger.warn({ host: name, pid: this.pid, reason }, 'a host is killed');
        this.kill(reason);
        return;
      }
      this.#send({ type: 'ping' });
    }
  }

  #onGone(how: string): void {
    if (!this.alive) return;
    process.off('exit', this.#killNow);
    const { logger, name } = this.#options;
    const facts = { host: name, pid: this.pid, how, reason: this.#killedFor, lastWords: this.#lastWords.slice(-500) };
    if (this.#killedFor === undefined) logger.warn(facts, 'a host died');
    else logger.debug(facts, 'a host is gone');
    this.#killedFor ??= how;
    this.#gone.abort();
    this.#markReady();
    for (const [id] of this.#tasks) this.#end(id, (stream) => stream.fail(this.#deathError()));
  }

  #deathError(): FrescoError<'host-died'> {
    return new FrescoError('host-died', { lane: this.#options.name, attempts: 1 }, { cause: new Error(`${this.#killedFor}: ${this.#lastWords.slice(-500)}`) });
  }
}

function whenAborted(signal: AbortSignal | undefined, act: () => void): void {
  if (signal?.aborted === true) act();
  else signal?.addEventListener('abort', act, { once: true });
}
