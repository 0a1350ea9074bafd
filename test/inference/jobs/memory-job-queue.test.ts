import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryJobQueue } from '../../../src/inference/jobs/memory-job-queue.ts';
import { silentLogger } from '../../../src/logger.ts';
import { follow, imageRequest, jobQueueContract, orderOf, type QueueSetUp, textRequest } from '../../contracts/job-queue-contract.ts';
import { FakeClock, settled } from '../../fakes/fake-clock.ts';
import { ScriptedRunner } from '../../fakes/scripted-runner.ts';
import { fairnessRun } from './fairness-run.ts';

function open({ runner, clock, maxWaitingPerOwner, maxWaiting, deadlineMs, concurrency }: QueueSetUp): MemoryJobQueue {
  const limits = {
    ...(maxWaiting === undefined ? {} : { maxWaiting }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
  return new MemoryJobQueue({
    runner,
    clock,
    logger: silentLogger,
    lanes: { text: limits, image: limits },
    ...(maxWaitingPerOwner === undefined ? {} : { maxWaitingPerOwner }),
  });
}

describe('MemoryJobQueue', () => {
  jobQueueContract('MemoryJobQueue', open);

  it('ends a thousand jobs of fifty users, none lost, with fair waiting (Jain ≥ 0.95)', async () => {
    const { waits, index } = await fairnessRun({ users: 50, jobsEach: 20 });
    expect(waits).toHaveLength(1000);
    expect(index).toBeGreaterThanOrEqual(0.95);
  });

  it('runs no more at once than its lane allows, whatever is cancelled meanwhile, and every job ends', async () => {
    const actions = fc.array(fc.oneof(fc.record({ submit: fc.constantFrom('a', 'b', 'c') }), fc.record({ cancel: fc.nat(30) }), fc.constant('finish')), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(actions, fc.integer({ min: 1, max: 3 }), async (steps, concurrency) => {
        const runner = new ScriptedRunner();
        const queue = open({ runner, clock: new FakeClock(), concurrency, maxWaitingPerOwner: 100 });
        const jobs: { id: ReturnType<typeof orderOf>['id']; ended: Promise<unknown> }[] = [];
        const active = () => runner.runs.filter(({ ended }) => !ended);
        for (const step of steps) {
          if (step === 'finish') active()[0]?.finish();
          else if ('submit' in step) {
            const order = orderOf(step.submit);
            jobs.push({ id: order.id, ended: follow(queue.submit(order)).ended });
          } else if (jobs[step.cancel] !== undefined) queue.cancel(jobs[step.cancel]!.id, 'test');
          await settled();
          expect(active().length).toBeLessThanOrEqual(concurrency);
        }
        while (active().length > 0) {
          for (const run of active()) run.finish();
          await settled();
        }
        const ends = await Promise.all(jobs.map(({ ended }) => ended));
        expect(ends.every((end) => end === 'finished' || end === 'cancelled')).toBe(true);
        expect(queue.snapshot()).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  it('shows the newest place only to a reader who was away', async () => {
    const runner = new ScriptedRunner();
    const queue = open({ runner, clock: new FakeClock() });
    for (const owner of ['a', 'b', 'c']) follow(queue.submit(orderOf(owner)));
    const late = queue.submit(orderOf('d'));
    for (let count = 0; count < 3; count += 1) {
      await settled();
      (await runner.nextRun()).finish();
    }
    (await runner.nextRun()).finish();
    await settled();
    expect((await follow(late).ended) === 'finished').toBe(true);
  });

  it('keeps one who asks for a picture from waiting behind fifty of another', async () => {
    const runner = new ScriptedRunner();
    const queue = open({ runner, clock: new FakeClock(), maxWaitingPerOwner: 100 });
    for (let count = 0; count < 50; count += 1) follow(queue.submit(orderOf('many', imageRequest)));
    const order = orderOf('one', imageRequest);
    follow(queue.submit(order));
    await settled();
    expect(queue.snapshot().find(({ id }) => id === order.id)?.position).toBe(1);
  });

  it('counts a user’s waiting jobs over both lanes', () => {
    const queue = open({ runner: new ScriptedRunner(), clock: new FakeClock(), maxWaitingPerOwner: 1 });
    follow(queue.submit(orderOf('a', imageRequest)));
    follow(queue.submit(orderOf('a', imageRequest)));
    follow(queue.submit(orderOf('b', textRequest)));
    expect(() => queue.submit(orderOf('a', textRequest))).toThrow(expect.objectContaining({ code: 'too-many-waiting' }));
  });
});
