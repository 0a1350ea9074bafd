import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';

/** Paths as a hub lists them: forward slashes, nothing that leaves the folder. */
const relativePath = z.string().regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\\:]+$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const sourceSchema = z.strictObject({
  /** `organisation/name` on the hub. */
  repo: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  /** A full commit wherever one was seen; `main` is resolved to one when the model is pulled. */
  revision: z.string().min(1),
  /** The one folder of the repository that is the model; it becomes the model's own root. */
  subfolder: relativePath.optional(),
  /** What to fetch of it: `*` stands for anything within a name, `**` for anything. */
  files: z.array(z.string().min(1)).min(1),
  /** Contents known beforehand, by path in the repository: the check that no mirror can forge. */
  sha256: z.record(relativePath, sha256).default({}),
});
export type ModelSource = z.infer<typeof sourceSchema>;

const entrySchema = z
  .strictObject({
    /** As people type it; also the folder's name. */
    id: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,60}$/),
    kind: z.enum(['text', 'image', 'upscaler']),
    name: z.string().min(1),
    description: z.string().min(1),
    licence: z.string().min(1),
    licenceUrl: z.url().optional(),
    /** False where nobody of the project could run it. */
    tried: z.boolean(),
    /** The publisher asks to agree on the hub's page first. What the hub itself says at a pull counts. */
    gated: z.boolean().default(false),
    /** Precision of the chosen variant, for people. */
    dtype: z.string().optional(),
    downloadBytes: z.int().positive().optional(),
    memoryBytes: z.int().positive().optional(),
    /** For pictures: the side of the square the model was trained on, in pixels. */
    nativeSide: z.int().positive().optional(),
    /** Folder in the repository of Fresco, for the models that come with it. */
    embedded: relativePath.optional(),
    source: sourceSchema.optional(),
  })
  .refine((entry) => (entry.embedded === undefined) !== (entry.source === undefined), 'exactly one of `embedded` and `source` must be given');
export type CatalogueEntry = z.infer<typeof entrySchema>;

const catalogueSchema = z
  .strictObject({ models: z.array(entrySchema) })
  .refine(({ models }) => new Set(models.map(({ id }) => id)).size === models.length, 'two models have the same id');

/** Reads and checks a catalogue file. Throws 'settings-invalid' with every problem in it. */
export async function readCatalogue(file: string): Promise<readonly CatalogueEntry[]> {
  const problem = (text: string, cause?: unknown): FrescoError => new FrescoError('settings-invalid', { problems: [`${file}: ${text}`] }, { cause });
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw problem(error instanceof SyntaxError ? 'it is not valid JSON' : 'it cannot be read', error);
  }
  const result = catalogueSchema.safeParse(parsed);
  if (result.success) return result.data.models;
  throw new FrescoError('settings-invalid', {
    problems: result.error.issues.map(({ path, message }) => `${file}: ${path.map(String).join('.')}: ${message}`),
  });
}

/** True when a path fits one of the patterns of a source. */
export function fitsPatterns(path: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const expression = pattern.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replace(/\*\*|\*/g, (stars) => (stars === '**' ? '.*' : '[^/]*'));
    return new RegExp(`^${expression}$`).test(path);
  });
}
