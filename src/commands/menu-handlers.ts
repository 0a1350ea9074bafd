import { FrescoError } from '../fresco-error.ts';
import { type JobId, randomSeed } from '../ids.ts';
import type { ImageRequest } from '../inference/contract.ts';
import type { MenuInvocation, Reception } from './contract.ts';
import { type FollowUp, vary } from './derived-jobs.ts';
import { chosenModel, type DeskTools } from './desk-tools.ts';
import { askAboutForm } from './forms.ts';
import { checkJobAccess } from './job-access.ts';
import { isPicture } from './option-values.ts';
import { parametersText } from './parameters-text.ts';
import { type PictureAsk, picturePlan } from './picture-work.ts';
import { followUpOf, privately } from './press-handlers.ts';
import { maxPicturePrompt, oneLine } from './prompt-text.ts';
import type { JobRecord } from './store/records.ts';
import { summaryOfLines } from './summarize-command.ts';

/** What was chosen from a message's menu. */
export function receiveMenu(tools: DeskTools, invocation: MenuInvocation): Reception {
  switch (invocation.menu) {
    case 'vary-picture':
      return varyPicture(tools, invocation);
    case 'show-parameters':
      return privately(tools, async () => {
        const record = await pictureJob(tools, invocation);
        if (record === undefined) throw new FrescoError('not-found', { what: 'a picture of mine in this message' });
        return parametersText(record, await tools.store.picturesOfJob(record.id));
      });
    case 'ask-about':
      return { kind: 'form', form: askAboutForm(tools.forms.keep(invocation)) };
    case 'summarize-from':
      return tools.jobs.open(summaryOfLines(tools, invocation));
    default:
      return invocation.menu satisfies never;
  }
}

/** The job behind the message, where it is a picture of ours that this person may see. */
async function pictureJob(tools: DeskTools, invocation: MenuInvocation): Promise<JobRecord | undefined> {
  const { place, target } = invocation;
  const turn = await tools.store.turnOfMessage({ platform: place.platform, channel: place.channel, message: target.message });
  const record = turn?.job === undefined ? undefined : await tools.store.job(turn.job);
  if (record === undefined || record.task.kind === 'chat') return undefined;
  checkJobAccess(tools, invocation, record, menuFollowUp(invocation, record.id));
  return record;
}

function menuFollowUp(invocation: MenuInvocation, job: JobId): FollowUp {
  return followUpOf(invocation, job, 'vary', { changes: false, on: 'new' });
}

/** Varies a picture of ours, or anyone's that is attached to the message. */
function varyPicture(tools: DeskTools, invocation: MenuInvocation): Reception {
  const { principal, place, receivedAtMs, target } = invocation;
  const image = target.attachments.find(isPicture);
  const words = oneLine(target.text, 300) === '' ? 'a picture' : oneLine(target.text, maxPicturePrompt);
  const request: ImageRequest = {
    kind: 'image',
    model: chosenModel(tools, 'image', undefined, tools.memory.choicesFor(principal, place)),
    prompt: words,
    seed: randomSeed(),
    count: 1,
    strength: 0.6,
    previews: true,
  };
  const ask: PictureAsk = { principal, place, receivedAtMs, request, said: 'Vary this picture.', image, spoiler: false, isPrivate: false, ownsThread: false };
  const plan = picturePlan(tools, ask);
  return tools.jobs.open({
    ...plan,
    prepare: async (job, signal) => {
      const record = await pictureJob(tools, invocation);
      if (record?.task.kind === 'picture') {
        const { task } = record;
        const [picture] = await tools.store.picturesOfJob(record.id);
        const varied = vary(task.request, picture);
        const prepare = await picturePlan(tools, { ...ask, request: varied, image: undefined, spoiler: task.spoiler }).prepare(job, signal);
        return async () => ({ ...(await prepare()), view: { prompt: varied.prompt, spoiler: task.spoiler } });
      }
      if (image === undefined) throw new FrescoError('not-found', { what: 'a picture in this message' });
      return plan.prepare(job, signal);
    },
  });
}
