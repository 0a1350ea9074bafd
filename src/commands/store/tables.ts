import { z } from 'zod';
import { blobRefSchema, conversationKeySchema, jobIdSchema, userKeySchema } from '../../ids.ts';
import type { MessageRef } from '../contract.ts';
import {
  type ConversationRecord,
  choicesSchema,
  type JobNote,
  type JobRecord,
  jobStates,
  parametersSchema,
  placeSchema,
  principalSchema,
  type StoredPicture,
  storedMessageSchema,
  type TurnRecord,
  taskSchema,
} from './records.ts';

/** The tables as the query builder sees them (migrations.ts makes them). */
export interface Tables {
  conversations: {
    key: string;
    title: string;
    starter: string;
    head: string | null;
    owns_thread: number;
    created_at: number;
    updated_at: number;
  };
  participants: { conversation: string; user: string };
  turns: TurnRow;
  jobs: JobRow;
  links: LinkRow;
  pictures: PictureRow;
  choices: { scope: string; choices_json: string };
  usage: {
    job: string;
    owner: string;
    lane: string;
    at: number;
    prompt_tokens: number;
    completion_tokens: number;
    images: number;
    steps: number;
    total_ms: number;
  };
}
export interface TurnRow {
  id: string;
  conversation: string;
  parent: string | null;
  role: string;
  owner: string;
  speaker: string;
  text: string;
  content: string | null;
  job: string | null;
  message_json: string | null;
  created_at: number;
}
export interface JobRow {
  id: string;
  owner: string;
  platform: string;
  conversation: string;
  turn: string;
  state: string;
  task_json: string;
  principal_json: string;
  place_json: string;
  is_private: number;
  asked_at: number;
  updated_at: number;
}
export interface LinkRow {
  platform: string;
  channel: string;
  message: string;
  thread: string | null;
  turn: string;
  job: string | null;
  secret: string | null;
  secret_expires_at: number | null;
  linked_at: number;
}
export interface PictureRow {
  job: string;
  number: number;
  blob: string;
  owner: string;
  conversation: string;
  prompt: string;
  width: number;
  height: number;
  parameters_json: string | null;
  created_at: number;
}

// ---- rows to records --------------------------------------------------------------------------------------------

export function turnOf(row: TurnRow): TurnRecord {
  return {
    id: row.id,
    conversation: conversationKeySchema.parse(row.conversation),
    parent: row.parent ?? undefined,
    role: row.role === 'user' ? 'user' : 'assistant',
    owner: userKeySchema.parse(row.owner),
    speaker: row.speaker,
    text: row.text,
    content: row.content ?? undefined,
    job: row.job === null ? undefined : jobIdSchema.parse(row.job),
    message: row.message_json === null ? undefined : storedMessageSchema.parse(JSON.parse(row.message_json)),
    createdAtMs: row.created_at,
  };
}

export function turnRow(turn: TurnRecord): TurnRow {
  return {
    id: turn.id,
    conversation: turn.conversation,
    parent: turn.parent ?? null,
    role: turn.role,
    owner: turn.owner,
    speaker: turn.speaker,
    text: turn.text,
    content: turn.content ?? null,
    job: turn.job ?? null,
    message_json: turn.message === undefined ? null : JSON.stringify(turn.message),
    created_at: turn.createdAtMs,
  };
}

export function jobOf(row: JobRow): JobRecord {
  return {
    id: jobIdSchema.parse(row.id),
    owner: userKeySchema.parse(row.owner),
    state: z.enum(jobStates).parse(row.state),
    task: taskSchema.parse(JSON.parse(row.task_json)),
    principal: principalSchema.parse(JSON.parse(row.principal_json)),
    place: placeSchema.parse(JSON.parse(row.place_json)),
    conversation: conversationKeySchema.parse(row.conversation),
    turn: row.turn,
    isPrivate: row.is_private === 1,
    askedAtMs: row.asked_at,
  };
}

export interface NoteRow extends Pick<JobRow, 'id' | 'owner' | 'platform' | 'is_private'> {
  workspace: string;
  channel: string;
  kind: string;
  prompt: string;
}
export function noteOfRow({ id, owner, platform, is_private, workspace, channel, kind, prompt }: NoteRow): JobNote {
  return {
    id: jobIdSchema.parse(id),
    owner: userKeySchema.parse(owner),
    kind: kind === 'picture' || kind === 'upscale' ? kind : 'chat',
    place: { platform: principalSchema.shape.platform.parse(platform), workspace, channel },
    isPrivate: is_private === 1,
    prompt,
  };
}

export function jobRow(job: JobRecord, atMs: number): JobRow {
  return {
    id: job.id,
    owner: job.owner,
    platform: job.place.platform,
    conversation: job.conversation,
    turn: job.turn,
    state: job.state,
    task_json: JSON.stringify(job.task),
    principal_json: JSON.stringify(job.principal),
    place_json: JSON.stringify(job.place),
    is_private: job.isPrivate ? 1 : 0,
    asked_at: job.askedAtMs,
    updated_at: atMs,
  };
}

export function refOf(row: LinkRow): MessageRef {
  return {
    platform: principalSchema.shape.platform.parse(row.platform),
    channel: row.channel,
    message: row.message,
    ...(row.thread === null ? {} : { thread: row.thread }),
    ...(row.secret === null ? {} : { secret: { value: row.secret, expiresAtMs: row.secret_expires_at ?? 0 } }),
  };
}

export function pictureOf(row: PictureRow): StoredPicture {
  return {
    job: jobIdSchema.parse(row.job),
    index: row.number,
    blob: blobRefSchema.parse(row.blob),
    owner: userKeySchema.parse(row.owner),
    conversation: conversationKeySchema.parse(row.conversation),
    prompt: row.prompt,
    width: row.width,
    height: row.height,
    parameters: row.parameters_json === null ? undefined : parametersSchema.parse(JSON.parse(row.parameters_json)),
    createdAtMs: row.created_at,
  };
}

export function pictureRow(picture: StoredPicture): PictureRow {
  return {
    job: picture.job,
    number: picture.index,
    blob: picture.blob,
    owner: picture.owner,
    conversation: picture.conversation,
    prompt: picture.prompt,
    width: picture.width,
    height: picture.height,
    parameters_json: picture.parameters === undefined ? null : JSON.stringify(picture.parameters),
    created_at: picture.createdAtMs,
  };
}

export function conversationOf(row: Tables['conversations']): ConversationRecord {
  return {
    key: conversationKeySchema.parse(row.key),
    title: row.title,
    starter: userKeySchema.parse(row.starter),
    head: row.head ?? undefined,
    ownsThread: row.owns_thread === 1,
    updatedAtMs: row.updated_at,
  };
}

export function choicesOf(row: Tables['choices']) {
  return { scope: row.scope, choices: choicesSchema.parse(JSON.parse(row.choices_json)) };
}
