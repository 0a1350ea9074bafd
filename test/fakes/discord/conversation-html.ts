import { ComponentType, MessageFlags } from 'discord-api-types/v10';
import type { StoredComponent } from './component-schema.ts';
import { escapeHtml, markdownHtml } from './markdown-html.ts';
import { isLoading, visibleText } from './payloads.ts';
import type { StoredChannel, StoredMessage, World } from './world.ts';

/** A conversation as the desktop client lays it out, in its dark theme. */

export interface ConversationView {
  readonly world: World;
  readonly channel: StoredChannel;
  /** Whose screen it is: decides which private answers are seen. */
  readonly viewer: string;
  readonly heading: string;
  readonly typing?: boolean;
}

export function conversationHtml(view: ConversationView): string {
  const messages = view.world.messagesIn(view.channel.id).filter(({ onlyFor }) => onlyFor === undefined || onlyFor === view.viewer);
  const starter = view.world.messages.get(view.channel.id);
  const all = starter === undefined || view.channel.parentId === undefined ? messages : [starter, ...messages];
  const rows = all.map((message, index) => messageHtml(view, message, all[index - 1]));
  const typing = view.typing === true ? '<div class="typing"><u></u><u></u><u></u> <b>Fresco</b> is typing…</div>' : '';
  return `<!doctype html><html lang="en"><meta charset="utf-8"><style>${style}</style><body><header>${escapeHtml(view.heading)}</header><main>${rows.join('')}</main>${typing}</body></html>`;
}

const clockTime = (ms: number): string => new Date(ms).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });

function messageHtml(view: ConversationView, message: StoredMessage, before: StoredMessage | undefined): string {
  const { world } = view;
  const author = world.user(message.authorId);
  const spine = spineHtml(view, message);
  const isNext =
    spine === '' && before?.authorId === message.authorId && message.createdAtMs - before.createdAtMs < 420_000 && before.interaction === undefined;
  const tag = author.isBot ? '<em>APP</em>' : '';
  const head = isNext ? '' : `<h4 class="${author.isBot ? 'bot' : ''}">${escapeHtml(author.name)}${tag}<time>${clockTime(message.createdAtMs)}</time></h4>`;
  const avatar = isNext
    ? ''
    : `<div class="avatar" style="background:${colourOf(author.id, author.isBot)}">${author.isBot ? '🎨' : escapeHtml(author.name[0] ?? '')}</div>`;
  const edited = message.editedAtMs === undefined || message.content === '' ? '' : ' <span class="edited">(edited)</span>';
  const text = isLoading(message)
    ? '<div class="small">Fresco is thinking…</div>'
    : withEdited(
        markdownHtml(message.content, (id) => world.user(id).name),
        edited,
      );
  const isPrivate = (message.flags & MessageFlags.Ephemeral) !== 0;
  const foot = isPrivate ? '<div class="private">👁 Only you can see this · <a>Dismiss message</a></div>' : '';
  const files = message.components.length > 0 ? '' : message.files.map((file) => fileHtml(file.filename, file.contentType, file.bytes)).join('');
  return `<article class="${isPrivate ? 'ephemeral' : ''} ${isNext ? 'next' : ''}">${spine}<div class="line">${avatar}<div class="body">${head}${text === '' ? '' : `<div class="text">${text}</div>`}${files}${message.components.map((component) => componentHtml(view, message, component)).join('')}${foot}</div></div></article>`;
}

/** The mark stands behind the last word. */
const withEdited = (html: string, edited: string): string =>
  html.endsWith('</div>') ? `${html.slice(0, -'</div>'.length)}${edited}</div>` : `${html}${edited}`;

/** What stands above a reply: the message it answers, or the command that was used. */
function spineHtml({ world }: ConversationView, message: StoredMessage): string {
  const { interaction } = message;
  if (interaction?.name !== undefined) {
    const name = world.user(interaction.userId).name;
    return `<div class="spine"><s></s><b style="color:${colourOf(interaction.userId, false)}">${escapeHtml(name)}</b> used <a>${/[A-Z]/.test(interaction.name) ? '' : '/'}${escapeHtml(interaction.name)}</a></div>`;
  }
  const target = world.messages.get(message.replyTo ?? '');
  if (target === undefined) return '';
  const author = world.user(target.authorId);
  return `<div class="spine"><s></s><b>@${escapeHtml(author.name)}</b> ${escapeHtml(
    visibleText(target)
      .replaceAll(/<@\d+>/g, '@Fresco')
      .split('\n')[0] ?? '',
  ).slice(0, 90)}</div>`;
}

function componentHtml(view: ConversationView, message: StoredMessage, component: StoredComponent): string {
  switch (component.type) {
    case ComponentType.Container:
      return `<div class="container">${component.components.map((child) => componentHtml(view, message, child)).join('')}</div>`;
    case ComponentType.TextDisplay:
      return `<div class="text">${markdownHtml(component.content, (id) => view.world.user(id).name)}</div>`;
    case ComponentType.MediaGallery:
      return `<div class="gallery of${Math.min(4, component.items.length)}">${component.items.map((item) => pictureHtml(message, item)).join('')}</div>`;
    case ComponentType.ActionRow:
      return `<div class="row">${component.components
        .map((part) =>
          part.type === ComponentType.Button ? `<button class="s${part.style}">${part.emoji?.name ?? ''} ${escapeHtml(part.label ?? '')}</button>` : '',
        )
        .join('')}</div>`;
    default:
      return '';
  }
}

