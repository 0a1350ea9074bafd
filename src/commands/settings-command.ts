import type { CommandSpec } from './command-spec.ts';

export const settingsSpec = {
  name: 'settings',
  description: 'See or change how I answer you, or this channel',
  example: '/settings --persona "You are a patient teacher." --temperature 0.7',
  options: [
    { type: 'text', name: 'persona', description: 'Who I am when I answer; “default” goes back', maxLength: 4000, multiline: true },
    { type: 'number', name: 'temperature', description: 'How freely words are chosen: 0 is always the likeliest', min: 0, max: 2, aliases: ['temp'] },
    {
      type: 'choice',
      name: 'private',
      description: 'Whether only you see what you ask for by command',
      choices: [
        { name: 'on', value: 'on' },
        { name: 'off', value: 'off' },
      ],
    },
    {
      type: 'choice',
      name: 'for',
      description: 'Whose setting it is; a channel’s is for admins',
      choices: [
        { name: 'me', value: 'me' },
        { name: 'this channel', value: 'channel' },
      ],
    },
    { type: 'flag', name: 'reset', description: 'Go back to the defaults' },
  ],
} as const satisfies CommandSpec;
