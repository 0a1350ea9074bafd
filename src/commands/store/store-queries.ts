import { type Kysely, sql, type Transaction } from 'kysely';
import { type BlobRef, type ConversationKey, conversationKeySchema, type JobId, type UserKey, userKeySchema } from '../../ids.ts';
import type { Lane } from '../../inference/contract.ts';
import type { MessageRef, PlatformName } from '../contract.ts';
import { BatchedWrites } from './batched-writes.ts';
import type { Choices, ConversationRecord, EndState, JobNote, JobRecord, JobState, StoredPicture, TurnRecord } from './records.ts';
import type { JobResult, JobStart, LinkTarget, MessageAddress, Store, UsageTotals } from './store.ts';
import { eraseConversation, eraseJob, writeJobResult, writeJobStart, writeLink } from './store-writes.ts';
import { choicesOf, conversationOf, jobOf, type NoteRow, noteOfRow, pictureOf, refOf, type Tables, type TurnRow, turnOf } from './tables.ts';

/** The store's queries over one SQL database; writes are gathered into short transactions. */
export class StoreQueries implements Store {
  readonly #database: Kysely<Tables>;
  readonly #writes: BatchedWrites;
  readonly #explain: (error: unknown) => unknown;

  constructor(database: Kysely<Tables>, explain: (error: unknown) => unknown) {
    this.#database = database;
    this.#writes = new BatchedWrites(database);
    this.#explain = explain;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writes.idle();
    await this.#database.destroy();
  }

  // ---- jobs

  beginJob(start: JobStart): Promise<void> {
    return this.#write((to) => writeJobStart(to, start));
  }

  saveResult(result: JobResult): Promise<void> {
    return this.#write((to) => writeJobResult(to, result));
  }

