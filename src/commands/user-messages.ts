import { randomUUID } from 'node:crypto';
import { type ErrorCode, type ErrorFacts, FrescoError } from '../fresco-error.ts';
import { durationWords, sizeWords, waitWords } from './plain-words.ts';

/** Who reads a sentence: a person in a chat, who must not see folders and set-up, or the owner at the terminal. */
export type Reader = 'person' | 'owner';

type Sentences = { readonly [Code in ErrorCode]: (facts: ErrorFacts[Code], reader: Reader) => string };

const tellOwner = 'Please tell the person who runs me.';

/** Every error code as one kind sentence with its limit and value and, where waiting helps, when to try again. */
export const userMessages = {
  'empty-prompt': () => 'There are no words in it yet. Tell me what you would like.',
  'prompt-too-long': ({ length, limit }) => `This is ${count(length)} characters long and I take at most ${count(limit)}. Please shorten it.`,
  'unreadable-text': ({ what }) => `I can't read this text: it has ${what}. Please type it again.`,
  'option-invalid': ({ option, found, expected }) => `\`${option}\` can't be ${quoted(found)}; it takes ${expected}.`,
  'option-unknown': ({ option, known }) => `I don't know \`${shortened(option)}\`. I know ${listed(known)}.`,
  'command-unknown': ({ command, known }) => `I don't know the command ${quoted(command)}. I know ${listed(known)}.`,
  'attachment-refused': ({ name, reason }) => `I can't use ${quoted(name)}: ${reason}.`,
  'picture-unreadable': ({ reason }) => `I can't read this picture: ${reason}. PNG, JPEG and WebP work.`,
  'picture-too-large': ({ width, height, limit }) => `The picture is ${width} × ${height} pixels and I take at most ${limit} on a side.`,
  'size-unsupported': ({ width, height, expected }) => `I can't paint ${width} × ${height} pixels; it takes ${expected}.`,
  'not-allowed': ({ reason }) => `I may not do that here: ${reason}.`,
  'not-yours': ({ what }) => `Only the person who asked for it can do that (${what}).`,
  'not-found': ({ what }) => `I can't find ${what} any more. It may have been deleted or forgotten.`,
  'prompt-blocked': ({ reason }) => `I won't do this one: ${reason}. Please ask for something else.`,
  'picture-blocked': () => 'The safety check held this picture back. Please try other words.',
  'vision-unavailable': () => 'No model that is loaded here can see pictures yet, so I can’t answer that. `/imagine` can use a picture to start from.',
  'too-many-waiting': ({ waiting, limit, retryAfterMs }) =>
    `You have ${waiting} ${waiting === 1 ? 'job' : 'jobs'} waiting and the limit is ${limit}. Try again in ${waitWords(retryAfterMs)}.`,
  'queue-full': ({ waiting, limit, retryAfterMs }) => `The queue is full (${waiting} of ${limit} waiting). Try again in ${waitWords(retryAfterMs)}.`,
  'quota-reached': ({ used, limit, retryAfterMs }) => `You have had ${used} of ${limit} for this hour. Try again in ${waitWords(retryAfterMs)}.`,
  paused: () => 'I am paused just now and take no new work. Please try again later.',
  'shutting-down': () => 'I am shutting down for a moment. Please try again when I am back.',
  cancelled: () => 'Stopped.',
  'deadline-exceeded': ({ limitMs }) => `This took longer than the limit of ${durationWords(limitMs)}, so I stopped it. A smaller request may fit.`,
  interrupted: () => 'I was restarted while I worked on this. Press “Try again” and I will do it again.',
  'model-unknown': ({ model, known }) => `I don't know the model ${quoted(model)}. ${known.length === 0 ? 'There is none.' : `I know ${listed(known)}.`}`,
  'model-not-installed': ({ model }, reader) =>
    reader === 'owner'
      ? `The model ${quoted(model)} is not on this machine. \`fresco models pull ${model}\` gets it.`
      : `The model ${quoted(model)} is not installed here. \`/model\` lists those that are.`,
  'model-broken': ({ model, file, problem }, reader) =>
    reader === 'owner'
      ? `The model ${quoted(model)} can't be used: ${file}: ${problem}.`
      : `The model ${quoted(lastPart(model))} can't be used: its file ${lastPart(file)} is not right. ${tellOwner}`,
  'model-unsupported': ({ model, problem }, reader) =>
    reader === 'owner' ? `The model ${quoted(model)} can't run here: ${problem}.` : `The model ${quoted(lastPart(model))} can't run here. ${tellOwner}`,
  'lora-unfit': ({ lora, problem }) => `The LoRA ${quoted(lora)} doesn't fit: ${withoutPaths(problem)}.`,
  'sampler-unknown': ({ sampler, known }) => `I don't know the sampler ${quoted(sampler)}. I know ${listed(known)}.`,
  'context-full': ({ tokens, capacity }) =>
    `This is ${count(tokens)} tokens long and I can read ${count(capacity)}. Shorten it, or start afresh with \`/forget\`.`,
  'shape-mismatch': ({ what, expected, actual }, reader) =>
    reader === 'owner'
      ? `The model's files don't fit together: ${what} is ${actual}, expected ${expected}.`
      : `The model's files don't fit together. ${tellOwner}`,
  'not-a-number': ({ where }, reader) =>
    reader === 'owner'
      ? `The model computed values that are no numbers (${where}), as half precision sometimes does. Another seed, fewer steps or a float32 model may help.`
      : 'The model lost its way in this one. Another seed or other words may help.',
  'out-of-memory': ({ what }) => `There is not enough memory for this (${withoutPaths(what)}). A smaller size or count may fit.`,
  'memory-budget': ({ neededBytes, budgetBytes }) =>
    `This needs ${sizeWords(neededBytes)} of memory and I may use ${sizeWords(budgetBytes)}. A smaller size or model may fit.`,
  'host-died': ({ attempts }) =>
    `The model stopped working ${attempts === 1 ? 'once' : `${attempts} times`} on this. I have started it afresh: please try again.`,
  'device-unavailable': ({ device, reason }, reader) =>
    reader === 'owner' ? `The device ${quoted(device)} can't be used: ${reason}.` : `The device for this model can't be used just now. ${tellOwner}`,
  'settings-invalid': ({ problems }, reader) =>
    reader === 'owner' ? `Please mend these settings:\n${problems.map((problem) => `- ${problem}`).join('\n')}` : `My settings need mending. ${tellOwner}`,
  'folder-unwritable': ({ folder }, reader) => (reader === 'owner' ? `I can't write into ${folder}.` : `I can't store anything just now. ${tellOwner}`),
  'disk-full': ({ folder, neededBytes }, reader) =>
    reader === 'owner'
      ? `The disk is full: ${folder}${neededBytes === undefined ? '' : ` needs ${sizeWords(neededBytes)} more`}.`
      : `The disk is full, so I can't store anything just now. ${tellOwner}`,
  'port-in-use': ({ port }) => `Port ${port} is in use. Set FRESCO_PORT to another one, or to 0 for any free port.`,
  'download-failed': ({ file, reason }, reader) => (reader === 'owner' ? `The download of ${file} failed: ${reason}.` : `A download failed. ${tellOwner}`),
  'platform-failed': ({ platform, operation, reason }, reader) =>
    reader === 'owner' ? `${platform} refused ${operation}: ${reason}.` : `${platform} did not let me do that. ${tellOwner}`,
  internal: ({ reference }) => `Something went wrong that should not. ${tellOwner} The reference is ${reference}.`,
} satisfies Sentences;

