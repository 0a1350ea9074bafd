import { jainIndex } from '../../../src/inference/jobs/fair-order.ts';
import { MemoryJobQueue } from '../../../src/inference/jobs/memory-job-queue.ts';
import { silentLogger } from '../../../src/logger.ts';
import { orderOf, textRequest } from '../../contracts/job-queue-contract.ts';
import { FakeClock } from '../../fakes/fake-clock.ts';
import { finishedEvent } from '../../fakes/scripted-runner.ts';

/**
 * Many users submit all their jobs at once, one user after the other (the worst order for a plain line), and each job
 * runs for 2 to 6 s of fake time. Gives each job's wait and Jain's index over the users' mean waits.
 */
export async function fairnessRun({ users, jobsEach }: { readonly users: number; readonly jobsEach: number }): Promise<{
  readonly waits: readonly number[];
  readonly index: number;
  readonly plainIndex: number;
}> {
  const clock = new FakeClock();
  let runs = 0;
  const runner = {
    async *run() {
      runs += 1;
      await clock.wait(2000 + ((runs * 7919) % 4001)); // spread without randomness
      yield finishedEvent;
    },
  };
  const queue = new MemoryJobQueue({ runner, clock, logger: silentLogger, maxWaitingPerOwner: jobsEach, lanes: { text: { maxWaiting: users * jobsEach } } });
  const waitOf = async (events: AsyncIterable<{ readonly type: string; readonly timings?: { readonly waitedMs?: number } }>): Promise<number> => {
    for await (const event of events) if (event.type === 'finished') return event.timings?.waitedMs ?? Number.NaN;
    throw new Error('a job ended without a result');
  };
  const byUser = Array.from({ length: users }, (_, user) =>
    Array.from({ length: jobsEach }, () => waitOf(queue.submit(orderOf(`user ${user}`, textRequest)).events)),
  );
  const all = Promise.all(byUser.map((waits) => Promise.all(waits)));
  let done = false;
  const ended = all.finally(() => {
    done = true;
  });
  while (!done) await clock.advance(60_000);
  const waits = await ended;
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const inLine = waits.flat().sort((left, right) => left - right);
  return {
    waits: waits.flat(),
    index: jainIndex(waits.map(mean)),
    plainIndex: jainIndex(waits.map((_, user) => mean(inLine.slice(user * jobsEach, (user + 1) * jobsEach)))),
  };
}
