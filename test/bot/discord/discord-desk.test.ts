import { describe, expect, it } from 'vitest';
import type { Preview } from '../../../src/inference/contract.ts';
import { emitImage, playing, smallPng } from '../../fakes/desk-bench.ts';
import { buttonsOf } from '../../fakes/discord/fake-person.ts';
import { visibleText } from '../../fakes/discord/payloads.ts';
import type { StoredMessage } from '../../fakes/discord/world.ts';
import { MemoryBlobStore } from '../../fakes/memory-blob-store.ts';
import { openDeskHarness } from './desk-harness.ts';

const preview: Preview = { bytes: smallPng, mediaType: 'image/png', width: 2, height: 2 };
const hasPicture = (message: StoredMessage): boolean => message.files[0]?.filename.startsWith('picture-') === true;

describe('Fresco on Discord', () => {
  it('answers a mention in a thread, goes on there without one, and keeps people and threads apart', async () => {
    await using harness = await openDeskHarness({ script: playing({ answer: 'Certainly.' }) });
    const { fake, ada, ben, channel } = harness;
    const first = ada.says(channel, '@fresco my name is Ada and my cat is Tom');
    await fake.until(() => harness.texts(first).join().includes('Certainly.'), 'the first answer');
    const second = ben.says(channel, '@fresco what is my cat called?');
    await fake.until(() => harness.texts(second).join().includes('Certainly.'), 'the second answer');
    ada.says(fake.world.channel(first.id), 'and what is my cat called?');
    await fake.until(() => harness.texts(first).length === 2 && harness.texts(first)[1]?.includes('Certainly.'), 'the third answer');
    const prompts = harness.bench.runner.runs.map(({ request }) =>
      request.kind === 'text' && request.input.form === 'messages' ? request.input.messages.map(({ content }) => content).join('\n') : '',
    );
    expect(prompts[1]).not.toContain('Tom');
    expect(prompts[2]).toContain('Tom');
  });

  it('branches where somebody replies to an older answer', async () => {
    await using harness = await openDeskHarness({ script: playing({ answer: 'Noted.' }), settings: { chat: { startThreads: false } } });
    const { fake, ada, channel } = harness;
    const answered = (count: number) =>
      fake.until(
        () => fake.answersIn(channel).filter((one) => visibleText(one).includes('Took')).length === count && fake.answersIn(channel),
        `${count} answers`,
      );
    ada.says(channel, '@fresco the first is alpha');
    const [first] = await answered(1);
    if (first === undefined) throw new Error('no answer');
    ada.says(channel, 'the second is beta', { replyTo: first });
    await answered(2);
    ada.says(channel, 'the third is gamma', { replyTo: first });
    await answered(3);
    const last = harness.bench.runner.runs[2]?.request;
    const said = last?.kind === 'text' && last.input.form === 'messages' ? last.input.messages.map(({ content }) => content).join('\n') : '';
    expect(said).toContain('alpha');
    expect(said).not.toContain('beta');
  });

  it('paints, shows position, steps and preview, keeps what there is at a press, and offers what comes next', async () => {
    await using harness = await openDeskHarness();
    const { fake, ada, ben, channel } = harness;
    const blocking = ben.slash(channel, 'imagine', { prompt: 'a barn' });
    const firstRun = await harness.bench.runner.nextRun();
    const asked = ada.slash(channel, 'imagine', { prompt: 'a lighthouse --seed 7 --steps 20' });
    const message = await asked.message();
    expect(visibleText(message)).toMatch(/1 ahead of you/);
    expect(buttonsOf(message)).toEqual(['Cancel']);
    await emitImage(firstRun, harness.bench.blobs, 0);
    firstRun.finish();
    const run = await harness.bench.runner.nextRun();
    expect(run.request).toMatchObject({ kind: 'image', prompt: 'a lighthouse', seed: 7, steps: 20 });
    run.emit({ type: 'started', model: 'tiny-painter', device: 'cpu' }, { type: 'step', step: 5, steps: 20, image: 0, preview });
    await fake.until(() => message.files.length === 1 && visibleText(message).includes('step 5 of 20'), 'the preview');
    ada.press(message, 'Stop here, keep it');
    await fake.until(() => run.control.keep.aborted, 'the wish to keep it').catch(() => undefined);
    expect(run.control.keep.aborted).toBe(true);
    await emitImage(run, harness.bench.blobs, 0);
    run.finish({ type: 'finished', finishReason: 'stopped-early', usage: {}, timings: { totalMs: 5 } });
    await fake.until(() => hasPicture(message) && buttonsOf(message).includes('Reroll'), 'the picture');
    expect(buttonsOf(message)).toEqual(expect.arrayContaining(['Reroll', 'Vary', 'Edit prompt', 'Parameters', 'Delete']));
    expect(visibleText(message)).toContain('seed 7');
    await fake.until(() => hasPicture(fake.world.messages.get(blocking.interaction.originalMessageId ?? '') ?? message), 'the barn');
  });

  it('rerolls, varies, enlarges, edits, tells parameters and deletes by buttons', async () => {
    const blobs = new MemoryBlobStore();
    await using harness = await openDeskHarness({ blobs, script: playing({ blobs }) });
    const { fake, ada, ben, channel } = harness;
    const message = await ada.slash(channel, 'imagine', { prompt: 'a fox --seed 7' }).message();
    await fake.until(() => hasPicture(message), 'the picture');
    for (const label of ['Reroll', 'Vary', 'Enlarge ×2']) {
      const again = await ben.press(message, label).message();
      await fake.until(() => hasPicture(again), `the picture after ${label}`);
    }
    const form = ada.press(message, 'Edit prompt');
    expect((await form.modal()).fields[0]?.value).toBe('a fox');
    const edited = await (await ada.submit(form, { prompt: 'a red fox' })).message();
    await fake.until(() => hasPicture(edited) && visibleText(edited).includes('a red fox'), 'the edited picture');
    const parameters = await ada.press(message, 'Parameters').message();
    await fake.until(() => visibleText(parameters).includes('7'), 'the parameters');
    expect(parameters.onlyFor).toBe(ada.id);
    const refused = await ben.press(message, 'Delete').message();
    expect(refused.onlyFor).toBe(ben.id);
    expect(fake.world.messages.has(message.id)).toBe(true);
    await ada.press(message, 'Delete').acknowledged();
    await fake.until(() => !fake.world.messages.has(message.id), 'the deletion');
  });

  it('varies a picture and shows its parameters from the message menu', async () => {
    const blobs = new MemoryBlobStore();
    await using harness = await openDeskHarness({ blobs, script: playing({ blobs }) });
    const { fake, ada, channel } = harness;
    const message = await ada.slash(channel, 'imagine', { prompt: 'a fox --seed 7' }).message();
    await fake.until(() => hasPicture(message), 'the picture');
    const varied = await ada.menu(message, 'Vary this picture').message();
    await fake.until(() => hasPicture(varied), 'the variation');
    const shown = await ada.menu(message, 'Show parameters').message();
    await fake.until(() => visibleText(shown).includes('7'), 'the parameters');
    const group = fake.groupMessages(ada);
    const there = await ada.slash(group, 'imagine', { prompt: 'a fox' }).message();
    expect(visibleText(there)).toContain('guests');
  });

  it('summarises from a message on, and says that it cannot see pictures', async () => {
    await using harness = await openDeskHarness({ script: playing({ answer: 'They meet at six.' }) });
    const { fake, ada, ben, channel } = harness;
    const first = ada.says(channel, 'We meet at five.');
    ben.says(channel, 'Make it six.');
    const summary = await ada.menu(first, 'Summarise from here').message();
    await fake.until(() => visibleText(summary).includes('They meet at six.'), 'the summary');
    const photo = ada.file('cat.png', 'image/png', smallPng);
    const dm = fake.directMessages(ada);
    ada.says(dm, 'what is in this picture?', { files: [photo] });
    await fake.until(() => harness.texts(dm).join().includes('can see pictures'), 'the clear answer');
  });

  it('reads attached text files and starts from attached pictures', async () => {
    const blobs = new MemoryBlobStore();
    await using harness = await openDeskHarness({ blobs, script: playing({ blobs, answer: 'Milk.' }) });
    const { fake, ada, channel } = harness;
    const dm = fake.directMessages(ada);
    ada.says(dm, 'what must I remember?', { files: [ada.file('notes.txt', 'text/plain', new TextEncoder().encode('remember the milk'))] });
    await fake.until(() => harness.texts(dm).join().includes('Milk.'), 'the answer');
    expect(JSON.stringify(harness.bench.runner.runs[0]?.request)).toContain('remember the milk');
    const { default: sharp } = await import('sharp');
    const png = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#345' } })
      .png()
      .toBuffer();
    const message = await ada.slash(channel, 'imagine', { prompt: 'a fox', image: ada.file('start.png', 'image/png', new Uint8Array(png)) }).message();
    await fake.until(() => hasPicture(message), 'the picture');
    expect(harness.bench.runner.runs[1]?.request).toMatchObject({ kind: 'image', initImage: expect.stringMatching(/^[0-9a-f]{64}\./) });
    const lying = await ada
      .slash(channel, 'imagine', { prompt: 'a fox', image: ada.file('x.png', 'image/png', new TextEncoder().encode('no picture')) })
      .message();
    await fake.until(() => visibleText(lying).includes('says it is a picture'), 'the refusal');
  });

  it('lets in and keeps out whom the owner says, by server, channel, role and person', async () => {
    await using harness = await openDeskHarness({
      script: playing(),
      before: (fake) => {
        for (const guild of fake.world.guilds.values())
          guild.memberRoles.set([...fake.world.users.values()].find(({ name }) => name === 'Ben')?.id ?? '', ['222222222222222222']);
      },
      settings: { access: { deny: { groups: ['222222222222222222'] } } },
    });
    const { fake, ada, ben, channel } = harness;
    const refused = await ben.slash(channel, 'ask', { prompt: 'x' }).message();
    expect(refused.onlyFor).toBe(ben.id);
    const allowed = await ada.slash(channel, 'ask', { prompt: 'x' }).message();
    await fake.until(() => visibleText(allowed).includes('Hello there.'), 'the answer');
    const admin = await ada.slash(channel, 'admin', { action: 'pause' }).message();
    expect(admin.onlyFor).toBe(ada.id);
    expect(harness.bench.desk.pulse().paused).toBe(false);
  });

  it('obeys its owner: pause, resume, stats', async () => {
    await using harness = await openDeskHarness({
      script: playing(),
      before: (fake) => {
        fake.world.ownerId = [...fake.world.users.values()].find(({ name }) => name === 'Ada')?.id ?? '';
      },
    });
    const { fake, ada, ben, channel } = harness;
    await ada.slash(channel, 'admin', { action: 'pause' }).acknowledged();
    await fake.until(() => harness.bench.desk.pulse().paused, 'the pause').catch(() => undefined);
    expect(harness.bench.desk.pulse().paused).toBe(true);
    const refused = await ben.slash(channel, 'ask', { prompt: 'x' }).message();
    expect(visibleText(refused)).toContain('paused');
    await ada.slash(channel, 'admin', { action: 'resume' }).acknowledged();
    const answer = await ben.slash(channel, 'ask', { prompt: 'x' }).message();
    await fake.until(() => visibleText(answer).includes('Hello there.'), 'the answer');
    const stats = await ada.slash(channel, 'admin', { action: 'stats' }).message();
    expect(stats.onlyFor).toBe(ada.id);
  });

  it('paints in age-restricted channels alone where the owner wants that', async () => {
    const blobs = new MemoryBlobStore();
    await using harness = await openDeskHarness({ blobs, script: playing({ blobs }), settings: { safety: { ageRestrictedOnly: true } } });
    const adults = harness.fake.addChannel(harness.guild, 'adults', { nsfw: true });
    const refused = await harness.ada.slash(harness.channel, 'imagine', { prompt: 'a fox' }).message();
    expect(refused.onlyFor).toBe(harness.ada.id);
    await harness.fake.until(() => harness.fake.timeline.of('dispatch').some(({ event }) => event === 'CHANNEL_CREATE'), 'the channel');
    const painted = await harness.ada.slash(adults, 'imagine', { prompt: 'a fox' }).message();
    await harness.fake.until(() => hasPicture(painted), 'the picture');
  });

  it('answers every hostile thing with a sentence and goes on', async () => {
    const blobs = new MemoryBlobStore();
    await using harness = await openDeskHarness({ blobs, script: playing({ blobs }) });
    const { fake, ada, ben, channel } = harness;
    const message = await ada.slash(channel, 'imagine', { prompt: `${'@everyone fox '.repeat(30)}`.trim() }).message();
    await fake.until(() => hasPicture(message), 'the picture');
    const wrongType = await ada.slash(channel, 'imagine', { prompt: 'a fox', steps: 'many' }, { prompt: 3, steps: 3 }).message();
    expect(visibleText(wrongType)).toMatch(/steps/);
    const long = await ada.slash(channel, 'imagine', { prompt: 'fox '.repeat(1500) }).message();
    await fake.until(() => hasPicture(long) || /long|short/i.test(visibleText(long)), 'something about the long prompt');
    const unknownJob = 'a'.repeat(32);
    for (const id of [
      `v1:reroll:${unknownJob}`,
      `v1:retry:${unknownJob}`,
      `v1:parameters:${unknownJob}`,
      'v1:nonsense',
      'x'.repeat(100),
      "'; drop table jobs; --",
    ]) {
      const forged = await ben.pressId(message, id).message();
      await fake.until(() => visibleText(forged).includes("can't find"), `an answer to ${id}`);
      expect(forged.id).not.toBe(message.id);
    }
    await ben.pressId(message, `v1:delete:${unknownJob}`).acknowledged();
    await ben.slash(channel, 'queue').message();
    expect(hasPicture(message)).toBe(true);
    for (const answer of fake.world.messages.values()) {
      if (answer.authorId !== fake.world.botId) continue;
      expect(answer.pings).toEqual([]);
      expect(visibleText(answer)).not.toMatch(/@everyone/);
    }
    expect(fake.world.messages.has(message.id)).toBe(true);
  });

  it('ends with a clear sentence for each when it restarts amid twenty jobs, and each retry works', async () => {
    const blobs = new MemoryBlobStore();
    await using harness = await openDeskHarness({ blobs, lanes: { text: { concurrency: 4, maxWaiting: 200 }, image: { concurrency: 20, maxWaiting: 200 } } });
    const { fake, channel } = harness;
    const people = Array.from({ length: 20 }, (_, index) => fake.addPerson(`Person ${index}`));
    const asked = people.map((person, index) => person.slash(channel, 'imagine', { prompt: `fox ${index}` }));
    for (const one of asked) {
      const run = await harness.bench.runner.nextRun();
      run.emit({ type: 'started', model: 'tiny-painter', device: 'cpu' }, { type: 'step', step: 1, steps: 4, image: 0, preview });
      await one.acknowledged();
    }
    const messages = await Promise.all(asked.map((one) => one.message()));
    await fake.until(() => messages.every((message) => /step 1 of 4/.test(visibleText(message))), 'twenty running jobs');
    await harness.restart({ script: playing({ blobs }) });
    await fake.until(() => messages.every((message) => buttonsOf(message).includes('Try again')), 'twenty sentences');
    for (const message of messages) expect(visibleText(message)).toContain('restarted');
    for (const [index, message] of messages.entries()) people[index]?.press(message, 'Try again');
    await fake.until(() => messages.every(hasPicture), 'twenty pictures');
    expect(fake.answersIn(channel)).toHaveLength(20);
  });
});
