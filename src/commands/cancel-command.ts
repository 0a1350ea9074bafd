import { FrescoError } from '../fresco-error.ts';
import { isAdmin } from './access-policy.ts';
import { optionsOf } from './command-options.ts';
import type { CommandSpec } from './command-spec.ts';
import { type CommandInvocation, type Reception, type TypedInvocation, userKeyOf } from './contract.ts';
import type { DeskTools } from './desk-tools.ts';
import { noticeMessage } from './messages.ts';

export const cancelSpec = {
  name: 'cancel',
  description: 'Stop your jobs that wait or run',
  aliases: ['stop'],
  example: '/cancel',
  options: [
    { type: 'text', name: 'job', description: 'One job, as /queue names it; leave it out for all of yours', maxLength: 40, isRest: true, completes: true },
  ],
} as const satisfies CommandSpec;

/** Stops one's own jobs: all of them, or the one named; an admin may name anyone's. */
export function receiveCancel(tools: DeskTools, invocation: CommandInvocation | TypedInvocation): Reception {
  const name = optionsOf(cancelSpec, invocation).text('job')?.toLowerCase();
  const owner = userKeyOf(invocation.principal);
  const live = [...tools.jobs.live.values()];
  const named = name === undefined ? live.filter((job) => job.owner === owner) : live.filter(({ id }) => name.length >= 4 && id.startsWith(name));
  const mine = named.filter((job) => job.owner === owner || isAdmin(invocation.principal, tools.settings.access));
  if (name !== undefined && mine.length === 0) throw new FrescoError('not-found', { what: 'a job of yours by that name' });
  const stopped = mine.filter(({ id }) => tools.jobs.cancel(id, owner)).length;
  const text = stopped === 0 ? 'You have nothing to stop.' : `Stopped ${stopped} ${stopped === 1 ? 'job' : 'jobs'}.`;
  return { kind: 'answer', message: noticeMessage(text), audience: 'sender' };
}
