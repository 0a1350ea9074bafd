import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import type { ChatPlatform } from './bot/contract.ts';
import { WebPlatform } from './bot/web/web-platform.ts';
import { type Clock, systemClock } from './clock.ts';
import { commandSpecs } from './commands/command-table.ts';
import type { Desk } from './commands/contract.ts';
import { createDesk } from './commands/desk.ts';
import { openSqlStore } from './commands/store/sql-store.ts';
import { FrescoError } from './fresco-error.ts';
import { BlobFolder } from './inference/blob-folder.ts';
import type { ImageRequest, UpscaleRequest } from './inference/contract.ts';
import { createInferenceHosts, type InferenceHosts } from './inference/host/inference-hosts.ts';
import { checkImageRequest, describeImageModel, type ImageModelDescription } from './inference/image/image-request-check.ts';
import { samplerNames } from './inference/image/scheduler-table.ts';
import { MemoryJobQueue } from './inference/jobs/memory-job-queue.ts';
import { type FolderModelStore, openModelStore } from './inference/models/model-store.ts';
import type { DeviceReport } from './inference/runtime/device-choice.ts';
import type { Logger } from './logger.ts';
import { projectFolder } from './project-folder.ts';
import type { Settings } from './settings.ts';

/** More threads than this slow a small model down more than they help. */
const mostThreads = 8;
/** The part of the machine's memory that loaded models may take when the owner does not say. */
const memoryShare = 0.6;

/** The inference room, built: what the terminal needs, and the bot on top of it. */
export interface Core extends AsyncDisposable {
  readonly models: FolderModelStore;
  readonly blobs: BlobFolder;
  readonly hosts: InferenceHosts;
}

/** Builds blobs, models and hosts. Nothing is loaded yet. */
export async function openCore(settings: Settings, logger: Logger, clock: Clock = systemClock): Promise<Core> {
  const blobFolder = join(settings.dataDir, 'blobs');
  const blobs = new BlobFolder({ folder: blobFolder, clock });
  const models = await openModelStore({ projectDir: projectFolder(), dataDir: settings.dataDir, clock });
  const hosts = createInferenceHosts({
    models,
    device: settings.device,
    threads: settings.threads ?? Math.min(availableParallelism(), mostThreads),
    dataDir: settings.dataDir,
    blobFolder,
    loraFolder: join(settings.dataDir, 'loras'),
    memoryBudgetBytes: memoryBudgetOf(settings),
    safety: { checker: settings.safety.checker },
    companions: { upscaler: settings.models.upscaler, refiner: settings.models.refiner },
    clock,
    logger,
  });
  return { models, blobs, hosts, [Symbol.asyncDispose]: () => hosts.close() };
}

/** The running bot. */
export interface Fresco {
  /** Where the page is; undefined when it is switched off. */
  readonly address: string | undefined;
  readonly platforms: readonly ChatPlatform[];
  readonly desk: Desk;
  readonly device: DeviceReport;
  /** Finishes or fails what runs, visibly, and lets go of everything; at most `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

/** Builds every long-lived object once, connects the rooms and starts the platforms that have their tokens. */
export async function startFresco(settings: Settings, logger: Logger, clock: Clock = systemClock): Promise<Fresco> {
  const core = await openCore(settings, logger, clock);
  const store = await openSqlStore(join(settings.dataDir, 'fresco.sqlite'));
  const queue = new MemoryJobQueue({
    runner: core.hosts,
    clock,
    logger,
    maxWaitingPerOwner: settings.limits.waitingPerUser,
    lanes: {
      text: { maxWaiting: settings.limits.waitingPerLane, deadlineMs: settings.limits.deadlineSeconds * 1000 },
      image: { maxWaiting: settings.limits.waitingPerLane, deadlineMs: settings.limits.deadlineSeconds * 1000 },
    },
  });
  const { blobs, models } = core;
  const desk = await createDesk({
    queue,
    store,
    blobs,
    models,
    settings,
    clock,
    logger,
    checkImage: imageCheck(models, memoryBudgetOf(settings)),
    samplers: samplerNames(),
  });
  const platforms = await choosePlatforms(settings, core, logger, clock);
  const warmed = core.hosts.warm(settings.textModel).catch((error: unknown) => logger.warn({ error }, 'the writing model could not be opened yet'));

  const stopping = new AbortController();
  for (const platform of platforms) await startPatiently({ platform, desk, clock, logger, signal: stopping.signal });
  await warmed;
  sweepDaily(blobs, settings.pictures.keepDays, clock, stopping.signal).catch((error: unknown) => logger.warn({ error }, 'old pictures could not be deleted'));
  const web = platforms.find((platform) => platform instanceof WebPlatform);
  return {
    address: web?.address,
    platforms,
    desk,
    device: await core.hosts.devices(),
    stop: (graceMs = 15_000) => stopAll({ platforms, queue, store, core }, graceMs, clock),
  };
}

const dayMs = 86_400_000;

/** Deletes blobs past their retention period, now and every day, until `signal`. */
async function sweepDaily(blobs: BlobFolder, keepDays: number, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await blobs.sweep({ olderThanMs: keepDays * dayMs, keep: new Set() });
    await clock.wait(dayMs, signal);
  }
}

