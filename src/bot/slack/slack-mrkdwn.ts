/** Text in Slack's flavours: what we send as `mrkdwn`, what we send as Markdown, and what people sent us. */

/** Breaks a mention apart without being seen. */
const joiner = '\u2060';

/** Escapes the three characters that mean something to Slack. */
export function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const mention = /<(?=(?:!(?:channel|here|everyone|subteam\^|date\^)|[@#][A-Z0-9]{2,}))/g;
const broadcast = /@(?=(?:channel|here|everyone)\b)/g;

/** Markdown for a `markdown` block or a stream in which nothing can call people: the text reads the same. */
export function harmlessMarkdown(markdown: string): string {
  return segmentsOf(markdown)
    .map(({ text, isCode }) => (isCode ? text.replace(mention, `<${joiner}`) : text.replace(mention, `<${joiner}`).replace(broadcast, `@${joiner}`)))
    .join('');
}

/** The part of a growing text that can be sent for good: an unfinished mention at the end is held back. */
export function sendableMarkdown(markdown: string): string {
  return markdown.replace(/(?:<[!@#]?[A-Za-z0-9^]{0,12}|@[a-z]{0,8})$/, '');
}

interface Segment {
  readonly text: string;
  readonly isCode: boolean;
}

/** Cuts Markdown into code (fences and inline spans, delimiters included) and the rest. */
function segmentsOf(markdown: string): Segment[] {
  const code = /(^|\n) {0,3}(`{3,}|~{3,})[^\n]*(?:\n[\s\S]*?)??(?:\n {0,3}\2[`~]*[ \t]*(?=\n|$)|$)|(?<![`\\])(`+)(?!`)[^\n]*?(?<!`)\3(?!`)/g;
  const segments: Segment[] = [];
  let at = 0;
  for (const match of markdown.matchAll(code)) {
    if (match.index > at) segments.push({ text: markdown.slice(at, match.index), isCode: false });
    segments.push({ text: match[0], isCode: true });
    at = match.index + match[0].length;
  }
  if (at < markdown.length) segments.push({ text: markdown.slice(at), isCode: false });
  return segments;
}

/**
 * GitHub-flavoured Markdown as Slack's mrkdwn: bold, italics, links, headings, lists; code stays as it is, but for the escapes and the fence's language.
 * Nothing in it can mention anybody: every `<` of the text itself is escaped.
 */
export function toMrkdwn(markdown: string): string {
  return segmentsOf(markdown)
    .map(({ text, isCode }) => (isCode ? codeToMrkdwn(text) : proseToMrkdwn(text)))
    .join('');
}

function codeToMrkdwn(code: string): string {
  const fence = /^(\n?) {0,3}(`{3,}|~{3,})[^\n]*(\n|$)/.exec(code);
  if (fence === null) return escapeSlack(code);
  const body = code.slice(fence[0].length).replace(/(^|\n) {0,3}(?:`{3,}|~{3,})[ \t]*$/, '');
  return `${fence[1] ?? ''}\`\`\`\n${escapeSlack(body)}\n\`\`\``;
}

/** mrkdwn has no escapes of its own: what Markdown escapes goes out as the bare character, kept from meaning anything. */
const escapes = /\\([\\`*_{}[\]()#+\-.!|~<>&@:/])/g;
const literalBase = 0xe000;
const literals = /[\ue000-\ue07f]/g;
const meaningful = new Set(['*', '_', '~', '`']);

/** Words of a person as mrkdwn that shows exactly them. */
export function literalMrkdwn(text: string): string {
  return escapeSlack(text)
    .replace(broadcast, `@${joiner}`)
    .replace(/[*_~`]/g, (mark) => `${joiner}${mark}${joiner}`);
}

function proseToMrkdwn(prose: string): string {
  const hidden = prose.replace(literals, '').replace(escapes, (_, character: string) => String.fromCharCode(literalBase + character.charCodeAt(0)));
  return formatted(hidden).replace(literals, (hiddenCharacter) => {
    const character = String.fromCharCode(hiddenCharacter.charCodeAt(0) - literalBase);
    return meaningful.has(character) ? `${joiner}${character}${joiner}` : escapeSlack(character);
  });
}

function formatted(prose: string): string {
  return escapeSlack(prose)
    .replace(broadcast, `@${joiner}`)
    .replace(/!?\[([^\]\n]*)\]\((https?:\/\/[^\s()|]+|mailto:[^\s()|]+)(?: &quot;[^)]*)?\)/g, (_, label: string, url: string) => link(url, label))
    .replace(/^(#{1,6})[ \t]+(.+?)[ \t#]*$/gm, (_, __: string, title: string) => `\u0001${title.replaceAll('**', '')}\u0001`)
    .replace(/\*\*\*(?=\S)([^\n]+?)(?<=\S)\*\*\*/g, '\u0001_$1_\u0001')
    .replace(/(\*\*|__)(?=\S)([^\n]+?)(?<=\S)\1/g, '\u0001$2\u0001')
    .replace(/(?<![*\w])\*(?=[^\s*])([^*\n]+?)(?<=[^\s*])\*(?![*\w])/g, '_$1_')
    .replace(/~~(?=\S)([^\n]+?)(?<=\S)~~/g, '~$1~')
    .replace(/^([ \t]*)[-*+][ \t]+\[( |x|X)\][ \t]+/gm, (_, indent: string, mark: string) => `${indent}${mark === ' ' ? '☐' : '☑'} `)
    .replace(/^([ \t]*)[-*+][ \t]+/gm, '$1• ')
    .replaceAll('\u0001', '*');
}

const link = (url: string, label: string): string => (label.trim() === '' ? `<${url}>` : `<${url}|${label.replaceAll('|', '¦')}>`);

/** What people see of a message, as plain text: entities decoded once, mentions by name, links as they were written. */
export function fromSlack(text: string, nameOf: (user: string) => string): string {
  return text
    .replace(/<@([UW][A-Z0-9]+)(?:\|([^>]*))?>/g, (_, id: string, label: string | undefined) => `@${label ?? nameOf(id)}`)
    .replace(/<#([CG][A-Z0-9]+)(?:\|([^>]*))?>/g, (_, id: string, label: string | undefined) => `#${label === undefined || label === '' ? id : label}`)
    .replace(/<!subteam\^[A-Z0-9]+(?:\|@?([^>]*))?>/g, (_, label: string | undefined) => `@${label ?? 'group'}`)
    .replace(/<!date\^[^|>]*\|([^>]*)>/g, '$1')
    .replace(/<!(channel|here|everyone)(?:\|[^>]*)?>/g, '@$1')
    .replace(/<((?:https?|mailto|tel):[^|>]+)(?:\|([^>]*))?>/g, (_, url: string, label: string | undefined) => linkText(url, label))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

function linkText(url: string, label: string | undefined): string {
  const bare = url.replace(/^(?:mailto|tel):/, '');
  return label === undefined || label === url || label === bare || url.endsWith(`//${label}`) ? bare : `${label} (${url})`;
}
