import type { CommandSpec, OptionSpec } from './command-spec.ts';
import type { Attachment, CommandInvocation, OptionValue, TypedInvocation } from './contract.ts';
import { parseInlineFlags } from './inline-flags.ts';
import { attachmentOptions, checkRequired, readOptions } from './option-values.ts';

type NameOf<Spec extends CommandSpec, Type extends OptionSpec['type']> = Extract<Spec['options'][number], { readonly type: Type }>['name'];

/** A command's options after checking; which names there are comes from its spec. */
export class CommandOptions<Spec extends CommandSpec> {
  readonly #values: Readonly<Record<string, OptionValue>>;

  constructor(values: Readonly<Record<string, OptionValue>>) {
    this.#values = values;
  }

  text(name: NameOf<Spec, 'text' | 'choice'>): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }
  number(name: NameOf<Spec, 'integer' | 'number'>): number | undefined {
    const value = this.#values[name];
    return typeof value === 'number' ? value : undefined;
  }
  flag(name: NameOf<Spec, 'flag'>): boolean | undefined {
    const value = this.#values[name];
    return typeof value === 'boolean' ? value : undefined;
  }
  attachment(name: NameOf<Spec, 'picture' | 'file'>): Attachment | undefined {
    const value = this.#values[name];
    return typeof value === 'object' ? value : undefined;
  }
}

/**
 * Reads and checks what came with a command, typed or taken apart. Flags inside the rest text work too (the Discord prompt has
 * them), and an option given by itself wins over one in the text. Throws 'option-unknown', 'option-invalid', 'empty-prompt', 'prompt-too-long'.
 */
export function optionsOf<Spec extends CommandSpec>(spec: Spec, invocation: CommandInvocation | TypedInvocation): CommandOptions<Spec> {
  const given = invocation.kind === 'command' ? readOptions(spec, invocation.options) : attachmentOptions(spec, invocation.attachments);
  const rest = spec.options.find((option) => option.type === 'text' && option.isRest === true);
  const restValue = rest === undefined ? undefined : given[rest.name];
  const text = invocation.kind === 'typed' ? invocation.text : typeof restValue === 'string' ? restValue : '';
  const { [rest?.name ?? '']: _rest, ...others } = given;
  const values = { ...parseInlineFlags(spec, text), ...others };
  checkRequired(spec, values);
  return new CommandOptions<Spec>(values);
}
