import { describe, expect, it } from 'vitest';
import type { Message, Place, Principal } from '../../src/commands/contract.ts';
import { type JobRecord, noteOf, type StoredPicture, type TurnRecord } from '../../src/commands/store/records.ts';
import type { Store } from '../../src/commands/store/store.ts';
import { blobRefOf, conversationKeySchema, newJobId, seedSchema, userKeySchema } from '../../src/ids.ts';

const ana = userKeySchema.parse('fake:ana');
const ben = userKeySchema.parse('fake:ben');
const talk = conversationKeySchema.parse('fake:talk');
const place: Place = { platform: 'fake', workspace: 'w', channel: 'c', parentChannel: 'c', direct: false, conversation: talk, ageRestricted: false };
const principal: Principal = { platform: 'fake', workspace: 'w', channel: 'c', user: 'ana', name: 'Ana', groups: ['g'], isGuest: false };
const shown: Message = { kind: 'chat', text: 'hello', pictures: [], actions: [], status: { phase: 'done', tookMs: 5 }, final: true };
const blob = blobRefOf(new Uint8Array([1]), 'png');

function turn(id: string, changes: Partial<TurnRecord> = {}): TurnRecord {
  return {
    id,
    conversation: talk,
    parent: undefined,
    role: 'user',
    owner: ana,
    speaker: 'Ana',
    text: id,
    content: undefined,
    job: undefined,
    message: undefined,
    createdAtMs: 1,
    ...changes,
  };
}
function job(changes: Partial<JobRecord> = {}): JobRecord {
  return {
    id: newJobId(),
    owner: ana,
    state: 'waiting',
    task: { kind: 'chat', model: 'm', sampling: {}, maxTokens: 64, asks: 'u1', goesOn: false, alone: false },
    principal,
    place,
    conversation: talk,
    turn: 'a1',
    isPrivate: false,
    askedAtMs: 1,
    ...changes,
  };
}
function picture(of: JobRecord, changes: Partial<StoredPicture> = {}): StoredPicture {
  return {
    job: of.id,
    index: 0,
    blob,
    owner: of.owner,
    conversation: of.conversation,
    prompt: 'a fox',
    width: 256,
    height: 256,
    parameters: { seed: seedSchema.parse(7) },
    createdAtMs: 3,
    ...changes,
  };
}
async function begin(
  store: Store,
  record: JobRecord,
  turns: readonly TurnRecord[] = [turn('u1'), turn('a1', { role: 'assistant', parent: 'u1', text: '' })],
): Promise<void> {
  await store.beginJob({ job: record, conversation: { title: 'A talk', ownsThread: true }, turns, links: [], atMs: 2 });
}

