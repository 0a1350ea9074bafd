import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { FrescoError } from '../../../src/fresco-error.ts';
import { type BlobRef, seedSchema } from '../../../src/ids.ts';
import type { GenerationEvent, InferenceRequest } from '../../../src/inference/contract.ts';
import type { Settings } from '../../../src/settings.ts';
import { MemoryBlobStore } from '../../fakes/memory-blob-store.ts';
import { type ScriptedRun, ScriptedRunner } from '../../fakes/scripted-runner.ts';
import type { FakeSlack } from '../../fakes/slack/fake-slack.ts';
import { SlackBench } from '../../fakes/slack/slack-bench.ts';
import { openScriptedDesk } from '../../fakes/slack/slack-desk.ts';
import { buttonsOf, SlackPerson } from '../../fakes/slack/slack-person.ts';
import { type FakeMessage, filesInBlocks, slackIds } from '../../fakes/slack/slack-state.ts';

const png = new Uint8Array(
  await sharp({ create: { width: 64, height: 64, channels: 3, background: '#884422' } })
    .png()
    .toBuffer(),
);
const webp = new Uint8Array(
  await sharp({ create: { width: 64, height: 64, channels: 3, background: '#446688' } })
    .webp()
    .toBuffer(),
);
const mention = `<@${slackIds.bot}>`;
const started: GenerationEvent = { type: 'started', model: 'test', device: 'cpu' };
const delta = (text: string): GenerationEvent => ({ type: 'text-delta', text, tokenIds: [1] });
const step = (at: number, of = 10): GenerationEvent => ({
  type: 'step',
  step: at,
  steps: of,
  image: 0,
  preview: { bytes: webp, mediaType: 'image/webp', width: 64, height: 64 },
});
const seed = seedSchema.parse(7);

interface Whole {
  readonly bench: SlackBench;
  readonly runner: ScriptedRunner;
  readonly blob: BlobRef;
  readonly image: (request: InferenceRequest) => GenerationEvent;
  readonly restart: (runner: ScriptedRunner) => Promise<void>;
}

async function open(
  options: {
    settings?: (defaults: Settings) => Settings;
    script?: (run: ScriptedRun, whole: Pick<Whole, 'image'>) => void;
    before?: (slack: FakeSlack) => void;
    concurrency?: number;
  } = {},
): Promise<Whole> {
  const blobs = new MemoryBlobStore();
  const blob = await blobs.put(png, 'png');
  const image = (request: InferenceRequest): GenerationEvent => {
    const prompt = request.kind === 'image' ? request.prompt : '';
    return {
      type: 'image',
      index: 0,
      blob,
      seed,
      width: 64,
      height: 64,
      parameters: { prompt, model: 'test', width: 64, height: 64, steps: 10, guidanceScale: 4, sampler: 'DDIM', seed },
    };
  };
  const { script } = options;
  const runner = new ScriptedRunner(script === undefined ? undefined : (run) => script(run, { image }));
  let store: Awaited<ReturnType<typeof openScriptedDesk>>['store'] | undefined;
  const concurrency = options.concurrency ?? 1;
  const bench = await SlackBench.open({
    blobs,
    desk: async (parts) => {
      const opened = await openScriptedDesk(parts, { runner, concurrency });
      store = opened.store;
      return opened.desk;
    },
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    ...(options.before === undefined ? {} : { before: options.before }),
  });
  const restart = async (next: ScriptedRunner): Promise<void> => {
    const { clock, settings } = bench;
    const { desk } = await openScriptedDesk({ clock, blobs, settings }, { runner: next, concurrency, ...(store === undefined ? {} : { store }) });
    await bench.replace(desk);
  };
  return { bench, runner, blob, image, restart };
}

/** Every run answers at once, text or picture. */
const answersAll = (run: ScriptedRun, { image }: Pick<Whole, 'image'>): void => {
  if (run.request.kind === 'text') run.emit(started, delta(`Answer to ${lastWords(run.request)}`));
  else run.emit(started, step(3), step(6), image(run.request));
  run.finish();
};
function lastWords(request: InferenceRequest): string {
  return request.kind === 'text' && request.input.form === 'messages' ? (request.input.messages.findLast(({ role }) => role === 'user')?.content ?? '') : '';
}
const labels = (message: FakeMessage | undefined): string[] => (message === undefined ? [] : buttonsOf(message).map(({ label }) => label));

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

