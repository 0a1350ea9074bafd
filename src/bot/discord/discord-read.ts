import { ComponentType, type Message } from 'discord.js';
import { z } from 'zod';
import type { Attachment } from '../../commands/contract.ts';
import type { DiscordAttachments } from './discord-attachments.ts';

/** What a message holds, whatever carries it: plain text, or text and pictures laid out in components. */

interface Component {
  readonly type: number;
  readonly content?: string | undefined;
  readonly components?: readonly Component[] | undefined;
  readonly items?: readonly { readonly media: { readonly url: string; readonly content_type?: string | null | undefined } }[] | undefined;
}
const componentSchema: z.ZodType<Component> = z.lazy(() =>
  z.object({
    type: z.number(),
    content: z.string().optional(),
    components: z.array(componentSchema).optional(),
    items: z.array(z.object({ media: z.object({ url: z.string(), content_type: z.string().nullish() }) })).optional(),
  }),
);

function flatten(components: readonly unknown[]): Component[] {
  return components.flatMap((raw) => {
    const parsed = componentSchema.safeParse(raw);
    return parsed.success ? [parsed.data, ...flatten(parsed.data.components ?? [])] : [];
  });
}

/** The text of a message and its components, without our small print. */
export function readText(content: string, components: readonly unknown[]): string {
  const shown = flatten(components).flatMap((component) =>
    component.type === ComponentType.TextDisplay && component.content !== undefined ? [component.content] : [],
  );
  return [content, ...shown]
    .join('\n')
    .split('\n')
    .filter((line) => !line.startsWith('-# '))
    .join('\n')
    .trim();
}

export const textOf = (message: Message): string =>
  readText(
    message.content,
    message.components.map((component) => component.toJSON()),
  );

/** Files of a message; pictures in a gallery are not among its attachments, so they are read from the components. */
export function attachmentsOf(message: Message, attachments: DiscordAttachments): Attachment[] {
  const plain = [...message.attachments.values()].map((file) =>
    attachments.open({ name: file.name, url: file.url, sizeBytes: file.size, mediaType: file.contentType ?? undefined }),
  );
  const gallery = flatten(message.components.map((component) => component.toJSON())).flatMap((component) => component.items ?? []);
  const shown = gallery.map(({ media }) =>
    attachments.open({ name: fileName(media.url), url: media.url, sizeBytes: 0, mediaType: media.content_type ?? undefined }),
  );
  return [...plain, ...shown];
}

const fileName = (url: string): string => (URL.canParse(url) ? (new URL(url).pathname.split('/').at(-1) ?? 'picture') : 'picture');
