import { FrescoError } from '../fresco-error.ts';
import type { CommandSpec, OptionSpec } from './command-spec.ts';
import type { Attachment, OptionValue } from './contract.ts';

/** What an option takes, in words. */
export function expectedOf(option: OptionSpec): string {
  switch (option.type) {
    case 'text':
      return `text of at most ${option.maxLength.toLocaleString('en-US')} characters`;
    case 'integer':
      return `a whole number from ${option.min} to ${option.max}`;
    case 'number':
      return `a number from ${option.min} to ${option.max}`;
    case 'flag':
      return 'on or off';
    case 'choice':
      return `one of ${option.choices.map(({ value }) => value).join(', ')}`;
    case 'picture':
      return 'an attached picture';
    case 'file':
      return 'an attached text file';
    default:
      return option satisfies never;
  }
}

/** Reads one typed value. Throws 'option-invalid' with what was found and what the option takes. */
export function readValue(option: OptionSpec, typed: string): string | number | boolean {
  switch (option.type) {
    case 'text':
      return checkedText(option, typed);
    case 'integer':
      return checkedNumber(option, /^[+-]?\d{1,16}$/.test(typed) ? Number(typed) : Number.NaN, typed);
    case 'number':
      return checkedNumber(option, /^[+-]?(\d{1,16}([.,]\d{1,16})?|[.,]\d{1,16})$/.test(typed) ? Number(typed.replace(',', '.')) : Number.NaN, typed);
    case 'flag':
      if (/^(true|on|yes|1)$/i.test(typed)) return true;
      if (/^(false|off|no|0)$/i.test(typed)) return false;
      throw invalid(option, typed);
    case 'choice':
      return checkedChoice(option, typed);
    case 'picture':
    case 'file':
      throw invalid(option, typed);
    default:
      return option satisfies never;
  }
}

/** Checks values that a platform already took apart, whatever type they came in. Throws 'option-unknown', 'option-invalid'. */
export function readOptions(spec: CommandSpec, given: Readonly<Record<string, OptionValue>>): Record<string, OptionValue> {
  const read: Record<string, OptionValue> = {};
  for (const [name, value] of Object.entries(given)) {
    const option = spec.options.find((each) => each.name === name);
    if (option === undefined) throw new FrescoError('option-unknown', { option: name, known: spec.options.map((each) => each.name) });
    if (typeof value === 'object') read[name] = checkedAttachment(option, value);
    else if (value !== '') read[name] = readValue(option, String(value));
  }
  return read;
}

/** Throws 'empty-prompt' or 'option-invalid' for a required option that is not there. */
export function checkRequired(spec: CommandSpec, values: Readonly<Record<string, OptionValue>>): void {
  const missing = spec.options.find((option) => option.required === true && values[option.name] === undefined);
  if (missing === undefined) return;
  if (missing.type === 'text' && missing.isRest === true) throw new FrescoError('empty-prompt', {});
  throw new FrescoError('option-invalid', { option: missing.name, found: 'nothing', expected: expectedOf(missing) });
}

/** Gives the files of a typed message to the options that take them: pictures to picture options, the first other file to a file option. */
export function attachmentOptions(spec: CommandSpec, attachments: readonly Attachment[]): Record<string, Attachment> {
  const pictures = attachments.filter(isPicture);
  const others = attachments.filter((attachment) => !isPicture(attachment));
  const takers = (type: 'picture' | 'file') => spec.options.filter((option) => option.type === type);
  const pairs = [
    ...takers('picture').map((option, index) => [option.name, pictures[index]] as const),
    ...takers('file').map((option, index) => [option.name, others[index]] as const),
  ];
  return Object.fromEntries(pairs.flatMap(([name, attachment]) => (attachment === undefined ? [] : [[name, attachment] as const])));
}

export function isPicture({ mediaType }: Attachment): boolean {
  return mediaType.startsWith('image/') && !mediaType.startsWith('image/svg');
}

function checkedText(option: Extract<OptionSpec, { type: 'text' }>, typed: string): string {
  if (typed.length <= option.maxLength) return typed;
  if (option.isRest === true) throw new FrescoError('prompt-too-long', { length: typed.length, limit: option.maxLength });
  throw new FrescoError('option-invalid', { option: option.name, found: `${typed.length} characters`, expected: expectedOf(option) });
}

function checkedNumber(option: Extract<OptionSpec, { type: 'integer' | 'number' }>, value: number, typed: string): number {
  if (value >= option.min && value <= option.max) return value;
  throw invalid(option, typed);
}

function checkedChoice(option: Extract<OptionSpec, { type: 'choice' }>, typed: string): string {
  const wanted = typed.toLowerCase();
  const times = /^x?(\d+)x?$/.exec(wanted)?.[1]; // "2x" for 2
  const found = option.choices.find(({ name, value }) => [name.toLowerCase(), value.toLowerCase()].includes(wanted) || value === times);
  if (found === undefined) throw invalid(option, typed);
  return found.value;
}

function checkedAttachment(option: OptionSpec, attachment: Attachment): Attachment {
  if (option.type !== 'picture' && option.type !== 'file') throw invalid(option, attachment.name);
  if (option.type === 'picture' && !isPicture(attachment)) {
    throw new FrescoError('attachment-refused', { name: attachment.name, reason: 'it is no picture' });
  }
  return attachment;
}

function invalid(option: OptionSpec, found: string): FrescoError {
  return new FrescoError('option-invalid', { option: option.name, found: found === '' ? 'nothing' : found, expected: expectedOf(option) });
}
