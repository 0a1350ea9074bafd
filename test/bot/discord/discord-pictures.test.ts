import { MessageFlags } from 'discord-api-types/v10';
import sharp from 'sharp';
import { describe, expect, it, vi } from 'vitest';
import type { Message, Picture, Surface } from '../../../src/commands/contract.ts';
import { allComponents } from '../../fakes/discord/component-schema.ts';
import { buttonsOf } from '../../fakes/discord/fake-person.ts';
import { rateLimited } from '../../fakes/discord/http-faults.ts';
import { visibleText } from '../../fakes/discord/payloads.ts';
import type { StoredMessage } from '../../fakes/discord/world.ts';
import { chatMessage } from '../../fakes/scripted-desk.ts';
import { LogLines, openScriptedBench, type ScriptedBenchOptions } from './scripted-bench.ts';

const painting = (step: number, pictures: readonly Picture[] = [], more: Partial<Message> = {}): Message => ({
  kind: 'picture',
  text: 'a fox',
  pictures,
  actions: [
    { id: 'v1:keep:j', label: 'Stop here, keep it', style: 'secondary' },
    { id: 'v1:cancel:j', label: 'Cancel', style: 'danger' },
  ],
  status: { phase: 'painting', step, steps: 20 },
  final: false,
  ...more,
});
const painted = (picture: Picture): Message => ({
  kind: 'picture',
  text: '**a fox** · seed 7',
  pictures: [picture],
  actions: [
    { id: 'v1:reroll:j', label: 'Again', emoji: '🎲', style: 'primary' },
    { id: 'v1:delete:j', label: 'Delete', style: 'danger' },
  ],
  status: { phase: 'done', tookMs: 4000 },
  final: true,
});

const alts = (message: StoredMessage): (string | undefined)[] =>
  allComponents(message.components).flatMap((part) => (part.type === 12 ? part.items.map((item) => item.description) : []));
const isLayout = (message: StoredMessage): boolean => (message.flags & MessageFlags.IsComponentsV2) !== 0;

async function openPainting(options: ScriptedBenchOptions = {}) {
  const bench = await openScriptedBench(options);
  await bench.start();
  const surfaces = bench.desk.works(painting(0));
  const asked = bench.ada.slash(bench.channel, 'imagine', { prompt: 'a fox' });
  const surface: Surface = await surfaces.next();
  const message = await asked.message();
  const png = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#d2691e' } })
    .png()
    .toBuffer();
  const blob = await bench.blobs.put(new Uint8Array(png), 'png');
  return { bench, surfaces, surface, message, blob, asked };
}

