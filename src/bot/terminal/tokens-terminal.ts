import type { TerminalStreams } from './terminal-output.ts';
import { writeJson } from './terminal-output.ts';

/** `fresco tokens`: the token ids of a text, one token a line, or as JSON. */
export function tokensOnTerminal(
  streams: TerminalStreams,
  tokenized: { readonly ids: readonly number[]; readonly tokens: readonly string[] },
  json: boolean,
): void {
  if (json) {
    writeJson(streams, { ids: tokenized.ids, tokens: tokenized.tokens });
    return;
  }
  for (const [index, id] of tokenized.ids.entries()) streams.out.write(`${String(id).padStart(7)}  ${JSON.stringify(tokenized.tokens[index] ?? '')}\n`);
  streams.out.write(`${tokenized.ids.length} tokens\n`);
}
