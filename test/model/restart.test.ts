import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { WebVisitorClient } from '../bot/web/web-bench.ts';
import { runFresco } from '../browser/running-fresco.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'fresco-restart-'));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

/** How many of the jobs are in the queue, run, or are done: all but those that are just being stored. */
async function takenIn(visitors: readonly WebVisitorClient[]): Promise<number> {
  const about: unknown = await (await visitors[0]?.get('/api/about'))?.json();
  const { waiting, running } = z.object({ pulse: z.object({ waiting: z.number(), running: z.number() }) }).parse(about).pulse;
  return waiting + running + visitors.flatMap((visitor) => visitor.shown()).filter(({ final }) => final).length;
}

it('ends every message of ten jobs that a SIGKILL cut off, with a result or a sentence and a button that works', async () => {
  let address = '';
  const visitors = Array.from({ length: 5 }, () => new WebVisitorClient(() => address));
  {
    await using fresco = await runFresco({ dataDir });
    address = fresco.address;
    await Promise.all(visitors.map((visitor) => visitor.open()));
    await Promise.all(
      visitors.flatMap((visitor, index) => [visitor.say(`Say hello to number ${index}.`), visitor.command(`/imagine a fox --steps 150 --seed ${index}`)]),
    );
    await vi.waitFor(async () => expect(await takenIn(visitors)).toBe(10), { timeout: 60_000 });
    const isPainting = (): boolean => visitors.some((visitor) => visitor.shown().some(({ status, final }) => status?.phase === 'painting' && !final));
    await vi.waitFor(() => expect(isPainting()).toBe(true), { timeout: 60_000 });
    await fresco.kill();
  }
  await using again = await runFresco({ dataDir });
  address = again.address;
  await Promise.all(visitors.map((visitor) => visitor.connect()));
  await vi.waitFor(
    () => {
      const shown = visitors.map((visitor) => visitor.shown());
      expect(shown.map((messages) => messages.length)).toEqual([2, 2, 2, 2, 2]);
      expect(shown.flat().filter(({ final }) => !final)).toEqual([]);
    },
    { timeout: 90_000, interval: 200 },
  );
  for (const message of visitors.flatMap((visitor) => visitor.shown())) {
    const isCutOff = message.actions.some(({ label }) => label === 'Try again');
    expect(isCutOff || message.text !== '' || message.pictures.length > 0).toBe(true);
  }
  const cutOff = visitors.find((visitor) => visitor.shown().some(({ actions }) => actions.some(({ label }) => label === 'Try again')));
  expect(cutOff, 'the job that ran when the process was killed').toBeDefined();
  await cutOff?.press('Try again');
  await vi.waitFor(() => expect(cutOff?.shown().every(({ final, status }) => final && status?.phase !== 'failed')).toBe(true), {
    timeout: 60_000,
    interval: 200,
  });
});
