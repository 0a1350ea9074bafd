import {
  type APIActionRowComponent,
  type APIButtonComponent,
  type APIComponentInContainer,
  type APIComponentInMessageActionRow,
  type APIMessageTopLevelComponent,
  ButtonStyle,
  ComponentType,
  MessageFlags,
} from 'discord.js';
import type { Action, Message, Picture } from '../../commands/contract.ts';
import { statusLine } from '../../commands/status-line.ts';
import { splitMessage } from '../split-message.ts';
import { discordMarkdown } from './discord-markdown.ts';

/** Discord's limits of one message (API documentation, 2026-08). */
export const discordLimits = { content: 2000, layoutText: 4000, altText: 1024, buttonLabel: 80, rowButtons: 5, rows: 5, galleryItems: 10 } as const;

/** A picture and the name under which it is uploaded with this message. */
export interface NamedPicture {
  readonly picture: Picture;
  readonly filename: string;
}

/** The parts of a request that show one message (or one piece of a long one). */
export interface RenderedPiece {
  readonly content?: string;
  readonly flags?: number;
  readonly components: APIMessageTopLevelComponent[];
}

/** Kept free under the text of the last piece for the status. */
const statusRoom = 160;

/**
 * Chat and notices as plain text, cut at 2,000 characters without breaking a fence: easy to read and copy on a phone.
 * The status and the buttons stand under the last piece. Never empty.
 */
export function renderText(message: Message): readonly RenderedPiece[] {
  const texts = splitMessage(discordMarkdown(message.text), discordLimits.content - statusRoom);
  const status = statusText(message);
  const last = [texts.at(-1), status].filter((part) => part !== undefined && part !== '').join('\n');
  const pieces = [...texts.slice(0, -1), last === '' ? '\u2026' : last];
  return pieces.map((content, index) => ({ content, components: index === pieces.length - 1 ? rowsOf(message.actions) : [] }));
}

/** A picture with its parameters and buttons in one container; nothing of it is hidden by the "show embeds" setting. */
export function renderLayout(message: Message, pictures: readonly NamedPicture[]): RenderedPiece {
  const children: APIComponentInContainer[] = [];
  if (pictures.length > 0) {
    const items = pictures.slice(0, discordLimits.galleryItems).map(({ picture, filename }) => ({
      media: { url: `attachment://${filename}` },
      ...(picture.alt.trim() === '' ? {} : { description: clipped(picture.alt, discordLimits.altText) }),
      ...(picture.spoiler ? { spoiler: true } : {}),
    }));
    children.push({ type: ComponentType.MediaGallery, items });
  }
  const status = statusText(message);
  const text = clipped(discordMarkdown(message.text), discordLimits.layoutText - statusRoom);
  if (text.trim() !== '') children.push({ type: ComponentType.TextDisplay, content: text });
  if (status !== undefined) children.push({ type: ComponentType.TextDisplay, content: status });
  children.push(...rowsOf(message.actions));
  if (children.length === 0) children.push({ type: ComponentType.TextDisplay, content: '\u2026' });
  return { flags: MessageFlags.IsComponentsV2, components: [{ type: ComponentType.Container, components: children }] };
}

/** Chat is plain text; what shows pictures is laid out. */
export const wantsLayout = (message: Message): boolean => message.kind === 'picture' || message.pictures.length > 0;

function statusText({ status }: Message): string | undefined {
  return status === undefined ? undefined : `-# ${clipped(statusLine(status), statusRoom - 10)}`;
}

/** Buttons in rows of at most five, two rows about equal; Discord shows at most five rows. */
export function rowsOf(actions: readonly Action[]): APIActionRowComponent<APIComponentInMessageActionRow>[] {
  const { rowButtons, rows: rowCap } = discordLimits;
  const buttons = actions.slice(0, rowButtons * rowCap).map(buttonOf);
  const width = buttons.length > rowButtons && buttons.length <= 2 * rowButtons ? Math.ceil(buttons.length / 2) : rowButtons;
  const rows: APIActionRowComponent<APIComponentInMessageActionRow>[] = [];
  for (let at = 0; at < buttons.length; at += width) rows.push({ type: ComponentType.ActionRow, components: buttons.slice(at, at + width) });
  return rows;
}

const styles = { primary: ButtonStyle.Primary, secondary: ButtonStyle.Secondary, danger: ButtonStyle.Danger } as const;

const buttonOf = (action: Action): APIButtonComponent => ({
  type: ComponentType.Button,
  style: styles[action.style],
  label: clipped(action.label, discordLimits.buttonLabel),
  custom_id: action.id,
  ...(action.emoji === undefined ? {} : { emoji: { name: action.emoji } }),
});

/** At most `limit` UTF-16 units, cut with an ellipsis and never inside a surrogate pair. */
export function clipped(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const cut = text.slice(0, limit - 1);
  const last = cut.charCodeAt(cut.length - 1);
  return `${last >= 0xd800 && last <= 0xdbff ? cut.slice(0, -1) : cut}\u2026`;
}
