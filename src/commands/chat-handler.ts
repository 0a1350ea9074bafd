import { FrescoError } from '../fresco-error.ts';
import { isTextFile } from './attached-files.ts';
import { chatPlan } from './chat-work.ts';
import { optionsOf } from './command-options.ts';
import type { Attachment, ChatInvocation, Reception } from './contract.ts';
import type { DeskTools } from './desk-tools.ts';
import { drawWish } from './draw-intent.ts';
import { imageRequestOf, imagineSpec } from './imagine-command.ts';
import { noticeMessage } from './messages.ts';
import { isPicture } from './option-values.ts';
import { picturePlan } from './picture-work.ts';
import { maxChatText, readableText } from './prompt-text.ts';

const greeting = 'Ask me anything, or say “draw me …”. `/help` tells what else I can do.';

/** A plain message: a wish for a picture goes to the painter, and says so; everything else is talk. */
export function receiveChat(tools: DeskTools, invocation: ChatInvocation): Reception {
  const pictures = invocation.attachments.filter(isPicture);
  const others = invocation.attachments.filter((attachment) => !isPicture(attachment));
  if (invocation.text.trim() === '' && invocation.attachments.length === 0) return { kind: 'answer', message: noticeMessage(greeting), audience: 'everyone' };
  const text = invocation.text.trim() === '' ? '' : readableText(invocation.text, maxChatText);
  const wish = others.length === 0 ? drawWish(text) : undefined;
  if (wish !== undefined) return paint(tools, invocation, wish, pictures);
  if (pictures.length > 0) throw new FrescoError('vision-unavailable', {});
  const unreadable = others.find((attachment) => !isTextFile(attachment));
  if (unreadable !== undefined) throw new FrescoError('attachment-refused', { name: unreadable.name, reason: 'only text files and pictures can be read' });
  return tools.jobs.open(chatPlan(tools, { ...askedOf(invocation), text, files: others }));
}

function paint(tools: DeskTools, invocation: ChatInvocation, wish: string, pictures: readonly Attachment[]): Reception {
  const { principal, place, receivedAtMs } = invocation;
  const options = optionsOf(imagineSpec, { kind: 'typed', command: 'imagine', text: wish, attachments: pictures, principal, place, receivedAtMs });
  const request = imageRequestOf(tools, invocation, options);
  return tools.jobs.open(
    picturePlan(tools, {
      ...askedOf(invocation),
      request,
      said: invocation.text.trim(),
      image: options.attachment('image'),
      mask: options.attachment('mask'),
      spoiler: options.flag('spoiler') ?? false,
      lead: `Painting this with ${request.model.split(/[/\\]/).at(-1)}:`,
    }),
  );
}

function askedOf({ principal, place, receivedAtMs, replyTo, message }: ChatInvocation) {
  return { principal, place, receivedAtMs, replyTo, message, isPrivate: false, ownsThread: !place.direct && place.thread !== undefined };
}
