import type { CommandSpec } from './command-spec.ts';

export const summarizeSpec = {
  name: 'summarize',
  description: 'Sum up a text, a file, or this conversation so far',
  aliases: ['summarise', 'tldr'],
  example: '/summarize',
  unknownFlags: 'keep',
  options: [
    { type: 'text', name: 'text', description: 'The text; leave it out to sum up this conversation', maxLength: 100_000, isRest: true, multiline: true },
    { type: 'file', name: 'file', description: 'A text file to sum up' },
    { type: 'text', name: 'model', description: 'The model that writes', maxLength: 200, completes: true },
    { type: 'flag', name: 'private', description: 'Only you see the summary' },
  ],
} as const satisfies CommandSpec;
