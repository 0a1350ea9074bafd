import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Client, Events, GatewayIntentBits } from 'discord.js';
import { z } from 'zod';
import { systemClock } from '../src/clock.ts';
import { createLogger } from '../src/logger.ts';
import { startFresco } from '../src/main.ts';
import { loadSettings } from '../src/settings.ts';
import { FakeDiscord } from '../test/fakes/discord/fake-discord.ts';

/**
 * `npx tsx bench/discord.ts`: how long two hundred interactions at once wait for their acknowledgement while the embedded models
 * work, as Discord sees it: from the dispatch on the gateway to the arrival of the callback, over loopback. The bot is the whole of
 * Fresco in a process of its own, its models in theirs; the fake is another, on the same cores. Between two rushes the jobs of
 * the one before go on: most still wait when the next comes.
 */

const interactions = 200;
const rushes = 5;
const betweenMs = 10_000;

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
const reportSchema = z.object({ loopMs: z.number(), cpuMs: z.number() });

async function runBot(apiUrl: string, token: string): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fresco-bench-'));
  const environment = { FRESCO_DATA_DIR: dataDir, FRESCO_WEB: 'false', DISCORD_API_URL: apiUrl, DISCORD_TOKEN: token };
  const fresco = await startFresco(loadSettings({ environment, folder: dataDir }), createLogger({ level: 'error' }));
  const delay = monitorEventLoopDelay({ resolution: 5 });
  let cpu = process.cpuUsage();
  process.on('message', () => {
    const used = process.cpuUsage(cpu);
    process.send?.({ loopMs: delay.percentile(99.9) / 1e6, cpuMs: (used.user + used.system) / 1000 });
    delay.reset();
    delay.enable();
    cpu = process.cpuUsage();
  });
  process.on('disconnect', () => {
    void fresco.stop(0).finally(() => {
      rmSync(dataDir, { recursive: true, force: true });
      process.exit(0);
    });
  });
  process.send?.('ready');
}

/** What the machine, the client library and the fake alone cost: a bot that acknowledges and does nothing else. */
async function runBare(apiUrl: string, token: string): Promise<void> {
  const client = new Client({ intents: [GatewayIntentBits.Guilds], rest: { api: apiUrl } });
  client.on(Events.InteractionCreate, (interaction) => {
    if (interaction.isChatInputCommand()) interaction.deferReply().catch(() => {});
  });
  client.once(Events.ClientReady, () => process.send?.('ready'));
  process.on('disconnect', () => process.exit(0));
  await client.login(token);
}

async function report(bot: ReturnType<typeof fork>): Promise<z.infer<typeof reportSchema>> {
  const answer = once(bot, 'message');
  bot.send('report');
  return reportSchema.parse((await answer)[0]);
}

async function measure(): Promise<void> {
  const fake = await FakeDiscord.open();
  const guild = fake.addServer('Lighthouse');
  const channels = Array.from({ length: 20 }, (_, index) => fake.addChannel(guild, `channel-${index}`));
  const crowd = Array.from({ length: 50 }, (_, index) => fake.addPerson(`Person ${index}`));
  const start = async (role: string): Promise<ReturnType<typeof fork>> => {
    const child = fork(import.meta.filename, [role, fake.login.apiUrl, fake.login.token], { execArgv: process.execArgv });
    await once(child, 'message');
    return child;
  };
  const rush = (count: number, steps: string): void => {
    for (let index = 0; index < count; index += 1) {
      const [person, channel] = [crowd[index % crowd.length], channels[index % channels.length]];
      if (person === undefined || channel === undefined) throw new Error('nobody, nowhere');
      person.slash(channel, index % 2 === 0 ? 'imagine' : 'ask', { prompt: index % 2 === 0 ? `a fox ${steps}` : `Tell me a story about fox number ${index}.` });
    }
  };
  const waitsSince = (seen: number): number[] =>
    fake.timeline
      .of('acknowledged')
      .slice(seen)
      .map(({ afterMs }) => afterMs);
  const told = (given: readonly number[], asked = interactions): string => {
    const waits = given.toSorted((left, right) => left - right);
    return `p50 ${percentile(waits, 0.5).toFixed(0)} ms, p99 ${percentile(waits, 0.99).toFixed(0)} ms, slowest ${waits.at(-1)?.toFixed(0)} ms, never ${asked - waits.length}`;
  };
  const acknowledged = (): number => fake.timeline.of('acknowledged').length;

  const end = async (child: ReturnType<typeof fork>): Promise<void> => {
    child.disconnect();
    await once(child, 'exit');
  };
  await end(await start('bot')); // it registers the commands
  const bare = await start('bare');
  for (let round = 1; round <= 2; round += 1) {
    const seen = acknowledged();
    rush(interactions, '');
    await systemClock.wait(3000);
    process.stdout.write(`a bare client, nothing at work: ${told(waitsSince(seen))}\n`);
  }
  await end(bare);

  const bot = await start('bot');
  rush(10, '--steps 60'); // both models get to work, and the compiler warms up
  await systemClock.wait(4000);
  const all: number[] = [];
  for (let round = 0; round <= rushes; round += 1) {
    await report(bot);
    const seen = acknowledged();
    rush(interactions, '');
    await systemClock.wait(betweenMs);
    const { loopMs, cpuMs } = await report(bot);
    if (round === 0) continue; // it warms the compiler up
    const waits = waitsSince(seen);
    all.push(...waits);
    process.stdout.write(
      `rush ${round} of ${interactions}, embedded models at work: ${told(waits)}; main's event loop p99.9 ${loopMs.toFixed(0)} ms, its processor time ${cpuMs.toFixed(0)} ms of ${betweenMs}\n`,
    );
  }
  const pictures = [...fake.world.messages.values()].filter(({ files }) => files.length > 0).length;
  process.stdout.write(`all ${rushes} rushes: ${told(all, rushes * interactions)}\n`);
  process.stdout.write(`messages with a picture by then: ${pictures}\n`);
  await end(bot);
  process.exit(0); // the fake's open sockets need no goodbye
}

const [role, apiUrl, token] = process.argv.slice(2);
if (role === 'bare' && apiUrl !== undefined && token !== undefined) await runBare(apiUrl, token);
else if (role === 'bot' && apiUrl !== undefined && token !== undefined) await runBot(apiUrl, token);
else await measure();
