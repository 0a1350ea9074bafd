import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChatPlatform } from '../../../src/bot/contract.ts';
import { createDiscordPlatform, type DiscordPlatformOptions } from '../../../src/bot/discord/discord-platform.ts';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { commandSpecs } from '../../../src/commands/command-table.ts';
import type { Picture } from '../../../src/commands/contract.ts';
import type { BlobRef } from '../../../src/ids.ts';
import { type Logger, silentLogger } from '../../../src/logger.ts';
import { loadSettings } from '../../../src/settings.ts';
import { FakeDiscord, type FakeDiscordOptions } from '../../fakes/discord/fake-discord.ts';
import { MemoryBlobStore } from '../../fakes/memory-blob-store.ts';
import { ScriptedDesk } from '../../fakes/scripted-desk.ts';

/** Time that runs as usual and can jump: fifteen minutes pass at a word. */
export class JumpingClock implements Clock {
  #aheadMs = 0;
  now(): number {
    return systemClock.now() + this.#aheadMs;
  }
  wait(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.wait(ms, signal);
  }
  jump(ms: number): void {
    this.#aheadMs += ms;
  }
}

/**
 * Time as this process works: other processes on a busy machine do not make it pass.
 * "None after three seconds" is then a statement about our work (and the fake's, which comes on top), not about the neighbours.
 */
export class WorkClock implements Clock {
  readonly #startMs = systemClock.now();
  readonly #start = process.cpuUsage();
  now(): number {
    const { user, system } = process.cpuUsage(this.#start);
    return this.#startMs + (user + system) / 1000;
  }
  wait(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.wait(ms, signal);
  }
}

/** Budgets as usual in shape, a hundred times as fast, so that no test waits for a window to end. */
export const fastRates = {
  channelMessages: { limit: 5, windowMs: 50 },
  interactionToken: { limit: 5, windowMs: 20 },
  other: { limit: 200, windowMs: 1000 },
  global: { limit: 1000, windowMs: 1000 },
} as const;

export class LogLines {
  readonly lines: { readonly level: string; readonly facts: object; readonly message: string }[] = [];
  readonly logger: Logger = this.#at('warn');

  #at(_: string): Logger {
    const write = (level: string) => (facts: object, message: string) => void this.lines.push({ level, facts, message });
    const logger: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error'), child: () => logger };
    return logger;
  }
}

export interface ScriptedBenchOptions extends FakeDiscordOptions {
  readonly settings?: object;
  readonly login?: Partial<DiscordPlatformOptions['login']>;
  readonly logger?: Logger;
  readonly before?: (fake: FakeDiscord) => void;
}

/** The fake, the real client and a desk in the test's hands. */
export async function openScriptedBench(options: ScriptedBenchOptions = {}) {
  const clock = new JumpingClock();
  const fake = await FakeDiscord.open({ clock, rates: fastRates, ...options });
  const guild = fake.addServer('Lighthouse');
  const channel = fake.addChannel(guild, 'general');
  const ada = fake.addPerson('Ada');
  const ben = fake.addPerson('Ben');
  options.before?.(fake);
  const blobs = new MemoryBlobStore();
  const desk = new ScriptedDesk();
  const dataDir = await mkdtemp(join(tmpdir(), 'fresco-discord-'));
  const settings = loadSettings({ environment: { FRESCO_CONFIG: join(dataDir, 'none.json') }, folder: dataDir });
  const openPlatform = (login: Partial<DiscordPlatformOptions['login']> = {}): ChatPlatform =>
    createDiscordPlatform({
      login: { ...fake.login, ...options.login, ...login },
      settings: { ...settings, ...options.settings },
      blobs,
      clock,
      rushClock: systemClock,
      logger: options.logger ?? silentLogger,
      dataDir,
      specs: commandSpecs,
      editGapMs: 15,
    });
  const platform = openPlatform();
  return {
    fake,
    guild,
    channel,
    ada,
    ben,
    desk,
    blobs,
    clock,
    platform,
    dataDir,
    openPlatform,
    start: () => platform.start(desk),
    picture: (blob: BlobRef, alt = 'a fox', spoiler = false): Picture => ({ source: { kind: 'blob', blob }, alt, spoiler, width: 64, height: 64 }),
    preview: (marker: number, alt = 'a fox'): Picture => ({
      source: { kind: 'preview', preview: { bytes: new Uint8Array([82, 73, 70, 70, marker]), mediaType: 'image/webp', width: 64, height: 64 } },
      alt,
      spoiler: false,
      width: 64,
      height: 64,
    }),
    async [Symbol.asyncDispose](): Promise<void> {
      await platform.stop();
      await fake[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
