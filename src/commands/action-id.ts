import { type JobId, jobIdSchema } from '../ids.ts';

/** What a button can ask for. The state behind it is in the database, so a button works after a restart. */
export const actionNames = ['stop', 'keep', 'cancel', 'regenerate', 'continue', 'reroll', 'vary', 'upscale', 'edit', 'parameters', 'delete', 'retry'] as const;
export type ActionName = (typeof actionNames)[number];

export interface ActionId {
  readonly action: ActionName;
  readonly job: JobId;
  /** Which of the job's pictures, from 0. */
  readonly index?: number;
  /** For `upscale`. */
  readonly factor?: 2 | 4;
}

/** `v1:action:jobId[:index[xfactor]]`, far below the 100 characters that platforms allow. */
export function formatActionId({ action, job, index, factor }: ActionId): string {
  const argument = index === undefined ? '' : `:${index}${factor === undefined ? '' : `x${factor}`}`;
  return `v1:${action}:${job}${argument}`;
}

const pattern = /^v1:([a-z]+):([0-9a-z]{12,40})(?::([0-8])(?:x([24]))?)?$/;

/** Reads an action id that came back; undefined for anything we did not write. */
export function parseActionId(text: string): ActionId | undefined {
  const match = pattern.exec(text);
  const action = actionNames.find((name) => name === match?.[1]);
  const job = jobIdSchema.safeParse(match?.[2]);
  if (match === null || action === undefined || !job.success) return undefined;
  const index = match[3] === undefined ? {} : { index: Number(match[3]) };
  const factor = match[4] === undefined ? {} : { factor: match[4] === '2' ? (2 as const) : (4 as const) };
  return { action, job: job.data, ...index, ...factor };
}
