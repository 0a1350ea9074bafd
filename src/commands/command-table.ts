import { adminSpec } from './admin-command.ts';
import { askSpec } from './ask-command.ts';
import { cancelSpec } from './cancel-command.ts';
import type { CommandSpec } from './command-spec.ts';
import { forgetSpec } from './forget-command.ts';
import { helpSpec } from './help-command.ts';
import { imagineSpec } from './imagine-command.ts';
import { modelSpec } from './model-command.ts';
import { queueSpec } from './queue-command.ts';
import { settingsSpec } from './settings-command.ts';
import { summarizeSpec } from './summarize-command.ts';

/** Every command, in the order in which `/help` tells of them. */
export const commandSpecs: readonly CommandSpec[] = [
  askSpec,
  imagineSpec,
  summarizeSpec,
  modelSpec,
  settingsSpec,
  queueSpec,
  cancelSpec,
  forgetSpec,
  helpSpec,
  adminSpec,
];

/** Finds a command by its name or one of its aliases, in any case, with or without the slash. */
export function findCommand(name: string): CommandSpec | undefined {
  const wanted = name.replace(/^\//, '').toLowerCase();
  return commandSpecs.find((spec) => spec.name === wanted || spec.aliases?.includes(wanted) === true);
}
