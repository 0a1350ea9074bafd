import { FrescoError } from '../fresco-error.ts';
import type { CommandSpec, OptionSpec } from './command-spec.ts';
import { expectedOf, readValue } from './option-values.ts';

type Values = Record<string, string | number | boolean>;

/** Two hyphens as people's keyboards send them; a phone turns them into one long dash. */
const flagStart = /^(--|—-?|–-?|−−)([A-Za-z][A-Za-z0-9-]*)(=?)/;
const closingOf: Readonly<Record<string, RegExp>> = {
  '"': /["“”]/,
  '“': /["“”]/,
  '”': /["“”]/,
  '„': /["“”]/,
  '«': /»/,
  "'": /['’](?=\s|$|--)/,
  '‘': /['’](?=\s|$|--)/,
};

/**
 * The one parser of typed commands, for every platform: `a fox --ar 16:9 --no "hands, text" --seed=7`.
 * Words that belong to no flag go to the option marked `isRest`, spaces and lines between them kept. Quotes and backticks hide
 * flags; a lone `--` ends them. Throws 'option-unknown' (with the known flags) and 'option-invalid' (with what was found and expected).
 */
export function parseInlineFlags(spec: CommandSpec, text: string): Values {
  const reader = new FlagReader(spec, text);
  reader.read();
  const rest = spec.options.find((option) => option.type === 'text' && option.isRest === true);
  const words = reader.restText();
  if (words === '') return reader.values;
  if (rest === undefined) {
    if (spec.unknownFlags === 'keep') return reader.values;
    throw new FrescoError('option-unknown', { option: words, known: flagNames(spec) });
  }
  return { ...reader.values, [rest.name]: readValue(rest, words) };
}

/** Every flag of a command, as it is typed. */
export function flagNames(spec: CommandSpec): string[] {
  return spec.options.filter(isTyped).flatMap((option) => [option.name, ...(option.aliases ?? [])].map((name) => `--${name}`));
}

function isTyped(option: OptionSpec): boolean {
  return option.type !== 'picture' && option.type !== 'file' && !(option.type === 'text' && option.isRest === true);
}

class FlagReader {
  readonly values: Values = {};
  readonly #spec: CommandSpec;
  readonly #text: string;
  readonly #rest: string[] = [];
  #position = 0;
  #restFrom = 0;
  #isWholeQuote = false;

  constructor(spec: CommandSpec, text: string) {
    this.#spec = spec;
    this.#text = text;
  }

  restText(): string {
    const words = this.#rest.join(' ').trim();
    return this.#isWholeQuote ? words.slice(1, -1).trim() : words;
  }

  read(): void {
    let tokens = 0;
    let lastIsQuote = false;
    while (this.#position < this.#text.length) {
      if (this.#skip(/^\s+/)) continue;
      if (this.#endsFlags()) break;
      if (this.#flag()) continue;
      tokens += 1;
      lastIsQuote = this.#quotedToken() !== undefined;
      if (!lastIsQuote) this.#skip(/^(```[\s\S]*?(?:```|$)|`[^`\n]*`|\S)[^\s`]*/);
    }
    this.#cut(this.#text.length);
    this.#isWholeQuote = tokens === 1 && lastIsQuote;
  }

  /** A lone `--`: what follows is taken as it is. */
  #endsFlags(): boolean {
    if (!/^--(?=\s|$)/.test(this.#ahead())) return false;
    this.#cut(this.#position);
    this.#restFrom = this.#position + 2;
    this.#position = this.#text.length;
    return true;
  }

  #flag(): boolean {
    const match = flagStart.exec(this.#ahead());
    if (match === null) return false;
    const [whole, dashes, name = '', equals] = match;
    const option = this.#optionOf(name);
    if (option === undefined) {
      // A long dash is punctuation more often than a flag, and a question may be about flags.
      if (dashes !== '--' || this.#spec.unknownFlags === 'keep') return false;
      throw new FrescoError('option-unknown', { option: `--${name}`, known: flagNames(this.#spec) });
    }
    this.#cut(this.#position);
    this.#position += whole.length;
    this.values[option.name] = option.type === 'flag' && equals !== '=' ? true : readValue(option, this.#value(option, equals === '='));
    this.#restFrom = this.#position;
    return true;
  }

  #value(option: OptionSpec, isJoined: boolean): string {
    if (!isJoined) this.#skip(/^\s+/);
    const quoted = this.#quotedToken();
    if (quoted !== undefined) return quoted;
    const start = this.#position;
    if (option.type === 'text' && option.spansWords === true) {
      while (this.#position < this.#text.length && !this.#atFlag()) {
        if (!this.#skip(/^\s+/)) this.#skip(/^\S+/);
      }
      return this.#required(option, this.#text.slice(start, this.#position).trim());
    }
    if (!this.#atFlag()) this.#skip(/^\S+/);
    return this.#required(option, this.#text.slice(start, this.#position).replace(/[,;]+$/, ''));
  }

  #required(option: OptionSpec, value: string): string {
    if (value !== '') return value;
    throw new FrescoError('option-invalid', { option: option.name, found: 'nothing', expected: expectedOf(option) });
  }

  #atFlag(): boolean {
    const match = flagStart.exec(this.#ahead());
    if (match === null) return /^--(?=\s|$)/.test(this.#ahead());
    return match[1] === '--' || this.#optionOf(match[2] ?? '') !== undefined;
  }

  /** Steps over a quoted run and returns what is inside; undefined where none starts or it never closes. */
  #quotedToken(): string | undefined {
    const closing = closingOf[this.#text[this.#position] ?? ''];
    if (closing === undefined) return undefined;
    const inside = this.#text.slice(this.#position + 1);
    const length = inside.search(closing);
    if (length < 0) return undefined;
    const after = inside[length + 1];
    if (after !== undefined && !/[\s,.;:!?)\]-]/.test(after)) return undefined; // a quote inside a word
    this.#position += length + 2;
    return inside.slice(0, length);
  }

  #optionOf(name: string): OptionSpec | undefined {
    const wanted = name.toLowerCase();
    return this.#spec.options.find((option) => isTyped(option) && (option.name === wanted || option.aliases?.includes(wanted) === true));
  }

  #ahead(): string {
    return this.#text.slice(this.#position, this.#position + 80);
  }

  #skip(pattern: RegExp): boolean {
    const match = pattern.exec(this.#text.slice(this.#position));
    if (match === null) return false;
    this.#position += match[0].length;
    return true;
  }

  /** Ends the current run of rest words before `end`. */
  #cut(end: number): void {
    const words = this.#text.slice(this.#restFrom, end).trim();
    if (words !== '') this.#rest.push(words);
    this.#restFrom = end;
  }
}
