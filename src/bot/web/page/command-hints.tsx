import type { CommandInfo } from './api.ts';

/** The commands whose name begins with what was typed after the slash. */
export function hintsFor(text: string, commands: readonly CommandInfo[]): readonly CommandInfo[] {
  const typed = /^\/([a-z]*)$/.exec(text)?.[1];
  return typed === undefined ? [] : commands.filter(({ name }) => name.startsWith(typed));
}

interface HintsProps {
  readonly hints: readonly CommandInfo[];
  readonly chosen: number;
  readonly onChoose: (name: string) => void;
}

export function CommandHints({ hints, chosen, onChoose }: HintsProps) {
  if (hints.length === 0) return null;
  return (
    <ul class="hints" aria-label="Commands">
      {hints.map(({ name, description, example }, index) => (
        <li key={name}>
          <button type="button" class={index === chosen ? 'chosen' : ''} onClick={() => onChoose(name)} title={example}>
            <b>/{name}</b> <span>{description}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
