import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { buildFresco } from '../scripts/build.mjs';
import { systemClock } from '../src/clock.ts';
import { createLogger } from '../src/logger.ts';
import { startFresco } from '../src/main.ts';
import { loadSettings } from '../src/settings.ts';
import type { RushReport } from './page-rush.ts';

/**
 * How main feels while the models work: its event loop's delay beside an idle process, and how fast 200 requests sent at once
 * are acknowledged on the page. `npx tsx bench/chat.ts`
 */
const restMs = 5000;
await buildFresco();
const dataDir = mkdtempSync(join(tmpdir(), 'fresco-bench-'));
const settings = loadSettings({ environment: { FRESCO_DATA_DIR: dataDir, FRESCO_PORT: '0', FRESCO_LOG_LEVEL: 'error' }, folder: dataDir });
const startedMs = performance.now();
const fresco = await startFresco(settings, createLogger({ level: 'error' }));
const address = fresco.address ?? '';
process.stdout.write(`ready after ${Math.round(performance.now() - startedMs)} ms\n`);

const rush = (mode: 'work' | 'rush'): Promise<RushReport> =>
  new Promise((resolve, reject) => {
    const child = fork(new URL('./page-rush.ts', import.meta.url), [address, mode], { execArgv: ['--import', 'tsx'] });
    child.once('message', (report: RushReport) => resolve(report));
    child.once('exit', (code) => (code === 0 ? undefined : reject(new Error(`the client ended with ${code}`))));
  });
const idle = fork(new URL('./idle-process.ts', import.meta.url), { execArgv: ['--import', 'tsx'] });
await new Promise((resolve) => idle.once('message', resolve));

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
idle.send('measure');
const work = await rush('work');
delay.disable();
const control = await new Promise<number>((resolve) => {
  idle.once('message', (value: number) => resolve(value));
  idle.send('report');
});
process.stdout.write(`first token ${Math.round(work.firstMs)} ms after the question, the 30-step picture and the answer after ${Math.round(work.lastMs)} ms\n`);
process.stdout.write(`event loop delay while they ran, p99.9: main ${(delay.percentile(99.9) / 1e6).toFixed(1)} ms, idle process ${control.toFixed(1)} ms\n`);

for (const round of ['first', 'second', 'third']) {
  if (round !== 'first') await systemClock.wait(restMs); // the work on the rush before is under way by then

  const { acknowledgedMs, served, refused } = await rush('rush');
  const sorted = [...acknowledgedMs].sort((left, right) => left - right);
  const at = (share: number): string => `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)} ms`;
  process.stdout.write(
    `${round} rush of ${sorted.length}: p50 ${at(0.5)}, p99 ${at(0.99)}, last ${at(1)}; ${served} taken, ${refused} refused with a reason\n`,
  );
}
idle.kill();
await fresco.stop(2000);
rmSync(dataDir, { recursive: true, force: true });
process.exit(0);