/** What every store keeps, and how. */
export function storeContract(name: string, open: () => Promise<Store>): void {
  describe(`${name} as a store`, () => {
    it('gives a job back as it was stored, and only the open ones of a platform as open', async () => {
      await using store = await open();
      const first = job();
      await begin(store, first);
      expect(await store.job(first.id)).toEqual(first);
      expect(await store.openJobs('fake')).toEqual([first]);
      expect(await store.openJobs('discord')).toEqual([]);
      await store.setJobState(first.id, 'running', 3);
      expect((await store.openJobs('fake'))[0]?.state).toBe('running');
      await store.saveResult({ job: first.id, turn: { id: 'a1', text: 'hello', message: shown }, pictures: [], usage: undefined, atMs: 4 });
      await store.closeJob(first.id, 'finished', 4);
      expect(await store.openJobs('fake')).toEqual([]);
      expect(await store.turn('a1')).toMatchObject({ text: 'hello', message: shown, job: first.id, parent: 'u1' });
      expect(await store.job(newJobId())).toBeUndefined();
    });

    it('tells of recent jobs no more than their owner, place and prompt', async () => {
      await using store = await open();
      const request = { kind: 'image', model: 'p', prompt: 'a “fox”', seed: seedSchema.parse(7), count: 1, previews: true } as const;
      const records = [
        job({ askedAtMs: 1 }),
        job({ askedAtMs: 2, turn: 'a2', isPrivate: true, task: { kind: 'picture', spoiler: false, request } }),
        job({
          askedAtMs: 3,
          turn: 'a3',
          task: { kind: 'upscale', spoiler: false, prompt: 'a hen', request: { kind: 'upscale', model: 'p', image: blob, factor: 2 } },
        }),
      ];
      for (const record of records) await begin(store, record, [turn(record.turn, { role: 'assistant' })]);
      expect(await store.recentJobs(9)).toEqual(records.map(noteOf).toReversed());
      expect(records.map((record) => noteOf(record).prompt)).toEqual(['', 'a “fox”', 'a hen']);
    });

    it('walks a turn back to its root, along its own branch only', async () => {
      await using store = await open();
      await begin(store, job());
      await begin(store, job({ turn: 'a2' }), [turn('u1'), turn('a2', { role: 'assistant', parent: 'u1' })]);
      await begin(store, job({ turn: 'a3' }), [turn('u3', { parent: 'a1' }), turn('a3', { role: 'assistant', parent: 'u3' })]);
      const ids = (await store.path('a3', 100)).map(({ id }) => id);
      expect(ids).toEqual(['u1', 'a1', 'u3', 'a3']);
      expect((await store.path('a3', 2)).map(({ id }) => id)).toEqual(['u3', 'a3']);
      expect(await store.path('nobody', 5)).toEqual([]);
      expect((await store.conversation(talk))?.head).toBe('a3');
      expect((await store.turns(talk)).map(({ id }) => id)).toEqual(['u1', 'a1', 'a2', 'u3', 'a3']);
    });

    it('finds a turn by its message, and a message that was linked again shows the newer turn', async () => {
      await using store = await open();
      const record = job();
      await begin(store, record);
      const ref = { platform: 'fake', channel: 'c', message: 'm1' } as const;
      await store.link(ref, { turn: 'u1', job: undefined, atMs: 1 });
      expect((await store.turnOfMessage(ref))?.id).toBe('u1');
      await store.link(ref, { turn: 'a1', job: record.id, atMs: 2 });
      expect((await store.turnOfMessage(ref))?.id).toBe('a1');
      expect(await store.turnOfMessage({ ...ref, channel: 'other' })).toBeUndefined();
      expect(await store.linkOf('a1')).toEqual(ref);
    });

    it('stores the links of messages that exist already together with the job', async () => {
      await using store = await open();
      const record = job();
      const ref = { platform: 'fake', channel: 'c', message: 'm7' } as const;
      const turns = [turn('u1'), turn('a1', { role: 'assistant', parent: 'u1' })];
      await store.beginJob({
        job: record,
        conversation: { title: 'A talk', ownsThread: false },
        turns,
        links: [{ ref, to: { turn: 'a1', job: record.id } }],
        atMs: 2,
      });
      expect(await store.linkOf('a1')).toEqual(ref);
    });

    it('deletes secrets when their job ends and when they expire', async () => {
      await using store = await open();
      const record = job();
      await begin(store, record);
      const ref = { platform: 'fake', channel: 'c', message: 'm1', secret: { value: 'hush', expiresAtMs: 900 } } as const;
      await store.link(ref, { turn: 'a1', job: record.id, atMs: 1 });
      expect((await store.linkOf('a1'))?.secret?.value).toBe('hush');
      await store.saveResult({ job: record.id, turn: { id: 'a1', text: '', message: undefined }, pictures: [], usage: undefined, atMs: 4 });
      await store.closeJob(record.id, 'cancelled', 4);
      expect((await store.linkOf('a1'))?.secret).toBeUndefined();
      await store.link(ref, { turn: 'a1', job: record.id, atMs: 1 });
      await store.dropSecrets(900);
      expect((await store.linkOf('a1'))?.secret?.value).toBe('hush');
      await store.dropSecrets(901);
      expect(await store.linkOf('a1')).toEqual({ platform: 'fake', channel: 'c', message: 'm1' });
    });

    it('lets a picture be seen by who asked for it and who takes part, and by nobody else', async () => {
      await using store = await open();
      const record = job({
        task: { kind: 'picture', spoiler: false, request: { kind: 'image', model: 'p', prompt: 'a fox', seed: seedSchema.parse(7), count: 1, previews: true } },
      });
      await begin(store, record);
      await store.saveResult({
        job: record.id,
        turn: { id: 'a1', text: '', message: undefined },
        pictures: [picture(record)],
        usage: undefined,
        atMs: 4,
      });
      await store.closeJob(record.id, 'finished', 4);
      expect(await store.picturesOf(ana, 10)).toEqual([picture(record)]);
      expect(await store.picturesOfJob(record.id)).toEqual([picture(record)]);
      expect(await store.maySee(ana, blob)).toBe(true);
      expect(await store.maySee(ben, blob)).toBe(false);
      await begin(store, job({ owner: ben, turn: 'a5' }), [turn('u5', { owner: ben }), turn('a5', { role: 'assistant', parent: 'u5' })]);
      expect(await store.maySee(ben, blob)).toBe(true);
      expect(await store.takesPart(ben, talk)).toBe(true);
    });

    it('deletes a job with its pictures and says which blobs nothing needs any more', async () => {
      await using store = await open();
      const [first, second] = [job(), job({ turn: 'a2' })];
      await begin(store, first);
      await begin(store, second, [turn('a2', { role: 'assistant', parent: 'u1' })]);
      for (const each of [first, second]) {
        await store.saveResult({
          job: each.id,
          turn: { id: each.turn, text: 'x', message: shown },
          pictures: [picture(each)],
          usage: undefined,
          atMs: 4,
        });
        await store.closeJob(each.id, 'finished', 4);
      }
      expect(await store.deleteJob(first.id)).toEqual([]);
      expect(await store.turn('a1')).toMatchObject({ text: '', message: undefined });
      expect(await store.deleteJob(second.id)).toEqual([blob]);
      expect(await store.picturesOf(ana, 10)).toEqual([]);
      expect(await store.job(first.id)).toBeUndefined();
    });

    it('forgets a conversation with its words, and nothing of another', async () => {
      await using store = await open();
      const record = job();
      await begin(store, record);
      const other = conversationKeySchema.parse('fake:other');
      const kept = job({ conversation: other, turn: 'k1' });
      await begin(store, kept, [turn('k1', { conversation: other })]);
      expect((await store.ownedThreads(10)).length).toBe(2);
      await store.forget(talk);
      expect(await store.turns(talk)).toEqual([]);
      expect(await store.conversation(talk)).toBeUndefined();
      expect(await store.job(record.id)).toBeUndefined();
      expect(await store.ownedThreads(10)).toEqual([other]);
      expect((await store.conversationsOf(ana, 10)).map(({ key }) => key)).toEqual([other]);
      expect(await store.job(kept.id)).toEqual(kept);
    });

    it('keeps choices by scope and counts what was used', async () => {
      await using store = await open();
      await store.setChoices('user:fake:ana', { persona: 'a pirate', temperature: 0.5 });
      await store.setChoices('user:fake:ana', { temperature: 0.7 });
      expect(await store.choices()).toEqual([{ scope: 'user:fake:ana', choices: { temperature: 0.7 } }]);
      const record = job();
      await begin(store, record);
      const usage = { job: record.id, owner: ana, lane: 'text', atMs: 50, promptTokens: 3, completionTokens: 9, images: 0, steps: 0, totalMs: 12.4 } as const;
      await store.saveResult({ job: record.id, turn: { id: 'a1', text: 'x', message: shown }, pictures: [], usage, atMs: 50 });
      await store.closeJob(record.id, 'finished', 4);
      expect(await store.usageSince(50)).toEqual([{ owner: ana, atMs: 50 }]);
      expect(await store.usageSince(51)).toEqual([]);
      expect(await store.usageTotals(0)).toEqual([{ lane: 'text', jobs: 1, people: 1, completionTokens: 9, images: 0, totalMs: 12 }]);
    });

    it('takes hundreds of writes at once, a failing one alone', async () => {
      await using store = await open();
      const jobs = Array.from({ length: 200 }, (_, index) => job({ turn: `a${index}`, askedAtMs: index }));
      const twin = job({ turn: 'twin', askedAtMs: 500 });
      const outcomes = await Promise.allSettled([...jobs, twin, twin].map((each) => begin(store, each, [turn(each.turn, { role: 'assistant' })])));
      expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
      expect(await store.openJobs('fake')).toHaveLength(201);
      expect((await store.recentJobs(3)).map(({ id }) => id)).toEqual([twin.id, jobs[199]?.id, jobs[198]?.id]);
    });
  });
}
