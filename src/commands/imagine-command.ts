import type { CommandSpec } from './command-spec.ts';

export const imagineSpec = {
  name: 'imagine',
  description: 'Paint a picture from words and watch it sharpen',
  aliases: ['paint', 'draw'],
  example: '/imagine a lighthouse in a storm --ar 16:9 --seed 7',
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
