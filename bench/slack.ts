import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../src/logger.ts';
import { startFresco } from '../src/main.ts';
import { loadSettings } from '../src/settings.ts';
import { fakeTokens } from '../test/fakes/slack/fake-slack.ts';
import type { SlackReport } from './slack-client.ts';

/**
 * How fast 200 events sent at once are acknowledged to Slack while the embedded models work. Slack is the fake, in a process of its own.
 * `npx tsx bench/slack.ts`
 */
const slack = fork(new URL('./slack-client.ts', import.meta.url), { execArgv: ['--import', 'tsx'] });
const next = async (): Promise<SlackReport> => (await once(slack, 'message'))[0];
const { apiUrl } = await next();

async function rush(): Promise<string> {
  slack.send('rush');
  const { acknowledgedMs, repeated } = await next();
  const sorted = [...acknowledgedMs].sort((left, right) => left - right);
  const at = (share: number): string => `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)} ms`;
  return `rush of ${sorted.length}: p50 ${at(0.5)}, p99 ${at(0.99)}, last ${at(1)}; ${repeated} delivered again for want of an answer\n`;
}

// what the machine and the fake alone cost: a process that acknowledges and does nothing else
const bare = fork(new URL('./slack-bare-client.ts', import.meta.url), [apiUrl, fakeTokens.app], { execArgv: ['--import', 'tsx'] });
await once(bare, 'message');
process.stdout.write(`a bare client, nothing at work: ${await rush()}`);
bare.kill();
await once(bare, 'exit');

const dataDir = mkdtempSync(join(tmpdir(), 'fresco-bench-'));
const environment = { FRESCO_DATA_DIR: dataDir, FRESCO_WEB: 'false', SLACK_API_URL: apiUrl, SLACK_BOT_TOKEN: fakeTokens.bot, SLACK_APP_TOKEN: fakeTokens.app };
const fresco = await startFresco(loadSettings({ environment, folder: dataDir }), createLogger({ level: 'error' }));

slack.send('work');
const { working } = await next();
process.stdout.write(`models at work: ${working}\n`);
for (const round of ['first', 'second', 'third']) process.stdout.write(`${round} ${await rush()}`);
await fresco.stop(1000);
slack.send('stop');
await once(slack, 'exit');
rmSync(dataDir, { recursive: true, force: true });
