import { FrescoError } from '../../fresco-error.ts';

/** One model in the memory of a host. */
export interface Resident {
  readonly key: string;
  readonly bytes: number;
  /** Jobs that use it now; a used model is never let go. */
  readonly users: number;
  readonly lastUsedMs: number;
}

/** What to do so that a model fits: nothing, let others go, or wait until a used one is free. */
export type RoomPlan = { readonly action: 'fits' } | { readonly action: 'unload'; readonly keys: readonly string[] } | { readonly action: 'wait' };

/**
 * Makes room for `neededBytes` within the budget over all hosts: idle models are let go, least recently used first, and
 * no more of them than it takes. Throws 'memory-budget' when the model would not fit an empty budget.
 */
export function planRoom(residents: readonly Resident[], neededBytes: number, budgetBytes: number): RoomPlan {
  if (neededBytes > budgetBytes) throw new FrescoError('memory-budget', { neededBytes, budgetBytes });
  let usedBytes = residents.reduce((sum, { bytes }) => sum + bytes, 0);
  if (usedBytes + neededBytes <= budgetBytes) return { action: 'fits' };
  const keys: string[] = [];
  for (const idle of residents.filter(({ users }) => users === 0).sort((left, right) => left.lastUsedMs - right.lastUsedMs)) {
    usedBytes -= idle.bytes;
    keys.push(idle.key);
    if (usedBytes + neededBytes <= budgetBytes) return { action: 'unload', keys };
  }
  return { action: 'wait' };
}
