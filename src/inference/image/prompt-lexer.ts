/** One piece of a prompt as people write it for Stable Diffusion. */
export type PromptToken =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'open'; readonly bracket: '(' | '[' }
  | { readonly kind: 'close'; readonly bracket: ')' | ']' }
  /** `:1.2)` at the end of a round bracket. */
  | { readonly kind: 'weight'; readonly weight: number }
  /** The word BREAK: what follows begins a new window. */
  | { readonly kind: 'break' };

/** In this order: an escaped sign, a lone backslash (it goes), a bracket, a weight with its closing bracket, BREAK, other text, a colon. */
const pattern = /\\([()[\]\\])|\\|([([])|:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\)|([)\]])|\s*\bBREAK\b\s*|(?:(?!\s*\bBREAK\b)[^\\()[\]:])+|:/gu;

/**
 * Cuts a prompt into text, brackets, weights and breaks: `(fox:1.2) [dog] \(plain\)`.
 * Source: `re_attention` and `re_break` of AUTOMATIC1111's web UI, prompt_parser.py. Nothing throws.
 */
export function lexPrompt(prompt: string): readonly PromptToken[] {
  const tokens: PromptToken[] = [];
  for (const match of prompt.matchAll(pattern)) {
    const [whole, escaped, opened, weight, closed] = match;
    if (escaped !== undefined) tokens.push({ kind: 'text', text: escaped });
    else if (opened === '(' || opened === '[') tokens.push({ kind: 'open', bracket: opened });
    else if (weight !== undefined) tokens.push({ kind: 'weight', weight: Number(weight) });
    else if (closed === ')' || closed === ']') tokens.push({ kind: 'close', bracket: closed });
    else if (whole.trim() === 'BREAK') tokens.push({ kind: 'break' });
    else if (whole !== '\\') tokens.push({ kind: 'text', text: whole });
  }
  return tokens;
}
