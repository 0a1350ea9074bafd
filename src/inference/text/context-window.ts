import { FrescoError } from '../../fresco-error.ts';
import type { ChatTurn } from '../contract.ts';

export interface FittedTurns {
  readonly turns: readonly ChatTurn[];
  /** How many of the oldest turns were left out. */
  readonly dropped: number;
}

/**
 * The newest turns that fit into `limit` tokens, with every system message kept and, where one is left, a user's turn first.
 * `countTokens` is asked a logarithmic number of times. Throws 'context-full' when not even the last turn fits.
 */
export function fitTurns(turns: readonly ChatTurn[], limit: number, countTokens: (turns: readonly ChatTurn[]) => number): FittedTurns {
  const talk = turns.filter(({ role }) => role !== 'system').length;
  const keep = (dropped: number): readonly ChatTurn[] => withoutOldest(turns, dropped);
  if (countTokens(turns) <= limit) return { turns, dropped: 0 };
  const most = Math.max(talk - 1, 0);
  const fewest = countTokens(keep(most));
  if (fewest > limit) throw new FrescoError('context-full', { tokens: fewest, capacity: limit });
  let low = 1;
  let high = most;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (countTokens(keep(middle)) <= limit) high = middle;
    else low = middle + 1;
  }
  const dropped = firstUserAt(turns, low, most);
  return { turns: keep(dropped), dropped };
}

function withoutOldest(turns: readonly ChatTurn[], dropped: number): readonly ChatTurn[] {
  let left = dropped;
  return turns.filter(({ role }) => {
    if (role === 'system' || left === 0) return true;
    left -= 1;
    return false;
  });
}

/** An answer whose question was dropped goes, too. */
function firstUserAt(turns: readonly ChatTurn[], from: number, most: number): number {
  const talk = turns.filter(({ role }) => role !== 'system');
  const next = talk.findIndex(({ role }, index) => index >= from && role === 'user');
  return next < 0 || next > most ? from : next;
}
