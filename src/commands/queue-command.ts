import { isAdmin } from './access-policy.ts';
import { optionsOf } from './command-options.ts';
import type { CommandSpec } from './command-spec.ts';
import { type CommandInvocation, type Reception, type TypedInvocation, userKeyOf } from './contract.ts';
import type { DeskTools } from './desk-tools.ts';
import { noticeMessage } from './messages.ts';
import { waitWords } from './plain-words.ts';
import { oneLine } from './prompt-text.ts';
import { statusLine } from './status-line.ts';

export const queueSpec = {
  name: 'queue',
  description: 'Who waits, who runs, and when it is your turn',
  example: '/queue',
  options: [],
} as const satisfies CommandSpec;

const shownJobs = 20;

/** Both lanes in numbers and one's own jobs by name; admins see everyone's, without their words. */
export function receiveQueue(tools: DeskTools, invocation: CommandInvocation | TypedInvocation): Reception {
  optionsOf(queueSpec, invocation);
  const owner = userKeyOf(invocation.principal);
  const seesAll = isAdmin(invocation.principal, tools.settings.access);
  const lanes = tools.queue
    .stats()
    .map(
      ({ lane, waiting, running, paused }) =>
        `- ${lane === 'text' ? 'Writing' : 'Painting'}: ${running} running, ${waiting} waiting${paused ? ', paused' : ''}`,
    );
  const mine = tools.queue.snapshot().filter((job) => job.owner === owner || seesAll);
  const jobs = mine.slice(0, shownJobs).map((job) => {
    const note = tools.memory.job(job.id);
    const words = job.owner === owner && note !== undefined && note.prompt !== '' ? ` “${oneLine(note.prompt, 40)}”` : '';
    const whose = job.owner === owner ? '' : ` (${job.owner})`;
    const when =
      job.state === 'waiting'
        ? statusLine({ phase: 'queued', position: job.position, etaMs: job.etaMs })
        : job.etaMs === undefined
          ? 'running'
          : `running, ${waitWords(job.etaMs)} left`;
    return `- \`${job.id.slice(0, 6)}\` ${job.lane}${words}${whose}: ${when}`;
  });
  const own = jobs.length === 0 ? ['You have nothing waiting.'] : [seesAll ? 'Jobs:' : 'Yours:', ...jobs];
  return { kind: 'answer', message: noticeMessage([...lanes, ...own].join('\n')), audience: 'sender' };
}
