import { z } from 'zod';
import { blobRefSchema, type ConversationKey, conversationKeySchema, type JobId, type UserKey } from '../../ids.ts';
import { imageRequestSchema, type Lane, samplingSchema, upscaleRequestSchema } from '../../inference/contract.ts';
import type { Message, Place, PlatformName, Principal } from '../contract.ts';

/** What the store keeps, as the rest of the room sees it; schemas read back what was written as JSON. */

const platformSchema = z.enum(['discord', 'slack', 'web', 'terminal', 'fake']) satisfies z.ZodType<PlatformName>;

export const principalSchema = z.object({
  platform: platformSchema,
  workspace: z.string(),
  channel: z.string(),
  user: z.string(),
  name: z.string(),
  groups: z.array(z.string()),
  isGuest: z.boolean(),
  isOwner: z.boolean().exactOptional(),
}) satisfies z.ZodType<Principal>;

export const placeSchema = z.object({
  platform: platformSchema,
  workspace: z.string(),
  channel: z.string(),
  thread: z.string().exactOptional(),
  parentChannel: z.string(),
  direct: z.boolean(),
  conversation: conversationKeySchema,
  ageRestricted: z.boolean(),
}) satisfies z.ZodType<Place>;

/** What a job does, without the conversation's words: those are read again from its turns. */
export const taskSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('chat'),
    model: z.string(),
    sampling: samplingSchema,
    maxTokens: z.int(),
    /** The turn that is answered. */
    asks: z.string(),
    /** Goes on where the answer so far ends. */
    goesOn: z.boolean(),
    /** Leaves the earlier turns out: a summary of a given text. */
    alone: z.boolean(),
    persona: z.string().exactOptional(),
  }),
  z.object({ kind: z.literal('picture'), request: imageRequestSchema, spoiler: z.boolean() }),
  z.object({ kind: z.literal('upscale'), request: upscaleRequestSchema, prompt: z.string(), spoiler: z.boolean() }),
]);
export type JobTask = z.infer<typeof taskSchema>;
export type ChatTask = Extract<JobTask, { kind: 'chat' }>;

/** `delivering`: the result is stored and on its way to the platform. */
export const jobStates = ['waiting', 'running', 'delivering', 'finished', 'failed', 'cancelled'] as const;
export type JobState = (typeof jobStates)[number];
export type EndState = 'finished' | 'failed' | 'cancelled';

export interface JobRecord {
  readonly id: JobId;
  readonly owner: UserKey;
  readonly state: JobState;
  readonly task: JobTask;
  readonly principal: Principal;
  readonly place: Place;
  readonly conversation: ConversationKey;
  /** The assistant's turn that shows the job. */
  readonly turn: string;
  /** Seen by its owner alone. */
  readonly isPrivate: boolean;
  readonly askedAtMs: number;
}

/** Enough of a job to answer a button at once. */
export interface JobNote {
  readonly id: JobId;
  readonly owner: UserKey;
  readonly kind: JobTask['kind'];
  readonly place: Pick<Place, 'platform' | 'workspace' | 'channel'>;
  readonly isPrivate: boolean;
  /** Empty for a chat. */
  readonly prompt: string;
}
export function noteOf({ id, owner, task, place, isPrivate }: JobRecord): JobNote {
  const { platform, workspace, channel } = place;
  const prompt = task.kind === 'chat' ? '' : task.kind === 'picture' ? task.request.prompt : task.prompt;
  return { id, owner, kind: task.kind, place: { platform, workspace, channel }, isPrivate, prompt };
}

const pictureSchema = z.object({
  source: z.object({ kind: z.literal('blob'), blob: blobRefSchema }),
  alt: z.string(),
  spoiler: z.boolean(),
  width: z.number(),
  height: z.number(),
});
/** A message that no longer changes; unfinished previews are never stored. */
export const storedMessageSchema = z.object({
  kind: z.enum(['chat', 'picture', 'notice']),
  text: z.string(),
  pictures: z.array(pictureSchema),
  actions: z.array(z.object({ id: z.string(), label: z.string(), emoji: z.string().exactOptional(), style: z.enum(['primary', 'secondary', 'danger']) })),
  status: z.discriminatedUnion('phase', [z.object({ phase: z.literal('done'), tookMs: z.number() }), z.object({ phase: z.literal('failed') })]).exactOptional(),
  final: z.boolean(),
}) satisfies z.ZodType<Message>;

export interface TurnRecord {
  readonly id: string;
  readonly conversation: ConversationKey;
  readonly parent: string | undefined;
  readonly role: 'user' | 'assistant';
  /** Who asked; for an assistant's turn the person it answers. */
  readonly owner: UserKey;
  readonly speaker: string;
  /** As people see it. */
  readonly text: string;
  /** As the model reads it, where that is more than `text`: with an attached file, say. */
  readonly content: string | undefined;
  readonly job: JobId | undefined;
  readonly message: Message | undefined;
  readonly createdAtMs: number;
}

export interface ConversationRecord {
  readonly key: ConversationKey;
  readonly title: string;
  readonly starter: UserKey;
  /** The turn that what comes next follows. */
  readonly head: string | undefined;
  /** Chat here is for the bot, without a mention. */
  readonly ownsThread: boolean;
  readonly updatedAtMs: number;
}

export interface StoredPicture {
  readonly job: JobId;
  readonly index: number;
  readonly blob: z.infer<typeof blobRefSchema>;
  readonly owner: UserKey;
  readonly conversation: ConversationKey;
  readonly prompt: string;
  readonly width: number;
  readonly height: number;
  /** Resolved parameters, as JSON that `parametersSchema` reads. */
  readonly parameters: PictureParametersRecord | undefined;
  readonly createdAtMs: number;
}
export const parametersSchema = z.record(z.string(), z.union([z.string(), z.number()]));
export type PictureParametersRecord = z.infer<typeof parametersSchema>;

export interface UsageRecord {
  readonly job: JobId;
  readonly owner: UserKey;
  readonly lane: Lane;
  readonly atMs: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly images: number;
  readonly steps: number;
  readonly totalMs: number;
}

/** What a person or a channel chose; absent: nothing. */
export const choicesSchema = z.object({
  textModel: z.string().exactOptional(),
  imageModel: z.string().exactOptional(),
  persona: z.string().exactOptional(),
  temperature: z.number().exactOptional(),
  privateAnswers: z.boolean().exactOptional(),
});
export type Choices = z.infer<typeof choicesSchema>;
