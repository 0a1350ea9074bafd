import { FrescoError } from '../fresco-error.ts';
import type { UserKey } from '../ids.ts';
import { isAdmin } from './access-policy.ts';
import { type Place, userKeyOf } from './contract.ts';
import type { Asker, DeskTools } from './desk-tools.ts';

/** What must be known of a job to say who may do what with it. */
export interface JobOwnership {
  readonly owner: UserKey;
  readonly place: Pick<Place, 'platform' | 'workspace' | 'channel'>;
  readonly isPrivate: boolean;
}

/**
 * Lets its owner and admins do anything with a job, and others who see it in its channel what changes nothing of it.
 * Throws 'not-found' for a job that this person can't see (an id that was made up or carried elsewhere), 'not-yours' else.
 */
export function checkJobAccess(tools: DeskTools, asker: Asker, job: JobOwnership, what: { readonly changes: boolean; readonly name: string }): void {
  const { principal, place } = asker;
  if (job.owner === userKeyOf(principal) || isAdmin(principal, tools.settings.access)) return;
  const isHere = job.place.platform === place.platform && job.place.workspace === place.workspace && job.place.channel === place.channel;
  if (!isHere || job.isPrivate) throw new FrescoError('not-found', { what: 'what this button is for' });
  if (what.changes) throw new FrescoError('not-yours', { what: what.name });
}
