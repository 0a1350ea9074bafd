import { FrescoError } from '../fresco-error.ts';
import type { ConversationKey } from '../ids.ts';
import type { ImageRequest } from '../inference/contract.ts';
import { isAdmin, limitsFor } from './access-policy.ts';
import { storePicture } from './attached-files.ts';
import { type Attachment, userKeyOf } from './contract.ts';
import type { Asker, DeskTools } from './desk-tools.ts';
import type { JobPlan } from './job-desk.ts';
import { blockedReason } from './prompt-blocklist.ts';
import { oneLine } from './prompt-text.ts';
import type { TurnRecord } from './store/records.ts';
import { assistantTurn, type PlacedAsk, placeTurns, userTurn } from './turn-placement.ts';

/** A wish for the image model. */
export interface PictureAsk extends Asker, PlacedAsk {
  readonly receivedAtMs: number;
  readonly request: ImageRequest;
  /** As the person typed it, for the conversation. */
  readonly said: string;
  readonly image?: Attachment | undefined;
  readonly mask?: Attachment | undefined;
  readonly spoiler: boolean;
  readonly lead?: string;
  readonly message?: string;
  readonly ownsThread: boolean;
  readonly on?: 'pressed';
  /** An earlier job's place: the picture becomes a sibling of that one. */
  readonly beside?: { readonly conversation: ConversationKey; readonly parent: string | undefined };
}

/** How a picture is painted. Throws 'prompt-blocked', 'not-allowed', 'option-invalid' for too many steps. */
export function picturePlan(tools: DeskTools, ask: PictureAsk): JobPlan {
  checkPicture(tools, ask, ask.request);
  const { principal, place, receivedAtMs, isPrivate, spoiler } = ask;
  return {
    principal,
    place,
    receivedAtMs,
    lane: 'image',
    view: { kind: 'picture', prompt: ask.request.prompt, spoiler, ...(ask.lead === undefined ? {} : { lead: ask.lead }) },
    isPrivate,
    on: ask.on ?? 'new',
    prepare: async (job, signal) => {
      const request = await withPictures(tools, ask, signal);
      await tools.checkImage?.(request);
      return async () => {
        const { store, clock } = tools;
        const placement = ask.beside === undefined ? await placeTurns(store, ask, job) : { ...ask.beside, quoted: undefined };
        const wish: TurnRecord[] = ask.beside === undefined ? [userTurn(principal, placement, { text: ask.said }, clock.now())] : [];
        const parent = wish[0]?.id ?? placement.parent;
        const picture = assistantTurn(userKeyOf(principal), { conversation: placement.conversation, parent }, job, clock.now());
        return {
          task: { kind: 'picture', request, spoiler },
          request,
          conversation: placement.conversation,
          title: oneLine(request.prompt, 60),
          ownsThread: ask.ownsThread,
          turns: [...wish, picture],
          turn: picture.id,
          ...(ask.message === undefined || wish[0] === undefined ? {} : { askedIn: { turn: wish[0].id, message: ask.message } }),
        };
      };
    },
  };
}

/** What can be said of a picture before anything is fetched. Throws 'not-allowed', 'prompt-blocked', 'option-invalid'. */
export function checkPicture(tools: DeskTools, { principal, place }: Asker, request: ImageRequest): void {
  const { safety, access, limits } = tools.settings;
  if (safety.ageRestrictedOnly && !place.ageRestricted && !isAdmin(principal, access)) {
    throw new FrescoError('not-allowed', { reason: 'pictures are for age-restricted channels only' });
  }
  const reason = blockedReason(request.prompt, safety, 'picture');
  if (reason !== undefined) throw new FrescoError('prompt-blocked', { reason });
  const { maxSteps } = limitsFor(principal, limits);
  if (request.steps !== undefined && request.steps > maxSteps) {
    throw new FrescoError('option-invalid', { option: 'steps', found: String(request.steps), expected: `a whole number from 1 to ${maxSteps}` });
  }
}

async function withPictures({ blobs }: DeskTools, { request, image, mask }: PictureAsk, signal: AbortSignal): Promise<ImageRequest> {
  if (image === undefined && mask === undefined) return request;
  if (mask !== undefined && image === undefined && request.initImage === undefined) {
    throw new FrescoError('option-invalid', { option: 'mask', found: 'a mask alone', expected: 'a start picture beside it' });
  }
  return {
    ...request,
    ...(image === undefined ? {} : { initImage: await storePicture(image, blobs, signal) }),
    ...(mask === undefined ? {} : { mask: await storePicture(mask, blobs, signal) }),
  };
}
