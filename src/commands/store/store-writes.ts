import { sql, type Transaction } from 'kysely';
import { type BlobRef, blobRefSchema, type ConversationKey, type JobId } from '../../ids.ts';
import type { MessageRef } from '../contract.ts';
import type { JobResult, JobStart, LinkTarget } from './store.ts';
import { jobRow, pictureRow, type Tables, turnRow } from './tables.ts';

/** Writes that touch several tables; each runs inside one transaction of its caller. */

export async function writeJobStart(to: Transaction<Tables>, { job, conversation, turns, links, atMs }: JobStart): Promise<void> {
  const head = turns.at(-1)?.id ?? job.turn;
  await to
    .insertInto('conversations')
    .values({
      key: job.conversation,
      title: conversation.title,
      starter: job.owner,
      head,
      owns_thread: conversation.ownsThread ? 1 : 0,
      created_at: atMs,
      updated_at: atMs,
    })
    .onConflict((on) => on.column('key').doUpdateSet({ head, updated_at: atMs, owns_thread: sql`max(conversations.owns_thread, excluded.owns_thread)` }))
    .execute();
  await to
    .insertInto('participants')
    .values({ conversation: job.conversation, user: job.owner })
    .onConflict((on) => on.doNothing())
    .execute();
  for (const turn of turns) {
    await to
      .insertInto('turns')
      .values(turnRow(turn))
      .onConflict((on) => on.doNothing())
      .execute();
  }
  await to.updateTable('turns').set({ job: job.id }).where('id', '=', job.turn).execute();
  await to.insertInto('jobs').values(jobRow(job, atMs)).execute();
  for (const { ref, to: target } of links) await writeLink(to, ref, { ...target, atMs });
}

/** Which message shows which turn; the newer word wins. */
export async function writeLink(to: Transaction<Tables>, ref: MessageRef, { turn, job, atMs }: LinkTarget): Promise<void> {
  const { platform, channel, message, thread, secret } = ref;
  const values = {
    thread: thread ?? null,
    turn,
    job: job ?? null,
    secret: secret?.value ?? null,
    secret_expires_at: secret?.expiresAtMs ?? null,
    linked_at: atMs,
  };
  await to
    .insertInto('links')
    .values({ platform, channel, message, ...values })
    .onConflict((on) => on.columns(['platform', 'channel', 'message']).doUpdateSet(values))
    .execute();
}

export async function writeJobResult(to: Transaction<Tables>, { job, turn, pictures, usage, atMs }: JobResult): Promise<void> {
  await to.updateTable('jobs').set({ state: 'delivering', updated_at: atMs }).where('id', '=', job).execute();
  await to
    .updateTable('turns')
    .set({ text: turn.text, message_json: turn.message === undefined ? null : JSON.stringify(turn.message) })
    .where('id', '=', turn.id)
    .where('job', '=', job)
    .execute();
  for (const picture of pictures) {
    await to
      .insertInto('pictures')
      .values(pictureRow(picture))
      .onConflict((on) => on.doNothing())
      .execute();
  }
  if (usage !== undefined) {
    const { atMs: at, promptTokens: prompt_tokens, completionTokens: completion_tokens, totalMs: total_ms, ...rest } = usage;
    await to
      .insertInto('usage')
      .values({ ...rest, at, prompt_tokens, completion_tokens, total_ms: Math.round(total_ms) })
      .onConflict((on) => on.doNothing())
      .execute();
  }
}

/** A conversation with its turns, links and the jobs' words; pictures stay with who asked for them. */
export async function eraseConversation(to: Transaction<Tables>, conversation: ConversationKey): Promise<void> {
  await sql`DELETE FROM links WHERE turn IN (SELECT id FROM turns WHERE conversation = ${conversation})`.execute(to);
  await to.deleteFrom('turns').where('conversation', '=', conversation).execute();
  await to.deleteFrom('participants').where('conversation', '=', conversation).execute();
  await to.deleteFrom('conversations').where('key', '=', conversation).execute();
  await sql`DELETE FROM jobs WHERE conversation = ${conversation} AND id NOT IN (SELECT job FROM pictures)`.execute(to);
}

/** What a job made and was asked; returns the blobs that no other job needs. */
export async function eraseJob(to: Transaction<Tables>, job: JobId): Promise<BlobRef[]> {
  const made = await to.selectFrom('pictures').select('blob').where('job', '=', job).execute();
  await to.deleteFrom('pictures').where('job', '=', job).execute();
  await to.updateTable('turns').set({ text: '', content: null, message_json: null }).where('job', '=', job).execute();
  await to.deleteFrom('links').where('job', '=', job).execute();
  await to.deleteFrom('jobs').where('id', '=', job).execute();
  const unused: BlobRef[] = [];
  for (const { blob } of made) {
    const other = await to.selectFrom('pictures').select('job').where('blob', '=', blob).executeTakeFirst();
    if (other === undefined) unused.push(blobRefSchema.parse(blob));
  }
  return unused;
}
