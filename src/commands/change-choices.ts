import type { DeskTools } from './desk-tools.ts';
import type { Choices } from './store/records.ts';

/** Changes what a scope chose: at once in memory, and soon in the store. */
export function changeChoices({ memory, store, logger }: DeskTools, scope: string, choices: Choices): void {
  memory.setChoices(scope, choices);
  store.setChoices(scope, choices).catch((error: unknown) => logger.error({ cause: error }, 'a choice could not be stored'));
}
