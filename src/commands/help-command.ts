import type { CommandSpec } from './command-spec.ts';

export const helpSpec = {
  name: 'help',
  description: 'What I can do and how to ask for it',
  example: '/help imagine',
  options: [{ type: 'text', name: 'command', description: 'One command, to see its options', maxLength: 40, isRest: true, completes: true }],
} as const satisfies CommandSpec;
