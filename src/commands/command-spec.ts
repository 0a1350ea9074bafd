/**
 * One command as data: the Discord command JSON, `/help`, the web form, the typed flags and the types are all read from this.
 * Handlers live in the same file as their spec (`ask-command.ts`, `imagine-command.ts`, …).
 */
interface OptionBase {
  /** Lower-case, at most 32 characters; the flag is `--name`. */
  readonly name: string;
  /** At most 100 characters. */
  readonly description: string;
  readonly required?: boolean;
  /** Further flags for the same option: `negative` is also `--no`. */
  readonly aliases?: readonly string[];
  /** Offers completions while typing. */
  readonly completes?: boolean;
}
export interface TextOption extends OptionBase {
  readonly type: 'text';
  readonly maxLength: number;
  /** The words that are no flag go here; one at most a command. */
  readonly isRest?: boolean;
  readonly multiline?: boolean;
  /** As a flag its value runs on to the next flag: `--no hands, text --seed 7`. */
  readonly spansWords?: boolean;
}
export interface IntegerOption extends OptionBase {
  readonly type: 'integer';
  readonly min: number;
  readonly max: number;
}
export interface NumberOption extends OptionBase {
  readonly type: 'number';
  readonly min: number;
  readonly max: number;
}
export interface FlagOption extends OptionBase {
  readonly type: 'flag';
}
export interface ChoiceOption extends OptionBase {
  readonly type: 'choice';
  /** At most 25. */
  readonly choices: readonly { readonly name: string; readonly value: string }[];
}
export interface PictureOption extends OptionBase {
  readonly type: 'picture';
}
export interface FileOption extends OptionBase {
  readonly type: 'file';
}
export type OptionSpec = TextOption | IntegerOption | NumberOption | FlagOption | ChoiceOption | PictureOption | FileOption;

export interface CommandSpec {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionSpec[];
  /** Further names in typed text: `summarise`. */
  readonly aliases?: readonly string[];
  readonly adminOnly?: boolean;
  /** `keep` leaves flags it doesn't know in the text (a question may be about `git --amend`); else they are refused. */
  readonly unknownFlags?: 'refuse' | 'keep';
  /** One typed example for `/help`. */
  readonly example: string;
}
