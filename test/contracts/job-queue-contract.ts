import { expect, it } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { FrescoError } from '../../src/fresco-error.ts';
import { newJobId, seedSchema, userKeySchema } from '../../src/ids.ts';
import type { GenerationEvent, InferenceRequest, JobHandle, JobOrder, JobQueue, JobRunner } from '../../src/inference/contract.ts';
import { FakeClock, settled } from '../fakes/fake-clock.ts';
import { finishedEvent, ScriptedRunner } from '../fakes/scripted-runner.ts';

/** How the contract opens a queue: one job at a time in each lane unless said otherwise. */
export interface QueueSetUp {
  readonly runner: JobRunner;
  readonly clock: Clock;
  readonly maxWaitingPerOwner?: number;
  readonly maxWaiting?: number;
  readonly deadlineMs?: number;
  readonly concurrency?: number;
}

export const textRequest: InferenceRequest = {
  kind: 'text',
  model: 'tiny',
  input: { form: 'raw', text: 'hello' },
  sampling: {},
  maxTokens: 8,
  stop: [],
  continueLast: false,
  useDefaults: false,
};
export const imageRequest: InferenceRequest = { kind: 'image', model: 'brush', prompt: 'a fox', seed: seedSchema.parse(1), count: 1, previews: false };

export function orderOf(owner: string, request: InferenceRequest = textRequest): JobOrder {
  return { id: newJobId(), owner: userKeySchema.parse(owner), request };
}

/** Reads a job to its end in the background. */
export function follow(handle: JobHandle): { readonly events: GenerationEvent[]; readonly ended: Promise<unknown> } {
  const events: GenerationEvent[] = [];
  const read = async (): Promise<unknown> => {
    try {
      for await (const event of handle.events) events.push(event);
      return 'finished';
    } catch (error) {
      return error instanceof FrescoError ? error.code : error;
    }
  };
  return { events, ended: read() };
}

