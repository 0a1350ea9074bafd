import { FrescoError } from '../fresco-error.ts';
import type { InferenceRequest } from '../inference/contract.ts';
import { storedTextRequest } from './chat-work.ts';
import type { MessageRef, PlatformName, Surface } from './contract.ts';
import type { DeskTools } from './desk-tools.ts';
import { foldFailure, type JobView, renderJobView, startJobView } from './job-view.ts';
import { knownError } from './known-error.ts';
import type { JobRecord, TurnRecord } from './store/records.ts';

/**
 * Picks up what a restart left open on a platform: what waited goes on, what ran ends with a sentence and a working retry, and a
 * result that was stored but perhaps not shown is shown. Resolves when every message is taken care of; jobs that go on run behind it.
 */
export async function recoverJobs(tools: DeskTools, platform: PlatformName, reopen: (ref: MessageRef) => Surface | undefined): Promise<void> {
  await tools.store.dropSecrets(tools.clock.now());
  const open = (await tools.store.openJobs(platform)).filter(({ id }) => !tools.jobs.live.has(id));
  const outcomes = await Promise.allSettled(open.map((record) => recoverJob(tools, record, reopen)));
  for (const outcome of outcomes) if (outcome.status === 'rejected') knownError(outcome.reason, tools.logger);
}

async function recoverJob(tools: DeskTools, record: JobRecord, reopen: (ref: MessageRef) => Surface | undefined): Promise<void> {
  const { store, logger, jobs } = tools;
  const turn = await store.turn(record.turn);
  const ref = await store.linkOf(record.turn);
  const surface = ref === undefined ? undefined : reopen(ref);
  const view = viewOf(record, turn);
  if (record.state === 'delivering' && turn?.message !== undefined) {
    await surface
      ?.finish(turn.message)
      .catch((error: unknown) => logger.warn({ jobId: record.id, cause: error }, 'a result could not be shown after the restart'));
    return store.closeJob(record.id, 'finished', tools.clock.now());
  }
  const request = record.state === 'waiting' && surface !== undefined ? await requestOf(tools, record, turn) : undefined;
  if (request !== undefined && surface !== undefined) {
    jobs
      .resume(record, view, request, surface)
      .catch((error: unknown) => logger.error({ jobId: record.id, cause: error }, 'a job could not be taken up again'));
    return undefined;
  }
  logger.info({ jobId: record.id, shown: surface !== undefined }, 'a job was interrupted by the restart');
  return interrupt(tools, record, view, surface);
}

async function interrupt(tools: DeskTools, record: JobRecord, view: JobView, surface: Surface | undefined): Promise<void> {
  const { store, clock, logger } = tools;
  const message = renderJobView(foldFailure(view, new FrescoError('interrupted', {}), clock.now()));
  await store.saveResult({ job: record.id, turn: { id: record.turn, text: view.before, message }, pictures: [], usage: undefined, atMs: clock.now() });
  await surface
    ?.finish(message)
    .catch((error: unknown) => logger.warn({ jobId: record.id, cause: error }, 'the word about an interrupted job could not be shown'));
  await store.closeJob(record.id, 'failed', clock.now());
}

function viewOf({ id: job, askedAtMs, task }: JobRecord, turn: TurnRecord | undefined): JobView {
  switch (task.kind) {
    case 'chat':
      return startJobView({ job, kind: 'chat', askedAtMs, prompt: '', before: task.goesOn ? (turn?.text ?? '') : '', ahead: 0 });
    case 'picture':
      return startJobView({ job, kind: 'picture', askedAtMs, prompt: task.request.prompt, spoiler: task.spoiler, ahead: 0 });
    case 'upscale':
      return startJobView({ job, kind: 'picture', askedAtMs, prompt: task.prompt, spoiler: task.spoiler, followUps: 'few', ahead: 0 });
    default:
      return task satisfies never;
  }
}

async function requestOf({ store }: DeskTools, { task }: JobRecord, turn: TurnRecord | undefined): Promise<InferenceRequest | undefined> {
  return task.kind === 'chat' ? storedTextRequest(store, task, turn) : task.request;
}
