import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { z } from 'zod';
import { createDiscordPlatform } from '../src/bot/discord/discord-platform.ts';
import { systemClock } from '../src/clock.ts';
import { commandSpecs } from '../src/commands/command-table.ts';
import { silentLogger } from '../src/logger.ts';
import { openDeskBench, playing } from '../test/fakes/desk-bench.ts';
import { FakeDiscord } from '../test/fakes/discord/fake-discord.ts';
import { MemoryBlobStore } from '../test/fakes/memory-blob-store.ts';

/**
 * `npx tsx bench/discord.ts`: how long two hundred interactions at once wait for their acknowledgement while jobs run,
 * as Discord sees it: from the dispatch on the gateway to the arrival of the callback, over loopback.
 * The bot (client, desk, queue, store; scripted models) is a process of its own, as in production; the fake is another.
 */

const interactions = 200;
const rounds = 10;
const settleMs = 3000;

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
const reportSchema = z.object({ loopMs: z.number(), cpuMs: z.number() });

async function runBot(apiUrl: string, token: string): Promise<void> {
  const blobs = new MemoryBlobStore();
  const { desk, settings } = await openDeskBench({
    blobs,
    clock: systemClock,
    script: playing({ blobs }),
    settings: { limits: { waitingPerUser: 1000, waitingPerLane: 10_000 } },
  });
  const dataDir = await mkdtemp(join(tmpdir(), 'fresco-bench-'));
  const platform = createDiscordPlatform({
    login: { token, apiUrl, server: undefined },
    settings,
    blobs,
    clock: systemClock,
    logger: silentLogger,
    dataDir,
    specs: commandSpecs,
  });
  await platform.start(desk);
  await rm(dataDir, { recursive: true });
  const delay = monitorEventLoopDelay({ resolution: 5 });
  let cpu = process.cpuUsage();
  process.on('message', () => {
    const used = process.cpuUsage(cpu);
    process.send?.({ loopMs: delay.percentile(99.9) / 1e6, cpuMs: (used.user + used.system) / 1000 });
    delay.reset();
    delay.enable();
    cpu = process.cpuUsage();
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}

async function measure(): Promise<void> {
  const fake = await FakeDiscord.open();
  const guild = fake.addServer('Lighthouse');
  const channels = Array.from({ length: 20 }, (_, index) => fake.addChannel(guild, `channel-${index}`));
  const crowd = Array.from({ length: 50 }, (_, index) => fake.addPerson(`Person ${index}`));
  const bot = fork(import.meta.filename, ['bot', fake.login.apiUrl, fake.login.token], { execArgv: process.execArgv });
  await once(bot, 'message');
  const ask = async (): Promise<z.infer<typeof reportSchema>> => {
    const report = once(bot, 'message');
    bot.send('report');
    return reportSchema.parse((await report)[0]);
  };
  const waits: number[] = [];
  const loops: number[] = [];
  let cpuMs = 0;
  for (let round = -1; round < rounds; round += 1) {
    await ask();
    const seen = fake.timeline.of('acknowledged').length;
    for (let index = 0; index < interactions; index += 1) {
      const [person, channel] = [crowd[index % crowd.length], channels[index % channels.length]];
      if (person === undefined || channel === undefined) throw new Error('nobody, nowhere');
      person.slash(channel, index % 2 === 0 ? 'imagine' : 'ask', { prompt: `a fox, number ${index}` });
    }
    await systemClock.wait(settleMs + 500);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const report = await ask();
    if (round < 0) continue; // the first warms the compiler up
    waits.push(
      ...fake.timeline
        .of('acknowledged')
        .slice(seen)
        .map(({ afterMs }) => afterMs),
    );
    loops.push(report.loopMs);
    cpuMs += report.cpuMs;
  }
  waits.sort((left, right) => left - right);
  process.stdout.write(
    `discord: ${interactions} interactions at once, ${rounds} rounds, scripted models, bot in its own process\n` +
      `  acknowledged p50 ${percentile(waits, 0.5).toFixed(0)} ms, p99 ${percentile(waits, 0.99).toFixed(0)} ms, slowest ${waits.at(-1)?.toFixed(0)} ms; not in time: ${rounds * interactions - waits.length}\n` +
      `  the bot's processor time a round, work included: ${(cpuMs / rounds).toFixed(0)} ms; its event loop delay p99.9 at worst ${Math.max(...loops).toFixed(0)} ms\n`,
  );
  bot.disconnect();
  await once(bot, 'exit');
  process.exit(0); // the fake's open sockets need no goodbye
}

const [role, apiUrl, token] = process.argv.slice(2);
if (role === 'bot' && apiUrl !== undefined && token !== undefined) await runBot(apiUrl, token);
else await measure();
