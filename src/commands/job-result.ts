import { laneOf } from '../inference/contract.ts';
import type { Message } from './contract.ts';
import { answerOf, type JobView } from './job-view.ts';
import type { JobRecord, PictureParametersRecord, StoredPicture, UsageRecord } from './store/records.ts';
import type { JobResult } from './store/store.ts';

/** What the store keeps of a job that ended. Pure. */
export function resultOf(record: JobRecord, view: JobView, message: Message, atMs: number): JobResult {
  return {
    job: record.id,
    turn: { id: record.turn, text: wordsOf(view), message },
    pictures: picturesOf(record, view, atMs),
    usage: usageOf(record, view, atMs),
    atMs,
  };
}

/** What the conversation remembers: an answer, or that a picture was painted. */
function wordsOf(view: JobView): string {
  if (view.kind === 'chat') return answerOf(view);
  return view.images.length === 0 ? '' : `Here is the picture you asked for: “${view.prompt}”.`;
}

function picturesOf(record: JobRecord, view: JobView, atMs: number): StoredPicture[] {
  return view.images.flatMap((image, index) => {
    if (image === undefined || image.picture.source.kind !== 'blob') return [];
    const { width, height, source } = image.picture;
    const { id: job, owner, conversation } = record;
    const parameters: PictureParametersRecord = Object.fromEntries(
      Object.entries(image.parameters).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
    );
    return [{ job, index, blob: source.blob, owner, conversation, prompt: view.prompt, width, height, parameters, createdAtMs: atMs }];
  });
}

function usageOf({ id, owner, task }: JobRecord, { ending }: JobView, atMs: number): UsageRecord | undefined {
  if (ending?.kind !== 'finished') return undefined;
  const { promptTokens = 0, completionTokens = 0, images = 0, steps = 0 } = ending.usage;
  const lane = task.kind === 'chat' ? 'text' : laneOf(task.request);
  return { job: id, owner, lane, atMs, promptTokens, completionTokens, images, steps, totalMs: ending.totalMs };
}
