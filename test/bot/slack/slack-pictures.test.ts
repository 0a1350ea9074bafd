import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Message, Picture, Surface } from '../../../src/commands/contract.ts';
import type { BlobRef } from '../../../src/ids.ts';
import type { Settings } from '../../../src/settings.ts';
import { MemoryBlobStore } from '../../fakes/memory-blob-store.ts';
import { ScriptedDesk, workWith } from '../../fakes/slack/scripted-desk.ts';
import { SlackBench } from '../../fakes/slack/slack-bench.ts';
import { type FakeMessage, filesInBlocks, slackIds } from '../../fakes/slack/slack-state.ts';

const square = (shade: number) => sharp({ create: { width: 64, height: 64, channels: 3, background: { r: shade, g: 90, b: 120 } } });
const previews = await Promise.all([40, 80, 120, 160, 200].map(async (shade) => new Uint8Array(await square(shade).webp().toBuffer())));
const finalPng = new Uint8Array(await square(255).png().toBuffer());

const previewPicture = (index: number): Picture => ({
  source: { kind: 'preview', preview: { bytes: previews[index] ?? new Uint8Array(), mediaType: 'image/webp', width: 64, height: 64 } },
  alt: 'a fox',
  spoiler: false,
  width: 64,
  height: 64,
});
const painting = (step: number, picture?: Picture): Message => ({
  kind: 'picture',
  text: '**a fox**',
  pictures: picture === undefined ? [] : [picture],
  actions: [{ id: 'v1:cancel:x', label: 'Cancel', style: 'secondary' }],
  status: { phase: 'painting', step, steps: 20 },
  final: false,
});
const done = (blob: BlobRef): Message => ({
  kind: 'picture',
  text: '**a fox**\nseed 7',
  pictures: [{ source: { kind: 'blob', blob }, alt: 'a fox', spoiler: false, width: 64, height: 64 }],
  actions: [{ id: 'v1:reroll:x', label: 'Reroll', style: 'primary' }],
  status: { phase: 'done', tookMs: 4000 },
  final: true,
});

interface Painted {
  readonly bench: SlackBench;
  readonly blob: BlobRef;
  /** Asks for a picture in a thread of #general, or in the channel itself; gives its surface. */
  readonly ask: (where?: 'thread' | 'channel' | 'direct') => Promise<Surface>;
}

async function openPainter(pictureEdit: Settings['slack']['pictureEdit'], updateShares: boolean): Promise<Painted> {
  const desk = new ScriptedDesk();
  const blobs = new MemoryBlobStore();
  const blob = await blobs.put(finalPng, 'png');
  const bench = await SlackBench.open({
    desk: () => desk,
    blobs,
    settings: (defaults) => ({ ...defaults, slack: { ...defaults.slack, pictureEdit } }),
    before: (slack) => {
      slack.switches.updateShares = updateShares;
    },
  });
  const ask: Painted['ask'] = async (where = 'thread') => {
    let taken: Surface | undefined;
    desk.answer = () =>
      workWith((surface) => {
        taken = surface;
      });
    if (where === 'channel') await bench.ana.command(bench.general, '/imagine', 'a fox');
    else if (where === 'direct') bench.ana.say(bench.ana.direct, 'paint a fox');
    else bench.ana.say(bench.general, `<@${slackIds.bot}> paint a fox`);
    await bench.until(() => taken !== undefined);
    if (taken === undefined) throw new Error('no surface');
    return taken;
  };
  return { bench, blob, ask };
}

const withPicture = (shown: readonly FakeMessage[]): readonly FakeMessage[] => shown.filter(({ blocks }) => filesInBlocks(blocks).length > 0);

/** Finishes while time passes. */
async function finish(bench: SlackBench, surface: Surface, message: Message): Promise<void> {
  let settledAs: 'done' | unknown;
  surface.finish(message).then(
    () => (settledAs = 'done'),
    (error: unknown) => (settledAs = error),
  );
  await bench.until(() => settledAs !== undefined);
  if (settledAs !== 'done') throw settledAs;
}

