import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { buildFresco } from '../../scripts/build.mjs';
import { WebVisitorClient } from '../bot/web/web-bench.ts';
import { runFresco } from '../browser/running-fresco.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'fresco-restart-'));
beforeAll(() => buildFresco(), 60_000);
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

it('ends every message of ten jobs that a SIGKILL cut off, with a result or a sentence and a button that works', async () => {
  let address = '';
  const visitors = Array.from({ length: 5 }, () => new WebVisitorClient(() => address));
  {
    await using fresco = await runFresco({ dataDir });
    address = fresco.address;
    await Promise.all(visitors.map((visitor) => visitor.open()));
    await Promise.all(
      visitors.flatMap((visitor, index) => [
        visitor.say(`Tell me a story about number ${index}.`),
        visitor.command(`/imagine a fox --steps 60 --seed ${index}`),
      ]),
    );
    await vi.waitFor(() => expect(visitors.some((visitor) => visitor.shown().some(({ text, final }) => text !== '' && !final))).toBe(true), {
      timeout: 30_000,
    });
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
