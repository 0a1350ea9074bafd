import { describe, expect, it } from 'vitest';
import type { Invocation, MenuInvocation, PressInvocation } from '../../../src/commands/contract.ts';
import { chatMessage, noticeWord, ScriptedDesk, workWith } from '../../fakes/slack/scripted-desk.ts';
import { SlackBench, type SlackBenchOptions } from '../../fakes/slack/slack-bench.ts';
import { slackIds } from '../../fakes/slack/slack-state.ts';

async function openBench(options: Partial<SlackBenchOptions> = {}): Promise<{ bench: SlackBench; desk: ScriptedDesk }> {
  const desk = new ScriptedDesk();
  const bench = await SlackBench.open({ ...options, desk: () => desk });
  return { bench, desk };
}
function only<Kind extends Invocation['kind']>(desk: ScriptedDesk, kind: Kind): Extract<Invocation, { kind: Kind }>[] {
  return desk.received.flatMap((invocation) => (isKind(invocation, kind) ? [invocation] : []));
}
function isKind<Kind extends Invocation['kind']>(invocation: Invocation, kind: Kind): invocation is Extract<Invocation, { kind: Kind }> {
  return invocation.kind === kind;
}
const mention = `<@${slackIds.bot}>`;

describe('slash commands', () => {
  it('arrive with their name and words, from /fresco and by their own name', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    await bench.ana.command(bench.general, '/fresco', 'Imagine a <fox> & a hen --ar 16:9 "quoted words"');
    await bench.ana.command(bench.general, '/imagine', 'a fox');
    await bench.ana.command(bench.general, '/fresco');
    await bench.quiet();
    expect(only(desk, 'typed').map(({ command, text }) => `${command}|${text}`)).toEqual([
      'imagine|a <fox> & a hen --ar 16:9 "quoted words"',
      'imagine|a fox',
      'help|',
    ]);
  });

  it('are answered to the sender alone when the desk says so', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    desk.answer = () => ({ kind: 'answer', audience: 'sender', message: noticeWord('`steps` can’t be **10000**') });
    await bench.ana.command(bench.general, '/imagine', 'a fox --steps 10000');
    await bench.quiet();
    expect(bench.shown()).toMatchObject([{ ephemeralTo: bench.ana.id }]);
    expect(bench.allText()).toContain('`steps` can’t be *10000*');
  });

  it('in a channel where the bot is no member say how to invite it', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    const foreign = bench.channel('foreign');
    foreign.members.add(bench.ana.id);
    let gone = false;
    desk.answer = () =>
      workWith(async (surface) => {
        surface.gone.addEventListener('abort', () => (gone = true));
        await surface.posted();
      });
    await bench.ana.command(foreign, '/imagine', 'a fox');
    await bench.until(() => gone);
    await bench.until(() => bench.allText(foreign).includes('/invite'));
    expect(bench.shown(foreign)).toMatchObject([{ ephemeralTo: bench.ana.id }]);
  });

  it('show others who asked for what', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    desk.answer = () => workWith((surface) => surface.finish(chatMessage('Because of the air.', { final: true })));
    await bench.ana.command(bench.general, '/ask', 'why is the sky <blue>?');
    await bench.until(() => bench.allText(bench.general).includes('Because of the air.'));
    expect(bench.allText(bench.general)).toContain('*Ana*  /ask why is the sky &lt;blue&gt;?');
  });

  it('that only the sender may see grow in their direct message', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    desk.answer = () => workWith((surface) => surface.finish(chatMessage('A secret.', { final: true })), { audience: 'sender' });
    await bench.ana.command(bench.general, '/ask', 'tell me --private');
    await bench.until(() => bench.allText(bench.ana.direct).includes('A secret.'));
    expect(bench.shown(bench.general).every(({ ephemeralTo }) => ephemeralTo === bench.ana.id)).toBe(true);
    expect(bench.allText(bench.general)).not.toContain('A secret.');
  });
});