/** What every JobQueue promises. */
export function jobQueueContract(name: string, open: (setUp: QueueSetUp) => JobQueue): void {
  const start = (setUp: Partial<QueueSetUp> = {}) => {
    const runner = new ScriptedRunner();
    const clock = new FakeClock();
    return { runner, clock, queue: open({ runner, clock, ...setUp }) };
  };

  it(`${name} passes a job's events on, in order, and adds how long it waited`, async () => {
    const { queue, runner, clock } = start();
    const first = follow(queue.submit(orderOf('a')));
    const second = follow(queue.submit(orderOf('b')));
    await clock.advance(700);
    (await runner.nextRun()).finish();
    const run = await runner.nextRun();
    run.emit({ type: 'started', model: 'tiny', device: 'cpu' }, { type: 'text-delta', text: 'hi', tokenIds: [1] });
    run.finish();
    expect([await first.ended, await second.ended]).toEqual(['finished', 'finished']);
    expect(second.events.filter(({ type }) => type !== 'queued')).toEqual([
      { type: 'started', model: 'tiny', device: 'cpu' },
      { type: 'text-delta', text: 'hi', tokenIds: [1] },
      { ...finishedEvent, timings: { totalMs: 1, waitedMs: 700 } },
    ]);
  });

  it(`${name} tells a waiting job its place as those ahead of it end`, async () => {
    const { queue, runner } = start();
    const ahead = [follow(queue.submit(orderOf('a'))), follow(queue.submit(orderOf('b')))];
    const last = follow(queue.submit(orderOf('c')));
    const positions = () => last.events.flatMap((event) => (event.type === 'queued' ? [event.position] : []));
    await settled();
    expect(positions().at(-1)).toBe(2);
    (await runner.nextRun()).finish();
    await ahead[0]!.ended;
    await settled();
    expect(positions().at(-1)).toBe(1);
    (await runner.nextRun()).finish();
    (await runner.nextRun()).finish();
    expect(await last.ended).toBe('finished');
    expect(positions()).toEqual([...positions()].sort((left, right) => right - left));
  });

  it(`${name} runs text and pictures beside each other`, async () => {
    const { queue, runner } = start();
    const jobs = [follow(queue.submit(orderOf('a', imageRequest))), follow(queue.submit(orderOf('a', textRequest)))];
    const runs = [await runner.nextRun(), await runner.nextRun()];
    expect(runs.map(({ request }) => request.kind).sort()).toEqual(['image', 'text']);
    for (const run of runs) run.finish();
    expect(await Promise.all(jobs.map(({ ended }) => ended))).toEqual(['finished', 'finished']);
  });

  it(`${name} learns from past jobs when the next one probably starts`, async () => {
    const { queue, runner, clock } = start();
    const first = follow(queue.submit(orderOf('a')));
    const run = await runner.nextRun();
    await clock.advance(8_000);
    run.finish();
    await first.ended;
    await settled();
    follow(queue.submit(orderOf('a')));
    const waiting = follow(queue.submit(orderOf('b')));
    await clock.advance(3_000);
    expect(queue.snapshot().map(({ state, position, etaMs }) => ({ state, position, etaMs }))).toEqual([
      { state: 'running', position: 0, etaMs: 5_000 },
      { state: 'waiting', position: 1, etaMs: 5_000 },
    ]);
    await clock.advance(2_000);
    expect(waiting.events.at(-1)).toEqual({ type: 'queued', position: 1, etaMs: 3_000 });
  });

  it(`${name} refuses one owner's surplus at once, says when to try again, and still serves others`, async () => {
    const { queue, runner, clock } = start({ maxWaitingPerOwner: 2 });
    const first = follow(queue.submit(orderOf('a')));
    const run = await runner.nextRun();
    await clock.advance(4_000);
    run.finish();
    await first.ended;
    await settled();
    for (let count = 0; count < 3; count += 1) follow(queue.submit(orderOf('a')));
    await settled();
    expect(() => queue.submit(orderOf('a'))).toThrow(
      expect.objectContaining({ code: 'too-many-waiting', facts: { waiting: 2, limit: 2, retryAfterMs: 4_000 } }),
    );
    expect(queue.submit({ ...orderOf('a'), maxWaiting: 3 }).id).toBeTypeOf('string');
    expect(queue.submit(orderOf('b')).id).toBeTypeOf('string');
  });

  it(`${name} bounds a lane for everybody and leaves the other lane open`, async () => {
    const { queue } = start({ maxWaiting: 2 });
    for (const owner of ['a', 'b', 'c']) follow(queue.submit(orderOf(owner)));
    await settled();
    expect(() => queue.submit(orderOf('d'))).toThrow(expect.objectContaining({ code: 'queue-full', facts: expect.objectContaining({ waiting: 2, limit: 2 }) }));
    expect(queue.submit(orderOf('d', imageRequest)).id).toBeTypeOf('string');
  });

  it(`${name} cancels a waiting job without running it`, async () => {
    const { queue, runner } = start();
    const first = follow(queue.submit(orderOf('a')));
    const order = orderOf('b');
    const waiting = follow(queue.submit(order));
    await settled();
    expect(queue.cancel(order.id, 'b')).toBe(true);
    expect(await waiting.ended).toBe('cancelled');
    expect(queue.cancel(order.id, 'b')).toBe(false);
    (await runner.nextRun()).finish();
    await first.ended;
    await settled();
    expect(runner.runs).toHaveLength(1);
  });

  it(`${name} cancels a running job through its signal, and the next one starts when the runner has let go`, async () => {
    const { queue, runner } = start();
    const order = orderOf('a');
    const first = follow(queue.submit(order));
    const second = follow(queue.submit(orderOf('b')));
    const run = await runner.nextRun();
    expect(queue.cancel(order.id, 'an admin')).toBe(true);
    expect(await first.ended).toBe('cancelled');
    expect(run.control.signal.aborted).toBe(true);
    (await runner.nextRun()).finish();
    expect(await second.ended).toBe('finished');
  });

  it(`${name} cancels the job of a reader who leaves`, async () => {
    const { queue, runner } = start();
    const handle = queue.submit(orderOf('a'));
    const run = await runner.nextRun();
    for await (const event of handle.events) if (event.type === 'queued') break;
    await settled();
    expect([run.control.signal.aborted, run.ended]).toEqual([true, true]);
    expect(queue.snapshot()).toEqual([]);
  });

  it(`${name} asks a running job to keep what it has, and only a running one`, async () => {
    const { queue, runner } = start();
    const [running, waiting] = [orderOf('a'), orderOf('b')];
    const first = follow(queue.submit(running));
    follow(queue.submit(waiting));
    const run = await runner.nextRun();
    expect([queue.keep(running.id), queue.keep(waiting.id)]).toEqual([true, false]);
    expect([run.control.keep.aborted, run.control.signal.aborted]).toEqual([true, false]);
    run.finish();
    expect(await first.ended).toBe('finished');
    expect(queue.keep(running.id)).toBe(false);
  });

  it(`${name} counts running time against the deadline, and not waiting time`, async () => {
    const { queue, runner, clock } = start({ deadlineMs: 10_000 });
    const first = follow(queue.submit(orderOf('a')));
    const second = follow(queue.submit(orderOf('b')));
    const run = await runner.nextRun();
    await clock.advance(9_000);
    run.finish();
    await first.ended;
    await runner.nextRun();
    await clock.advance(9_999);
    expect(queue.stats().find(({ lane }) => lane === 'text')).toMatchObject({ running: 1, failed: 0 });
    await clock.advance(1);
    expect(await second.ended).toBe('deadline-exceeded');
  });

  it(`${name} passes on the runner's failure and goes on`, async () => {
    const { queue, runner } = start();
    const first = follow(queue.submit(orderOf('a')));
    const second = follow(queue.submit(orderOf('b')));
    (await runner.nextRun()).fail(new FrescoError('host-died', { lane: 'text', attempts: 2 }));
    expect(await first.ended).toBe('host-died');
    (await runner.nextRun()).fail(new TypeError('a bug'));
    expect(await second.ended).toBe('internal');
    const third = follow(queue.submit(orderOf('c')));
    (await runner.nextRun()).finish();
    expect(await third.ended).toBe('finished');
    expect(queue.stats()[0]).toMatchObject({ finished: 1, failed: 2, waiting: 0 });
  });

  it(`${name} holds waiting jobs while paused, refuses new ones, and goes on when resumed`, async () => {
    const { queue, runner } = start();
    const first = follow(queue.submit(orderOf('a')));
    const second = follow(queue.submit(orderOf('b')));
    queue.pause();
    (await runner.nextRun()).finish();
    expect(await first.ended).toBe('finished');
    await settled();
    expect(runner.runs).toHaveLength(1);
    expect(() => queue.submit(orderOf('c'))).toThrow(expect.objectContaining({ code: 'paused' }));
    queue.resume();
    (await runner.nextRun()).finish();
    expect(await second.ended).toBe('finished');
  });

  it(`${name} drains: serves who waits, accepts nobody, and ends the rest when time is up`, async () => {
    const { queue, runner } = start();
    const jobs = ['a', 'b', 'c'].map((owner) => follow(queue.submit(orderOf(owner))));
    const timeUp = new AbortController();
    const drained = queue.drain(timeUp.signal);
    expect(() => queue.submit(orderOf('d'))).toThrow(expect.objectContaining({ code: 'shutting-down' }));
    (await runner.nextRun()).finish();
    await runner.nextRun();
    timeUp.abort();
    await drained;
    expect(await Promise.all(jobs.map(({ ended }) => ended))).toEqual(['finished', 'shutting-down', 'shutting-down']);
  });

  it(`${name} has drained when its last job ended`, async () => {
    const { queue, runner } = start();
    const job = follow(queue.submit(orderOf('a')));
    const drained = queue.drain(new AbortController().signal);
    (await runner.nextRun()).finish();
    await drained;
    expect(await job.ended).toBe('finished');
  });
}
