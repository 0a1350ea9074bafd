import { join } from 'node:path';
import { FrescoError } from '../../fresco-error.ts';
import type { Logger } from '../../logger.ts';
import type { ModelFolder } from '../contract.ts';
import type { GraphSession, OrtRuntime } from '../runtime/ort-session.ts';
import type { ImageFamily } from './families/image-family.ts';
import { familyOf } from './family-table.ts';
import { GraphShelf, type GraphSource } from './graph-shelf.ts';
import { describeFiles, type ImageModelDescription } from './image-request-check.ts';
import { type PreviewMatrix, readPreviewMatrix } from './latent-preview.ts';
import { readLoraFile } from './lora/lora-file.ts';
import { type LoraChange, mergedSource } from './lora/lora-merge.ts';
import type { LoraTarget } from './lora/lora-names.ts';
import { type GraphFile, type ImageModelFiles, readImageModel, type TextEncoderFiles } from './model-files.ts';
import { encodeWindows, type PromptEncoders } from './prompt-encoder.ts';
import { openPromptTokenizer, type PromptTokenizer } from './prompt-tokenizer.ts';
import { VaeCodec } from './vae-codec.ts';

export interface PaintModelOptions {
  readonly budgetBytes: number;
  readonly loraFolder: string | undefined;
  readonly logger: Logger;
}

/** A LoRA by name and how strongly it counts. */
export interface LoraWish {
  readonly name: string;
  readonly weight: number;
}

type Variant = NonNullable<Parameters<GraphShelf['open']>[1]>;

/** One image model that is open for painting: its files, family, tokenizers and graphs, with or without LoRA weights merged in. */
export class PaintModel implements AsyncDisposable {
  readonly files: ImageModelFiles;
  readonly family: ImageFamily;
  readonly info: ImageModelDescription;
  readonly shelf: GraphShelf;
  readonly vae: VaeCodec;
  readonly previewMatrix: PreviewMatrix | undefined;
  readonly #tokenizers: ReadonlyMap<number, PromptTokenizer>;
  readonly #loraFolder: string | undefined;
  #variants: ReadonlyMap<string, Variant> = new Map();
  #loraKey = '';

  private constructor(parts: {
    readonly files: ImageModelFiles;
    readonly family: ImageFamily;
    readonly shelf: GraphShelf;
    readonly matrix: PreviewMatrix | undefined;
    readonly tokenizers: ReadonlyMap<number, PromptTokenizer>;
    readonly options: PaintModelOptions;
  }) {
    this.files = parts.files;
    this.family = parts.family;
    this.info = describeFiles(parts.files);
    this.shelf = parts.shelf;
    this.vae = new VaeCodec(parts.files, parts.shelf, parts.options.logger);
    this.previewMatrix = parts.matrix;
    this.#tokenizers = parts.tokenizers;
    this.#loraFolder = parts.options.loraFolder;
  }

  /**
   * Reads the folder and opens its graphs: all of them where they fit the budget, else each when it is needed.
   * Throws 'model-broken' naming the file, 'model-unsupported', 'out-of-memory', 'memory-budget'.
   */
  static async open(folder: ModelFolder, runtime: OrtRuntime, options: PaintModelOptions): Promise<PaintModel> {
    const files = await readImageModel(folder);
    const family = familyOf(files);
    const tokenizers = new Map<number, PromptTokenizer>();
    for (const encoder of files.textEncoders) tokenizers.set(encoder.slot, await openTokenizer(files, encoder));
    const matrix =
      (await readPreviewMatrix(files, files.latentChannels)) ?? (family.previewMatrix?.rows.length === files.latentChannels ? family.previewMatrix : undefined);
    const shelf = new GraphShelf(runtime, files, options);
    const model = new PaintModel({ files, family, shelf, matrix, tokenizers, options });
    try {
      const graphs = model.#graphs();
      if (shelf.fits(graphs)) for (const graph of graphs) await shelf.open(graph);
      else await shelf.open(files.denoiser.graph);
      return model;
    } catch (error) {
      await shelf[Symbol.asyncDispose]();
      throw error;
    }
  }

