import { describe, expect, it } from 'vitest';
import { FrescoError } from '../../../src/fresco-error.ts';
import type { Settings } from '../../../src/settings.ts';
import { ScriptedRunner } from '../../fakes/scripted-runner.ts';
import { SlackPerson } from '../../fakes/slack/slack-person.ts';
import { type FakeMessage, filesInBlocks, slackIds } from '../../fakes/slack/slack-state.ts';
import { answersAll, delta, disposable, labels, mention, openWhole as open, started, step } from '../../fakes/slack/whole-bot.ts';

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
