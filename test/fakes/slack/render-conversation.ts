import { readFileSync } from 'node:fs';
import type { FakeSlack } from './fake-slack.ts';
import { type FakeChannel, type FakeMessage, slackIds } from './slack-state.ts';
import { escapeHtml, markdownHtml, mrkdwnHtml } from './slack-text-html.ts';

/** What somebody in the workspace looks at. */
export interface ConversationView {
  readonly viewer: string;
  readonly channel: FakeChannel;
  /** A thread opened beside the channel, by its first message. */
  readonly thread?: string;
  /** The Home tab instead of the messages. */
  readonly tab?: 'home';
  /** Suggested prompts under an empty conversation. */
  readonly showPrompts?: boolean;
}

type Json = Readonly<Record<string, unknown>>;
const record = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {});
const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.map(record) : []);
const textOf = (value: unknown): string => String(record(value)['text'] ?? '');

const css = readFileSync(new URL('./conversation.css', import.meta.url), 'utf8');
const colours = ['#4a7c59', '#b5651d', '#6b5b95', '#2e6f9e', '#a23b5a'];

/** A conversation from the fake's stored messages, laid out as Slack would: HTML with everything inside. */
export function renderConversation(slack: FakeSlack, view: ConversationView): string {
  const painter = new ConversationPainter(slack, view);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Slack</title><style>${css}</style><body>${painter.page()}</body></html>`;
}

class ConversationPainter {
  readonly #slack: FakeSlack;
  readonly #view: ConversationView;

  constructor(slack: FakeSlack, view: ConversationView) {
    this.#slack = slack;
    this.#view = view;
  }

  page(): string {
    const { channel, thread, tab } = this.#view;
    const title = channel.kind === 'im' ? '<span class="avatar bot small">🖌️</span> Fresco' : `# ${escapeHtml(channel.name)}`;
    const tabs =
      channel.kind === 'im'
        ? `<nav><span class="${tab === 'home' ? 'on' : ''}">Home</span><span class="${tab === 'home' ? '' : 'on'}">Messages</span><span>About</span></nav>`
        : '';
    const main = tab === 'home' ? `<div class="home">${this.#home()}</div>` : `<div class="stream">${this.#messages(undefined)}</div>`;
    const side =
      thread === undefined
        ? ''
        : `<aside><header>Thread <small>${channel.kind === 'im' ? '' : `# ${escapeHtml(channel.name)}`}</small></header><div class="stream">${this.#messages(thread)}</div></aside>`;
    return `<div class="window"><main><header>${title}</header>${tabs}${main}</main>${side}${this.#modal()}</div>`;
  }

  #messages(thread: string | undefined): string {
    const { channel, viewer } = this.#view;
    const isDirect = channel.kind === 'im';
    const seen = this.#slack.state.messages.filter(
      (message) => message.channel === channel.id && !message.deleted && (message.ephemeralTo === undefined || message.ephemeralTo === viewer),
    );
    const rows =
      thread === undefined
        ? seen.filter(({ threadTs }) => isDirect || threadTs === undefined)
        : seen.filter(({ ts, threadTs }) => ts === thread || threadTs === thread);
    const html = rows.map((message) => this.#message(message, thread === undefined && !isDirect)).join('');
    const prompts = this.#view.showPrompts === true && thread === undefined ? this.#prompts() : '';
    return prompts + html + (isDirect || thread !== undefined ? this.#status(thread) : '');
  }

  #message(message: FakeMessage, countReplies: boolean): string {
    const { state } = this.#slack;
    const name = message.byBot ? 'fresco' : (state.users.get(message.user)?.name ?? message.user);
    const time = new Date(Number(message.ts) * 1000).toISOString().slice(11, 16);
    const replies = countReplies
      ? state.messages.filter(({ threadTs, deleted, channel }) => threadTs === message.ts && channel === message.channel && !deleted)
      : [];
    const avatar = message.byBot
      ? '<span class="avatar bot">🖌️</span>'
      : `<span class="avatar" style="background:${colours[name.charCodeAt(0) % colours.length]}">${escapeHtml(name.slice(0, 1))}</span>`;
    const only = message.ephemeralTo === undefined ? '' : '<div class="only">👁 Only visible to you</div>';
    const body = message.blocks.length === 0 || message.stream !== undefined ? this.#words(message) : '';
    const files = message.files.map((id) => this.#image(id, '')).join('');
    return `<div class="row ${message.ephemeralTo === undefined ? '' : 'private'}">${only}<div class="cells">${avatar}<div class="content"><div class="who"><b>${escapeHtml(name)}</b>${
      message.byBot ? '<span class="badge">APP</span>' : ''
    }<time>${time}</time></div>${body}${this.#blocks(message.blocks)}${files}${replies.length > 0 ? `<div class="replies">💬 ${replies.length} ${replies.length === 1 ? 'reply' : 'replies'}</div>` : ''}</div></div></div>`;
  }

  #words(message: FakeMessage): string {
    const isOpen = message.stream?.open === true;
    const words = message.stream === undefined ? mrkdwnHtml(message.text, (id) => this.#nameOf(id)) : markdownHtml(message.text);
    if (!isOpen) return `<div class="text">${words}</div>`;
    const growing = words.replace(/(<\/p>)?$/, ' <span class="cursor"></span>$1');
    return `<div class="text">${growing}<div><span class="button">⏹ Stop</span></div></div>`;
  }

  #nameOf(id: string): string {
    return id === slackIds.bot ? 'fresco' : (this.#slack.state.users.get(id)?.name ?? id);
  }

  #blocks(blocks: unknown): string {
    return list(blocks)
      .map((block) => this.#block(block))
      .join('');
  }

  #block(block: Json): string {
    switch (block['type']) {
      case 'markdown':
        return `<div class="text">${markdownHtml(String(block['text']))}</div>`;
      case 'section': {
        const accessory = record(block['accessory']);
        const side = accessory['type'] === 'image' ? `<div class="accessory">${this.#image(String(record(accessory['slack_file'])['id']), '')}</div>` : '';
        return `<div class="section"><div class="text">${mrkdwnHtml(textOf(block['text']), (id) => this.#nameOf(id))}</div>${side}</div>`;
      }
      case 'context':
        return `<div class="context">${list(block['elements'])
          .map((element) => mrkdwnHtml(textOf(element), (id) => this.#nameOf(id)))
          .join(' ')}</div>`;
      case 'actions':
        return `<div class="actions">${list(block['elements'])
          .map((button) => `<span class="button ${String(button['style'] ?? '')}">${escapeHtml(textOf(button['text']))}</span>`)
          .join('')}</div>`;
      case 'image':
        return this.#image(String(record(block['slack_file'])['id']), String(block['alt_text'] ?? ''), textOf(block['title']));
      case 'header':
        return `<h2>${escapeHtml(textOf(block['text']))}</h2>`;
      case 'divider':
        return '<hr>';
      case 'input':
        return this.#input(block);
      default:
        return '';
    }
  }

  #image(id: string, alt: string, title = ''): string {
    const file = this.#slack.state.files.get(id);
    const name = `<div class="file">${escapeHtml(title === '' ? (file?.name ?? '') : title)} ▾</div>`;
    if (file?.bytes === undefined || file.deleted || file.shares.size === 0) return `${name}<div class="broken">🖼 This file can’t be found</div>`;
    return `${name}<img alt="${escapeHtml(alt)}" src="data:image;base64,${file.bytes.toString('base64')}">`;
  }

  #input(block: Json): string {
    const element = record(block['element']);
    const value = String(element['initial_value'] ?? '');
    const shown = value === '' ? `<i>${escapeHtml(textOf(element['placeholder']))}</i>` : escapeHtml(value);
    return `<label>${escapeHtml(textOf(block['label']))}${block['optional'] === true ? ' <small>(optional)</small>' : ''}<span class="field ${element['multiline'] === true ? 'tall' : ''}">${shown}</span></label>`;
  }

  #status(thread: string | undefined): string {
    const { channel } = this.#view;
    const found = [...this.#slack.state.statuses].find(([key]) => key.startsWith(`${channel.id} `) && (thread === undefined || key.endsWith(thread)));
    return found === undefined ? '' : `<div class="status"><span class="avatar bot small">🖌️</span> fresco · ${escapeHtml(found[1])}</div>`;
  }

  #prompts(): string {
    const prompts = (this.#slack.state.prompts.get(this.#view.channel.id) ?? []).map(record);
    return prompts.length === 0
      ? ''
      : `<div class="prompts"><p>What would you like?</p>${prompts.map((prompt) => `<span class="prompt">${escapeHtml(String(prompt['title']))}</span>`).join('')}</div>`;
  }

  #home(): string {
    return this.#blocks(record(this.#slack.state.homes.get(this.#view.viewer))['blocks']);
  }

  #modal(): string {
    const open = [...this.#slack.state.views.values()].filter(({ user, open: isOpen }) => isOpen && user === this.#view.viewer).at(-1);
    if (open === undefined) return '';
    const { view } = open;
    const submit = view['submit'] === undefined ? '' : `<span class="button primary">${escapeHtml(textOf(view['submit']))}</span>`;
    return `<div class="shade"><div class="modal"><header>${escapeHtml(textOf(view['title']))}<span>✕</span></header><div class="fields">${this.#blocks(view['blocks'])}</div><footer><span class="button">${escapeHtml(
      textOf(view['close']) === '' ? 'Close' : textOf(view['close']),
    )}</span>${submit}</footer></div></div>`;
  }
}
