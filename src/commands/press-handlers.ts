import { FrescoError } from '../fresco-error.ts';
import type { JobId } from '../ids.ts';
import { type ActionId, parseActionId } from './action-id.ts';
import { type PressInvocation, type Reception, type Surface, userKeyOf } from './contract.ts';
import { answerPlan, enlargePlan, type FollowUp, pictureAgain, reroll, retryPlan, vary } from './derived-jobs.ts';
import type { DeskTools } from './desk-tools.ts';
import { editForm } from './forms.ts';
import { checkJobAccess } from './job-access.ts';
import { knownError } from './known-error.ts';
import { noticeMessage } from './messages.ts';
import { parametersText } from './parameters-text.ts';
import { sentenceFor } from './user-messages.ts';

/** What a pressed button does. Ids are untrusted: one that was made up, or whose job is gone, gets a clear sentence. */
export function receivePress(tools: DeskTools, invocation: PressInvocation): Reception {
  const id = parseActionId(invocation.actionId);
  if (id === undefined) throw gone();
  const follow = (name: string, how: Pick<FollowUp, 'changes' | 'on'>): FollowUp => followUpOf(invocation, id.job, name, how);
  switch (id.action) {
    case 'stop':
    case 'cancel':
      return steer(tools, invocation, id, (by) => tools.jobs.cancel(id.job, by));
    case 'keep':
      return steer(tools, invocation, id, (by) => tools.queue.keep(id.job) || tools.jobs.cancel(id.job, by));
    case 'regenerate':
      return tools.jobs.open(answerPlan(tools, follow('answer again', { changes: true, on: 'pressed' }), 'regenerate'));
    case 'continue':
      return tools.jobs.open(answerPlan(tools, follow('go on', { changes: true, on: 'pressed' }), 'continue'));
    case 'retry':
      return tools.jobs.open(retryPlan(tools, follow('try again', { changes: true, on: 'pressed' })));
    case 'reroll':
      return tools.jobs.open(pictureAgain(tools, follow('reroll', { changes: false, on: 'new' }), reroll));
    case 'vary':
      return tools.jobs.open(
        pictureAgain(tools, follow('vary', { changes: false, on: 'new' }), (request, pictures) =>
          vary(
            request,
            pictures.find(({ index }) => index === (id.index ?? 0)),
          ),
        ),
      );
    case 'upscale':
      return tools.jobs.open(enlargePlan(tools, follow('enlarge', { changes: false, on: 'new' }), id.index ?? 0, id.factor ?? 2));
    case 'edit':
      return edit(tools, invocation, id.job);
    case 'parameters':
      return showParameters(tools, follow('parameters', { changes: false, on: 'new' }));
    case 'delete':
      return remove(tools, invocation, id.job);
    default:
      return id.action satisfies never;
  }
}

function gone(): FrescoError {
  return new FrescoError('not-found', { what: 'what this button is for' });
}

export function followUpOf(
  invocation: Pick<PressInvocation, 'principal' | 'place' | 'receivedAtMs'>,
  job: JobId,
  name: string,
  how: Pick<FollowUp, 'changes' | 'on'>,
): FollowUp {
  const { principal, place, receivedAtMs } = invocation;
  return { principal, place, receivedAtMs, job, name, ...how };
}

/** Steers a job that waits or runs; only such a one can be steered. */
function steer(tools: DeskTools, invocation: PressInvocation, id: ActionId, act: (by: string) => boolean): Reception {
  const live = tools.jobs.live.get(id.job);
  if (live === undefined) throw new FrescoError('not-found', { what: 'a job that still runs behind this button' });
  checkJobAccess(tools, invocation, live, { changes: true, name: id.action });
  act(userKeyOf(invocation.principal));
  return { kind: 'silent' };
}

function edit(tools: DeskTools, invocation: PressInvocation, job: JobId): Reception {
  const note = tools.memory.job(job);
  if (note !== undefined) checkJobAccess(tools, invocation, note, { changes: false, name: 'edit' });
  return { kind: 'form', form: editForm(job, note?.prompt) };
}

/** Shows the asker alone how a picture was made. */
export function showParameters(tools: DeskTools, followUp: FollowUp): Reception {
  const note = tools.memory.job(followUp.job);
  if (note !== undefined) checkJobAccess(tools, followUp, note, followUp);
  return privately(tools, async () => {
    const record = await tools.store.job(followUp.job);
    if (record === undefined) throw gone();
    checkJobAccess(tools, followUp, record, followUp);
    return parametersText(record, await tools.store.picturesOfJob(record.id));
  });
}

/** Work whose answer, or error, is for the asker's eyes only. */
export function privately(tools: Pick<DeskTools, 'logger'>, find: (signal: AbortSignal) => Promise<string>): Reception {
  return {
    kind: 'work',
    opening: { ...noticeMessage('…'), final: false },
    audience: 'sender',
    on: 'new',
    run: async (surface: Surface) => {
      let text: string;
      try {
        text = await find(surface.gone);
      } catch (error) {
        text = sentenceFor(knownError(error, tools.logger));
      }
      await surface.finish(noticeMessage(text));
    },
  };
}

/** Removes a message with all that its job made; a running job is stopped first. */
function remove(tools: DeskTools, invocation: PressInvocation, job: JobId): Reception {
  const known = tools.jobs.live.get(job) ?? tools.memory.job(job);
  if (known !== undefined) checkJobAccess(tools, invocation, known, { changes: true, name: 'delete' });
  return {
    kind: 'work',
    opening: { ...noticeMessage('Deleting …'), final: false },
    audience: 'everyone',
    on: 'pressed',
    run: async (surface) => {
      try {
        await removeJob(tools, invocation, job);
        await surface.remove();
      } catch (error) {
        knownError(error, tools.logger); // a made-up button, or somebody else's: what the message shows stays
      }
    },
  };
}

async function removeJob(tools: DeskTools, invocation: PressInvocation, job: JobId): Promise<void> {
  const record = await tools.store.job(job);
  if (record === undefined) throw gone();
  checkJobAccess(tools, invocation, record, { changes: true, name: 'delete' });
  tools.jobs.cancel(job, userKeyOf(invocation.principal));
  tools.memory.forgetJob(job);
  for (const blob of await tools.store.deleteJob(job)) await tools.blobs.delete(blob);
}
