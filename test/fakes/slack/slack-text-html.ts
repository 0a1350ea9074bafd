import { Marked } from 'marked';

const escapeHtml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const emoji: Readonly<Record<string, string>> = { wave: '👋', art: '🎨', tada: '🎉', eyes: '👀' };

/** mrkdwn as Slack lays it out. Its text is escaped already, so what is left of `<…>` is a link or a mention. */
export function mrkdwnHtml(mrkdwn: string, nameOf: (id: string) => string = (id) => id): string {
  return mrkdwn
    .split(/(```[\s\S]*?```)/)
    .map((part) => (part.startsWith('```') ? `<pre>${part.slice(3, -3).replace(/^\n|\n$/g, '')}</pre>` : proseHtml(part, nameOf)))
    .join('');
}

function proseHtml(text: string, nameOf: (id: string) => string): string {
  return text
    .replace(/`([^`\n]+)`/g, '<code>$1</code>')
    .replace(/<@([A-Z0-9]+)>/g, (_, id: string) => `<span class="mention">@${nameOf(id)}</span>`)
    .replace(/<(https?:[^|>]+)(?:\|([^>]*))?>/g, (_, url: string, label: string | undefined) => `<a href="${url}">${label ?? url}</a>`)
    .replace(/(^|[\s(>])\*([^*\n]+)\*(?=$|[\s.,:;!?)<])/gm, '$1<b>$2</b>')
    .replace(/(^|[\s(>])_([^_\n]+)_(?=$|[\s.,:;!?)<])/gm, '$1<i>$2</i>')
    .replace(/(^|[\s(>])~([^~\n]+)~(?=$|[\s.,:;!?)<])/gm, '$1<s>$2</s>')
    .replace(/:([a-z]+):/g, (all, name: string) => emoji[name] ?? all)
    .replace(/^&gt; ?(.*)$/gm, '<blockquote>$1</blockquote>')
    .replaceAll('\n', '<br>');
}

const marked = new Marked({
  gfm: true,
  renderer: {
    html: ({ text }) => escapeHtml(text),
    code: ({ text }) => `<pre>${escapeHtml(text)}</pre>`,
    heading: ({ tokens }) => `<p><b>${tokens.map((token) => escapeHtml('text' in token ? String(token.text) : '')).join('')}</b></p>`,
  },
});

/** A `markdown` block as Slack lays it out. */
export function markdownHtml(markdown: string): string {
  const html = marked.parse(markdown, { async: false });
  return html.trim();
}

export { escapeHtml };
