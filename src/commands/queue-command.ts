import type { CommandSpec } from './command-spec.ts';

export const queueSpec = {
  name: 'queue',
  description: 'Who waits, who runs, and when it is your turn',
  example: '/queue',
  options: [],
} as const satisfies CommandSpec;