describe.each([
  ['repost', false],
  ['repost', true],
  ['in-place', false],
  ['in-place', true],
  ['final-only', false],
  ['final-only', true],
] as const)('pictures by %s where an update %s', (pictureEdit, updateShares) => {
  const sharing = updateShares ? 'shares files' : 'shares no files';

  it(`sharpen as far as the strategy goes, are always seen by everybody in the end, and leave nothing behind (${sharing})`, async () => {
    const { bench, blob, ask } = await openPainter(pictureEdit, updateShares);
    await using _ = bench;
    const surface = await ask();
    const seenSizes = new Set<string>();
    for (let step = 1; step <= 19; step += 1) {
      surface.show(painting(step, previewPicture(Math.floor(step / 4))));
      await bench.pass(2000);
      for (const message of withPicture(bench.shown(bench.general))) {
        seenSizes.add(filesInBlocks(message.blocks).join());
        if (pictureEdit !== 'in-place') expect(bench.ben.seesPictures(message)).toBe(true);
      }
      expect(withPicture(bench.shown(bench.general)).length).toBeLessThanOrEqual(2); // the one before goes right after
    }
    expect(bench.allText(bench.general)).toMatch(/step (1[5-9]) of 20/);
    await finish(bench, surface, done(blob));
    await bench.pass(10_000);
    const shown = bench.shown(bench.general);
    expect(shown).toHaveLength(1);
    const [last] = shown;
    if (last === undefined) throw new Error('nothing shown');
    expect(bench.ben.seesPictures(last)).toBe(true);
    expect(bench.textOf(last)).toContain('seed 7');
    expect(JSON.stringify(last.blocks)).toContain('Reroll');
    expect(seenSizes.size)[pictureEdit === 'final-only' ? 'toBe' : 'toBeGreaterThanOrEqual'](pictureEdit === 'final-only' ? 0 : 2);
    if (pictureEdit === 'repost') expect(seenSizes.size).toBeLessThanOrEqual(4);
    const files = [...bench.slack.state.files.values()].filter(({ deleted }) => !deleted);
    expect(files.map(({ id }) => id)).toEqual(filesInBlocks(last.blocks));
    expect((await surface.posted())?.message).toBe(last.ts);
    expect([...bench.slack.tiers.refusals]).toEqual([]);
    if (pictureEdit === 'in-place' && !updateShares) expect(bench.platform.health().problem).toContain('repost');
  });
});

describe('the last picture', () => {
  it('does not wait for a preview that is on its way', async () => {
    const { bench, blob, ask } = await openPainter('repost', false);
    await using _ = bench;
    bench.slack.switches.fileDelayMs = 15_000;
    const surface = await ask();
    surface.show(painting(10, previewPicture(0)));
    await bench.pass(1000);
    bench.slack.switches.fileDelayMs = 500;
    await finish(bench, surface, done(blob));
    await bench.pass(5000);
    expect(withPicture(bench.shown(bench.general))).toHaveLength(1);
    expect([...bench.slack.state.files.values()].filter(({ deleted }) => !deleted)).toHaveLength(1);
  });

  it('of a command is posted in the channel, its previews only under it', async () => {
    const { bench, blob, ask } = await openPainter('repost', false);
    await using _ = bench;
    const surface = await ask('channel');
    await surface.posted();
    const anchor = bench.shown(bench.general)[0];
    surface.show(painting(10, previewPicture(1)));
    await bench.until(() => withPicture(bench.shown(bench.general)).length === 1);
    expect(withPicture(bench.shown(bench.general))[0]?.threadTs).toBe(anchor?.ts);
    await finish(bench, surface, done(blob));
    await bench.pass(8000);
    expect(bench.shown(bench.general)).toMatchObject([{ threadTs: undefined }]);
    expect(bench.allText(bench.general)).toContain('/imagine a fox');
  });

  it('is told of in words when the workspace takes no files', async () => {
    const { bench, blob, ask } = await openPainter('repost', false);
    await using _ = bench;
    bench.slack.switches.uploadsDisabled = true;
    const surface = await ask('direct');
    surface.show(painting(10, previewPicture(1)));
    await finish(bench, surface, done(blob));
    expect(bench.allText(bench.ana.direct)).toContain('file_uploads_disabled');
    expect(JSON.stringify(bench.shown(bench.ana.direct)[0]?.blocks)).toContain('Reroll');
  });

  it('comes though Slack refuses the rate, loses an answer and breaks down', async () => {
    const { bench, blob, ask } = await openPainter('repost', false);
    await using _ = bench;
    const surface = await ask('direct');
    bench.slack.switches.brokenAnswers.set('chat.postMessage', 1);
    await finish(bench, surface, done(blob));
    await bench.pass(5000);
    expect(withPicture(bench.shown(bench.ana.direct))).toHaveLength(1); // posted once, though its answer was lost
  });

  it('of a cancelled job leaves no preview behind', async () => {
    const { bench, ask } = await openPainter('repost', false);
    await using _ = bench;
    const surface = await ask();
    surface.show(painting(10, previewPicture(1)));
    await bench.until(() => withPicture(bench.shown(bench.general)).length === 1);
    await finish(bench, surface, { ...painting(10), text: 'Stopped.', status: { phase: 'failed' }, actions: [], final: true });
    await bench.pass(5000);
    expect(bench.shown(bench.general)).toHaveLength(1);
    expect(bench.allText(bench.general)).toContain('Stopped.');
    expect([...bench.slack.state.files.values()].every(({ deleted }) => deleted)).toBe(true);
  });
});