  #graphs(): readonly GraphFile[] {
    const { textEncoders, denoiser, vaeDecoder } = this.files;
    return [...textEncoders.map(({ graph }) => graph), denoiser.graph, vaeDecoder.graph];
  }

  /** Milliseconds inside graph runs so far. */
  get spentMs(): number {
    return this.shelf.spentMs;
  }

  /** The LoRAs whose weights count from now on; none puts the model's own back. Throws 'lora-unfit', also for a file that is not there. */
  async useLoras(loras: readonly LoraWish[]): Promise<void> {
    const key = loras.map(({ name, weight }) => `${name}:${weight}`).join(',');
    if (key === this.#loraKey) return;
    const changes = new Map<LoraTarget, LoraChange[]>();
    for (const { name, weight } of loras) {
      if (this.#loraFolder === undefined) throw new FrescoError('lora-unfit', { lora: name, problem: 'no folder for LoRA files is set' });
      for (const module of await readLoraFile(this.#loraFolder, name)) {
        changes.set(module.target, [...(changes.get(module.target) ?? []), { lora: name, weight, module }]);
      }
    }
    const variants = new Map<string, Variant>();
    for (const [target, own] of changes) {
      const graph = this.#graphOf(target, own[0]?.lora ?? '');
      variants.set(graph.component, { key, source: (): Promise<GraphSource> => mergedSource(graph, own, join(this.#loraFolder ?? '', '.merged')) });
    }
    const before = this.#variants;
    this.#variants = variants;
    try {
      for (const graph of this.#graphs()) if (variants.has(graph.component)) await this.#open(graph); // now, so that what does not fit is said before painting
      this.#loraKey = key;
    } catch (error) {
      this.#variants = before;
      throw error;
    }
  }

  #graphOf(target: LoraTarget, lora: string): GraphFile {
    if (target === 'denoiser') return this.files.denoiser.graph;
    const found = this.files.textEncoders.find(({ slot }) => slot === Number(target.at(-1)));
    if (found !== undefined) return found.graph;
    throw new FrescoError('lora-unfit', { lora, problem: `it changes text encoder ${target.at(-1) ?? ''}, which ${this.family.title} does not have` });
  }

  #open(graph: GraphFile): Promise<GraphSession> {
    return this.shelf.open(graph, this.#variants.get(graph.component));
  }

  denoiser(): Promise<GraphSession> {
    return this.#open(this.files.denoiser.graph);
  }

  /** The encoders, reporting text that no window could hold through `onDropped`. */
  encoders(onDropped: (text: string) => void): PromptEncoders {
    return {
      has: (slot) => this.#tokenizers.has(slot),
      encode: async (slot, prompts, layer, length) => {
        const encoder = this.files.textEncoders.find((candidate) => candidate.slot === slot);
        const tokenizer = this.#tokenizers.get(slot);
        if (encoder === undefined || tokenizer === undefined)
          throw new FrescoError('model-broken', { model: this.files.model, file: `text_encoder_${slot}`, problem: 'it is missing' });
        const windows = tokenizer.windows(prompts, length);
        for (const text of windows.dropped) onDropped(text);
        return encodeWindows(await this.#open(encoder.graph), encoder, windows.prompts, layer);
      },
    };
  }

  /** Lets the encoders go when the budget is too small to keep them beside the denoiser. */
  async makeRoom(): Promise<void> {
    if (this.shelf.fits(this.#graphs())) return;
    for (const { graph } of this.files.textEncoders) await this.shelf.drop(graph);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shelf[Symbol.asyncDispose]();
  }
}

async function openTokenizer(files: ImageModelFiles, encoder: TextEncoderFiles): Promise<PromptTokenizer> {
  return openPromptTokenizer({ model: files.model, folder: encoder.tokenizerFolder, slot: encoder.slot, config: encoder.config });
}