/** The sentence a reader sees for any thrown value; what is not ours becomes 'internal' with a reference. */
export function sentenceFor(error: unknown, reader: Reader = 'person'): string {
  return sentenceOf(error instanceof FrescoError ? error : new FrescoError('internal', { reference: newReference() }), reader);
}

/** A short reference that a person can quote and the owner finds in the log. */
export function newReference(): string {
  return randomUUID().slice(0, 8);
}

function sentenceOf(error: FrescoError, reader: Reader): string {
  const codes: readonly string[] = Object.keys(userMessages);
  return codes.includes(error.code) ? speak(error.code, error, reader) : userMessages.internal({ reference: newReference() });
}

function speak<Code extends ErrorCode>(code: Code, error: FrescoError, reader: Reader): string {
  const sentences: Sentences = userMessages;
  return FrescoError.is(error, code) ? sentences[code](error.facts, reader) : '';
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** At most 80 characters of something a person typed, on one line and without backticks, so that it can't break out of its quotes. */
function quoted(text: string): string {
  return `“${shortened(text)}”`;
}
function shortened(text: string): string {
  const line = text.replace(/[`\s\p{Cc}]+/gu, ' ').trim();
  const characters = [...line];
  return characters.length > 80 ? `${characters.slice(0, 79).join('')}…` : line;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 24).map((name) => `\`${name}\``);
  return `${shown.join(', ')}${names.length > shown.length ? ` and ${names.length - shown.length} more` : ''}`;
}

function lastPart(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}
function withoutPaths(text: string): string {
  return text.replace(/(?:[A-Za-z]:)?[/\\][^\s:'"]+/g, (path) => lastPart(path));
}
