import { describe, expect, it } from 'vitest';
import { formatActionId } from '../../../src/commands/action-id.ts';
import { newJobId } from '../../../src/ids.ts';
import { attachment, openDeskBench, playing } from '../../fakes/desk-bench.ts';
import { FakeClock } from '../../fakes/fake-clock.ts';
import { FakeSurface } from '../../fakes/fake-surface.ts';

describe('limits at the desk', () => {
  it('refuse at once who has too many waiting, and let others in', async () => {
    await using bench = await openDeskBench({ settings: { limits: { waitingPerUser: 2 } } });
    const ana = bench.person('ana');
    const first = ana.chat('one');
    (await bench.runner.nextRun()).emit({ type: 'started', model: 'tiny-writer', device: 'cpu' }); // runs, so it does not wait
    await first.surface.until(({ status }) => status?.phase === 'writing');
    ana.chat('two');
    ana.typed('imagine', 'three');
    const { answer } = ana.typed('imagine', 'four');
    expect(answer.text).toMatch(/^You have 2 jobs waiting and the limit is 2. Try again in about \d+ s\.$/);
    expect(bench.person('ben').chat('hello').reception.kind).toBe('work');
    expect(first.surface.final).toBeUndefined();
  });

  it('count a job as waiting from the moment it is asked for, also in a burst', async () => {
    await using bench = await openDeskBench();
    const ana = bench.person('ana');
    const kinds = Array.from({ length: 300 }, () => ana.chat('hello').reception.kind);
    expect(kinds.filter((kind) => kind === 'work')).toHaveLength(5);
    expect(kinds.filter((kind) => kind === 'answer')).toHaveLength(295);
  });

  it('bound each lane for everyone', async () => {
    await using bench = await openDeskBench({ settings: { limits: { waitingPerLane: 3 } } });
    for (const user of ['a', 'b', 'c']) bench.person(user).typed('imagine', 'a fox');
    expect(bench.person('d').typed('imagine', 'a fox').answer.text).toMatch(/^The queue is full \(3 of 3 waiting\)/);
    expect(bench.person('d').chat('hello').reception.kind).toBe('work');
  });

  it('hold people and groups to their hour, and give back what never ran', async () => {
    const clock = new FakeClock();
    await using bench = await openDeskBench({ clock, settings: { limits: { perHour: 2, groups: { friends: { perHour: 3 } } } }, script: playing() });
    const ana = bench.person('ana');
    await ana.chat('one').done;
    await clock.advance(600_000);
    await ana.chat('two').done;
    expect(ana.chat('three').answer.text).toBe('You have had 2 of 2 for this hour. Try again in about 50 min.');
    await clock.advance(3_000_001);
    expect(ana.chat('three').reception.kind).toBe('work');
    const fay = bench.person('fay', { groups: ['friends'] });
    for (const text of ['one', 'two', 'three']) await fay.chat(text).done;
    expect(fay.chat('four').reception.kind).toBe('answer');
    const bob = bench.person('bob');
    for (let index = 0; index < 4; index += 1) await bob.chat('read', { attachments: [attachment('a.txt', 'text/plain', Buffer.from([0xff]))] }).done;
    expect(bob.chat('hello').reception.kind).toBe('work');
  });

  it('hold back what the blocklist names, everywhere a prompt comes in', async () => {
    await using bench = await openDeskBench({ settings: { safety: { blockedWords: ['kraken'] } }, script: playing() });
    const ana = bench.person('ana');
    expect(ana.typed('imagine', 'a kr4ken').answer.text).toMatch(/I won't do this one/);
    expect(ana.chat('draw me a nude child').answer.text).toMatch(/nothing sexual with children/);
    expect(ana.command('settings', { persona: 'a kraken' }).answer.text).toMatch(/I won't/);
    const { surface, done } = ana.typed('imagine', 'a fox');
    await done;
    const { reception } = ana.press(surface, 'edit');
    if (reception.kind !== 'form') throw new Error('no form');
    expect((await ana.submit(reception.form.id, { prompt: 'a kraken' }).surface.whenFinal()).text).toMatch(/I won't do this one/);
    expect(bench.runner.runs).toHaveLength(1);
  });

  it('refuse who is not let in, whatever they send', async () => {
    await using bench = await openDeskBench({ settings: { access: { deny: { users: ['eve'] } } } });
    const eve = bench.person('eve');
    expect(eve.chat('hello').answer.text).toMatch(/^I may not do that here/);
    expect(
      eve.press(new FakeSurface({ platform: 'fake', channel: 'c', message: 'm' }), formatActionId({ action: 'reroll', job: newJobId() })).answer.text,
    ).toMatch(/^I may not/);
    expect(bench.person('gus', { isGuest: true }).chat('hello').answer.text).toMatch(/guests/);
  });

  it('keep pictures to age-restricted channels where the owner wants that', async () => {
    await using bench = await openDeskBench({ settings: { safety: { ageRestrictedOnly: true } }, script: playing() });
    const ana = bench.person('ana').in({ channel: 'hall' });
    expect(ana.typed('imagine', 'a fox').answer.text).toMatch(/age-restricted channels only/);
    expect(ana.in({ channel: 'cellar', ageRestricted: true }).typed('imagine', 'a fox').reception.kind).toBe('work');
  });

  it('pause and drain for those who run it, and for nobody else', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const root = bench.person('root', { isOwner: true });
    const ana = bench.person('ana');
    expect(ana.typed('admin', 'pause').answer.text).toMatch(/for those who run me/);
    expect(root.typed('admin', 'pause').answer.text).toMatch(/^Paused/);
    expect(bench.desk.pulse().paused).toBe(true);
    expect(ana.chat('hello').answer.text).toMatch(/I am paused/);
    expect(root.typed('admin', 'resume').reception.kind).toBe('answer');
    await ana.chat('hello').done;
    const stats = root.command('admin', { action: 'stats' });
    expect((await stats.surface.whenFinal()).text).toContain('text, last 24 hours: 1 jobs of 1 people, 3 tokens');
    const drained = root.command('admin', { action: 'drain' });
    expect((await drained.surface.whenFinal()).text).toMatch(/^Drained/);
    expect(ana.chat('hello').answer.text).toMatch(/shutting down/);
  });

  it('leave a message as it is when its delete button is forged', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const { surface, done } = bench.person('ana').typed('imagine', 'a fox');
    await done;
    const forged = bench.person('eve').press(surface, `v1:delete:${'0'.repeat(32)}`);
    await forged.done;
    expect(forged.surface.isRemoved).toBe(false);
    expect(forged.surface.current).toEqual(surface.final);
  });

  it.each(['v1:reroll:', `v1:reroll:${'f'.repeat(32)}`, 'DROP TABLE jobs', '', `v1:retry:${'0'.repeat(32)}`, `v1:edit:${'a'.repeat(32)}:9`])(
    'answer a forged button %j without a crash or a word of others',
    async (actionId) => {
      await using bench = await openDeskBench({ script: playing() });
      await bench.person('ana').typed('imagine', 'a secret fox').done;
      const eve = bench.person('eve');
      const press = eve.press(new FakeSurface({ platform: 'fake', channel: 'c', message: 'm' }), actionId.includes(':') ? actionId : `${actionId}:`);
      await press.done;
      const text = press.reception.kind === 'work' ? (press.surface.final?.text ?? '') : press.answer.text;
      expect(text).toMatch(/can't find/);
      expect(text).not.toContain('secret');
    },
  );

  it('let others follow a picture up where they see it, on their own account', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const place = { channel: 'hall' };
    const { surface, done } = bench.person('ana').in(place).typed('imagine', 'a fox');
    await done;
    const ben = bench.person('ben').in(place);
    await ben.press(surface, 'vary').done;
    expect(await bench.desk.library.pictures(ben.principal, 5)).toHaveLength(1);
    expect(ben.press(surface, `v1:retry:${surface.final?.actions[0]?.id.split(':')[2]}`).answer.text).toMatch(/Only the person who asked/);
    expect(bench.person('eve').in({ channel: 'elsewhere' }).press(surface, 'vary').answer.text).toMatch(/can't find/);
  });
});
