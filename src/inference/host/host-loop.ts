import { systemClock } from '../../clock.ts';
import { FrescoError } from '../../fresco-error.ts';
import type { Logger } from '../../logger.ts';
import { BlobFolder } from '../blob-folder.ts';
import type { GenerationEvent, ImageEngine, InferenceRequest, ModelFolder, RunControl, TextEngine } from '../contract.ts';
import { OrtRuntime } from '../runtime/ort-session.ts';
import type { EngineTable, HostServices } from './engine-table.ts';
import { causeText, type FromHost, type HostSettings, type HostTask, packError, type TaskEvent, type ToHost } from './wire-protocol.ts';

type Engine = TextEngine | ImageEngine;
type Emit = (event: TaskEvent) => void;
interface Control extends RunControl {
  readonly abort: AbortController;
  readonly keepNow: AbortController;
}

/** The child's side: owns the engines of one lane on one device and answers main's tasks. */
export class HostLoop {
  readonly #send: (message: FromHost) => void;
  readonly #table: EngineTable;
  readonly #controls = new Map<number, Control>();
  readonly #engines = new Map<string, Promise<Engine>>();
  #services: HostServices | undefined;
  #runtime: OrtRuntime | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(table: EngineTable, send: (message: FromHost) => void) {
    this.#table = table;
    this.#send = send;
  }

  /** Takes one message of main. */
  receive(message: ToHost): void {
    switch (message.type) {
      case 'ping':
        this.#send({ type: 'pong' });
        break;
      case 'cancel':
        this.#controls.get(message.id)?.abort.abort(new FrescoError('cancelled', { by: 'main' }));
        break;
      case 'keep':
        this.#controls.get(message.id)?.keepNow.abort();
        break;
      case 'task':
        this.#answer(message.id, message.task).catch((error: unknown) => this.#log('error', { cause: causeText(error) }, 'a task could not be answered'));
        break;
      default:
        message satisfies never;
    }
  }

  async #answer(id: number, task: HostTask): Promise<void> {
    const abort = new AbortController();
    const keepNow = new AbortController();
    this.#controls.set(id, { abort, keepNow, signal: abort.signal, keep: keepNow.signal });
    try {
      await this.#perform(task, { abort, keepNow, signal: abort.signal, keep: keepNow.signal }, (event) => this.#send({ type: 'event', id, event }));
      this.#send({ type: 'done', id });
    } catch (error) {
      const reference = task.type === 'run' ? task.jobId.slice(0, 8) : task.type;
      if (!(error instanceof FrescoError)) this.#log('error', { reference, cause: causeText(error) }, 'a task failed unexpectedly');
      this.#send({ type: 'failed', id, error: packError(error, reference) });
    } finally {
      this.#controls.delete(id);
    }
  }

  async #perform(task: HostTask, control: Control, emit: Emit): Promise<void> {
    switch (task.type) {
      case 'list-devices':
        emit({ type: 'devices', devices: await this.#table.listDevices() });
        break;
      case 'probe':
        emit({ type: 'probed', result: await this.#table.probe(task.device) });
        break;
      case 'begin':
        this.#begin(task.settings);
        break;
      case 'open':
        await this.#inTurn(async () => {
          await this.#open(task.model);
        });
        break;
      case 'run':
        await this.#inTurn(() => this.#run(task, control, emit));
        break;
      case 'unload':
        await this.#inTurn(() => this.#unload(task.folder));
        break;
      default:
        task satisfies never;
    }
  }

  #begin(settings: HostSettings): void {
    this.#runtime = new OrtRuntime({ device: settings.device, threads: settings.threads, announce: (call) => this.#send({ type: 'blocking', call }) });
    this.#services = { blobs: new BlobFolder({ folder: settings.blobFolder, clock: systemClock }), clock: systemClock, logger: this.#logger({}), settings };
  }

  /** Concurrent runs crash the WebGPU provider, so there one thing is done at a time. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#services?.settings.device !== 'webgpu') return work();
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {}); // its own caller hears of the failure
    return mine;
  }

  async #run({ jobId, model, request }: Extract<HostTask, { type: 'run' }>, control: Control, emit: Emit): Promise<void> {
    const startedMs = performance.now();
    if (!this.#engines.has(model.folder)) emit({ type: 'loading', model: model.id });
    const engine = await this.#open(model);
    const loadMs = performance.now() - startedMs;
    this.#log('debug', { jobId, model: model.id, loadMs: Math.round(loadMs) }, 'a job begins');
    control.signal.throwIfAborted();
    emit({ type: 'started', model: model.id, device: this.#services?.settings.device ?? 'cpu' });
    for await (const event of generate(engine, request, control)) {
      if (event.type === 'finished') emit({ ...event, timings: { ...event.timings, loadMs } });
      else emit(event);
      if (event.type !== 'finished') control.signal.throwIfAborted(); // what is finished is not thrown away
    }
    this.#log('debug', { jobId, ranMs: Math.round(performance.now() - startedMs) }, 'a job ended');
  }

  #open(model: ModelFolder): Promise<Engine> {
    const known = this.#engines.get(model.folder);
    if (known !== undefined) return known;
    const opening = this.#openNew(model);
    this.#engines.set(model.folder, opening);
    opening.catch(() => this.#engines.delete(model.folder)); // a mended folder can be tried again
    return opening;
  }

  async #openNew(model: ModelFolder): Promise<Engine> {
    if (this.#runtime === undefined || this.#services === undefined) throw new Error('a host must begin before it opens a model');
    const { openText, openImage } = this.#table;
    return model.kind === 'text' ? openText(model, this.#runtime, this.#services) : openImage(model, this.#runtime, this.#services);
  }

  async #unload(folder: string): Promise<void> {
    const engine = this.#engines.get(folder);
    this.#engines.delete(folder);
    await (await engine)?.[Symbol.asyncDispose]();
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', facts: object, message: string): void {
    this.#send({ type: 'log', level, facts, message });
  }

  /** A logger whose lines are written by main, in its own log. */
  #logger(bindings: object): Logger {
    const at = (level: 'debug' | 'info' | 'warn' | 'error') => (facts: object, message: string) => this.#log(level, plain({ ...bindings, ...facts }), message);
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: (more) => this.#logger({ ...bindings, ...more }) };
  }
}

function generate(engine: Engine, request: InferenceRequest, control: RunControl): AsyncIterable<GenerationEvent> {
  if (engine.kind === 'text' && request.kind === 'text') return engine.generate(request, control);
  if (engine.kind === 'image' && request.kind !== 'text') return engine.generate(request, control);
  throw new FrescoError('model-unsupported', { model: request.model, problem: `it is no model for ${request.kind}` });
}

/** Log facts as they can cross: errors as text. */
function plain(facts: object): object {
  return Object.fromEntries(
    Object.entries(facts)
      .filter(([, value]) => typeof value !== 'function' && typeof value !== 'symbol')
      .map(([key, value]) => [key, value instanceof Error ? causeText(value) : value]),
  );
}
