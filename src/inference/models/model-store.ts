import { join, resolve } from 'node:path';
import { type Clock, systemClock } from '../../clock.ts';
import { FrescoError } from '../../fresco-error.ts';
import type { ModelFolder, ModelInfo, ModelKind, ModelStore } from '../contract.ts';
import { type CatalogueEntry, readCatalogue } from './model-catalogue.ts';
import { ModelChecker } from './model-check.ts';
import { entriesOf, estimateMemory, isFolder, kindOfFolder, listFiles } from './model-shape.ts';

export interface ModelStoreOptions {
  /** The checkout: holds `models/` and `config/models.json`. */
  readonly projectDir: string;
  /** Pulled models lie in its `models/`, and the owner may put folders of their own there. */
  readonly dataDir: string;
  /** Another catalogue, for tests. */
  readonly catalogueFile?: string;
  readonly clock?: Clock;
}

/** A ModelStore that also says where things are, for `fresco models` and doctor. */
export interface FolderModelStore extends ModelStore {
  /** The catalogue's entry; undefined for a folder of the owner's. */
  entry(id: string): CatalogueEntry | undefined;
  /** Where a model of the catalogue is or would be. */
  folderOf(entry: CatalogueEntry): string;
  /** Where pulled models go. */
  readonly modelsFolder: string;
}

/** Reads the catalogue. Throws 'settings-invalid'. */
export async function openModelStore(options: ModelStoreOptions): Promise<FolderModelStore> {
  const catalogue = await readCatalogue(options.catalogueFile ?? join(options.projectDir, 'config/models.json'));
  return new FoldersAndCatalogue(options, catalogue);
}

/** So long what was seen of the folders holds before they are looked at again: every request asks, and two hundred may come at once. */
const holdsMs = 1000;

class FoldersAndCatalogue implements FolderModelStore {
  readonly modelsFolder: string;
  readonly #projectDir: string;
  readonly #catalogue: readonly CatalogueEntry[];
  readonly #checker: ModelChecker;
  readonly #clock: Clock;
  readonly #found = new Map<string, { readonly folder: Promise<ModelFolder>; readonly atMs: number }>();
  #listed: { readonly models: readonly ModelInfo[]; readonly atMs: number } | undefined;

  constructor({ projectDir, dataDir, clock = systemClock }: ModelStoreOptions, catalogue: readonly CatalogueEntry[]) {
    this.#clock = clock;
    this.#projectDir = projectDir;
    this.modelsFolder = resolve(dataDir, 'models');
    this.#catalogue = catalogue;
    this.#checker = new ModelChecker(resolve(dataDir, 'model-checks.json'));
  }

  entry(id: string): CatalogueEntry | undefined {
    return this.#catalogue.find((entry) => entry.id === id);
  }

