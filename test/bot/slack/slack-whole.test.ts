import { describe, expect, it } from 'vitest';
import { type FakeMessage, filesInBlocks } from '../../fakes/slack/slack-state.ts';
import { answersAll, disposable, mention, openWhole as open, png } from '../../fakes/slack/whole-bot.ts';

describe('a conversation', () => {
  it('opens a thread by a mention, goes on in it without one, and remembers what was said by whom', async () => {
    await using whole = await disposable(open({ script: answersAll }));
    const { bench, runner } = whole;
    const root = bench.ana.say(bench.general, `${mention} my name is Ana`);
    await bench.until(() => bench.allText().includes('Answer to'));
    bench.ben.say(bench.general, 'and what is my name?', { thread: root.ts });
    await bench.until(() => bench.shown().length === 2);
    await bench.until(() => bench.shown().every(({ stream }) => stream?.open !== true));
    for (const message of bench.shown()) expect(message.threadTs).toBe(root.ts);
    expect(JSON.stringify(runner.runs[1]?.request)).toContain('my name is Ana');
    expect(JSON.stringify(runner.runs[1]?.request)).toContain('Ben');
  });

  it('keeps direct messages, threads and channels apart', async () => {
    await using whole = await disposable(open({ script: answersAll }));
    const { bench, runner } = whole;
    bench.ana.say(bench.ana.direct, 'a secret of Ana');
    bench.ben.say(bench.ben.direct, 'what did Ana say?');
    bench.ben.say(bench.general, `${mention} what did Ana say?`);
    await bench.until(() => runner.runs.length === 3);
    await bench.until(() => bench.shown().length === 3);
    for (const { request } of runner.runs.slice(1)) expect(JSON.stringify(request)).not.toContain('secret');
    expect(bench.allText(bench.ben.direct)).not.toContain('secret');
    expect(bench.allText(bench.general)).not.toContain('secret');
  });

  it('reads a text file and starts a picture from a picture', async () => {
    await using whole = await disposable(open({ script: answersAll }));
    const { bench, runner } = whole;
    bench.ana.say(bench.ana.direct, 'what is in this?', { files: [bench.ana.file('notes.txt', Buffer.from('the answer is 42'))] });
    await bench.until(() => runner.runs.length === 1);
    expect(JSON.stringify(runner.runs[0]?.request)).toContain('the answer is 42');
    bench.ana.say(bench.ana.direct, '/imagine a fox in snow', { files: [bench.ana.file('fox.png', png)] });
    await bench.until(() => runner.runs.length === 2);
    expect(runner.runs[1]?.request).toMatchObject({ kind: 'image', prompt: 'a fox in snow', initImage: expect.stringMatching(/\.(png|webp)$/) });
  });

  it('says kindly what it can’t read', async () => {
    await using whole = await disposable(open({ script: answersAll }));
    const { bench, runner } = whole;
    bench.ana.say(bench.ana.direct, 'and this?', { files: [bench.ana.file('movie.pdf', Buffer.from('%PDF-1.7 …'))] });
    await bench.until(() => bench.allText(bench.ana.direct).includes('movie.pdf'));
    expect(runner.runs).toHaveLength(0);
  });

  it('is forgotten at a word', async () => {
    await using whole = await disposable(open({ script: answersAll }));
    const { bench, runner } = whole;
    const root = bench.ana.say(bench.ana.direct, 'my colour is teal');
    await bench.until(() => runner.runs.length === 1);
    await bench.until(() => bench.shown().length === 1);
    bench.ana.say(bench.ana.direct, 'forget', { thread: root.ts });
    await bench.until(() => bench.shown().length === 2);
    bench.ana.say(bench.ana.direct, 'what is my colour?', { thread: root.ts });
    await bench.until(() => runner.runs.length === 2);
    expect(JSON.stringify(runner.runs[1]?.request)).not.toContain('teal');
  });
});

