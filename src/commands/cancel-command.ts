import type { CommandSpec } from './command-spec.ts';

export const cancelSpec = {
  name: 'cancel',
  description: 'Stop your jobs that wait or run',
  aliases: ['stop'],
  example: '/cancel',
  options: [
    { type: 'text', name: 'job', description: 'One job, as /queue names it; leave it out for all of yours', maxLength: 40, isRest: true, completes: true },
  ],
} as const satisfies CommandSpec;