describe('a message that is lost', () => {
  it.each([
    ['somebody deletes it', (bench: SlackBench) => bench.ana.delete(bench.shown(bench.general)[0]!)],
    ['its channel is archived', (bench: SlackBench) => (bench.general.archived = true)],
    ['its channel is closed to the bot', (bench: SlackBench) => bench.slack.state.channels.delete(bench.general.id)],
    ['the token is revoked', (bench: SlackBench) => (bench.slack.switches.tokenRevoked = true)],
  ])('ends its job when %s', async (_, lose) => {
    const { bench, blob, ask } = await openPainter('repost', false);
    await using __ = bench;
    const surface = await ask('channel');
    await surface.posted();
    lose(bench);
    surface.show(painting(3));
    await bench.until(() => surface.gone.aborted);
    await expect(surface.finish(done(blob))).rejects.toMatchObject({ code: 'platform-failed' });
  });

  it('tells the owner of a revoked token', async () => {
    const { bench, ask } = await openPainter('repost', false);
    await using _ = bench;
    const surface = await ask('channel');
    bench.slack.emit({ type: 'tokens_revoked', tokens: { bot: [slackIds.bot] } });
    await bench.until(() => surface.gone.aborted);
    expect(bench.platform.health()).toMatchObject({ connected: false, problem: expect.stringContaining('SLACK_BOT_TOKEN') });
  });
});

describe('thirty pictures at once', () => {
  it.each(['repost', 'in-place', 'final-only'] as const)('stay within the tiers and all end with their last picture (%s)', async (pictureEdit) => {
    const { bench, blob } = await openPainter(pictureEdit, true);
    await using _ = bench;
    const surfaces: Surface[] = [];
    if (!(bench.desk instanceof ScriptedDesk)) throw new Error('unexpected desk');
    bench.desk.answer = () =>
      workWith((surface) => {
        surfaces.push(surface);
      });
    const channels = Array.from({ length: 6 }, (_, index) => bench.channel(`room${index}`));
    for (const channel of channels) channel.members.add(slackIds.bot).add(bench.ana.id).add(bench.ben.id);
    for (let index = 0; index < 30; index += 1) bench.ana.say(channels[index % 6]!, `<@${slackIds.bot}> paint fox ${index}`);
    await bench.until(() => surfaces.length === 30);
    for (let step = 1; step < 20; step += 3) {
      for (const surface of surfaces) surface.show(painting(step, previewPicture(Math.floor(step / 4))));
      await bench.pass(3000, 1000);
    }
    let ended = 0;
    for (const surface of surfaces) void surface.finish(done(blob)).then(() => (ended += 1));
    await bench.until(() => ended === 30, { stepMs: 1000, limitMs: 300_000 });
    await bench.until(() => bench.shown().length === 30, { stepMs: 1000, limitMs: 300_000 });
    for (const message of bench.shown()) expect(bench.ben.seesPictures(message)).toBe(true);
    expect([...bench.slack.tiers.refusals]).toEqual([]);
  });
});
