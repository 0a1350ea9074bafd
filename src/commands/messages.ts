import type { JobId } from '../ids.ts';
import { type ActionName, formatActionId } from './action-id.ts';
import type { Action, Message } from './contract.ts';

/** A short word of the bot itself. */
export function noticeMessage(text: string): Message {
  return { kind: 'notice', text, pictures: [], actions: [], final: true };
}

interface Look {
  readonly label: string;
  readonly emoji: string;
  readonly style: Action['style'];
}
const looks: { readonly [Name in ActionName]: Look } = {
  stop: { label: 'Stop', emoji: '⏹️', style: 'secondary' },
  keep: { label: 'Stop here, keep it', emoji: '✅', style: 'primary' },
  cancel: { label: 'Cancel', emoji: '✖️', style: 'secondary' },
  regenerate: { label: 'Again', emoji: '🔄', style: 'secondary' },
  continue: { label: 'Go on', emoji: '▶️', style: 'primary' },
  reroll: { label: 'Reroll', emoji: '🎲', style: 'primary' },
  vary: { label: 'Vary', emoji: '🎨', style: 'secondary' },
  upscale: { label: 'Enlarge', emoji: '🔍', style: 'secondary' },
  edit: { label: 'Edit prompt', emoji: '✏️', style: 'secondary' },
  parameters: { label: 'Parameters', emoji: 'ℹ️', style: 'secondary' },
  delete: { label: 'Delete', emoji: '🗑️', style: 'danger' },
  retry: { label: 'Try again', emoji: '🔄', style: 'primary' },
};

/** A button for a job; of several pictures it names the one it is about. */
export function actionButton(action: ActionName, job: JobId, about: { readonly index?: number; readonly factor?: 2 | 4; readonly of?: number } = {}): Action {
  const { index, factor, of = 1 } = about;
  const { label, emoji, style } = looks[action];
  const id = formatActionId({ action, job, ...(index === undefined ? {} : { index }), ...(factor === undefined ? {} : { factor }) });
  const times = factor === undefined ? '' : ` ×${factor}`;
  const which = of > 1 && index !== undefined ? ` ${index + 1}` : '';
  return { id, label: `${label}${which}${times}`, emoji, style };
}
