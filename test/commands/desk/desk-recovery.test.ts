import { describe, expect, it } from 'vitest';
import type { MessageRef } from '../../../src/commands/contract.ts';
import { inMemory, openSqlStore } from '../../../src/commands/store/sql-store.ts';
import type { Store } from '../../../src/commands/store/store.ts';
import { emitImage, openDeskBench, playing } from '../../fakes/desk-bench.ts';
import { FakeSurface } from '../../fakes/fake-surface.ts';

/** Finds the messages of the process that died. */
class Messages {
  readonly reopened = new Map<string, FakeSurface>();
  readonly reopen = (ref: MessageRef): FakeSurface => {
    const surface = new FakeSurface(ref);
    this.reopened.set(ref.message, surface);
    return surface;
  };
  of(surface: FakeSurface): FakeSurface {
    const found = this.reopened.get(surface.ref.message);
    if (found === undefined) throw new Error(`message ${surface.ref.message} was not reopened`);
    return found;
  }
}

/** A store that a test can let the process die in front of. */
function dyingStore(store: Store, dies: (method: string) => boolean): Store {
  return new Proxy(store, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => (dies(String(key)) ? new Promise(() => {}) : Reflect.apply(value, target, args));
    },
  });
}

describe('the desk after a crash', () => {
  it('lets what waited go on, and ends what ran with a sentence and a retry that works', async () => {
    await using dead = await openDeskBench();
    const ana = dead.person('ana');
    const [running, waiting] = [ana.typed('imagine', 'a fox --seed 1'), ana.typed('imagine', 'a wolf --seed 2')];
    const chat = dead.person('ben').chat('hello');
    const [picture, text] = [await dead.runner.nextRun(), await dead.runner.nextRun()];
    picture.emit({ type: 'step', step: 2, steps: 20, image: 0 });
    text.emit({ type: 'text-delta', text: 'Hel', tokenIds: [1] });
    await running.surface.until(({ status }) => status?.phase === 'painting' && status.step === 2);
    await chat.surface.until(({ text: words }) => words === 'Hel');
    await until(async () => (await dead.store.openJobs('fake')).filter(({ state }) => state === 'running').length === 2);

    await using next = await dead.restarted();
    const messages = new Messages();
    await next.desk.recover('fake', messages.reopen);
    const interrupted = messages.of(running.surface);
    expect(interrupted.final).toMatchObject({ status: { phase: 'failed' }, final: true });
    expect(interrupted.final?.text).toContain('I was restarted while I worked on this');
    expect(messages.of(chat.surface).final?.actions.map(({ label }) => label)).toEqual(['Try again']);

    const run = await next.runner.nextRun();
    expect(run.request).toMatchObject({ prompt: 'a wolf', seed: 2 });
    await emitImage(run, next.blobs, 0);
    run.finish();
    expect((await messages.of(waiting.surface).whenFinal()).pictures).toHaveLength(1);

    const retry = next.person('ana').press(interrupted, 'retry');
    const again = await next.runner.nextRun();
    expect(again.request).toMatchObject({ prompt: 'a fox', seed: 1 });
    await emitImage(again, next.blobs, 0);
    again.finish();
    expect((await retry.surface.whenFinal()).pictures).toHaveLength(1);

    const answerAgain = next.person('ben').press(messages.of(chat.surface), 'retry');
    const talk = await next.runner.nextRun();
    expect(talk.request).toMatchObject({ input: { messages: [{ role: 'user', content: 'hello' }] } });
    talk.finish();
    await answerAgain.surface.whenFinal();
    await until(async () => (await next.store.openJobs('fake')).length === 0);
  });

  it('loses none of 20 jobs, wherever each was', async () => {
    await using dead = await openDeskBench({ settings: { limits: { waitingPerUser: 50 } } });
    const surfaces = Array.from(
      { length: 20 },
      (_, index) => (index % 2 === 0 ? dead.person(`u${index}`).chat(`hello ${index}`) : dead.person(`u${index}`).typed('imagine', `fox ${index}`)).surface,
    );
    await until(async () => (await dead.store.openJobs('fake')).length === 20);
    await using next = await dead.restarted({ script: playing() });
    const messages = new Messages();
    await next.desk.recover('fake', messages.reopen);
    const finals = await Promise.all(surfaces.map((surface) => messages.of(surface).whenFinal()));
    for (const message of finals) {
      const isResult = message.status?.phase === 'done';
      expect(isResult || message.actions.some(({ id }) => id.startsWith('v1:retry:'))).toBe(true);
    }
    await until(async () => (await next.store.openJobs('fake')).length === 0);
  });

  it('shows a result that was stored before the crash but not shown', async () => {
    const store = await openSqlStore(inMemory);
    let isDead = false;
    await using dead = await openDeskBench({ store: dyingStore(store, (method) => isDead && method === 'closeJob') });
    const { surface } = dead.person('ana').typed('imagine', 'a fox');
    const run = await dead.runner.nextRun();
    isDead = true;
    await emitImage(run, dead.blobs, 0);
    run.finish();
    await surface.whenFinal();
    isDead = false;
    await using next = await openDeskBench({ store });
    const messages = new Messages();
    await next.desk.recover('fake', messages.reopen);
    expect(messages.of(surface).final?.pictures).toHaveLength(1);
    expect(await store.openJobs('fake')).toEqual([]);
  });

  it('keeps the sentence for the transcript where the message can no longer be reached', async () => {
    await using dead = await openDeskBench();
    const ana = dead.person('ana');
    const { surface } = ana.chat('hello');
    await dead.runner.nextRun();
    await until(async () => (await dead.store.openJobs('fake')).length === 1);
    await using next = await dead.restarted();
    await next.desk.recover('fake', () => undefined);
    const turns = await next.desk.library.transcript(ana.principal, ana.place.conversation);
    expect(turns.at(-1)?.message).toMatchObject({ text: expect.stringContaining('I was restarted'), actions: [{ label: 'Try again' }] });
    expect(await next.store.openJobs('fake')).toEqual([]);
    expect(surface.final).toBeUndefined();
  });

  it('knows its threads, choices and quotas again', async () => {
    await using dead = await openDeskBench({ settings: { limits: { perHour: 2 } }, script: playing() });
    const ana = dead.person('ana').in({ channel: 'hall', thread: 't1' });
    await ana.chat('hello').done;
    ana.command('settings', { persona: 'You are a pirate.' });
    await until(async () => (await dead.store.choices()).length === 1);
    await using next = await dead.restarted();
    const again = next.person('ana').in({ channel: 'hall', thread: 't1' });
    expect(next.desk.ownsThread(again.place)).toBe(true);
    again.chat('hello again');
    const run = await next.runner.nextRun();
    expect(run.request).toMatchObject({ input: { messages: [{ role: 'system', content: 'You are a pirate.' }, {}, {}, {}] } });
    expect(again.chat('and again').answer.text).toMatch(/You have had 2 of 2 for this hour/);
  });

  it('answers buttons of jobs that it no longer has in memory', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const ana = bench.person('ana').in({ channel: 'hall' });
    const { surface, done } = ana.typed('imagine', 'a fox --seed 9');
    await done;
    const forgetful: Store = new Proxy(bench.store, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        return key === 'recentJobs' ? async () => [] : typeof value === 'function' ? (...args: unknown[]) => Reflect.apply(value, target, args) : value;
      },
    });
    await using next = await openDeskBench({ store: forgetful, script: playing() });
    const rerolled = next.person('ana').in({ channel: 'hall' }).press(surface, 'reroll');
    expect((await rerolled.surface.whenFinal()).text).toContain('**a fox**');
    const stranger = next.person('eve').in({ channel: 'elsewhere' }).press(surface, 'reroll');
    expect((await stranger.surface.whenFinal()).text).toMatch(/can't find what this button is for/);
    const other = next.person('ben').in({ channel: 'hall' });
    const retried = other.press(surface, `v1:retry:${surface.final?.actions[0]?.id.split(':')[2]}`);
    expect(retried.reception).toMatchObject({ on: 'new' });
    expect((await retried.surface.whenFinal()).text).toMatch(/Only the person who asked/);
    const deletion = other.press(surface, 'delete');
    await deletion.done;
    expect(deletion.surface.isRemoved).toBe(false);
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 1000; round += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('it never came true');
}
