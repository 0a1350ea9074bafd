import { adminSpec, receiveAdmin } from './admin-command.ts';
import { askSpec, receiveAsk } from './ask-command.ts';
import { cancelSpec, receiveCancel } from './cancel-command.ts';
import type { CommandSpec } from './command-spec.ts';
import type { Command } from './desk-tools.ts';
import { forgetSpec, receiveForget } from './forget-command.ts';
import { helpSpec, receiveHelp } from './help-command.ts';
import { imagineSpec, receiveImagine } from './imagine-command.ts';
import { modelSpec, receiveModel } from './model-command.ts';
import { queueSpec, receiveQueue } from './queue-command.ts';
import { receiveSettings, settingsSpec } from './settings-command.ts';
import { receiveSummarize, summarizeSpec } from './summarize-command.ts';

/** Every command with what it does, in the order in which `/help` tells of them. */
export const commandTable: readonly Command[] = [
  { spec: askSpec, receive: receiveAsk },
  { spec: imagineSpec, receive: receiveImagine },
  { spec: summarizeSpec, receive: receiveSummarize },
  { spec: modelSpec, receive: receiveModel },
  { spec: settingsSpec, receive: receiveSettings },
  { spec: queueSpec, receive: receiveQueue },
  { spec: cancelSpec, receive: receiveCancel },
  { spec: forgetSpec, receive: receiveForget },
  { spec: helpSpec, receive: receiveHelp },
  { spec: adminSpec, receive: receiveAdmin },
];

/** What each command takes: platforms make their menus and forms from this. */
export const commandSpecs: readonly CommandSpec[] = commandTable.map(({ spec }) => spec);

/** Finds a command by its name or one of its aliases, in any case, with or without the slash. */
export function findCommand(name: string): CommandSpec | undefined {
  const wanted = name.replace(/^\//, '').toLowerCase();
  return commandSpecs.find((spec) => spec.name === wanted || spec.aliases?.includes(wanted) === true);
}
