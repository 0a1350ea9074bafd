import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** What a pulled folder remembers of its origin, beside its files. */
const recordSchema = z.object({
  id: z.string(),
  repo: z.string(),
  /** The full commit that was fetched. */
  revision: z.string(),
  licence: z.string(),
  endpoint: z.string(),
  files: z.array(z.object({ path: z.string(), sizeBytes: z.number(), sha256: z.string() })),
});
export type ModelRecord = z.infer<typeof recordSchema>;

const recordName = 'fresco-source.json';

export async function readRecord(folder: string): Promise<ModelRecord | undefined> {
  const text = await readFile(join(folder, recordName), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    return undefined; // written by hand or by another version: the folder is judged by its files
  }
}

export async function writeRecord(folder: string, record: ModelRecord): Promise<void> {
  await writeFile(join(folder, recordName), `${JSON.stringify(record, undefined, 2)}\n`);
}
