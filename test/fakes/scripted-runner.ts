import { FrescoError } from '../../src/fresco-error.ts';
import type { GenerationEvent, InferenceRequest, JobRunner, RunControl } from '../../src/inference/contract.ts';

/** The last event of a run that went well. */
export const finishedEvent: GenerationEvent = { type: 'finished', finishReason: 'stop', usage: {}, timings: { totalMs: 1 } };

type Step = { readonly event: GenerationEvent } | { readonly error: unknown } | 'end';

/** One run in the test's hands: it goes on only as far as the test lets it. */
export class ScriptedRun {
  readonly request: InferenceRequest;
  readonly control: RunControl;
  /** True when the stream ended, threw or was left. */
  ended = false;
  readonly #steps: Step[] = [];
  #wake: () => void = () => {};

  constructor(request: InferenceRequest, control: RunControl) {
    this.request = request;
    this.control = control;
  }

  /** Opens the gate for one or more events. */
  emit(...events: readonly GenerationEvent[]): void {
    this.#push(...events.map((event) => ({ event })));
  }

  /** Emits `finished` (or the given event) and ends. */
  finish(event: GenerationEvent = finishedEvent): void {
    this.#push({ event }, 'end');
  }

  fail(error: unknown): void {
    this.#push({ error });
  }

  #push(...steps: readonly Step[]): void {
    this.#steps.push(...steps);
    this.#wake();
  }

  async *stream(): AsyncGenerator<GenerationEvent, void, void> {
    const { signal } = this.control;
    const wakeUp = (): void => this.#wake();
    signal.addEventListener('abort', wakeUp);
    try {
      for (;;) {
        if (signal.aborted) throw signal.reason instanceof FrescoError ? signal.reason : new FrescoError('cancelled', { by: 'signal' });
        const step = this.#steps.shift();
        if (step === undefined) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        } else if (step === 'end') return;
        else if ('error' in step) throw step.error;
        else yield step.event;
      }
    } finally {
      signal.removeEventListener('abort', wakeUp);
      this.ended = true;
    }
  }
}

/** What a run does by itself, without the test opening gates. */
export type RunScript = (run: ScriptedRun, index: number) => void | Promise<void>;

/**
 * A runner whose runs wait for the test: `await runner.nextRun()` gives the next one that began.
 * With a script each run plays it at once: `new ScriptedRunner((run) => run.finish())`.
 */
export class ScriptedRunner implements JobRunner {
  readonly runs: ScriptedRun[] = [];
  readonly #script: RunScript | undefined;
  #taken = 0;
  #began: () => void = () => {};

  constructor(script?: RunScript) {
    this.#script = script;
  }

  run(request: InferenceRequest, control: RunControl): AsyncIterable<GenerationEvent> {
    const run = new ScriptedRun(request, control);
    this.runs.push(run);
    const played = this.#script?.(run, this.runs.length - 1);
    if (played instanceof Promise) played.catch((error: unknown) => run.fail(error));
    this.#began();
    return run.stream();
  }

  /** The next run nobody took yet, as soon as it began. */
  async nextRun(): Promise<ScriptedRun> {
    for (;;) {
      const run = this.runs[this.#taken];
      if (run !== undefined) {
        this.#taken += 1;
        return run;
      }
      await new Promise<void>((resolve) => {
        this.#began = resolve;
      });
    }
  }
}
