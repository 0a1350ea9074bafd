/** GitHub-flavoured Markdown in Discord's flavour. */

const zeroWidthSpace = '\u200b';

/**
 * What Discord does not know is said otherwise: tables become code blocks, deep headings bold, pictures links, rules a thin line.
 * Mass mentions lose their effect even where somebody else sends the text; spoiler bars and small-print marks in prose are escaped.
 */
export function discordMarkdown(text: string): string {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const out: string[] = [];
  let fence: string | undefined;
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    const marker = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== undefined) {
      const isEnd = marker?.startsWith(fence) === true && line.trim() === marker;
      out.push(isEnd ? '```' : withoutFences(line));
      if (isEnd) fence = undefined;
    } else if (marker !== undefined) {
      fence = marker;
      out.push(
        `\`\`\`${line
          .trim()
          .slice(marker.length)
          .trim()
          .replaceAll(/[^\w+#.-]/g, '')}`,
      );
    } else if (isTableAt(lines, at)) {
      const table = lines.slice(at, endOfTable(lines, at));
      out.push('```', ...alignTable(table), '```');
      at += table.length - 1;
    } else out.push(proseLine(line));
  }
  if (fence !== undefined) out.push('```'); // an answer that is still growing, or was cut
  return out.join('\n');
}

/** A line inside a fence must not end it: Discord knows no longer fences. */
const withoutFences = (line: string): string => harmlessMentions(line.replaceAll('```', `\`\`${zeroWidthSpace}\``));

/** `@everyone` and `@here` keep their look and lose their meaning. */
export const harmlessMentions = (text: string): string => text.replaceAll(/@(everyone|here)\b/gi, `@${zeroWidthSpace}$1`);

function proseLine(line: string): string {
  if (/^\s{0,3}([-*_])(\s*\1){2,}\s*$/.test(line)) return '⎯⎯⎯⎯⎯⎯⎯⎯';
  const heading = /^\s{0,3}#{4,6}\s+(.*?)\s*#*\s*$/.exec(line)?.[1];
  const shallow = heading === undefined ? line : `**${heading.replaceAll('**', '')}**`;
  return shallow
    .split(/(`+[^`]*`+)/)
    .map((part) => (part.startsWith('`') ? harmlessMentions(part) : prose(part)))
    .join('')
    .replace(/^(\s*)(-#|>>>)/, '$1\\$2');
}

const prose = (text: string): string =>
  harmlessMentions(text)
    .replaceAll(/!\[([^\]]*)\]\((https?:\/\/[^)\s]+)[^)]*\)/g, (_, alt: string, url: string) => `[${alt === '' ? 'picture' : alt}](${url})`)
    .replaceAll(/(?<!\\)\|\|/g, '\\|\\|')
    .replaceAll(/<br\s*\/?>/gi, '\n');

const isRow = (line: string | undefined): boolean => line !== undefined && /^\s*\|?.*\|.*$/.test(line) && line.trim() !== '';
const isRule = (line: string | undefined): boolean => line !== undefined && /^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)+\|?\s*$/.test(line);
const isTableAt = (lines: readonly string[], at: number): boolean => isRow(lines[at]) && isRule(lines[at + 1]);

function endOfTable(lines: readonly string[], start: number): number {
  let end = start + 2;
  while (isRow(lines[end])) end += 1;
  return end;
}

function cellsOf(line: string): string[] {
  return line
    .trim()
    .replace(/^\|/, '')
    .replace(/\|$/, '')
    .split('|')
    .map((cell) => withoutFences(cell.trim().replaceAll(/\*\*|`/g, '')));
}

function alignTable(lines: readonly string[]): string[] {
  const rows = lines.filter((line) => !isRule(line)).map(cellsOf);
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const drawn = rows.map((row) =>
    widths
      .map((width, column) => (row[column] ?? '').padEnd(width))
      .join('  ')
      .trimEnd(),
  );
  return [drawn[0] ?? '', widths.map((width) => '─'.repeat(width)).join('  '), ...drawn.slice(1)];
}
