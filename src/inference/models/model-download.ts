import { mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { FrescoError } from '../../fresco-error.ts';
import { writeFailure } from '../blob-folder.ts';
import { downloadFile } from './file-download.ts';
import { HubClient, type HubFile, type HubOptions } from './hub-client.ts';
import { type CatalogueEntry, fitsPatterns, type ModelSource } from './model-catalogue.ts';
import { type ModelRecord, readRecord, writeRecord } from './model-record.ts';

/** What a person is asked before anything is fetched. */
export interface LicenceQuestion {
  readonly model: string;
  readonly licence: string;
  readonly licenceUrl: string | undefined;
  /** The model's page at the hub. */
  readonly page: string;
  /** The publisher asks to agree there, too. */
  readonly gated: boolean;
  readonly downloadBytes: number;
}
export interface PullProgress {
  readonly file: string;
  readonly receivedBytes: number;
  readonly totalBytes: number;
}
export interface PullOptions {
  /** Where model folders go: `modelsFolder` of the store. */
  readonly modelsFolder: string;
  readonly hub: HubOptions;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** False ends the pull with 'not-allowed'. */
  readonly agree: (question: LicenceQuestion) => Promise<boolean>;
  readonly onProgress?: (progress: PullProgress) => void;
  /** Free bytes of a folder's disk; tests give their own. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}
export interface PulledModel {
  readonly folder: string;
  readonly record: ModelRecord;
  /** It was there already, at this very commit. */
  readonly already: boolean;
}

/** Left free on the disk beside the model itself. */
const marginBytes = 64 * 2 ** 20;

/**
 * Pulls a model of the catalogue from the hub into `<modelsFolder>/<id>`, which appears only when every file is there and
 * checked; a pull that was cut off goes on where it ended. Throws 'download-failed', 'disk-full', 'folder-unwritable',
 * 'not-allowed' (licence not agreed to), 'model-unsupported' (it comes with Fresco), or the signal's reason.
 */
export async function pullModel(entry: CatalogueEntry, options: PullOptions): Promise<PulledModel> {
  const { source } = entry;
  if (source === undefined) throw new FrescoError('model-unsupported', { model: entry.id, problem: 'it comes with Fresco and is not pulled' });
  await mkdir(options.modelsFolder, { recursive: true }).catch((error: unknown) => {
    throw writeFailure(error, options.modelsFolder);
  });
  const unlock = await lock(entry.id, join(options.modelsFolder, `.${entry.id}.lock`));
  try {
    return await pullLocked(entry, source, options);
  } finally {
    await unlock();
  }
}

async function pullLocked(entry: CatalogueEntry, source: ModelSource, options: PullOptions): Promise<PulledModel> {
  const { modelsFolder, signal, agree } = options;
  const hub = new HubClient(options.hub);
  const { sha, gated } = await hub.revision(source.repo, source.revision, signal);
  const folder = join(modelsFolder, entry.id);
  const there = await readRecord(folder);
  if (there?.revision === sha && there.repo === source.repo) return { folder, record: there, already: true };
  const files = chosenFiles(entry, source, await hub.files(source.repo, sha, source.subfolder, signal));
  const downloadBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const { id: model, licence, licenceUrl } = entry;
  if (!(await agree({ model, licence, licenceUrl, page: hub.pageOf(source.repo), gated, downloadBytes }))) {
    throw new FrescoError('not-allowed', { reason: `the licence of ${model} was not agreed to` });
  }
  const pulling = await pullingFolder(modelsFolder, `.pulling-${entry.id}-`, sha);
  await checkSpace(pulling, downloadBytes, files, options);
  const record = await fetchAll({ entry, source, hub, sha, files, pulling, options });
  await writeRecord(pulling, record).catch((error: unknown) => {
    throw writeFailure(error, pulling);
  });
  await replaceFolder(pulling, folder);
  return { folder, record, already: false };
}

interface Fetching {
  readonly entry: CatalogueEntry;
  readonly source: ModelSource;
  readonly hub: HubClient;
  readonly sha: string;
  readonly files: readonly HubFile[];
  readonly pulling: string;
  readonly options: PullOptions;
}

async function fetchAll({ entry, source, hub, sha, files, pulling, options }: Fetching): Promise<ModelRecord> {
  const { clock, signal, onProgress = () => {} } = options;
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const fetched: { path: string; sizeBytes: number; sha256: string }[] = [];
  let endedBytes = 0;
  for (const listed of files) {
    const pinned = source.sha256[listed.path];
    const file = pinned === undefined ? listed : { ...listed, sha256: pinned };
    const path = localPath(source, listed.path);
    const onBytes = (received: number): void => onProgress({ file: path, receivedBytes: endedBytes + received, totalBytes });
    const sha256 = await fetchOne({ hub, repo: source.repo, sha, file, target: join(pulling, path), clock, signal, onBytes });
    endedBytes += listed.sizeBytes;
    onBytes(0);
    fetched.push({ path, sizeBytes: listed.sizeBytes, sha256 });
  }
  return { id: entry.id, repo: source.repo, revision: sha, licence: entry.licence, endpoint: options.hub.endpoint, files: fetched };
}

/** A file that an earlier pull of the same commit finished is taken up again: it goes through the same check as a part. */
async function fetchOne(download: Parameters<typeof downloadFile>[0]): Promise<string> {
  const whole = await stat(download.target).catch(() => undefined);
  if (whole !== undefined) await rename(download.target, `${download.target}.part`);
  return downloadFile(download);
}

/** The files of the one variant. Throws 'download-failed' for a list that is empty, lacks a graph or leaves the folder. */
function chosenFiles(entry: CatalogueEntry, source: ModelSource, listed: readonly HubFile[]): readonly HubFile[] {
  const outside = listed.find(({ path }) => /^([/\\]|[a-z]:)/i.test(path) || path.split(/[/\\]/).includes('..'));
  if (outside !== undefined) throw new FrescoError('download-failed', { file: entry.id, reason: 'the hub lists a file outside of the model' });
  const chosen = listed.filter(({ path }) => fitsPatterns(localPath(source, path), source.files));
  if (!chosen.some(({ path }) => path.endsWith('.onnx'))) {
    throw new FrescoError('download-failed', { file: entry.id, reason: `${source.repo} has none of the files ${source.files.join(', ')} with a graph` });
  }
  return chosen;
}

function localPath({ subfolder }: ModelSource, path: string): string {
  return subfolder !== undefined && path.startsWith(`${subfolder}/`) ? path.slice(subfolder.length + 1) : path;
}

/** The folder of this commit's unfinished files; those of other commits are thrown away. */
async function pullingFolder(modelsFolder: string, prefix: string, sha: string): Promise<string> {
  const name = `${prefix}${sha.slice(0, 12)}`;
  for (const other of await readdir(modelsFolder)) {
    if (other.startsWith(prefix) && other !== name) await rm(join(modelsFolder, other), { recursive: true, force: true });
  }
  const folder = join(modelsFolder, name);
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw writeFailure(error, modelsFolder);
  });
  return folder;
}

