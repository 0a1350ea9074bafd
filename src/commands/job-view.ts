import type { FrescoError } from '../fresco-error.ts';
import type { JobId } from '../ids.ts';
import type { FinishReason, GenerationEvent, PictureParameters, Usage } from '../inference/contract.ts';
import type { Message, Picture, Status } from './contract.ts';
import { actionButton } from './messages.ts';
import { noticeSentence } from './notice-sentences.ts';
import { literalMarkdown } from './plain-words.ts';
import { oneLine, shortText } from './prompt-text.ts';
import { sentenceFor } from './user-messages.ts';

/** One finished picture of a job. */
export interface ViewedPicture {
  readonly picture: Picture;
  readonly parameters: PictureParameters;
}
/** What is known of a job, folded from its events; rendered it is the message that people see. Plain data. */
export interface JobView {
  readonly job: JobId;
  readonly kind: 'chat' | 'picture';
  readonly askedAtMs: number;
  /** What was asked for; a picture's alternative text. */
  readonly prompt: string;
  /** A word before the rest, such as that a chat's wish went to the painter. */
  readonly lead: string;
  readonly spoiler: boolean;
  /** How the pictures may be followed up; an enlarged one has no seed to reroll. */
  readonly followUps: 'all' | 'few';
  /** An answer that was there before and goes on. */
  readonly before: string;
  readonly text: string;
  readonly images: readonly (ViewedPicture | undefined)[];
  readonly preview: Picture | undefined;
  readonly notices: readonly string[];
  readonly status: Status;
  readonly ending: Ending | undefined;
}
type Ending =
  | { readonly kind: 'finished'; readonly reason: FinishReason; readonly usage: Usage; readonly totalMs: number }
  | { readonly kind: 'failed'; readonly sentence: string; readonly canRetry: boolean; readonly wasStopped: boolean };

export type JobViewStart = Pick<JobView, 'job' | 'kind' | 'askedAtMs' | 'prompt'> &
  Partial<Pick<JobView, 'lead' | 'spoiler' | 'followUps' | 'before'>> & { readonly ahead: number };

export function startJobView({ ahead, ...start }: JobViewStart): JobView {
  return {
    lead: '',
    spoiler: false,
    followUps: 'all',
    before: '',
    ...start,
    text: '',
    images: [],
    preview: undefined,
    notices: [],
    status: { phase: 'queued', position: ahead, etaMs: undefined },
    ending: undefined,
  };
}

/** Folds one event in; `atMs` is now. Pure. */
export function foldEvent(view: JobView, event: GenerationEvent, atMs: number): JobView {
  switch (event.type) {
    case 'queued':
      return { ...view, status: { phase: 'queued', position: event.position, etaMs: event.etaMs } };
    case 'loading':
      return { ...view, status: { phase: 'loading', model: lastPart(event.model) } };
    case 'started':
      return { ...view, status: startedStatus(view) };
    case 'restarted': // nothing of the first run is true any more
      return { ...view, text: '', images: [], preview: undefined, notices: [], status: { phase: 'queued', position: 0, etaMs: undefined } };
    case 'notice':
      return { ...view, notices: [...view.notices, noticeSentence(event)] };
    case 'text-delta':
      return { ...view, text: view.text + event.text, status: { phase: 'writing' } };
    case 'step':
      return { ...view, status: { phase: 'painting', step: event.step, steps: event.steps }, preview: previewOf(view, event) ?? view.preview };
    case 'image':
      return { ...view, images: withImage(view, event), preview: undefined };
    case 'finished':
      return {
        ...view,
        preview: undefined,
        status: { phase: 'done', tookMs: Math.max(0, atMs - view.askedAtMs) },
        ending: { kind: 'finished', reason: event.finishReason, usage: event.usage, totalMs: event.timings.totalMs },
      };
    default:
      return event satisfies never;
  }
}

/** Ends the view with an error: what text there was stays, a preview that never became a picture goes. Pure. */
export function foldFailure(view: JobView, error: FrescoError, atMs: number): JobView {
  const wasStopped = error.code === 'cancelled';
  const hasSome = view.before + view.text !== '' || view.images.length > 0;
  return {
    ...view,
    preview: undefined,
    status: wasStopped && hasSome ? { phase: 'done', tookMs: Math.max(0, atMs - view.askedAtMs) } : { phase: 'failed' },
    ending: { kind: 'failed', sentence: sentenceFor(error), canRetry: !hopeless.has(error.code), wasStopped },
  };
}

/** The request itself is at fault: the same again would fail again. */
const hopeless: ReadonlySet<string> = new Set([
  'empty-prompt',
  'prompt-too-long',
  'unreadable-text',
  'option-invalid',
  'option-unknown',
  'attachment-refused',
  'picture-unreadable',
  'picture-too-large',
  'size-unsupported',
  'prompt-blocked',
  'vision-unavailable',
  'sampler-unknown',
  'not-allowed',
]);

/** The message as it looks now. Pure. */
export function renderJobView(view: JobView): Message {
  const pictures = [...view.images.flatMap((image) => image?.picture ?? []), ...(view.preview === undefined ? [] : [view.preview])];
  return {
    kind: view.kind,
    text: view.kind === 'chat' ? chatText(view) : pictureText(view),
    pictures,
    actions: actionsOf(view),
    status: view.status,
    final: view.ending !== undefined,
  };
}