describe('pictures and their buttons', () => {
  it('are painted as typed, and varied, enlarged, explained and deleted by their buttons', async () => {
    await using whole = await disposable(open({ script: answersAll }));
    const { bench, runner } = whole;
    await bench.ana.command(bench.general, '/fresco', 'imagine a fox --ar 16:9 --seed 7 --no "text, frames"');
    const painted = (): FakeMessage | undefined =>
      bench.shown(bench.general).find(({ blocks, threadTs }) => filesInBlocks(blocks).length > 0 && threadTs === undefined);
    await bench.until(() => painted() !== undefined);
    expect(runner.runs[0]?.request).toMatchObject({ kind: 'image', prompt: 'a fox', seed: 7, negativePrompt: 'text, frames' });
    await bench.pass(5000);
    const picture = painted();
    if (picture === undefined) throw new Error('no picture');
    await bench.ben.press(picture, 'Parameters');
    await bench.until(() => bench.shown(bench.general).some(({ ephemeralTo }) => ephemeralTo === bench.ben.id));
    expect(bench.allText(bench.general)).toMatch(/seed/i);
    await bench.ana.press(picture, 'Reroll');
    await bench.until(() => runner.runs.length === 2);
    await bench.until(() => bench.shown(bench.general).some(({ threadTs, blocks }) => threadTs === picture.ts && filesInBlocks(blocks).length > 0));
    await bench.ana.press(picture, 'Edit prompt');
    await bench.until(() => bench.slack.state.views.size === 1);
    await bench.ben.press(picture, 'Delete');
    await bench.pass(2000);
    expect(picture.deleted).toBe(false);
    await bench.ana.press(picture, 'Delete');
    await bench.until(() => picture.deleted);
  });

  it('are found on the Home tab and varied by a shortcut', async () => {
    await using whole = await disposable(open({ script: answersAll }));
    const { bench, runner } = whole;
    await bench.ana.command(bench.general, '/imagine', 'a red barn');
    await bench.until(() => bench.shown(bench.general).some(({ blocks }) => filesInBlocks(blocks).length > 0));
    await bench.pass(5000);
    bench.ana.openApp('home');
    await bench.until(() => JSON.stringify(bench.slack.state.homes.get(bench.ana.id) ?? '').includes('a red barn'));
    const home = JSON.stringify(bench.slack.state.homes.get(bench.ana.id));
    const picture = bench.shown(bench.general).at(-1);
    if (picture === undefined) throw new Error('no picture');
    expect(home).toContain(filesInBlocks(picture.blocks)[0]);
    expect(home).toContain(`archives/${bench.general.id}/p${picture.ts.replace('.', '')}`);
    bench.ben.openApp('home');
    await bench.until(() => bench.slack.state.homes.has(bench.ben.id));
    expect(JSON.stringify(bench.slack.state.homes.get(bench.ben.id))).not.toContain('red barn');
    await bench.ana.shortcut('vary-picture', picture);
    await bench.until(() => runner.runs.length === 2);
    expect(runner.runs[1]?.request).toMatchObject({ kind: 'image', prompt: 'a red barn' });
    await bench.ana.pressHome('My settings');
    await bench.until(() => [...bench.slack.state.views.values()].some(({ user }) => user === bench.ana.id));
  });

  it('may be asked for by a form, from a command without words and from the global shortcut', async () => {
    await using whole = await disposable(open({ script: answersAll }));
    const { bench, runner } = whole;
    await bench.ana.command(bench.general, '/imagine');
    await bench.until(() => bench.slack.state.views.size === 1);
    await bench.ana.submit({ prompt: 'a green hill' });
    await bench.until(() => runner.runs.length === 1);
    await bench.ben.shortcut('new-painting');
    await bench.until(() => bench.slack.state.views.size === 2);
    await bench.ben.submit({ prompt: 'a blue hill' });
    await bench.until(() => bench.shown(bench.ben.direct).some(({ blocks }) => filesInBlocks(blocks).length > 0));
    await bench.until(() => bench.shown(bench.general).some(({ blocks }) => filesInBlocks(blocks).length > 0));
    expect(runner.runs.map(({ request }) => (request.kind === 'image' ? request.prompt : ''))).toEqual(['a green hill', 'a blue hill']);
  });
});

describe('shortcuts on messages', () => {
  it('sum a thread up and ask about a message', async () => {
    await using whole = await disposable(open({ script: answersAll }));
    const { bench, runner } = whole;
    const root = bench.ana.say(bench.general, 'We ship on Friday.');
    bench.ben.say(bench.general, 'I would rather test on Monday.', { thread: root.ts });
    await bench.ben.shortcut('summarize-from', root);
    await bench.until(() => runner.runs.length === 1);
    expect(JSON.stringify(runner.runs[0]?.request)).toMatch(/Friday[\s\S]*Monday/);
    await bench.ben.shortcut('ask-about', root);
    await bench.until(() => bench.slack.state.views.size === 1);
    await bench.ben.submit({ question: 'Which day?' });
    await bench.until(() => runner.runs.length === 2);
    expect(JSON.stringify(runner.runs[1]?.request)).toContain('Friday');
  });
});