  folderOf({ id, embedded }: CatalogueEntry): string {
    return embedded === undefined ? join(this.modelsFolder, id) : resolve(this.#projectDir, embedded);
  }

  list(): readonly ModelInfo[] {
    const nowMs = this.#clock.now();
    if (this.#listed !== undefined && nowMs - this.#listed.atMs < holdsMs) return this.#listed.models;
    const models = [...this.#catalogue.map((entry) => this.#infoOf(entry)), ...this.#ownFolders()];
    this.#listed = { models, atMs: nowMs };
    return models;
  }

  async find(idOrFolder: string, kind?: ModelKind): Promise<ModelFolder> {
    const key = `${kind ?? ''}/${idOrFolder}`;
    const nowMs = this.#clock.now();
    const known = this.#found.get(key);
    if (known !== undefined && nowMs - known.atMs < holdsMs) return known.folder;
    const folder = this.#find(idOrFolder, kind);
    this.#found.set(key, { folder, atMs: nowMs });
    folder.catch(() => this.#found.delete(key)); // a failure is looked at anew
    return folder;
  }

  async #find(idOrFolder: string, kind?: ModelKind): Promise<ModelFolder> {
    const entry = this.entry(idOrFolder);
    if (entry !== undefined) return this.#open(entry.id, this.#installedFolder(entry), { kind: entry.kind, memoryBytes: entry.memoryBytes }, kind);
    const folder = [join(this.modelsFolder, idOrFolder), resolve(idOrFolder)].find((candidate) => isFolder(candidate));
    if (folder === undefined || idOrFolder === '' || idOrFolder.startsWith('.fresco')) throw this.#unknown(idOrFolder, kind);
    const found = kindOfFolder(folder);
    if (found === undefined)
      throw new FrescoError('model-broken', {
        model: idOrFolder,
        file: 'model_index.json or tokenizer.json',
        problem: 'it is missing: this is no model folder',
      });
    return this.#open(idOrFolder, folder, { kind: found, memoryBytes: undefined }, kind);
  }

  async #open(
    id: string,
    folder: string,
    known: { readonly kind: ModelKind; readonly memoryBytes: number | undefined },
    wanted: ModelKind | undefined,
  ): Promise<ModelFolder> {
    if (wanted !== undefined && wanted !== known.kind) throw this.#unknown(id, wanted);
    await this.#checker.check(id, folder);
    const files = await listFiles(folder);
    const missing = requiredFiles[known.kind].find(
      (group) => !group.some((name) => files.some(({ path }) => path === name || (name.endsWith('/') && path.startsWith(name)))),
    );
    if (missing !== undefined) throw new FrescoError('model-broken', { model: id, file: missing.join(' or '), problem: 'it is missing' });
    if (!files.some(({ path }) => path.endsWith('.onnx'))) throw new FrescoError('model-broken', { model: id, file: 'model.onnx', problem: 'it is missing' });
    return { id, kind: known.kind, folder, memoryBytes: known.memoryBytes ?? estimateMemory(known.kind, files) };
  }

  #installedFolder(entry: CatalogueEntry): string {
    const folder = this.folderOf(entry);
    if (!isFolder(folder)) throw new FrescoError('model-not-installed', { model: entry.id });
    return folder;
  }

  #unknown(model: string, kind: ModelKind | undefined): FrescoError<'model-unknown'> {
    const known = this.list().filter((info) => kind === undefined || info.kind === kind);
    return new FrescoError('model-unknown', { model, known: known.map(({ id }) => id) });
  }

  #infoOf(entry: CatalogueEntry): ModelInfo {
    const { id, kind, name, description, licence, tried, downloadBytes, memoryBytes, nativeSide } = entry;
    const installed = isFolder(this.folderOf(entry));
    const sizes = {
      ...(downloadBytes === undefined ? {} : { downloadBytes }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(nativeSide === undefined ? {} : { nativeSide }),
    };
    return { id, kind, name, description, licence, installed, embedded: entry.embedded !== undefined, tried, ...sizes };
  }

  /** Folders that the owner put beside the pulled ones. */
  #ownFolders(): readonly ModelInfo[] {
    return entriesOf(this.modelsFolder).flatMap(({ name: id }) => {
      const folder = join(this.modelsFolder, id);
      const kind = id.startsWith('.') || this.entry(id) !== undefined || !isFolder(folder) ? undefined : kindOfFolder(folder);
      const description = 'A folder of the owner of this machine.';
      return kind === undefined ? [] : [{ id, kind, name: id, description, licence: 'unknown', installed: true, embedded: false, tried: false }];
    });
  }
}

/** At least one of each group must be there before a host is troubled with the folder. */
const requiredFiles: Readonly<Record<ModelKind, readonly (readonly string[])[]>> = {
  text: [['config.json', 'genai_config.json'], ['tokenizer.json']],
  image: [['model_index.json'], ['unet/', 'transformer/'], ['vae_decoder/'], ['scheduler/scheduler_config.json']],
  upscaler: [],
};
