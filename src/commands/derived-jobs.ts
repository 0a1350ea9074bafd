import { FrescoError } from '../fresco-error.ts';
import { type JobId, randomSeed } from '../ids.ts';
import type { ImageRequest, Lane, UpscaleRequest } from '../inference/contract.ts';
import { storedTextRequest } from './chat-work.ts';
import { type Place, type Principal, userKeyOf } from './contract.ts';
import type { DeskTools } from './desk-tools.ts';
import { checkJobAccess } from './job-access.ts';
import type { JobPlan, PreparedJob } from './job-desk.ts';
import { picturePlan } from './picture-work.ts';
import type { ChatTask, JobRecord, StoredPicture, TurnRecord } from './store/records.ts';
import { assistantTurn } from './turn-placement.ts';

/** Someone who wants more of a job that was done before. */
export interface FollowUp {
  readonly principal: Principal;
  readonly place: Place;
  readonly receivedAtMs: number;
  readonly job: JobId;
  /** How it is called where it is refused. */
  readonly name: string;
  readonly changes: boolean;
  readonly on: 'new' | 'pressed';
}
interface Origin {
  readonly record: JobRecord;
  readonly turn: TurnRecord;
}

/** How much of a picture a variation paints over. */
const variationStrength = 0.6;

/** A plan for what comes from an earlier job; the job itself is read when the plan is carried out. */
export function derivedPlan(
  tools: DeskTools,
  followUp: FollowUp,
  lane: Lane,
  prepare: (origin: Origin, job: JobId, signal: AbortSignal) => Promise<() => Promise<PreparedJob>>,
): JobPlan {
  const { principal, place, receivedAtMs, job: from, on } = followUp;
  const note = tools.memory.job(from);
  if (note !== undefined) checkJobAccess(tools, followUp, note, followUp);
  return {
    principal,
    place,
    receivedAtMs,
    lane,
    view: { kind: lane === 'text' ? 'chat' : 'picture', prompt: note?.prompt ?? '' },
    // whose it is is not known yet: a refusal must not take the place of what somebody else was shown
    isPrivate: note?.isPrivate ?? on === 'pressed',
    on: note === undefined ? 'new' : on,
    prepare: async (job, signal) => prepare(await originOf(tools, followUp), job, signal),
  };
}

async function originOf(tools: DeskTools, followUp: FollowUp): Promise<Origin> {
  const record = await tools.store.job(followUp.job);
  const turn = record === undefined ? undefined : await tools.store.turn(record.turn);
  if (record === undefined || turn === undefined) throw new FrescoError('not-found', { what: 'what this button is for' });
  checkJobAccess(tools, followUp, record, followUp);
  return { record, turn };
}

/** Another picture beside an earlier one; `change` makes its request. */
export function pictureAgain(
  tools: DeskTools,
  followUp: FollowUp,
  change: (request: ImageRequest, pictures: readonly StoredPicture[]) => ImageRequest,
): JobPlan {
  return derivedPlan(tools, followUp, 'image', async ({ record, turn }, job, signal) => {
    const { task } = record;
    if (task.kind !== 'picture') throw new FrescoError('not-found', { what: 'the picture of this button' });
    const request = change(task.request, await tools.store.picturesOfJob(record.id));
    const { principal, place, receivedAtMs } = followUp;
    const beside = { conversation: turn.conversation, parent: turn.parent };
    const { isPrivate } = record;
    const plan = picturePlan(tools, {
      principal,
      place,
      receivedAtMs,
      request,
      said: request.prompt,
      spoiler: task.spoiler,
      isPrivate,
      ownsThread: false,
      beside,
    });
    const prepared = await plan.prepare(job, signal);
    return async () => ({ ...(await prepared()), view: { prompt: request.prompt, spoiler: task.spoiler } });
  });
}

/** The same words, other noise. */
export function reroll(request: ImageRequest): ImageRequest {
  return { ...request, seed: randomSeed() };
}

/** Like one of the pictures, painted over in part. Throws 'not-found'. */
export function vary(request: ImageRequest, picture: StoredPicture | undefined): ImageRequest {
  if (picture === undefined) throw new FrescoError('not-found', { what: 'the picture of this button' });
  const { mask: _mask, hiresFactor: _hires, upscale: _upscale, outpaint: _outpaint, ...rest } = request;
  const { width, height } = picture;
  return { ...rest, width, height, seed: randomSeed(), count: 1, initImage: picture.blob, strength: variationStrength };
}