  closeJob(job: JobId, state: EndState, atMs: number): Promise<void> {
    return this.#write(async (to) => {
      await to.updateTable('jobs').set({ state, updated_at: atMs }).where('id', '=', job).execute();
      await to.updateTable('links').set({ secret: null, secret_expires_at: null }).where('job', '=', job).where('secret', 'is not', null).execute();
    });
  }

  setJobState(job: JobId, state: JobState, atMs: number): Promise<void> {
    return this.#write(async (to) => {
      await to.updateTable('jobs').set({ state, updated_at: atMs }).where('id', '=', job).execute();
    });
  }

  async job(id: JobId): Promise<JobRecord | undefined> {
    const row = await this.#database.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst();
    return row === undefined ? undefined : jobOf(row);
  }

  async openJobs(platform: PlatformName): Promise<readonly JobRecord[]> {
    const open = sql<boolean>`state IN ('waiting', 'running', 'delivering')`;
    const rows = await this.#database.selectFrom('jobs').selectAll().where(open).where('platform', '=', platform).orderBy('asked_at').execute();
    return rows.map(jobOf);
  }

  async recentJobs(limit: number): Promise<readonly JobNote[]> {
    const { rows } = await sql<NoteRow>`
      SELECT id, owner, platform, is_private, place_json ->> '$.workspace' AS workspace, place_json ->> '$.channel' AS channel, task_json ->> '$.kind' AS kind,
        coalesce(task_json ->> '$.prompt', task_json ->> '$.request.prompt', '') AS prompt
      FROM jobs ORDER BY asked_at DESC LIMIT ${limit}`.execute(this.#database);
    return rows.map(noteOfRow);
  }

  // ---- messages

  link(ref: MessageRef, to: LinkTarget): Promise<void> {
    return this.#write((transaction) => writeLink(transaction, ref, to));
  }

  async linkOf(turn: string): Promise<MessageRef | undefined> {
    const row = await this.#database.selectFrom('links').selectAll().where('turn', '=', turn).orderBy('linked_at', 'desc').executeTakeFirst();
    return row === undefined ? undefined : refOf(row);
  }

  async turnOfMessage({ platform, channel, message }: MessageAddress): Promise<TurnRecord | undefined> {
    const row = await this.#database
      .selectFrom('links')
      .innerJoin('turns', 'turns.id', 'links.turn')
      .selectAll('turns')
      .where('links.platform', '=', platform)
      .where('links.channel', '=', channel)
      .where('links.message', '=', message)
      .executeTakeFirst();
    return row === undefined ? undefined : turnOf(row);
  }

  dropSecrets(expiredBeforeMs: number): Promise<void> {
    return this.#write(async (to) => {
      await to
        .updateTable('links')
        .set({ secret: null, secret_expires_at: null })
        .where('secret', 'is not', null)
        .where('secret_expires_at', '<', expiredBeforeMs)
        .execute();
    });
  }

  // ---- conversations

  async conversation(key: ConversationKey): Promise<ConversationRecord | undefined> {
    const row = await this.#database.selectFrom('conversations').selectAll().where('key', '=', key).executeTakeFirst();
    return row === undefined ? undefined : conversationOf(row);
  }

  async turn(id: string): Promise<TurnRecord | undefined> {
    const row = await this.#database.selectFrom('turns').selectAll().where('id', '=', id).executeTakeFirst();
    return row === undefined ? undefined : turnOf(row);
  }

  async path(turn: string, limit: number): Promise<readonly TurnRecord[]> {
    const { rows } = await sql<TurnRow>`
      WITH RECURSIVE path (id, depth) AS (
        SELECT ${turn}, 1
        UNION ALL SELECT turns.parent, path.depth + 1 FROM path JOIN turns ON turns.id = path.id WHERE turns.parent IS NOT NULL AND path.depth < ${limit}
      ) SELECT turns.* FROM path JOIN turns ON turns.id = path.id ORDER BY path.depth DESC`.execute(this.#database);
    return rows.map(turnOf);
  }

  async turns(conversation: ConversationKey): Promise<readonly TurnRecord[]> {
    const rows = await this.#database
      .selectFrom('turns')
      .selectAll()
      .where('conversation', '=', conversation)
      .orderBy('created_at')
      .orderBy(sql`rowid`)
      .execute();
    return rows.map(turnOf);
  }

  forget(conversation: ConversationKey): Promise<void> {
    return this.#write((to) => eraseConversation(to, conversation));
  }

  async conversationsOf(user: UserKey, limit: number): Promise<readonly ConversationRecord[]> {
    const rows = await this.#database
      .selectFrom('participants')
      .innerJoin('conversations', 'conversations.key', 'participants.conversation')
      .selectAll('conversations')
      .where('participants.user', '=', user)
      .orderBy('conversations.updated_at', 'desc')
      .limit(limit)
      .execute();
    return rows.map(conversationOf);
  }

  async ownedThreads(limit: number): Promise<readonly ConversationKey[]> {
    const rows = await this.#database
      .selectFrom('conversations')
      .select('key')
      .where('owns_thread', '=', 1)
      .orderBy('updated_at', 'desc')
      .limit(limit)
      .execute();
    return rows.map(({ key }) => conversationKeySchema.parse(key));
  }

  async takesPart(user: UserKey, conversation: ConversationKey): Promise<boolean> {
    const row = await this.#database
      .selectFrom('participants')
      .select('user')
      .where('user', '=', user)
      .where('conversation', '=', conversation)
      .executeTakeFirst();
    return row !== undefined;
  }

  // ---- pictures

  async picturesOfJob(job: JobId): Promise<readonly StoredPicture[]> {
    const rows = await this.#database.selectFrom('pictures').selectAll().where('job', '=', job).orderBy('number').execute();
    return rows.map(pictureOf);
  }

  async picturesOf(user: UserKey, limit: number): Promise<readonly StoredPicture[]> {
    const rows = await this.#database
      .selectFrom('pictures')
      .selectAll()
      .where('owner', '=', user)
      .orderBy('created_at', 'desc')
      .orderBy('number')
      .limit(limit)
      .execute();
    return rows.map(pictureOf);
  }

  async maySee(user: UserKey, blob: BlobRef): Promise<boolean> {
    const row = await this.#database
      .selectFrom('pictures')
      .leftJoin('participants', (join) => join.onRef('participants.conversation', '=', 'pictures.conversation').on('participants.user', '=', user))
      .select('pictures.job')
      .where('pictures.blob', '=', blob)
      .where((where) => where.or([where('pictures.owner', '=', user), where('participants.user', 'is not', null)]))
      .executeTakeFirst();
    return row !== undefined;
  }

  deleteJob(job: JobId): Promise<readonly BlobRef[]> {
    return this.#write((to) => eraseJob(to, job));
  }

  // ---- choices and usage

  async choices(): Promise<readonly { readonly scope: string; readonly choices: Choices }[]> {
    return (await this.#database.selectFrom('choices').selectAll().execute()).map(choicesOf);
  }

  setChoices(scope: string, choices: Choices): Promise<void> {
    const choices_json = JSON.stringify(choices);
    return this.#write(async (to) => {
      await to
        .insertInto('choices')
        .values({ scope, choices_json })
        .onConflict((on) => on.column('scope').doUpdateSet({ choices_json }))
        .execute();
    });
  }

  async usageSince(sinceMs: number): Promise<readonly { readonly owner: UserKey; readonly atMs: number }[]> {
    const rows = await this.#database.selectFrom('usage').select(['owner', 'at']).where('at', '>=', sinceMs).orderBy('at').execute();
    return rows.map(({ owner, at }) => ({ owner: userKeySchema.parse(owner), atMs: at }));
  }

  async usageTotals(sinceMs: number): Promise<readonly UsageTotals[]> {
    const { rows } = await sql<{ lane: string; jobs: number; people: number; tokens: number; images: number; ms: number }>`
      SELECT lane, count(*) AS jobs, count(DISTINCT owner) AS people, sum(completion_tokens) AS tokens, sum(images) AS images, sum(total_ms) AS ms
      FROM usage WHERE at >= ${sinceMs} GROUP BY lane ORDER BY lane`.execute(this.#database);
    return rows.map(({ lane, jobs, people, tokens, images, ms }) => ({ lane: laneOfRow(lane), jobs, people, completionTokens: tokens, images, totalMs: ms }));
  }

  async #write<Result>(write: (to: Transaction<Tables>) => Promise<Result>): Promise<Result> {
    try {
      return await this.#writes.add(write);
    } catch (error) {
      throw this.#explain(error);
    }
  }
}

function laneOfRow(lane: string): Lane {
  return lane === 'image' ? 'image' : 'text';
}