describe('access', () => {
  const rules =
    (access: Partial<Settings['access']>) =>
    (defaults: Settings): Settings => ({ ...defaults, access: { ...defaults.access, ...access } });
  const nothing = { workspaces: [], channels: [], groups: [], users: [] };

  it.each([
    ['a user who is denied', { deny: { ...nothing, users: ['U00000ANA'] } }],
    ['a channel that is denied', { deny: { ...nothing, channels: ['C0GENERAL'] } }],
    ['a workspace that is not allowed', { allow: { ...nothing, workspaces: ['T0ELSEWHERE'] } }],
    ['a user group that is denied', { deny: { ...nothing, groups: ['S0PAINTERS'] } }],
  ])('is refused to %s, on every entrance', async (_, access) => {
    await using whole = await disposable(
      open({ script: answersAll, settings: rules(access), before: (slack) => slack.state.groups.set('S0PAINTERS', { handle: 'p', users: ['U00000ANA'] }) }),
    );
    const { bench, runner } = whole;
    bench.ana.say(bench.general, `${mention} hello`);
    await bench.ana.command(bench.general, '/imagine', 'a fox');
    const forged = bench.slack.state.add({ channel: bench.general.id, user: slackIds.bot, byBot: true, text: 'old', blocks: [] });
    await bench.ana.sendAction(forged, { type: 'button', action_id: 'press-0-0', value: 'v1:retry:0123456789abcdef' });
    await bench.ana.shortcut('new-painting');
    await bench.pass(3000);
    expect(runner.runs).toHaveLength(0);
    for (const message of bench.shown(bench.general)) expect(message === forged || message.ephemeralTo === bench.ana.id).toBe(true);
  });

  it('is refused to guests and people of other workspaces unless they are allowed', async () => {
    for (const guests of [false, true]) {
      await using whole = await disposable(open({ script: answersAll, settings: rules({ guests }) }));
      const { bench, runner } = whole;
      const guest = new SlackPerson(bench.slack, { id: 'U0000GUEST', name: 'Gil', isGuest: true });
      const outside = new SlackPerson(bench.slack, { id: 'U000OUTSID', name: 'Oda', team: slackIds.otherTeam });
      for (const person of [guest, outside]) {
        bench.general.members.add(person.id);
        person.say(bench.general, `${mention} hi`);
      }
      await bench.pass(3000);
      expect(runner.runs).toHaveLength(guests ? 2 : 0);
    }
  });

  it('keeps admin commands for admins', async () => {
    await using whole = await disposable(open({ script: answersAll, settings: rules({ admins: ['slack:U00000BEN'] }) }));
    const { bench } = whole;
    await bench.ana.command(bench.general, '/fresco', 'admin pause');
    await bench.until(() => bench.allText(bench.general).includes('for those who run me'));
    await bench.ben.command(bench.general, '/fresco', 'admin pause');
    await bench.until(() => bench.desk.pulse().paused);
  });
});