/** The answer alone, without notices: what a conversation remembers. */
export function answerOf(view: JobView): string {
  return view.before + view.text;
}

/** The resolved parameters on one line; of several pictures the seeds from first to last. */
export function parameterLine(parameters: readonly PictureParameters[]): string {
  const [first] = parameters;
  if (first === undefined) return '';
  const lastSeed = parameters.at(-1)?.seed ?? first.seed;
  return [
    lastSeed === first.seed ? `seed ${first.seed}` : `seeds ${first.seed}–${lastSeed}`,
    `${first.width} × ${first.height}`,
    `${first.steps} ${first.steps === 1 ? 'step' : 'steps'}`,
    `guidance ${first.guidanceScale}`,
    ...(first.strength === undefined ? [] : [`strength ${first.strength}`]),
    first.sampler,
    lastPart(first.model),
  ].join(' · ');
}

function chatText(view: JobView): string {
  const answer = answerOf(view);
  const failure = view.ending?.kind === 'failed' ? [view.ending.wasStopped ? '_Stopped._' : view.ending.sentence] : [];
  const notes = [...view.notices.map((notice) => `_${notice}_`), ...failure];
  if (notes.length === 0) return withLead(view, answer);
  return [withLead(view, view.ending === undefined ? answer : closedFence(answer)), ...(view.ending === undefined ? [] : notes)]
    .filter((part) => part !== '')
    .join('\n\n');
}

function pictureText(view: JobView): string {
  const parameters = view.images.flatMap((image) => image?.parameters ?? []);
  const title = `**${literalMarkdown(oneLine(view.prompt, 300))}**`;
  return [
    withLead(view, title),
    ...(parameters.length === 0 || view.ending === undefined ? [] : [literalMarkdown(parameterLine(parameters))]),
    ...view.notices.map((notice) => `_${literalMarkdown(notice)}_`),
    ...(view.ending?.kind === 'failed' ? [view.ending.sentence] : []),
  ].join('\n');
}

function withLead({ lead }: JobView, text: string): string {
  return lead === '' ? text : `${lead}\n${text}`;
}

/** Closes a code fence that the text leaves open, so that what follows is not code. */
function closedFence(text: string): string {
  const fences = text.match(/^ {0,3}```/gm)?.length ?? 0;
  return fences % 2 === 0 ? text : `${text}\n\`\`\``;
}

function actionsOf(view: JobView): Message['actions'] {
  const { job, ending } = view;
  if (ending === undefined) {
    if (view.kind === 'chat') return [actionButton('stop', job)];
    return view.status.phase === 'painting' ? [actionButton('keep', job), actionButton('cancel', job)] : [actionButton('cancel', job)];
  }
  if (view.kind === 'chat') return chatActions(view, ending);
  const count = view.images.length;
  if (count === 0) return ending.kind === 'failed' && !ending.canRetry ? [actionButton('edit', job)] : [actionButton('retry', job), actionButton('edit', job)];
  if (view.followUps === 'few') return [actionButton('parameters', job), actionButton('delete', job)];
  const each = view.images.map((_, index) => index);
  return [
    actionButton('reroll', job),
    ...each.map((index) => actionButton('vary', job, { index, of: count })),
    ...each.flatMap((index) => (count === 1 ? ([2, 4] as const) : ([2] as const)).map((factor) => actionButton('upscale', job, { index, factor, of: count }))),
    actionButton('edit', job),
    actionButton('parameters', job),
    actionButton('delete', job),
  ];
}

function chatActions(view: JobView, ending: Ending): Message['actions'] {
  const { job } = view;
  const hasText = answerOf(view) !== '';
  if (ending.kind === 'failed') {
    if (!hasText) return ending.canRetry ? [actionButton('retry', job)] : [];
    return [actionButton('regenerate', job), actionButton('continue', job)];
  }
  const isCut = ending.reason === 'length' || ending.reason === 'stopped-early';
  return isCut && hasText ? [actionButton('regenerate', job), actionButton('continue', job)] : [actionButton('regenerate', job)];
}

function startedStatus(view: JobView): Status {
  return view.kind === 'chat' ? { phase: 'writing' } : { phase: 'painting', step: 0, steps: 0 };
}

function previewOf(view: JobView, { preview }: Extract<GenerationEvent, { type: 'step' }>): Picture | undefined {
  if (preview === undefined) return undefined;
  return { source: { kind: 'preview', preview }, alt: altOf(view), spoiler: view.spoiler, width: preview.width, height: preview.height };
}

function withImage(view: JobView, event: Extract<GenerationEvent, { type: 'image' }>): JobView['images'] {
  const { index, blob, width, height, parameters } = event;
  const images: (ViewedPicture | undefined)[] = [...view.images];
  while (images.length < index) images.push(undefined);
  images[index] = { picture: { source: { kind: 'blob', blob }, alt: altOf(view), spoiler: view.spoiler, width, height }, parameters };
  return images;
}

function altOf(view: JobView): string {
  return shortText(view.prompt, 1000);
}

function lastPart(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}

/** True for a failure that is worth a line in the log: not a stop, not a wrong request. */
export function isTrouble(error: FrescoError): boolean {
  return error.code !== 'cancelled' && !hopeless.has(error.code);
}
