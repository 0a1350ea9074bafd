import DOMPurify from 'dompurify';
import hljs from 'highlight.js/lib/common';
import { Marked } from 'marked';

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    code({ text, lang }) {
      const language = (lang ?? '').split(/\s/, 1)[0] ?? '';
      const known = hljs.getLanguage(language) !== undefined;
      const html = known ? hljs.highlight(text, { language }).value : escapeHtml(text);
      return `<pre><div class="code-head"><span>${escapeHtml(language === '' ? 'text' : language)}</span><button type="button" class="copy-code">Copy</button></div><code class="hljs">${html}</code></pre>`;
    },
    html({ text }) {
      return escapeHtml(text); // what a model writes as HTML is shown as it is written
    },
    image({ href, text }) {
      return `<a href="${escapeHtml(href)}">${escapeHtml(text === '' ? href : text)}</a>`; // a model's text must not make the browser fetch anything
    },
  },
});

DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName === 'A') {
    node.setAttribute('target', '_blank');
    node.setAttribute('rel', 'noopener noreferrer nofollow');
  }
});

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** GitHub-flavoured Markdown as safe HTML: no scripts, no styles, no pictures from elsewhere. */
export function renderMarkdown(text: string): string {
  return DOMPurify.sanitize(marked.parse(text, { async: false }), {
    ALLOWED_TAGS: [
      'p',
      'br',
      'strong',
      'em',
      'del',
      'a',
      'ul',
      'ol',
      'li',
      'blockquote',
      'pre',
      'code',
      'span',
      'div',
      'button',
      'h1',
      'h2',
      'h3',
      'h4',
      'h5',
      'h6',
      'hr',
      'table',
      'thead',
      'tbody',
      'tr',
      'th',
      'td',
      'input',
    ],
    ALLOWED_ATTR: ['href', 'class', 'type', 'checked', 'disabled', 'align', 'start'],
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  });
}