/** Enlarges one of a job's pictures. */
export function enlargePlan(tools: DeskTools, followUp: FollowUp, index: number, factor: 2 | 4): JobPlan {
  return derivedPlan(tools, followUp, 'image', async ({ record, turn }, job) => {
    const picture = (await tools.store.picturesOfJob(record.id)).find((each) => each.index === index);
    if (picture === undefined || record.task.kind === 'chat') throw new FrescoError('not-found', { what: 'the picture of this button' });
    const request: UpscaleRequest = { kind: 'upscale', model: tools.settings.models.upscaler ?? tools.settings.imageModel, image: picture.blob, factor };
    await tools.checkImage?.(request);
    return async () =>
      preparedUpscale(tools, { followUp, turn, job, request, prompt: picture.prompt, spoiler: record.task.kind === 'picture' && record.task.spoiler });
  });
}

interface Upscale {
  readonly followUp: FollowUp;
  readonly turn: TurnRecord;
  readonly job: JobId;
  readonly request: UpscaleRequest;
  readonly prompt: string;
  readonly spoiler: boolean;
}
function preparedUpscale(tools: DeskTools, { followUp, turn, job, request, prompt, spoiler }: Upscale): PreparedJob {
  const answer = assistantTurn(userKeyOf(followUp.principal), turn, job, tools.clock.now());
  return {
    task: { kind: 'upscale', request, prompt, spoiler },
    request,
    conversation: turn.conversation,
    title: prompt,
    ownsThread: false,
    turns: [answer],
    turn: answer.id,
    view: { prompt, spoiler, followUps: 'few' },
  };
}

/** The same job once more, in the same message: a picture with its own seed, an answer as a sibling of the one before. */
export function retryPlan(tools: DeskTools, followUp: FollowUp): JobPlan {
  const lane: Lane = tools.memory.job(followUp.job)?.kind === 'chat' ? 'text' : 'image';
  return derivedPlan(tools, followUp, lane, async (origin, job) => {
    const { record, turn } = origin;
    const { task } = record;
    if (task.kind === 'chat') return async () => preparedAnswer(tools, followUp, origin, { job, task });
    await tools.checkImage?.(task.request);
    if (task.kind === 'upscale') return async () => preparedUpscale(tools, { followUp, turn, job, ...task });
    const answer = assistantTurn(userKeyOf(followUp.principal), turn, job, tools.clock.now());
    const { prompt } = task.request;
    return async () => ({
      task,
      request: task.request,
      conversation: turn.conversation,
      title: prompt,
      ownsThread: false,
      turns: [answer],
      turn: answer.id,
      view: { prompt, spoiler: task.spoiler },
    });
  });
}

/** Another answer beside the one there is, or the same one gone on with. */
export function answerPlan(tools: DeskTools, followUp: FollowUp, mode: 'regenerate' | 'continue'): JobPlan {
  const plan = derivedPlan(tools, followUp, 'text', async (origin, job) => {
    const { task } = origin.record;
    if (task.kind !== 'chat') throw new FrescoError('not-found', { what: 'the answer of this button' });
    const { seed: _seed, ...sampling } = task.sampling; // the same seed would give the same answer
    return async () => preparedAnswer(tools, followUp, origin, { job, task: { ...task, sampling, goesOn: mode === 'continue' } });
  });
  const before = mode === 'continue' ? tools.memory.answer(followUp.job) : undefined;
  return before === undefined ? plan : { ...plan, view: { ...plan.view, before } };
}

async function preparedAnswer(
  tools: DeskTools,
  followUp: FollowUp,
  origin: Origin,
  next: { readonly job: JobId; readonly task: ChatTask },
): Promise<PreparedJob> {
  const { store, clock } = tools;
  const { job, task } = next;
  const before = await store.turn(origin.turn.id); // as it is now: an answer may have gone on since
  const request = await storedTextRequest(store, task, before);
  if (request === undefined || before === undefined) throw new FrescoError('not-found', { what: 'the conversation of this button' });
  const common = { task, request, conversation: before.conversation, title: '', ownsThread: false };
  if (task.goesOn) return { ...common, turns: [], turn: before.id, view: { before: before.text } };
  const answer = assistantTurn(userKeyOf(followUp.principal), before, job, clock.now());
  return { ...common, turns: [answer], turn: answer.id };
}