async function checkSpace(
  pulling: string,
  downloadBytes: number,
  files: readonly HubFile[],
  { freeBytes = freeBytesOf, modelsFolder }: PullOptions,
): Promise<void> {
  let haveBytes = 0;
  for (const name of await readdir(pulling, { recursive: true })) {
    const found = await stat(join(pulling, name)).catch(() => undefined);
    if (found?.isFile() === true) haveBytes += found.size;
  }
  const neededBytes = Math.max(0, downloadBytes - haveBytes) + (files.length > 0 ? marginBytes : 0);
  if ((await freeBytes(modelsFolder)) < neededBytes) throw new FrescoError('disk-full', { folder: modelsFolder, neededBytes });
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** An older pull of the same model stays until the new one is whole. */
async function replaceFolder(from: string, to: string): Promise<void> {
  const old = `${from}.old`;
  await rm(old, { recursive: true, force: true });
  await rename(to, old).catch(() => {}); // none was there
  await rename(from, to).catch((error: unknown) => {
    throw writeFailure(error, to);
  });
  await rm(old, { recursive: true, force: true });
}

/** One pull of a model at a time, over all processes: a lock file with the process id; one left by a dead process is taken over. */
async function lock(model: string, path: string): Promise<() => Promise<void>> {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      const handle = await open(path, 'wx');
      await handle.writeFile(String(process.pid));
      await handle.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw writeFailure(error, path);
      const holder = Number(await readFile(path, 'utf8').catch(() => ''));
      if (isAlive(holder)) break;
      await rm(path, { force: true });
    }
  }
  throw new FrescoError('download-failed', { file: model, reason: 'it is being pulled already' });
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'; // it lives, under another user
  }
}
