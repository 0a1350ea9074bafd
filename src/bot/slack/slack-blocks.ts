import type { types } from '@slack/bolt';
import type { Action, Form, Message, Picture } from '../../commands/contract.ts';
import { statusLine } from '../../commands/status-line.ts';
import { splitMessage } from '../split-message.ts';
import { escapeSlack, harmlessMarkdown, toMrkdwn } from './slack-mrkdwn.ts';

/** A message as Slack takes it; `text` is what notifications and screen readers get. */
export interface Rendered {
  readonly text: string;
  readonly blocks: types.KnownBlock[];
}

export const slackLimits = {
  /** One message's Markdown; blocks fail as a whole near 13,200 and Markdown at 12,000. */
  markdown: 11_000,
  section: 2900,
  /** Above 4,000 the fallback is cut into several messages. */
  fallback: 2900,
  altText: 1900,
  buttonText: 75,
  actionsPerBlock: 5,
  formValue: 3000,
} as const;

export interface RenderOptions {
  /** The text of this piece; a long message has several. */
  readonly text: string;
  /** Files for the pictures that are ready to be shown. */
  readonly files: readonly { readonly id: string; readonly picture: Picture }[];
  /** A line above, such as who asked for it. */
  readonly header: string | undefined;
  /** False for all but the last piece: status and buttons belong there. */
  readonly isLast: boolean;
}

/** One message as blocks. Pure; the same state gives the same blocks. */
export function renderMessage(message: Message, { text, files, header, isLast }: RenderOptions): Rendered {
  const status = isLast && message.status !== undefined ? statusLine(message.status) : '';
  const blocks: types.KnownBlock[] = [
    ...(header === undefined ? [] : [{ ...contextBlock(header), block_id: headerBlock }]),
    ...textBlocks(message, text),
    ...files.map(({ id, picture }) => imageBlock(id, picture)),
    ...(status === '' ? [] : [contextBlock(escapeSlack(status))]),
    ...(isLast ? actionBlocks(message.actions) : []),
  ];
  const fallback = [toMrkdwn(text), ...files.map(({ picture }) => escapeSlack(picture.alt)), status === '' ? '' : escapeSlack(status)].find(
    (part) => part.trim() !== '',
  );
  return { text: shortened(fallback ?? 'Fresco', slackLimits.fallback), blocks: blocks.length > 0 ? blocks : [contextBlock('…')] };
}

/** Chat keeps its Markdown (tables, languages); captions and notices are short and go where Markdown blocks can't. */
function textBlocks(message: Message, text: string): types.KnownBlock[] {
  if (text.trim() === '') return [];
  if (message.kind === 'chat') return [{ type: 'markdown', text: harmlessMarkdown(text) }];
  return mrkdwnSections(text);
}

/** Sections of mrkdwn, cut where a section ends. */
export function mrkdwnSections(markdown: string): types.SectionBlock[] {
  // escapes make the text longer: a cut at half the limit keeps every section inside it
  return splitMessage(markdown, slackLimits.section / 2).map((piece) => ({
    type: 'section',
    text: { type: 'mrkdwn', text: shortened(toMrkdwn(piece), slackLimits.section) },
  }));
}

export function contextBlock(mrkdwn: string): types.ContextBlock {
  return { type: 'context', elements: [{ type: 'mrkdwn', text: shortened(mrkdwn, slackLimits.section) }] };
}

/** `spoiler` has no counterpart on Slack: the picture is put behind a line of warning. */
export function imageBlock(file: string, picture: Picture): types.ImageBlock {
  const alt = shortened(picture.alt.trim() === '' ? 'A painted picture' : picture.alt, slackLimits.altText);
  const title = picture.spoiler ? { title: { type: 'plain_text' as const, text: 'Sensitive: marked as a spoiler', emoji: true } } : {};
  return { type: 'image', block_id: blockIdOf(file, picture), slack_file: { id: file }, alt_text: alt, ...title };
}

/** Names the picture inside the message, so that a press tells which file shows which picture; new for each file, as Slack wants it. */
function blockIdOf(file: string, { source }: Picture): string {
  return source.kind === 'blob' ? `picture:${source.blob}:${file}` : `preview:${file}`;
}

/** Which file shows which blob, read from the blocks of a message that came back. */
export function filesByBlob(blocks: readonly { readonly block_id?: string | undefined }[]): Map<string, string> {
  const found = blocks.map(({ block_id }) => /^picture:([0-9a-f]{64}\.[a-z0-9]{2,5}):(F[A-Z0-9]+)$/.exec(block_id ?? ''));
  return new Map(found.flatMap((match) => (match?.[1] === undefined || match[2] === undefined ? [] : [[match[1], match[2]] as const])));
}

const headerBlock = 'header';

/** The line above a message that came back, so that a change keeps it. */
export function headerOf(
  blocks: readonly { readonly block_id?: string | undefined; readonly elements?: readonly { readonly text?: unknown }[] | undefined }[],
): string | undefined {
  const text = blocks.find(({ block_id }) => block_id === headerBlock)?.elements?.[0]?.text;
  return typeof text === 'string' ? text : undefined;
}

export const pressPrefix = 'press-';

function actionBlocks(actions: readonly Action[]): types.ActionsBlock[] {
  const rows = Math.ceil(actions.length / slackLimits.actionsPerBlock);
  return Array.from({ length: rows }, (_, row) => ({
    type: 'actions' as const,
    elements: actions
      .slice(row * slackLimits.actionsPerBlock, (row + 1) * slackLimits.actionsPerBlock)
      .map((action, index) => button(action, `${pressPrefix}${row}-${index}`)),
  }));
}

/** Our own action id travels in the value; Slack's `action_id` only has to be unique. */
export function button({ id, label, emoji, style }: Action, actionId: string): types.Button {
  return {
    type: 'button',
    action_id: actionId,
    value: id,
    text: { type: 'plain_text', text: shortened(emoji === undefined ? label : `${emoji} ${label}`, slackLimits.buttonText), emoji: true },
    ...(style === 'secondary' ? {} : { style }),
  };
}

export const formCallback = 'fresco-form';
export const formField = 'value';

/** A form as a modal. `metadata` comes back with what was filled in. */
export function formView(form: Form, metadata: string): types.ModalView {
  return {
    type: 'modal',
    callback_id: formCallback,
    private_metadata: metadata,
    title: { type: 'plain_text', text: shortened(form.title, 24) },
    submit: { type: 'plain_text', text: 'Send' },
    close: { type: 'plain_text', text: 'Cancel' },
    blocks: form.fields.map((field) => ({
      type: 'input' as const,
      block_id: field.name,
      optional: !field.required,
      label: { type: 'plain_text' as const, text: field.label },
      element: {
        type: 'plain_text_input' as const,
        action_id: formField,
        multiline: field.multiline,
        max_length: Math.min(field.maxLength, slackLimits.formValue),
        ...(field.value === '' ? {} : { initial_value: field.value.slice(0, Math.min(field.maxLength, slackLimits.formValue)) }),
        ...(field.placeholder === undefined ? {} : { placeholder: { type: 'plain_text' as const, text: shortened(field.placeholder, 150) } }),
      },
    })),
  };
}

/** A short word in a modal. */
export function noticeView(title: string, markdown: string): types.ModalView {
  return {
    type: 'modal',
    title: { type: 'plain_text', text: shortened(title, 24) },
    close: { type: 'plain_text', text: 'Close' },
    blocks: mrkdwnSections(markdown),
  };
}

/** At most `limit` UTF-16 units, never half a character. */
export function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const cut = text.slice(0, limit - 1);
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}
