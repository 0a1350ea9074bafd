import { FrescoError } from '../fresco-error.ts';
import type { JobId } from '../ids.ts';
import type { ImageRequest } from '../inference/contract.ts';
import { isTextFile } from './attached-files.ts';
import { chatPlan } from './chat-work.ts';
import { CommandOptions } from './command-options.ts';
import type { Attachment, CommandInvocation, FormInvocation, OptionValue, Reception, TypedInvocation } from './contract.ts';
import { pictureAgain } from './derived-jobs.ts';
import type { Asker, DeskTools } from './desk-tools.ts';
import { parseFormId } from './forms.ts';
import { imageRequestOf, imagineSpec, receiveImagine } from './imagine-command.ts';
import { parseInlineFlags } from './inline-flags.ts';
import { attachmentOptions } from './option-values.ts';
import { followUpOf } from './press-handlers.ts';
import { maxChatText, readableText } from './prompt-text.ts';

/** What a submitted form asks for. Ids are untrusted; a form from before a restart may have lost what it was about. */
export function receiveForm(tools: DeskTools, invocation: FormInvocation): Reception {
  const id = parseFormId(invocation.formId);
  if (id === undefined) throw new FrescoError('not-found', { what: 'what this form is for' });
  switch (id.form) {
    case 'imagine':
      return imagine(tools, invocation, id.token);
    case 'edit':
      return edit(tools, invocation, id.job);
    case 'ask':
      return askAbout(tools, invocation, id.token);
    default:
      return id satisfies never;
  }
}

function imagine(tools: DeskTools, invocation: FormInvocation, token: JobId | undefined): Reception {
  const { principal, place, receivedAtMs, values } = invocation;
  const earlier = token === undefined ? undefined : tools.forms.find(token);
  if (token !== undefined && (earlier === undefined || earlier.kind === 'menu')) throw new FrescoError('not-found', { what: 'what this form was about' });
  const options = { ...(earlier === undefined || earlier.kind === 'menu' ? {} : optionsSoFar(earlier)), ...values };
  return receiveImagine(tools, { kind: 'command', command: 'imagine', options, principal, place, receivedAtMs });
}

function optionsSoFar(earlier: CommandInvocation | TypedInvocation): Readonly<Record<string, OptionValue>> {
  if (earlier.kind === 'command') return earlier.options;
  return { ...parseInlineFlags(imagineSpec, earlier.text), ...attachmentOptions(imagineSpec, earlier.attachments) };
}

/** The same picture with other words, and with what flags in them say. */
function edit(tools: DeskTools, invocation: FormInvocation, job: JobId): Reception {
  const typed = invocation.values['prompt'] ?? '';
  const followUp = followUpOf(invocation, job, 'edit', { changes: false, on: 'new' });
  const values = typed.trim() === '' ? {} : parseInlineFlags(imagineSpec, typed);
  const plan = pictureAgain(tools, followUp, (request) => edited(tools, invocation, request, values));
  const prompt = values['prompt'];
  return tools.jobs.open(typeof prompt === 'string' ? { ...plan, view: { ...plan.view, prompt } } : plan);
}

/** Which part of a request each option sets, where that is not of the same name. */
const partOf: Readonly<Record<string, readonly string[]>> = {
  negative: ['negativePrompt'],
  size: ['width', 'height'],
  guidance: ['guidanceScale'],
  'clip-skip': ['clipSkip'],
  hires: ['hiresFactor'],
  lora: ['loras'],
};

function edited(tools: DeskTools, asker: Asker, request: ImageRequest, values: Readonly<Record<string, string | number | boolean>>): ImageRequest {
  const prompt = values['prompt'] ?? request.prompt;
  const fresh = imageRequestOf(tools, asker, new CommandOptions<typeof imagineSpec>({ ...values, prompt }));
  const changed = new Set(Object.keys(values).flatMap((name) => partOf[name] ?? [name]));
  return { ...request, ...Object.fromEntries(Object.entries(fresh).filter(([key]) => changed.has(key))) };
}

function askAbout(tools: DeskTools, invocation: FormInvocation, token: JobId): Reception {
  const about = tools.forms.find(token);
  if (about?.kind !== 'menu') throw new FrescoError('not-found', { what: 'what this form was about' });
  const { principal, place, receivedAtMs } = invocation;
  const { target } = about;
  const files: readonly Attachment[] = target.attachments.filter(isTextFile);
  if (target.text.trim() === '' && files.length === 0) throw new FrescoError('vision-unavailable', {});
  return tools.jobs.open(
    chatPlan(tools, {
      principal,
      place,
      receivedAtMs,
      text: readableText(invocation.values['question'] ?? '', maxChatText),
      files,
      replyTo: { message: target.message, text: `${target.speaker}: ${target.text}` },
      isPrivate: false,
      ownsThread: false,
    }),
  );
}
