import { randomSeed, seedSchema } from '../ids.ts';
import type { ImageRequest } from '../inference/contract.ts';
import { type CommandOptions, optionsOf } from './command-options.ts';
import type { CommandSpec } from './command-spec.ts';
import type { CommandInvocation, Reception, TypedInvocation } from './contract.ts';
import { type Asker, chosenModel, type DeskTools } from './desk-tools.ts';
import { imagineForm } from './forms.ts';
import { readLoras } from './lora-option.ts';
import { readPictureSize } from './picture-size.ts';
import { picturePlan } from './picture-work.ts';
import { maxPicturePrompt, readableText } from './prompt-text.ts';

export const imagineSpec = {
  name: 'imagine',
  description: 'Paint a picture from words and watch it sharpen',
  aliases: ['paint', 'draw'],
  example: '/imagine a castle at night --ar 16:9 --seed 7',
  options: [
    { type: 'text', name: 'prompt', description: 'What the picture shows', maxLength: 6000, isRest: true, multiline: true, completes: true },
    { type: 'text', name: 'negative', description: 'What it must not show', maxLength: 2000, aliases: ['no'], spansWords: true },
    { type: 'text', name: 'size', description: 'A shape such as 16:9, or pixels such as 512x768', maxLength: 20, aliases: ['ar', 'aspect'], completes: true },
    { type: 'integer', name: 'steps', description: 'More steps are slower and finer', min: 1, max: 500 },
    { type: 'number', name: 'guidance', description: 'How closely it follows your words', min: 0, max: 50, aliases: ['cfg', 'scale'] },
    { type: 'integer', name: 'seed', description: 'The same seed paints the same picture again', min: 0, max: 0xffff_ffff },
    { type: 'text', name: 'sampler', description: 'How the noise is taken away, such as DPM++ 2M Karras', maxLength: 60, completes: true },
    { type: 'text', name: 'model', description: 'The model that paints', maxLength: 200, completes: true },
    { type: 'integer', name: 'count', description: 'How many pictures', min: 1, max: 9, aliases: ['n'] },
    { type: 'picture', name: 'image', description: 'A picture to start from' },
    { type: 'number', name: 'strength', description: 'How much of the start picture is painted over', min: 0.01, max: 1 },
    { type: 'picture', name: 'mask', description: 'White where the start picture is painted over' },
    {
      type: 'choice',
      name: 'upscale',
      description: 'Enlarge the finished picture',
      choices: [
        { name: 'twice', value: '2' },
        { name: 'four times', value: '4' },
      ],
    },
    { type: 'number', name: 'hires', description: 'Paint, enlarge by this factor, and paint again', min: 1.1, max: 4 },
    { type: 'flag', name: 'finish', description: 'Sharpen and smooth the edges at the end' },
    { type: 'integer', name: 'clip-skip', description: 'Leave out the last layers of the text encoder', min: 0, max: 12 },
    { type: 'text', name: 'lora', description: 'LoRA files and weights: name:0.8, other:0.5', maxLength: 400 },
    { type: 'flag', name: 'spoiler', description: 'Hide the picture until it is clicked' },
    { type: 'flag', name: 'private', description: 'Only you see the picture' },
  ],
} as const satisfies CommandSpec;

/** Paints; without a prompt it asks for one in a form. */
export function receiveImagine(tools: DeskTools, invocation: CommandInvocation | TypedInvocation): Reception {
  const { principal, place, receivedAtMs } = invocation;
  const options = optionsOf(imagineSpec, invocation);
  const prompt = options.text('prompt');
  if (prompt === undefined) return { kind: 'form', form: imagineForm(tools, invocation) };
  const choices = tools.memory.choicesFor(principal, place);
  return tools.jobs.open(
    picturePlan(tools, {
      principal,
      place,
      receivedAtMs,
      request: imageRequestOf(tools, invocation, options),
      said: prompt,
      image: options.attachment('image'),
      mask: options.attachment('mask'),
      spoiler: options.flag('spoiler') ?? false,
      isPrivate: options.flag('private') ?? choices.privateAnswers ?? false,
      ownsThread: false,
    }),
  );
}

/** The side of the square that a model paints best, where its store doesn't say. */
const usualSide = 512;

/** The request without its pictures. Throws what `readableText`, `readPictureSize` and `chosenModel` throw. */
export function imageRequestOf(tools: DeskTools, { principal, place }: Asker, options: CommandOptions<typeof imagineSpec>): ImageRequest {
  const model = chosenModel(tools, 'image', options.text('model'), tools.memory.choicesFor(principal, place));
  const nativeSide = tools.models.list().find(({ id }) => id === model)?.nativeSide ?? usualSide;
  const negative = options.text('negative');
  const size = options.text('size');
  const seed = options.number('seed');
  const upscale = options.text('upscale');
  const lora = options.text('lora');
  return {
    kind: 'image',
    model,
    prompt: readableText(options.text('prompt') ?? '', maxPicturePrompt),
    ...(negative === undefined ? {} : { negativePrompt: readableText(negative, maxPicturePrompt) }),
    ...(size === undefined ? {} : readPictureSize(size, nativeSide)),
    ...given('steps', options.number('steps')),
    ...given('guidanceScale', options.number('guidance')),
    ...given('sampler', options.text('sampler')),
    seed: seed === undefined ? randomSeed() : seedSchema.parse(seed),
    count: options.number('count') ?? 1,
    ...given('clipSkip', options.number('clip-skip')),
    ...given('strength', options.number('strength')),
    ...(upscale === undefined ? {} : { upscale: upscale === '4' ? 4 : 2 }),
    ...given('hiresFactor', options.number('hires')),
    ...given('finish', options.flag('finish')),
    ...(lora === undefined ? {} : { loras: readLoras(lora) }),
    previews: true,
  };
}

/** A property that is there only where it has a value. */
function given<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [Name in Key]?: Value } {
  const entry: { [Name in Key]?: Value } = {};
  if (value !== undefined) entry[key] = value;
  return entry;
}
