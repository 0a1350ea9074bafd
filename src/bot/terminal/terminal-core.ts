import { noticeSentence } from '../../commands/notice-sentences.ts';
import type { BlobStore, GenerationEvent, InferenceRequest, JobRunner, ModelStore, RunControl } from '../../inference/contract.ts';
import { ProgressLine, type TerminalStreams } from './terminal-output.ts';

/** What a terminal command works with; the same core as the bot's. */
export interface TerminalCore {
  readonly runner: JobRunner;
  readonly models: ModelStore;
  readonly blobs: BlobStore;
  readonly defaults: { readonly textModel: string; readonly imageModel: string };
  readonly streams: TerminalStreams;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Runs a request and hands its events on, with loading and painting shown on the terminal's progress line. */
export async function* runShown(core: TerminalCore, request: InferenceRequest): AsyncGenerator<GenerationEvent, void, void> {
  const line = new ProgressLine(core.streams);
  const control: RunControl = { signal: core.signal, keep: new AbortController().signal };
  try {
    for await (const event of core.runner.run(request, control)) {
      if (event.type === 'loading') line.show(`Loading ${event.model} …`);
      else if (event.type === 'step') line.show(`step ${event.step} of ${event.steps}`, event.step / event.steps);
      else line.clear();
      if (event.type === 'notice') core.streams.err.write(`${noticeSentence(event)}\n`);
      yield event;
    }
  } finally {
    line.clear();
  }
}
