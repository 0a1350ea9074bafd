import type { MenuName } from '../../commands/contract.ts';

/** The global shortcut that opens the painting form. */
export const paintShortcut = 'new-painting';

/** Message shortcuts, as Slack lists them. */
export const messageShortcuts = [
  { menu: 'vary-picture', name: 'Vary this picture', description: 'Paint the picture of this message again, a little different' },
  { menu: 'show-parameters', name: 'Show how it was painted', description: 'Prompt, seed and settings of this picture' },
  { menu: 'ask-about', name: 'Ask about this', description: 'Ask a question about this message' },
  { menu: 'summarize-from', name: 'Summarise thread', description: 'Sum up what is said from here on' },
] as const satisfies readonly { readonly menu: MenuName; readonly name: string; readonly description: string }[];