describe('forms, buttons and shortcuts', () => {
  const form = {
    id: 'imagine',
    title: 'Paint a picture that is longer than titles may be',
    fields: [
      { name: 'prompt', label: 'What', value: '', multiline: true, required: true, maxLength: 6000, placeholder: 'a fox' },
      { name: 'size', label: 'Size', value: '1:1', multiline: false, required: false, maxLength: 20 },
    ],
  };

  it('open a modal in time and bring back what was filled in', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    desk.answer = (invocation) =>
      invocation.kind === 'form' ? workWith((surface) => surface.finish(chatMessage('painted', { final: true }))) : { kind: 'form', form };
    await bench.ana.command(bench.general, '/imagine');
    await bench.until(() => bench.slack.state.views.size === 1);
    await bench.ana.submit({ prompt: 'a red barn' });
    await bench.until(() => bench.allText(bench.general).includes('painted'));
    expect(only(desk, 'form')).toMatchObject([{ formId: 'imagine', values: { prompt: 'a red barn', size: '1:1' }, place: { channel: bench.general.id } }]);
    expect([...bench.slack.state.views.values()][0]?.open).toBe(false);
  });

  it('show in the modal what was wrong with it', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    desk.answer = (invocation) =>
      invocation.kind === 'form' ? { kind: 'answer', audience: 'sender', message: noticeWord('You have 5 jobs waiting.') } : { kind: 'form', form };
    await bench.ana.shortcut('new-painting');
    await bench.until(() => bench.slack.state.views.size === 1);
    const acknowledged = await bench.ana.submit({ prompt: 'x' });
    expect(JSON.stringify(acknowledged?.payload)).toContain('You have 5 jobs waiting.');
  });

  it('that come from a mention offer a button that opens them', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    desk.answer = () => ({ kind: 'form', form });
    bench.ana.say(bench.general, `${mention} /imagine`);
    await bench.until(() => bench.shown().length === 1);
    const offered = bench.shown()[0];
    if (offered !== undefined) await bench.ana.press(offered, 'Open the form');
    await bench.until(() => bench.slack.state.views.size === 1);
    expect(only(desk, 'typed').at(-1)).toMatchObject({ command: 'imagine', text: '' });
  });

  it('pass presses on with the message, and a forged one without any', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    desk.answer = (invocation) => {
      if (invocation.kind !== 'press')
        return workWith((surface) =>
          surface.finish(chatMessage('hello', { final: true, actions: [{ id: 'v1:regenerate:x', label: 'Again', style: 'secondary' }] })),
        );
      return workWith((surface) => surface.finish(chatMessage('changed', { final: true })), { on: 'pressed' });
    };
    bench.ana.say(bench.general, `${mention} hi`);
    await bench.until(() => bench.allText().includes('hello'));
    const message = bench.shown()[0];
    if (message === undefined) throw new Error('nothing shown');
    await bench.ben.press(message, 'Again');
    await bench.until(() => bench.allText().includes('changed'));
    const press: PressInvocation | undefined = only(desk, 'press')[0];
    expect(press).toMatchObject({
      actionId: 'v1:regenerate:x',
      principal: { user: bench.ben.id },
      message: { message: message.ts, channel: bench.general.id },
    });
    expect(bench.shown()).toHaveLength(1);
    await bench.ben.sendAction(message, { type: 'button', action_id: 'made-up', value: 'v1:delete:y' });
    await bench.ben.sendAction(message, { type: 'button', action_id: 'press-0-0' });
    await bench.quiet();
    expect(only(desk, 'press')).toHaveLength(1);
  });

  it('hand shortcuts over with their message, its files and what follows', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    const root = bench.ana.say(bench.general, 'we need a <plan>', { files: [bench.ana.file('notes.txt', Buffer.from('plan'))] });
    bench.ben.say(bench.general, 'I have one', { thread: root.ts });
    await bench.quiet();
    await bench.ben.shortcut('summarize-from', root);
    await bench.quiet();
    const menu: MenuInvocation | undefined = only(desk, 'menu')[0];
    expect(menu).toMatchObject({ menu: 'summarize-from', target: { message: root.ts, speaker: 'Ana' }, place: { thread: root.ts } });
    expect(menu?.target.attachments).toHaveLength(1);
    const lines = menu?.lines(new AbortController().signal);
    await bench.quiet();
    expect(await lines).toMatchObject([{ speaker: 'Ana' }, { speaker: 'Ben', text: 'I have one', byBot: false }]);
  });

  it('offer prompts in the pane and a Home tab with pictures, queue and settings', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    desk.answer = () => ({ kind: 'form', form });
    bench.ana.openApp('messages');
    bench.ana.openApp('home');
    await bench.until(() => bench.slack.state.homes.has(bench.ana.id));
    expect(bench.slack.state.prompts.get(bench.ana.direct.id)).toHaveLength(4);
    const home = JSON.stringify(bench.slack.state.homes.get(bench.ana.id));
    for (const word of ['1 running, 2 waiting', 'Settings', 'recent pictures', 'None yet']) expect(home).toContain(word);
    await bench.ana.pressHome('Paint a picture');
    await bench.until(() => bench.slack.state.views.size === 1);
  });
});