function pictureHtml(
  message: StoredMessage,
  item: { readonly media: { readonly url: string }; readonly description?: string | undefined; readonly spoiler?: boolean | undefined },
): string {
  const file = message.files.find(({ filename }) => item.media.url === `attachment://${filename}`);
  if (file === undefined) return '';
  const image = fileHtml(item.description ?? '', file.contentType, file.bytes);
  return item.spoiler === true ? `<div class="spoiler">${image}<span>SPOILER</span></div>` : image;
}

const fileHtml = (alt: string, type: string, bytes: Uint8Array): string =>
  type.startsWith('image/')
    ? `<img alt="${escapeHtml(alt)}" src="data:${type};base64,${Buffer.from(bytes).toString('base64')}">`
    : `<div class="file">📄 ${escapeHtml(alt)}</div>`;

const colours = ['#3ba55d', '#c27c0e', '#ad1457', '#206694', '#71368a'];
const colourOf = (id: string, isBot: boolean): string => (isBot ? '#5865f2' : (colours[Number(BigInt(id) % 5n)] ?? '#3ba55d'));

const style = `
*{box-sizing:border-box}body{margin:0;width:760px;background:#313338;color:#dbdee1;font:15px/1.375 "gg sans","Noto Sans","Liberation Sans",sans-serif}
header{padding:13px 16px;border-bottom:1px solid #26282c;font-weight:600;color:#f2f3f5}main{padding:10px 0 14px}
article{padding:6px 16px 4px;margin-top:9px}article.next{margin-top:0;padding-top:0}article.ephemeral{background:rgba(88,101,242,.08);box-shadow:inset 2px 0 #5865f2}
.line{display:flex}.avatar{width:40px;height:40px;border-radius:50%;display:grid;place-items:center;font-weight:600;color:#fff;flex:none;font-size:18px}.body{margin-left:16px;min-width:0;flex:1}
article.next .body{margin-left:56px}h4{margin:0 0 2px;font-size:15px;font-weight:600;color:#f2f3f5;line-height:20px}h4 em{background:#5865f2;color:#fff;font:600 10px/15px sans-serif;border-radius:3px;padding:0 4px;margin-left:5px;vertical-align:1px}
time{font-size:11.5px;color:#949ba4;margin-left:8px;font-weight:400}.text{white-space:pre-wrap;overflow-wrap:anywhere}.text .gap{height:10px}.small{font-size:12.5px;color:#949ba4}.edited{font-size:10px;color:#949ba4}
.spine{font-size:13px;color:#b5bac1;margin:0 0 4px 56px;position:relative;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}.spine s{position:absolute}.spine b{font-weight:600;color:#dbdee1}
article:has(.spine) .spine::before{content:"";position:absolute}a,.spine a{color:#00a8fc;text-decoration:none}.mention{background:rgba(88,101,242,.3);color:#c9cdfb;border-radius:3px;padding:0 2px;font-weight:500}
pre{background:#2b2d31;border:1px solid #1e1f22;border-radius:4px;margin:6px 0;padding:8px;font:13px/1.3 "DejaVu Sans Mono",monospace;white-space:pre-wrap;max-width:640px}pre i{font-style:normal}pre .word{color:#f47067}pre .string{color:#96d0ff}pre .note{color:#8b949e}
code.inline{background:#2b2d31;border-radius:3px;padding:1px 4px;font:13px "DejaVu Sans Mono",monospace}.item{display:flex;gap:8px}.item>b{font-weight:400}.quote{border-left:4px solid #4e5058;padding-left:10px}.h1{font-size:22px;font-weight:700;margin:8px 0}.h2{font-size:18px;font-weight:700;margin:8px 0}.h3{font-size:16px;font-weight:700;margin:6px 0}
.body>img{max-width:300px;border-radius:8px;margin-top:4px}.container{background:#2b2d31;border:1px solid #3f4147;border-radius:8px;padding:16px;margin:4px 0;max-width:600px;display:flex;flex-direction:column;gap:8px}
.gallery{display:grid;gap:4px;border-radius:8px;overflow:hidden}.gallery img{width:100%;display:block;object-fit:cover}.gallery.of1{max-width:400px}.gallery.of2,.gallery.of3,.gallery.of4{grid-template-columns:1fr 1fr;max-width:420px}
.spoiler{position:relative;overflow:hidden}.spoiler img{filter:blur(44px)}.spoiler span{position:absolute;inset:0;margin:auto;height:36px;width:100px;background:rgba(0,0,0,.6);border-radius:18px;font-weight:700;display:grid;place-items:center;color:#fff}
.row{display:flex;gap:8px;flex-wrap:wrap;margin-top:4px}button{border:0;border-radius:8px;color:#fff;font:500 14px/1 inherit;font-family:inherit;padding:9px 14px;display:inline-flex;gap:6px;align-items:center}button.s1{background:#5865f2}button.s2{background:#4e5058}button.s4{background:#da373c}
.private{font-size:12px;color:#949ba4;margin-top:6px}.file{background:#2b2d31;border:1px solid #1e1f22;border-radius:8px;padding:10px;width:300px;margin-top:4px}
.typing{padding:0 16px 12px 72px;font-size:13px;color:#dbdee1}.typing u{display:inline-block;width:7px;height:7px;border-radius:50%;background:#dbdee1;margin-right:3px}`;
