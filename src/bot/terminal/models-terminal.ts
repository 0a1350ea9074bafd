import { createInterface } from 'node:readline/promises';
import type { Clock } from '../../clock.ts';
import { sizeWords } from '../../commands/plain-words.ts';
import { FrescoError } from '../../fresco-error.ts';
import type { ModelInfo } from '../../inference/contract.ts';
import { type LicenceQuestion, pullModel } from '../../inference/models/model-download.ts';
import type { FolderModelStore } from '../../inference/models/model-store.ts';
import { ProgressLine, type TerminalStreams, writeJson } from './terminal-output.ts';

/** `fresco models list`. */
export function listModels(streams: TerminalStreams, models: readonly ModelInfo[], json: boolean): void {
  if (json) {
    writeJson(streams, { models });
    return;
  }
  const width = Math.max(...models.map(({ id }) => id.length));
  for (const { id, kind, name, installed, embedded, tried, downloadBytes } of models) {
    const state = embedded ? 'comes with Fresco' : installed ? 'installed' : downloadBytes === undefined ? '' : sizeWords(downloadBytes);
    streams.out.write(`${id.padEnd(width)}  ${kind.padEnd(8)}  ${state.padEnd(17)}  ${name}${tried ? '' : ' (not tried by us)'}\n`);
  }
  streams.out.write('\nfresco models pull ID gets one; fresco models info ID tells more. FRESCO_TEXT_MODEL and FRESCO_IMAGE_MODEL choose the defaults.\n');
}

/** `fresco models info ID`. Throws 'model-unknown'. */
export function showModel(streams: TerminalStreams, store: FolderModelStore, id: string, json: boolean): void {
  const info = store.list().find((model) => model.id === id);
  if (info === undefined) throw new FrescoError('model-unknown', { model: id, known: store.list().map((model) => model.id) });
  if (json) {
    writeJson(streams, info);
    return;
  }
  const entry = store.entry(id);
  const lines = [
    ['name', info.name],
    ['what', info.description],
    ['kind', info.kind],
    ['licence', info.licence],
    ['installed', info.installed ? 'yes' : 'no'],
    ['tried by us', info.tried ? 'yes' : 'no'],
    ['source', entry?.source === undefined ? undefined : `${entry.source.repo} at ${entry.source.revision}`],
    ['download', info.downloadBytes === undefined ? undefined : sizeWords(info.downloadBytes)],
    ['memory', info.memoryBytes === undefined ? undefined : `about ${sizeWords(info.memoryBytes)}`],
  ];
  for (const [key, value] of lines) if (value !== undefined) streams.out.write(`${String(key).padEnd(12)} ${value}\n`);
}

export interface PullOnTerminalOptions {
  readonly store: FolderModelStore;
  readonly streams: TerminalStreams;
  readonly hub: { readonly endpoint: string; readonly token: string | undefined };
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** `--yes`: the licence was agreed to already. */
  readonly agreed: boolean;
}

/** `fresco models pull ID`: shows the licence, asks, downloads with a progress bar. Throws what the pull throws. */
export async function pullOnTerminal(id: string, { store, streams, hub, clock, signal, agreed }: PullOnTerminalOptions): Promise<void> {
  const entry = store.entry(id);
  if (entry === undefined) throw new FrescoError('model-unknown', { model: id, known: store.list().map((model) => model.id) });
  const line = new ProgressLine(streams);
  const { folder, already } = await pullModel(entry, {
    modelsFolder: store.modelsFolder,
    hub: { endpoint: hub.endpoint, ...(hub.token === undefined ? {} : { token: hub.token }) },
    clock,
    signal,
    agree: (question) => askForLicence(streams, question, agreed),
    onProgress: ({ file, receivedBytes, totalBytes }) =>
      line.show(`${file} (${sizeWords(receivedBytes)} of ${sizeWords(totalBytes)})`, receivedBytes / Math.max(totalBytes, 1)),
  });
  line.clear();
  streams.out.write(already ? `${id} is here already: ${folder}\n` : `${id} is ready: ${folder}\n`);
}

async function askForLicence({ err }: TerminalStreams, question: LicenceQuestion, agreed: boolean): Promise<boolean> {
  const { model, licence, licenceUrl, page, gated, downloadBytes } = question;
  err.write(`${model}: ${sizeWords(downloadBytes)}, licence ${licence}${licenceUrl === undefined ? '' : ` (${licenceUrl})`}, from ${page}\n`);
  if (gated) err.write('Its publisher asks you to agree on that page first, and to set HF_TOKEN.\n');
  if (agreed) return true;
  if (!process.stdin.isTTY) {
    err.write('Agree with --yes.\n');
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question('Do you agree to this licence? [y/N] ');
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
