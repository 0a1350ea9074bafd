import type { CommandSpec } from './command-spec.ts';

export const modelSpec = {
  name: 'model',
  description: 'List the models, or pick one',
  aliases: ['models'],
  example: '/model pocket-painter',
  options: [
    { type: 'text', name: 'name', description: 'The model to use from now on; “default” goes back', maxLength: 200, isRest: true, completes: true },
    {
      type: 'choice',
      name: 'for',
      description: 'Whose choice it is; a channel’s is for admins',
      choices: [
        { name: 'me', value: 'me' },
        { name: 'this channel', value: 'channel' },
      ],
    },
  ],
} as const satisfies CommandSpec;
