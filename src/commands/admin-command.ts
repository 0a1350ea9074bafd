import type { CommandSpec } from './command-spec.ts';

export const adminSpec = {
  name: 'admin',
  description: 'For those who run me: pause, resume, model, stats, drain',
  adminOnly: true,
  example: '/admin stats',
  options: [
    {
      type: 'choice',
      name: 'action',
      description: 'What to do',
      required: true,
      choices: [
        { name: 'pause: take no new work', value: 'pause' },
        { name: 'resume: take work again', value: 'resume' },
        { name: 'model: set the default model', value: 'model' },
        { name: 'stats: how much was done', value: 'stats' },
        { name: 'drain: finish what runs, then rest', value: 'drain' },
      ],
    },
    { type: 'text', name: 'model', description: 'With “model”: the new default; “default” goes back', maxLength: 200, completes: true },
  ],
} as const satisfies CommandSpec;
