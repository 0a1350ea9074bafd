import { lexPrompt } from './prompt-lexer.ts';

/** A stretch of a prompt and how much it counts; `break` asks for a new window before what follows. */
export interface PromptPart {
  readonly text: string;
  readonly weight: number;
  readonly startsWindow: boolean;
}

const roundFactor = 1.1;
const squareFactor = 1 / 1.1;

interface Draft {
  text: string;
  weight: number;
  readonly startsWindow: boolean;
}

function multiply(drafts: readonly Draft[], start: number, factor: number): void {
  for (const draft of drafts.slice(start)) draft.weight *= factor;
}

/**
 * A prompt as weighted parts: `(x)` counts 1.1 times, `[x]` 1/1.1 times, `(x:1.4)` 1.4 times, nested brackets multiply, `\(` is a plain bracket.
 * A bracket that is never closed reaches to the end; one that was never opened is plain text. A prompt without brackets comes back as one part of weight 1.
 * Source: `parse_prompt_attention` of AUTOMATIC1111's web UI, prompt_parser.py.
 */
export function parsePrompt(prompt: string): readonly PromptPart[] {
  const drafts: Draft[] = [];
  const open = { '(': [] as number[], '[': [] as number[] };
  let startsWindow = false;
  const add = (text: string): void => {
    drafts.push({ text, weight: 1, startsWindow });
    startsWindow = false;
  };
  for (const token of lexPrompt(prompt)) {
    switch (token.kind) {
      case 'text':
        add(token.text);
        break;
      case 'open':
        open[token.bracket].push(drafts.length);
        break;
      case 'weight': {
        const start = open['('].pop();
        if (start === undefined) add(`:${token.weight})`);
        else multiply(drafts, start, token.weight);
        break;
      }
      case 'close': {
        const start = open[token.bracket === ')' ? '(' : '['].pop();
        if (start === undefined) add(token.bracket);
        else multiply(drafts, start, token.bracket === ')' ? roundFactor : squareFactor);
        break;
      }
      case 'break':
        startsWindow = true;
        break;
      default:
        token satisfies never;
    }
  }
  for (const start of open['(']) multiply(drafts, start, roundFactor);
  for (const start of open['[']) multiply(drafts, start, squareFactor);
  return merged(drafts);
}

/** Neighbours of equal weight joined, so that words aren't cut where an escape stood. */
function merged(drafts: readonly Draft[]): readonly PromptPart[] {
  const parts: Draft[] = [];
  for (const draft of drafts) {
    const last = parts.at(-1);
    if (last !== undefined && last.weight === draft.weight && !draft.startsWindow) last.text += draft.text;
    else parts.push({ ...draft });
  }
  return parts.length === 0 ? [{ text: '', weight: 1, startsWindow: false }] : parts;
}