describe('hostile and broken input', () => {
  it('calls nobody, whatever stands in prompts and answers', async () => {
    const evil = '<!channel> <!here> <@U00000BEN> @everyone <https://evil.example|click>';
    await using whole = await disposable(
      open({
        script: (run, parts) => {
          if (run.request.kind === 'text') run.emit(started, delta(`${evil} \`${evil}\`\n\`\`\`\n${evil}\n\`\`\``));
          else run.emit(started, parts.image(run.request));
          run.finish();
        },
      }),
    );
    const { bench } = whole;
    bench.ana.say(bench.general, `${mention} say &lt;!channel&gt;`);
    bench.ana.say(bench.ana.direct, 'say it');
    await bench.ana.command(bench.general, '/imagine', evil);
    await bench.ana.command(bench.general, '/ask', evil);
    await bench.until(() => bench.shown().length >= 4);
    await bench.pass(5000);
    // alternative text is plain: nothing in it means anything to Slack
    for (const { text, blocks } of bench.shown())
      expect(text + JSON.stringify(blocks).replace(/"alt_text":"[^"]*"/g, '')).not.toMatch(/<!(channel|here|everyone)|<@U00000BEN>/);
  });

  it('takes a message of 40,000 characters, or says why not', async () => {
    await using whole = await disposable(open({ script: answersAll }));
    const { bench } = whole;
    bench.ana.say(bench.ana.direct, 'word '.repeat(8000));
    await bench.until(() => bench.shown().length > 0);
    await bench.ana.command(bench.general, '/imagine', 'x'.repeat(40_000));
    await bench.until(() => bench.shown(bench.general).some(({ ephemeralTo }) => ephemeralTo === bench.ana.id));
    expect(bench.allText(bench.general)).toMatch(/40,?000/);
  });

  it('shows no error’s own words when a model fails', async () => {
    await using whole = await disposable(
      open({
        script: (run) => run.fail(new FrescoError('model-broken', { model: '/secret/path/model', file: '/secret/path/unet.onnx', problem: 'stack at line 3' })),
      }),
    );
    const { bench } = whole;
    bench.ana.say(bench.ana.direct, 'hello');
    await bench.until(() => labels(bench.shown()[0]).some((label) => label.includes('Try again')));
    expect(bench.allText()).not.toMatch(/secret|model-broken/);
  });

  it('stops a job whose message somebody deleted', async () => {
    await using whole = await disposable(open());
    const { bench, runner } = whole;
    await bench.ana.command(bench.general, '/imagine', 'a fox');
    const run = await runner.nextRun();
    run.emit(started, step(1));
    await bench.until(() => bench.allText(bench.general).includes('step 1'));
    const message = bench.shown(bench.general)[0];
    if (message !== undefined) bench.ana.delete(message);
    await bench.until(() => run.control.signal.aborted);
  });
});

describe('many at once', () => {
  it('takes 200 events, a fifth of them delivered twice, and shows nothing twice', async () => {
    await using whole = await disposable(open({ script: answersAll, concurrency: 8, before: (slack) => (slack.switches.redeliverShare = 0.2) }));
    const { bench, runner } = whole;
    const people = Array.from(
      { length: 50 },
      (_, index) => new SlackPerson(bench.slack, { id: `U0MANY${String(index).padStart(4, '0')}`, name: `Person ${index}` }),
    );
    for (let index = 0; index < 200; index += 1) {
      const person = people[index % people.length];
      if (person !== undefined) person.say(person.direct, `question number ${index}.`);
    }
    await bench.until(() => runner.runs.length === 200, { stepMs: 2000, limitMs: 1_800_000 });
    const answered = (): string[] => bench.shown().flatMap((message) => /Answer to .*question number (\d+)\./.exec(bench.textOf(message))?.[1] ?? []);
    await bench.until(() => answered().length >= 200, { stepMs: 5000, limitMs: 3_600_000 });
    await bench.pass(20_000, 5000);
    expect(bench.shown()).toHaveLength(200);
    expect(new Set(answered()).size).toBe(200);
    expect(bench.slack.sockets.deliveries).toBeGreaterThan(220);
    expect([...bench.slack.tiers.refusals]).toEqual([]);
  });

  it('ends all of 20 jobs that a restart cut in the middle, each with a result or a sentence and a button that works', async () => {
    await using whole = await disposable(
      open({ settings: (defaults) => ({ ...defaults, limits: { ...defaults.limits, waitingPerUser: 50 } }), concurrency: 4 }),
    );
    const { bench, runner, restart } = whole;
    for (let index = 0; index < 10; index += 1) {
      bench.ana.say(bench.ana.direct, `tell me story ${index}`);
      await bench.ben.command(bench.general, '/imagine', `fox ${index}`);
    }
    await bench.until(() => runner.runs.length === 8);
    for (const run of runner.runs) run.emit(started, run.request.kind === 'text' ? delta('Once upon') : step(2));
    await bench.pass(20_000, 1000);
    const next = new ScriptedRunner((run) => answersAll(run, whole));
    await restart(next);
    await bench.pass(60_000, 2000);
    const places = [bench.ana.direct, bench.general];
    const last = (channel: (typeof places)[number]): readonly FakeMessage[] => bench.shown(channel).filter(({ ephemeralTo }) => ephemeralTo === undefined);
    await bench.until(() => places.every((place) => last(place).length === 10), { stepMs: 2000, limitMs: 600_000 });
    const ended = (message: FakeMessage): boolean => labels(message).some((label) => /Try again|Again|Reroll/.test(label));
    await bench.until(() => places.every((place) => last(place).every(ended)), { stepMs: 2000, limitMs: 600_000 });
    const interrupted = [...last(bench.ana.direct), ...last(bench.general)].filter((message) => bench.textOf(message).includes('restarted'));
    expect(interrupted.length).toBe(8);
    for (const message of interrupted) await (message.channel === bench.general.id ? bench.ben : bench.ana).press(message, 'Try again');
    await bench.until(() => !bench.allText().includes('restarted'), { stepMs: 2000, limitMs: 600_000 });
    await bench.pass(20_000, 2000);
    expect(last(bench.general).every(({ blocks }) => filesInBlocks(blocks).length === 1)).toBe(true);
    expect(last(bench.ana.direct).every((message) => bench.textOf(message).includes('Answer to'))).toBe(true);
  });

  it('stops gracefully: what runs ends with a sentence in its message', async () => {
    await using whole = await disposable(open());
    const { bench, runner } = whole;
    bench.ana.say(bench.ana.direct, 'tell me');
    const run = await runner.nextRun();
    run.emit(started, delta('Once upon'));
    await bench.until(() => bench.allText().includes('Once upon'));
    await bench.platform.closeIntake();
    run.fail(new FrescoError('shutting-down', {}));
    await bench.until(() => bench.allText().includes('shutting down'));
    const stopped = bench.platform.stop();
    await bench.pass(6000, 1000);
    await stopped;
    expect(bench.slack.sockets.open).toBe(0);
  });
});

/** So that `await using` closes the bench of what was opened. */
async function disposable(opening: Promise<Whole>): Promise<Whole & AsyncDisposable> {
  const whole = await opening;
  return { ...whole, [Symbol.asyncDispose]: () => whole.bench[Symbol.asyncDispose]() };
}
