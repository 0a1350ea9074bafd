import { describe, expect, it } from 'vitest';
import type { Message, Picture, Surface } from '../../../src/commands/contract.ts';
import type { Asked } from '../../fakes/discord/fake-person.ts';
import { Timeline } from '../../fakes/discord/timeline.ts';
import { chatMessage } from '../../fakes/scripted-desk.ts';
import { fastRates, openScriptedBench, WorkClock } from './scripted-bench.ts';

const painting = (step: number, pictures: readonly Picture[]): Message => ({
  ...chatMessage('a fox'),
  kind: 'picture',
  pictures,
  status: { phase: 'painting', step, steps: 20 },
});
const painted = (picture: Picture): Message => ({ ...chatMessage('a fox', { final: true }), kind: 'picture', pictures: [picture] });

async function paintMany(bench: Awaited<ReturnType<typeof openScriptedBench>>, surfaces: readonly Surface[]): Promise<void> {
  for (const step of [2, 6, 10, 14, 18]) {
    for (const surface of surfaces) surface.show(painting(step, [bench.preview(step)]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(
    surfaces.map(async (surface, index) => {
      const blob = await bench.blobs.put(new Uint8Array([index, 1, 2]), 'png');
      await surface.finish(painted(bench.picture(blob)));
    }),
  );
}

describe('Discord under load', () => {
  it('acknowledges two hundred interactions at once, none after three seconds', async () => {
    await using bench = await openScriptedBench({ clock: new WorkClock() });
    await bench.start();
    bench.desk.works(chatMessage('', { status: { phase: 'queued', position: 9, etaMs: 60_000 } }));
    const asked = Array.from({ length: 200 }, (_, index) =>
      (index % 2 === 0 ? bench.ada : bench.ben).slash(bench.channel, 'imagine', { prompt: `fox ${index}` }),
    );
    for (const one of asked) await one.acknowledged(); // the fake refuses what comes later than three seconds
    expect(bench.fake.timeline.of('request').filter(({ path, status }) => path.endsWith('/callback') && status !== 200)).toHaveLength(0);
  });

  it('never passes the edit budget of a channel with a hundred pictures at once, and shows the final picture of each', async () => {
    await using bench = await openScriptedBench({ settings: { chat: { startThreads: false, answerInThreads: true, maxTokens: 100 } } });
    await bench.start();
    const queue = bench.desk.works(chatMessage('', { kind: 'picture' }));
    const surfaces: Surface[] = [];
    for (let index = 0; index < 100; index += 1) {
      bench.ada.says(bench.channel, `@fresco /imagine fox ${index}`);
      surfaces.push(await queue.next());
    }
    await paintMany(bench, surfaces);
    const answers = bench.fake.answersIn(bench.channel);
    expect(answers).toHaveLength(100);
    expect(answers.map(({ files }) => files[0]?.contentType)).toEqual(Array.from({ length: 100 }, () => 'image/png'));
    const writes = bench.fake.timeline.of('request').filter(({ bucket }) => bucket === 'channelMessages');
    expect(writes.filter(({ status }) => status === 429)).toHaveLength(0);
    // windows may touch: at most two of them fall into the length of one
    expect(
      Timeline.densest(
        writes.map(({ atMs }) => atMs),
        fastRates.channelMessages.windowMs,
      ),
    ).toBeLessThanOrEqual(2 * fastRates.channelMessages.limit);
  });

  it('never passes the budget of any token either, and shows the final picture of each', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    const queue = bench.desk.works(chatMessage('', { kind: 'picture', status: { phase: 'queued', position: 1, etaMs: undefined } }));
    const asked: Asked[] = [];
    const surfaces: Surface[] = [];
    for (let index = 0; index < 100; index += 1) {
      asked.push(bench.ada.slash(bench.channel, 'imagine', { prompt: `fox ${index}` })); // one by one: who waits for the acknowledgement is another test's subject
      surfaces.push(await queue.next());
    }
    await paintMany(bench, surfaces);
    for (const one of asked) expect((await one.message()).files[0]?.contentType).toBe('image/png');
    expect(bench.fake.timeline.of('request').filter(({ status }) => status === 429)).toHaveLength(0);
  });
});
