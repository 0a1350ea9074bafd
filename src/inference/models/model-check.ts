import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';
import { externalDataOf } from './external-data.ts';
import { readRecord } from './model-record.ts';
import { listFiles } from './model-shape.ts';

const cacheSchema = z.record(z.string(), z.object({ sizeBytes: z.number(), changedMs: z.number(), proof: z.string() }));
type Cache = z.infer<typeof cacheSchema>;

/** Graphs above this are checked by their recorded size and sum alone: reading them twice costs more than it tells. */
const scanLimitBytes = 256 * 1024 * 1024;

/**
 * Checks model folders against their SHA256SUMS, against the record of their download and against the files that their
 * graphs name. What was found good is remembered by size and time of change, so that it is read once and not at each start.
 */
export class ModelChecker {
  readonly #cacheFile: string;
  #cache: Promise<Cache> | undefined;

  /** `cacheFile` is where the good ones are remembered; it is only a cache and may be deleted. */
  constructor(cacheFile: string) {
    this.#cacheFile = cacheFile;
  }

  /** Throws 'model-broken' naming the first file that is missing, cut off or other than it should be. */
  async check(model: string, folder: string): Promise<void> {
    const broken = (file: string, problem: string): FrescoError => new FrescoError('model-broken', { model, file, problem });
    const sums = await readSums(folder);
    for (const [file, sum] of sums) await this.#checkSum(folder, file, sum, broken);
    for (const { path, sizeBytes } of (await readRecord(folder))?.files ?? []) {
      const found = await stat(join(folder, path)).catch(() => undefined);
      if (found === undefined) throw broken(path, 'it is missing');
      if (found.size !== sizeBytes) throw broken(path, `it has ${found.size} bytes and should have ${sizeBytes}`);
    }
    for (const { path, sizeBytes } of await listFiles(folder)) {
      if (!path.endsWith('.onnx') || sums.has(path)) continue;
      if (sizeBytes === 0) throw broken(path, 'it is empty');
      if (sizeBytes <= scanLimitBytes) await this.#checkExternalData(folder, path, broken);
    }
    await this.#save();
  }

  async #checkSum(folder: string, file: string, sum: string, broken: (file: string, problem: string) => FrescoError): Promise<void> {
    const path = join(folder, file);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) throw broken(file, 'it is missing');
    const cache = await this.#known();
    const known = cache[path];
    if (known?.sizeBytes === found.size && known.changedMs === found.mtimeMs && known.proof === sum) return;
    if ((await hashFile(path)) !== sum) throw broken(file, 'its content is not what SHA256SUMS says: it is cut off or was changed');
    cache[path] = { sizeBytes: found.size, changedMs: found.mtimeMs, proof: sum };
  }

  /** Data files are looked up at each check; only the reading of the graph is remembered. */
  async #checkExternalData(folder: string, graph: string, broken: (file: string, problem: string) => FrescoError): Promise<void> {
    const path = join(folder, graph);
    const { size, mtimeMs } = await stat(path);
    const cache = await this.#known();
    const known = cache[path];
    const isKnown = known?.sizeBytes === size && known.changedMs === mtimeMs && known.proof.startsWith('{');
    const needed = isKnown ? neededSchema.parse(JSON.parse(known.proof)) : Object.fromEntries(await externalDataOf(path));
    cache[path] = { sizeBytes: size, changedMs: mtimeMs, proof: JSON.stringify(needed) };
    for (const [location, neededBytes] of Object.entries(needed)) {
      const file = posix.join(posix.dirname(graph), location);
      const data = await stat(join(folder, file)).catch(() => undefined);
      if (data === undefined) throw broken(file, `it is missing, and ${graph} keeps its weights in it`);
      if (data.size < neededBytes) throw broken(file, `it is cut off: it has ${data.size} bytes and ${graph} reads up to ${neededBytes}`);
    }
  }

  #known(): Promise<Cache> {
    this.#cache ??= readFile(this.#cacheFile, 'utf8').then(
      (text) => cacheSchema.catch({}).parse(safeJson(text)),
      () => ({}), // none yet
    );
    return this.#cache;
  }

  async #save(): Promise<void> {
    const text = JSON.stringify(await this.#known());
    try {
      await mkdir(dirname(this.#cacheFile), { recursive: true });
      await writeFile(`${this.#cacheFile}.partial`, text);
      await rename(`${this.#cacheFile}.partial`, this.#cacheFile);
    } catch {
      // only a cache: on a read-only disk every start reads the files again
    }
  }
}

const neededSchema = z.record(z.string(), z.number());

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** The lines of a SHA256SUMS file: path to sum. Empty where there is none. */
async function readSums(folder: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(folder, 'SHA256SUMS'), 'utf8').catch(() => '');
  const lines = text.split('\n').flatMap((line) => {
    const [, sum, file] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line.trim()) ?? [];
    return sum === undefined || file === undefined ? [] : [[posix.normalize(file), sum] as const];
  });
  return new Map(lines);
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) hash.update(chunk);
  return hash.digest('hex');
}
