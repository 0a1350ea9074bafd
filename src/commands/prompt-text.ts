import { FrescoError } from '../fresco-error.ts';

/** The longest prompt of a picture, in UTF-16 units. */
export const maxPicturePrompt = 6000;
/** The longest message of a chat, attached text included. */
export const maxChatText = 100_000;

/**
 * What a person typed, ready for a model: line ends made one kind, no space around it.
 * Throws 'unreadable-text' for halves of characters and control characters, 'empty-prompt' where nothing is to be seen, 'prompt-too-long'.
 */
export function readableText(text: string, limit: number): string {
  const lines = text.replace(/\r\n?/g, '\n').trim();
  if (lines.length > limit) throw new FrescoError('prompt-too-long', { length: lines.length, limit });
  if (/\p{Surrogate}/u.test(lines)) throw new FrescoError('unreadable-text', { what: 'half a character in it (broken UTF-16)' });
  const controls = lines.match(/[^\P{Cc}\n\t]/gu)?.length ?? 0;
  if (controls > 0) throw new FrescoError('unreadable-text', { what: `${controls} control ${controls === 1 ? 'character' : 'characters'} in it` });
  if (!/[^\s\p{Cf}\p{Zs}]/u.test(lines)) throw new FrescoError('empty-prompt', {});
  return lines;
}

/** At most `limit` characters, never half of one, with an ellipsis where something was cut. */
export function shortText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const cut = text.slice(0, limit - 1);
  return `${/[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/** On one line and short: for titles, lists and log lines. */
export function oneLine(text: string, limit: number): string {
  return shortText(text.replace(/\s+/g, ' ').trim(), limit);
}