describe('Pictures on Discord', () => {
  it('sharpen in place: one attachment at a time, under a new name each, with the prompt as alternative text', async () => {
    const { bench, surface, message, blob } = await openPainting();
    await using _ = bench;
    for (const step of [4, 8, 12]) {
      surface.show(painting(step, [bench.preview(step)]));
      await bench.fake.until(() => message.files[0]?.bytes[4] === step, `the preview of step ${step}`);
    }
    await surface.finish(painted(bench.picture(blob)));
    const names = message.history.flatMap(({ files }) => files.map(({ filename }) => filename));
    expect(new Set(names).size).toBe(4);
    expect(message.history.every(({ files }) => files.length <= 1)).toBe(true);
    expect(alts(message)).toEqual(['a fox']);
    expect(message.files[0]?.description).toBe('a fox');
    expect(message.files[0]?.contentType).toBe('image/png');
    expect(isLayout(message)).toBe(true);
    expect(buttonsOf(message)).toEqual(['Again', 'Delete']);
    expect(visibleText(message)).toContain('Took 4 s');
    expect(bench.fake.answersIn(bench.channel)).toHaveLength(1);
  });

  it('show the newest state, not each one, and the last state last', async () => {
    const { bench, surface, message, blob } = await openPainting();
    await using _ = bench;
    for (let step = 1; step <= 20; step += 1) surface.show(painting(step, [bench.preview(step)]));
    await surface.finish(painted(bench.picture(blob)));
    expect(message.history.length).toBeLessThan(6);
    expect(message.history.at(-1)?.files[0]?.contentType).toBe('image/png');
  });

  it('do not flicker at a step without a new preview', async () => {
    const { bench, surface, message, blob } = await openPainting();
    await using _ = bench;
    const same = bench.preview(4);
    surface.show(painting(4, [same]));
    await bench.fake.until(() => message.files.length === 1, 'the preview');
    const before = message.history.length;
    for (let step = 5; step < 9; step += 1) surface.show(painting(step, [same]));
    surface.show(painting(9, [bench.preview(9)]));
    await bench.fake.until(() => message.files[0]?.bytes[4] === 9, 'the next preview');
    expect(message.history.length).toBe(before + 1);
    await surface.finish(painted(bench.picture(blob)));
  });

  it('hide behind a spoiler when that was asked', async () => {
    const { bench, surface, message, blob } = await openPainting();
    await using _ = bench;
    await surface.finish(painted(bench.picture(blob, 'a fox', true)));
    expect(allComponents(message.components).some((part) => part.type === 12 && part.items[0]?.spoiler === true)).toBe(true);
  });

  it("are edited as the bot's own message when the interaction's fifteen minutes are over", async () => {
    const { bench, surface, message, blob } = await openPainting();
    await using _ = bench;
    surface.show(painting(4, [bench.preview(4)]));
    await bench.fake.until(() => message.files.length === 1, 'the first preview');
    bench.clock.jump(14 * 60_000 + 1000);
    surface.show(painting(8, [bench.preview(8)]));
    await bench.fake.until(() => message.files[0]?.bytes[4] === 8, 'a preview by channel');
    bench.clock.jump(10 * 60_000);
    await surface.finish(painted(bench.picture(blob)));
    const edits = bench.fake.timeline.of('edited').map(({ via }) => via);
    expect(edits[0]).toBe('token');
    expect(edits.slice(-2)).toEqual(['channel', 'channel']);
    expect(message.files[0]?.contentType).toBe('image/png');
  });

  it('go on by channel when Discord ends the token early', async () => {
    const { bench, surface, message, blob } = await openPainting();
    await using _ = bench;
    bench.fake.http.faults.add({ on: /^PATCH \/webhooks/, times: 99, status: 401, json: { code: 50027, message: 'Invalid Webhook Token' } });
    await surface.finish(painted(bench.picture(blob)));
    expect(message.files).toHaveLength(1);
    expect(bench.platform.health().connected).toBe(true);
  });

  it('come as a new message when the old one may be edited no more', async () => {
    const { bench, surface, message, blob } = await openPainting();
    await using _ = bench;
    bench.clock.jump(2 * 3_600_000);
    bench.fake.http.faults.add({
      on: /^PATCH \/channels/,
      times: 99,
      status: 429,
      json: { code: 30046, message: 'Maximum number of edits' },
      headers: { 'retry-after': '6' },
    });
    await surface.finish(painted(bench.picture(blob)));
    const answers = bench.fake.answersIn(bench.channel);
    expect(answers).toHaveLength(2);
    expect(answers[1]?.files).toHaveLength(1);
    expect(answers[1]?.replyTo).toBe(message.id);
    expect(bench.fake.timeline.of('request').filter(({ code }) => code === 30046)).toHaveLength(1);
  });

  it('are re-encoded where the upload limit is lower', async () => {
    const noise = await sharp({ create: { width: 700, height: 700, channels: 3, background: '#000', noise: { type: 'gaussian', mean: 120, sigma: 60 } } })
      .png()
      .toBuffer();
    const bench = await openScriptedBench({
      before: (fake) => {
        for (const guild of fake.world.guilds.values()) guild.maxFileBytes = 400_000;
      },
    });
    await using _ = bench;
    await bench.start();
    const surfaces = bench.desk.works(painting(0));
    const message = await bench.ada.slash(bench.channel, 'imagine', { prompt: 'noise' }).message();
    const surface = await surfaces.next();
    expect(noise.length).toBeGreaterThan(400_000);
    await surface.finish(painted(bench.picture(await bench.blobs.put(new Uint8Array(noise), 'png'))));
    expect(message.files[0]?.contentType).toBe('image/jpeg');
    expect(message.files[0]?.bytes.length).toBeLessThan(400_000);
  });

  it('are tried smaller after a refusal for size', async () => {
    const { bench, surface, message, blob } = await openPainting();
    await using _ = bench;
    bench.fake.http.faults.add({ on: /^PATCH/, times: 1, status: 413, json: { code: 40005, message: 'Request entity too large' } });
    await surface.finish(painted(bench.picture(blob)));
    expect(message.files).toHaveLength(1);
  });

  it('arrive although previews fail with 500, 400 and 429', async () => {
    const { bench, surface, message, blob } = await openPainting();
    await using _ = bench;
    bench.fake.http.faults.add({ on: /^PATCH/, times: 3, status: 500 });
    surface.show(painting(4, [bench.preview(4)]));
    await bench.fake.until(() => bench.fake.timeline.of('request').filter(({ status }) => status === 500).length === 3, 'three 500s');
    bench.fake.http.faults.add(rateLimited(/^PATCH/, { times: 1, retryAfterMs: 30 }));
    surface.show(painting(5, [bench.preview(5)]));
    await bench.fake.until(() => bench.fake.timeline.of('request').some(({ status }) => status === 429), 'a 429');
    bench.fake.http.faults.add({ on: /^PATCH/, times: 1, status: 400, json: { code: 50035, message: 'Invalid Form Body' } });
    surface.show(painting(6, [bench.preview(6)]));
    await bench.fake.until(() => bench.fake.timeline.of('request').some(({ code }) => code === 50035), 'a 400');
    await surface.finish(painted(bench.picture(blob)));
    expect(message.files[0]?.contentType).toBe('image/png');
    expect(surface.gone.aborted).toBe(false);
  });

  it('wait out a storm of 429s without endless retries', async () => {
    const { bench, surface, message, blob } = await openPainting();
    await using _ = bench;
    bench.fake.http.faults.add(rateLimited(/^PATCH/, { times: 4, retryAfterMs: 20 }));
    bench.fake.http.faults.add(rateLimited(/^PATCH/, { times: 1, retryAfterMs: 20, isGlobal: true }));
    await surface.finish(painted(bench.picture(blob)));
    expect(message.files).toHaveLength(1);
  });

  it('give up in a countable number of requests where the limit never ends', async () => {
    const { bench, surface, blob } = await openPainting();
    await using _ = bench;
    bench.fake.http.faults.add(rateLimited(/^PATCH/, { times: 10_000, retryAfterMs: 1 }));
    await expect(surface.finish(painted(bench.picture(blob)))).rejects.toMatchObject({ code: 'platform-failed' });
    expect(bench.fake.timeline.of('request').filter(({ status }) => status === 429).length).toBeLessThan(20);
  });

  it('end their job when somebody deletes the message or the channel', async () => {
    const { bench, surface, message, surfaces } = await openPainting();
    await using _ = bench;
    bench.fake.removeMessage(message);
    await vi.waitFor(() => expect(surface.gone.aborted).toBe(true));
    await expect(surface.finish(painting(1, [], { final: true }))).rejects.toMatchObject({ code: 'platform-failed' });
    const second = bench.ada.slash(bench.channel, 'imagine', { prompt: 'again' });
    const other = await surfaces.next();
    await second.message();
    bench.fake.removeChannel(bench.channel);
    await vi.waitFor(() => expect(other.gone.aborted).toBe(true));
  });

  it('end their job when an edit finds the message gone', async () => {
    const { bench, surface, message } = await openPainting();
    await using _ = bench;
    bench.fake.world.messages.delete(message.id);
    surface.show(painting(3, [bench.preview(3)]));
    await vi.waitFor(() => expect(surface.gone.aborted).toBe(true));
  });

  it('say which permission is missing, in the channel and in the log', async () => {
    const log = new LogLines();
    const bench = await openScriptedBench({ logger: log.logger });
    await using _ = bench;
    bench.fake.deny(bench.channel, 'AttachFiles');
    await bench.start();
    const surfaces = bench.desk.works(painting(0));
    bench.ada.says(bench.channel, '@fresco /imagine a fox');
    const surface = await surfaces.next();
    const blob = await bench.blobs.put(new Uint8Array([1, 2, 3]), 'png');
    await surface.finish(painted(bench.picture(blob)));
    const [answer] = bench.fake.answersIn(bench.channel);
    expect(answer === undefined ? '' : visibleText(answer)).toContain('Attach Files');
    expect(log.lines.some(({ level, facts }) => level === 'warn' && JSON.stringify(facts).includes('Attach Files'))).toBe(true);
  });

  it('lay out a message that began as text', async () => {
    const bench = await openScriptedBench();
    await using _ = bench;
    await bench.start();
    const surfaces = bench.desk.works(chatMessage('One moment.'));
    const message = await bench.ada.slash(bench.channel, 'ask', { prompt: 'draw a fox' }).message();
    const surface = await surfaces.next();
    expect(isLayout(message)).toBe(false);
    const blob = await bench.blobs.put(new Uint8Array([1]), 'png');
    await surface.finish(painted(bench.picture(blob)));
    expect(isLayout(message)).toBe(true);
    expect(message.content).toBe('');
  });

  it('stay laid out when the last word is a plain sentence', async () => {
    const { bench, surface, message } = await openPainting();
    await using _ = bench;
    surface.show(painting(4, [bench.preview(4)]));
    await bench.fake.until(() => message.files.length === 1, 'the preview');
    await surface.finish({
      kind: 'notice',
      text: 'The model stopped working.',
      pictures: [],
      actions: [{ id: 'v1:retry:j', label: 'Try again', style: 'primary' }],
      final: true,
    });
    expect(visibleText(message)).toContain('The model stopped working.');
    expect(message.files).toHaveLength(0);
    expect(buttonsOf(message)).toEqual(['Try again']);
  });

  it('are found again after a restart, token or not', async () => {
    const { bench, surface, message, blob } = await openPainting();
    await using _ = bench;
    const ref = await surface.posted();
    if (ref === undefined) throw new Error('a public message can be found again');
    await bench.platform.stop();
    const next = bench.openPlatform();
    await next.start(bench.desk);
    const again = next.reopen(ref);
    await again?.finish({ ...painted(bench.picture(blob)), text: 'interrupted', pictures: [] });
    expect(visibleText(message)).toContain('interrupted');
    bench.clock.jump(20 * 60_000);
    await next.reopen(ref)?.finish(painted(bench.picture(blob)));
    expect(message.files).toHaveLength(1);
    expect(next.reopen({ ...ref, thread: 'token-only' })).toBeUndefined();
    expect(next.reopen({ ...ref, message: '../../x' })).toBeUndefined();
    await next.stop();
  });

  it('are for one person alone when that was asked, and can then not be found again', async () => {
    const bench = await openScriptedBench();
    await using _ = bench;
    await bench.start();
    const surfaces = bench.desk.works(painting(0), { audience: 'sender' });
    const message = await bench.ada.slash(bench.channel, 'imagine', { prompt: 'a secret', private: true }).message();
    const surface = await surfaces.next();
    expect(message.onlyFor).toBe(bench.ada.id);
    expect(await surface.posted()).toBeUndefined();
    await surface.finish(painted(bench.picture(await bench.blobs.put(new Uint8Array([1]), 'png'))));
    expect(message.files).toHaveLength(1);
  });

  it('work where only the person installed the app, and say in time that the fifteen minutes end', async () => {
    const { bench, surfaces, blob } = await openPainting();
    await using _ = bench;
    const group = bench.fake.groupMessages(bench.ada, bench.ben);
    const first = await bench.ada.slash(group, 'imagine', { prompt: 'a fox' }).message();
    await (await surfaces.next()).finish(painted(bench.picture(blob)));
    expect(first.files).toHaveLength(1);
    expect(bench.desk.received.at(-1)).toMatchObject({ principal: { isGuest: true }, place: { direct: true, workspace: '' } });
    const elsewhere = bench.fake.addServer('Elsewhere', { hasBot: false });
    const there = bench.fake.addChannel(elsewhere, 'lobby');
    await bench.ben.slash(there, 'imagine', { prompt: 'a fox' }).message();
    const late = await surfaces.next();
    bench.clock.jump(16 * 60_000);
    await expect(late.finish(painted(bench.picture(blob)))).rejects.toMatchObject({ code: 'platform-failed' });
    expect(late.gone.aborted).toBe(true);
  });
});
