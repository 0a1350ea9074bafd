import type { CommandSpec } from './command-spec.ts';

export const forgetSpec = {
  name: 'forget',
  description: 'Forget this conversation and start afresh',
  aliases: ['reset', 'clear'],
  example: '/forget',
  options: [],
} as const satisfies CommandSpec;
