import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChatPlatform } from '../../../src/bot/contract.ts';
import { createDiscordPlatform } from '../../../src/bot/discord/discord-platform.ts';
import { systemClock } from '../../../src/clock.ts';
import { commandSpecs } from '../../../src/commands/command-table.ts';
import { silentLogger } from '../../../src/logger.ts';
import { type DeskBench, type DeskBenchOverrides, openDeskBench } from '../../fakes/desk-bench.ts';
import { FakeDiscord, type FakeDiscordOptions } from '../../fakes/discord/fake-discord.ts';
import { visibleText } from '../../fakes/discord/payloads.ts';
import { fastRates, JumpingClock } from './scripted-bench.ts';

export interface DeskHarnessOptions extends Omit<DeskBenchOverrides, 'clock'> {
  readonly discord?: Omit<FakeDiscordOptions, 'clock'>;
  readonly before?: (fake: FakeDiscord) => void;
  readonly editGapMs?: number;
}

/** The fake, the real client, the real desk and scripted models: all of Fresco but the models. */
export async function openDeskHarness(options: DeskHarnessOptions = {}) {
  const clock = new JumpingClock();
  const fake = await FakeDiscord.open({ clock, rates: fastRates, ...options.discord });
  const guild = fake.addServer('Lighthouse');
  const channel = fake.addChannel(guild, 'general');
  const ada = fake.addPerson('Ada');
  const ben = fake.addPerson('Ben');
  options.before?.(fake);
  const dataDir = await mkdtemp(join(tmpdir(), 'fresco-discord-'));
  const benches: DeskBench[] = [await openDeskBench({ ...options, clock })];
  let platform: ChatPlatform | undefined;
  const current = (): DeskBench => {
    const bench = benches.at(-1);
    if (bench === undefined) throw new Error('no bench');
    return bench;
  };
  const start = async (): Promise<void> => {
    const { desk, blobs, settings } = current();
    platform = createDiscordPlatform({
      login: fake.login,
      settings,
      blobs,
      clock,
      rushClock: systemClock,
      logger: silentLogger,
      dataDir,
      specs: commandSpecs,
      editGapMs: options.editGapMs ?? 15,
    });
    const started = platform;
    await started.start(desk);
    await desk.recover('discord', (ref) => started.reopen(ref));
  };
  await start();
  return {
    fake,
    guild,
    channel,
    ada,
    ben,
    clock,
    get platform(): ChatPlatform {
      if (platform === undefined) throw new Error('not started');
      return platform;
    },
    get bench(): DeskBench {
      return current();
    },
    /** The process dies without goodbye and comes back on the same store. */
    async restart(overrides: Parameters<DeskBench['restarted']>[0] = {}): Promise<void> {
      await platform?.stop();
      benches.push(await current().restarted(overrides));
      await start();
    },
    texts: (where: { readonly id: string }): string[] => fake.answersIn(where).map(visibleText),
    async [Symbol.asyncDispose](): Promise<void> {
      await platform?.stop();
      await fake[Symbol.asyncDispose]();
      for (const bench of benches.reverse()) {
        try {
          await bench[Symbol.asyncDispose]();
        } catch {
          // an earlier life shares the store that is closed by now
        }
      }
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
