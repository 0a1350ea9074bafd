import { FrescoError } from '../fresco-error.ts';
import { isAdmin } from './access-policy.ts';
import { optionsOf } from './command-options.ts';
import type { CommandSpec } from './command-spec.ts';
import { type CommandInvocation, type Reception, type TypedInvocation, userKeyOf } from './contract.ts';
import type { DeskTools } from './desk-tools.ts';
import { privately } from './press-handlers.ts';

export const forgetSpec = {
  name: 'forget',
  description: 'Forget this conversation and start afresh',
  aliases: ['reset', 'clear'],
  example: '/forget',
  options: [],
} as const satisfies CommandSpec;

const mostConversations = 1000;

/** Forgets the conversation of this place, and what the asker began privately or in its open channel; only who started one, or an admin, may. */
export function receiveForget(tools: DeskTools, invocation: CommandInvocation | TypedInvocation): Reception {
  optionsOf(forgetSpec, invocation);
  const { principal, place } = invocation;
  const owner = userKeyOf(principal);
  return privately(tools, async () => {
    const begun = (await tools.store.conversationsOf(owner, mostConversations)).filter(
      ({ key, starter }) => starter === owner && key.startsWith(`${place.conversation}#`),
    );
    const here = await tools.store.conversation(place.conversation);
    const conversations = here === undefined ? begun : [here, ...begun];
    if (conversations.length === 0) return 'There is nothing to forget here.';
    const mine = conversations.filter(({ starter }) => starter === owner || isAdmin(principal, tools.settings.access));
    if (mine.length === 0) throw new FrescoError('not-yours', { what: 'forget this conversation' });
    for (const { key } of mine) {
      for (const job of tools.jobs.live.values()) if (job.conversation === key) tools.jobs.cancel(job.id, owner);
      await tools.store.forget(key);
      tools.memory.leaveThread(key);
    }
    return 'Forgotten. We start afresh.';
  });
}
