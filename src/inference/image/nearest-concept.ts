import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';
import type { PaintModel } from './paint-model.ts';

const conceptsSchema = z.looseObject({
  concepts: z.array(z.looseObject({ name: z.string().min(1), words: z.array(z.string()).optional() })).min(1),
  phrases: z.array(z.string()).optional(),
  /** Base64 of int8 [concepts, width]: unit vectors times 127. */
  embeddings: z.string().optional(),
});
type ConceptsFile = z.infer<typeof conceptsSchema>;

/** What a model draws in place of something it does not know. */
export interface Replacement {
  readonly facts: { readonly model: string; readonly drawing: string };
  /** The prompt to paint: the nearest concept, with the places and colours it knows kept. */
  readonly prompt: string;
}

const wordsOf = (text: string): string =>
  ` ${text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()} `;
const holds = (prompt: string, phrase: string): boolean =>
  prompt.includes(wordsOf(phrase)) || prompt.includes(wordsOf(`${phrase}s`)) || prompt.includes(wordsOf(`${phrase}es`));

/**
 * The manners of a model that knows a list of things (`concepts.json` in its folder): a prompt that names none of them gets the nearest
 * one by the text encoder's own embedding, and the person is told.
 */
export class NearestConcept {
  readonly #model: PaintModel;
  readonly #file: ConceptsFile;
  #vectors: readonly Float32Array[] | undefined;

  private constructor(model: PaintModel, file: ConceptsFile) {
    this.#model = model;
    this.#file = file;
  }

  /** Undefined for a model without a list, which is every general model. Throws 'model-broken' when the list is damaged. */
  static async open(model: PaintModel): Promise<NearestConcept | undefined> {
    let text: string;
    try {
      text = await readFile(join(model.files.folder, 'concepts.json'), 'utf8');
    } catch {
      return undefined; // no list: the model's world has no edge
    }
    try {
      return new NearestConcept(model, conceptsSchema.parse(JSON.parse(text)));
    } catch (error) {
      throw new FrescoError('model-broken', { model: model.files.model, file: 'concepts.json', problem: 'it is not a list of concepts' }, { cause: error });
    }
  }

  /** Undefined when the prompt names something the model knows. */
  async replacementFor(prompt: string): Promise<Replacement | undefined> {
    const words = wordsOf(prompt);
    const { concepts, phrases = [] } = this.#file;
    if (words.trim() === '' || concepts.some(({ name, words: others = [] }) => [name, ...others].some((phrase) => holds(words, phrase)))) return undefined;
    this.#vectors ??= this.#stored() ?? (await this.#embed(concepts.map(({ name }) => name)));
    const [asked] = await this.#embed([prompt]);
    if (asked === undefined) return undefined;
    const scores = this.#vectors.map((vector) => vector.reduce((sum, value, index) => sum + value * (asked[index] ?? 0), 0));
    const nearest = concepts[scores.indexOf(Math.max(...scores))]?.name;
    if (nearest === undefined) return undefined;
    const kept = phrases.filter((phrase) => holds(words, phrase)).sort((a, b) => b.length - a.length)[0];
    return { facts: { model: this.#model.files.model, drawing: nearest }, prompt: kept === undefined ? nearest : `${nearest} ${kept}` };
  }

  #stored(): readonly Float32Array[] | undefined {
    const { embeddings, concepts } = this.#file;
    if (embeddings === undefined) return undefined;
    const bytes = Buffer.from(embeddings, 'base64');
    const width = bytes.length / concepts.length;
    if (!Number.isInteger(width) || width === 0) {
      throw new FrescoError('model-broken', {
        model: this.#model.files.model,
        file: 'concepts.json',
        problem: `it has ${bytes.length} bytes of embeddings for ${concepts.length} concepts`,
      });
    }
    return concepts.map((_, row) => unit(Float32Array.from({ length: width }, (__, index) => bytes.readInt8(row * width + index))));
  }

  /** Mean hidden state of each text over its real tokens, as a unit vector. */
  async #embed(texts: readonly string[]): Promise<readonly Float32Array[]> {
    const slot = this.#model.files.textEncoders[0]?.slot ?? 1;
    const vectors: Float32Array[] = [];
    for (let start = 0; start < texts.length; start += 32) {
      const encoded = await this.#model.encoders(() => {}).encode(slot, texts.slice(start, start + 32), { kind: 'last' });
      for (const { hidden, width, realTokens } of encoded) {
        const mean = new Float32Array(width);
        for (let index = 0; index < realTokens * width; index += 1) mean[index % width] = (mean[index % width] ?? 0) + (hidden[index] ?? 0);
        vectors.push(unit(mean));
      }
    }
    return vectors;
  }
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? vector : vector.map((value) => value / length);
}