const memoryBudgetOf = (settings: Settings): number => settings.memoryBytes ?? totalmem() * memoryShare;

/** Refuses before queueing what a model can't paint; each model's folder is read once. */
function imageCheck(models: FolderModelStore, budgetBytes: number): (request: ImageRequest | UpscaleRequest) => Promise<void> {
  const known = new Map<string, Promise<ImageModelDescription>>();
  return async (request) => {
    if (request.kind !== 'image') return;
    const folder = await models.find(request.model, 'image');
    const description = known.get(folder.folder) ?? describeImageModel(folder);
    known.set(folder.folder, description);
    checkImageRequest(await description, request, budgetBytes);
  };
}

interface PlatformStart {
  readonly platform: ChatPlatform;
  readonly desk: Desk;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}
const startAgainMs = 60_000;

/**
 * Starts a platform and picks up what a restart left open there. The page must start, or its error ends the start;
 * a chat service that can't be reached now is tried again every minute, while the others work. Throws 'port-in-use', 'settings-invalid'.
 */
async function startPatiently(start: PlatformStart): Promise<void> {
  const { platform, desk, clock, logger, signal } = start;
  try {
    await platform.start(desk);
  } catch (error) {
    if (platform.name === 'web' || !FrescoError.is(error, 'platform-failed')) throw error;
    logger.error({ platform: platform.name, reason: error.facts.reason }, `not connected; tried again in ${startAgainMs / 1000} s`);
    void clock
      .wait(startAgainMs, signal)
      .then(() => (signal.aborted ? undefined : startPatiently(start)))
      .catch((later: unknown) => logger.error({ error: later }, 'a platform did not start'));
    return;
  }
  desk
    .recover(platform.name, (ref) => platform.reopen(ref))
    .catch((error: unknown) => logger.error({ error, platform: platform.name }, 'not everything could be picked up after the restart'));
}

/** Discord's and Slack's libraries are read only where their tokens are set: they take longer to read than all the rest. */
async function choosePlatforms(settings: Settings, core: Core, logger: Logger, clock: Clock): Promise<readonly ChatPlatform[]> {
  const platforms: ChatPlatform[] = [];
  const { blobs, models } = core;
  const health = (): object => ({ status: 'ok', platforms: platforms.map((platform) => platform.health()) });
  if (settings.web.enabled) {
    const { host, port, password, ownerPassword } = settings.web;
    const defaults = { textModel: settings.textModel, imageModel: settings.imageModel };
    const pageFolder = join(projectFolder(), 'dist/page');
    platforms.push(
      new WebPlatform({
        host,
        port,
        password,
        ownerPassword,
        dataDir: settings.dataDir,
        pageFolder,
        blobs,
        models,
        defaults,
        clock,
        logger: logger.child({ platform: 'web' }),
        health,
      }),
    );
  }
  if (settings.discordLogin !== undefined) {
    const { createDiscordPlatform } = await import('./bot/discord/discord-platform.ts');
    platforms.push(
      createDiscordPlatform({
        login: settings.discordLogin,
        settings,
        blobs,
        clock,
        logger: logger.child({ platform: 'discord' }),
        dataDir: settings.dataDir,
        specs: commandSpecs,
      }),
    );
  }
  if (settings.slackLogin !== undefined) {
    const { createSlackPlatform } = await import('./bot/slack/slack-platform.ts');
    platforms.push(
      createSlackPlatform({ login: settings.slackLogin, settings, blobs, clock, logger: logger.child({ platform: 'slack' }), specs: commandSpecs }),
    );
  }
  return platforms;
}

interface Running {
  readonly platforms: readonly ChatPlatform[];
  readonly queue: MemoryJobQueue;
  readonly store: AsyncDisposable;
  readonly core: Core;
}

/** In reverse order: no new requests, jobs drained (or ended with a sentence), platforms closed, hosts and store let go. */
async function stopAll({ platforms, queue, store, core }: Running, graceMs: number, clock: Clock): Promise<void> {
  await Promise.all(platforms.map((platform) => platform.closeIntake()));
  const outOfTime = new AbortController();
  void clock.wait(graceMs, outOfTime.signal).then(() => outOfTime.abort());
  await queue.drain(outOfTime.signal);
  outOfTime.abort();
  await Promise.all(platforms.map((platform) => platform.stop()));
  await core.hosts.close();
  await store[Symbol.asyncDispose]();
}
