/** Discord's Markdown as its client shows it, as far as the bot writes it. */

export const escapeHtml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Blocks first, then what stands in a line. `nameOf` resolves mentions. */
export function markdownHtml(text: string, nameOf: (id: string) => string): string {
  const out: string[] = [];
  let fence: { readonly language: string; readonly lines: string[] } | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('```')) {
      if (fence === undefined) fence = { language: line.slice(3), lines: [] };
      else {
        out.push(`<pre><code>${paint(fence.lines.join('\n'), fence.language)}</code></pre>`);
        fence = undefined;
      }
    } else if (fence !== undefined) fence.lines.push(line);
    else out.push(blockHtml(line, nameOf));
  }
  if (fence !== undefined) out.push(`<pre><code>${paint(fence.lines.join('\n'), fence.language)}</code></pre>`);
  return out.join('');
}

const tokens =
  /(\/\/.*|(?<=^|\s)#.*)|("[^"\n]*"|'[^'\n]*'|`[^`]*`)|\b(const|let|function|return|if|else|for|of|new|await|async|import|from|export|def|class|print)\b/gm;

/** A little colour, as the client's highlighter gives; none where no language is named. */
function paint(code: string, language: string): string {
  if (language === '') return escapeHtml(code);
  let out = '';
  let end = 0;
  for (const match of code.matchAll(tokens)) {
    const kind = match[1] !== undefined ? 'note' : match[2] !== undefined ? 'string' : 'word';
    out += `${escapeHtml(code.slice(end, match.index))}<i class="${kind}">${escapeHtml(match[0])}</i>`;
    end = match.index + match[0].length;
  }
  return out + escapeHtml(code.slice(end));
}

function blockHtml(line: string, nameOf: (id: string) => string): string {
  const inline = (text: string): string => inlineHtml(text, nameOf);
  if (line.trim() === '') return '<div class="gap"></div>';
  if (line.startsWith('-# ')) return `<div class="small">${inline(line.slice(3))}</div>`;
  const heading = /^(#{1,3})\s+(.*)$/.exec(line);
  if (heading !== null) return `<div class="h${heading[1]?.length ?? 1}">${inline(heading[2] ?? '')}</div>`;
  const item = /^(\s*)(?:[-*]|(\d+)\.)\s+(.*)$/.exec(line);
  if (item !== null)
    return `<div class="item" style="margin-left:${8 + (item[1]?.length ?? 0) * 8}px"><b>${item[2] === undefined ? '•' : `${item[2]}.`}</b><span>${inline(item[3] ?? '')}</span></div>`;
  if (line.startsWith('> ')) return `<div class="quote">${inline(line.slice(2))}</div>`;
  return `<div>${inline(line)}</div>`;
}

function inlineHtml(text: string, nameOf: (id: string) => string): string {
  return text
    .split(/(`[^`]+`)/)
    .map((part) => {
      if (part.startsWith('`') && part.endsWith('`') && part.length > 2) return `<code class="inline">${escapeHtml(part.slice(1, -1))}</code>`;
      const kept: string[] = [];
      const safe = part.replaceAll(/\\([^\w\s])/g, (_, mark: string) => `\ue000${kept.push(escapeHtml(mark)) - 1}\ue000`);
      return escapeHtml(safe)
        .replaceAll(/&lt;@!?(\d+)&gt;/g, (_, id: string) => `<span class="mention">@${escapeHtml(nameOf(id))}</span>`)
        .replaceAll(/\[([^\]]+)\]\((https?:[^)]+)\)/g, '<a>$1</a>')
        .replaceAll(/\*\*(.+?)\*\*/g, '<b>$1</b>')
        .replaceAll(/(?<![\w*])[*_](?!\s)(.+?)[*_](?!\w)/g, '<i>$1</i>')
        .replaceAll(/~~(.+?)~~/g, '<s>$1</s>')
        .replaceAll(/\ue000(\d+)\ue000/g, (_, index: string) => kept[Number(index)] ?? '');
    })
    .join('');
}
