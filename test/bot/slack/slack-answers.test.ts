import { describe, expect, it } from 'vitest';
import type { Message, Surface } from '../../../src/commands/contract.ts';
import { chatMessage, ScriptedDesk, workWith } from '../../fakes/slack/scripted-desk.ts';
import { SlackBench, type SlackBenchOptions } from '../../fakes/slack/slack-bench.ts';
import { slackIds } from '../../fakes/slack/slack-state.ts';

const stop = { id: 'v1:stop:abc', label: 'Stop', style: 'secondary' } as const;
const again = { id: 'v1:regenerate:abc', label: 'Again', style: 'secondary' } as const;
const writing = (text: string): Message => chatMessage(text, { status: { phase: 'writing' }, actions: [stop] });
const written = (text: string): Message => chatMessage(text, { status: { phase: 'done', tookMs: 2000 }, actions: [again], final: true });

async function openChat(
  options: Partial<SlackBenchOptions> = {},
): Promise<{ bench: SlackBench; desk: ScriptedDesk; ask: (where: 'direct' | 'thread' | 'command') => Promise<Surface> }> {
  const desk = new ScriptedDesk();
  const bench = await SlackBench.open({ ...options, desk: () => desk });
  const ask = async (where: 'direct' | 'thread' | 'command'): Promise<Surface> => {
    let taken: Surface | undefined;
    desk.answer = (invocation) =>
      invocation.kind === 'press'
        ? { kind: 'silent' }
        : workWith((surface) => {
            taken = surface;
          });
    if (where === 'direct') bench.ana.say(bench.ana.direct, 'tell me');
    if (where === 'thread') bench.ana.say(bench.general, `<@${slackIds.bot}> tell me`);
    if (where === 'command') await bench.ana.command(bench.general, '/ask', 'tell me');
    await bench.until(() => taken !== undefined);
    if (taken === undefined) throw new Error('no surface');
    return taken;
  };
  return { bench, desk, ask };
}

async function finish(bench: SlackBench, surface: Surface, message: Message): Promise<void> {
  let end: unknown;
  surface.finish(message).then(
    () => (end = 'done'),
    (error: unknown) => (end = error),
  );
  await bench.until(() => end !== undefined);
  if (end !== 'done') throw end;
}

const long = Array.from({ length: 60 }, (_, index) => `Paragraph ${index} ${'of a long answer '.repeat(20)}`).join('\n\n');
const withoutNative: Partial<SlackBenchOptions> = { settings: (defaults) => ({ ...defaults, slack: { ...defaults.slack, nativeStreams: false } }) };

describe.each(['direct', 'thread'] as const)('a native stream (%s)', (where) => {
  it('begins with the first words, grows, and ends with its buttons', async () => {
    const { bench, ask } = await openChat();
    await using _ = bench;
    const surface = await ask(where);
    await bench.pass(500);
    expect(bench.shown()).toEqual([]);
    expect([...bench.slack.state.statuses.values()]).toEqual(['Starting …']);
    surface.show(writing('Once '));
    await bench.until(() => bench.allText().includes('Once'));
    surface.show(writing('Once upon a time <!channel> there was'));
    await bench.until(() => bench.allText().includes('there was'));
    expect(bench.shown()[0]?.stream?.open).toBe(true);
    await finish(bench, surface, written('Once upon a time <!channel> there was `a<b`.'));
    const [message, ...others] = bench.shown();
    expect(others).toEqual([]);
    expect(message?.text.replaceAll('\u2060', '')).toBe('Once upon a time <!channel> there was `a<b`.');
    expect(message?.text).not.toContain('<!channel>');
    expect(JSON.stringify(message?.blocks)).toContain('Again');
    expect((await surface.posted())?.message).toBe(message?.ts);
  });

  it('goes on in a new one before Slack would close it, and closes and opens its fence', async () => {
    const { bench, ask } = await openChat();
    await using _ = bench;
    const surface = await ask(where);
    let text = 'Some code:\n```ts\n';
    for (let line = 0; line < 40; line += 1) {
      text += `const line${line} = ${line};\n`;
      surface.show(writing(text));
      await bench.pass(10_000, 2000);
    }
    await finish(bench, surface, written(`${text}\`\`\`\nThat is all.`));
    const shown = bench.shown();
    expect(shown.length).toBe(2);
    for (const message of shown) expect((message.text.match(/^```/gm) ?? []).length % 2).toBe(0);
    expect(shown[1]?.text).toMatch(/^```ts\nconst line/);
    for (let line = 0; line < 40; line += 1) expect(bench.allText()).toContain(`const line${line} = ${line};`);
  });

  it('is recovered by an update when Slack closed it early', async () => {
    const { bench, ask } = await openChat();
    await using _ = bench;
    const surface = await ask(where);
    surface.show(writing('Once '));
    await bench.until(() => bench.allText().includes('Once'));
    const message = bench.shown()[0];
    if (message?.stream !== undefined) message.stream.open = false;
    surface.show(writing('Once upon a time'));
    await bench.until(() => bench.allText().includes('upon a time'));
    await finish(bench, surface, written('Once upon a time.'));
    expect(bench.shown()).toHaveLength(1);
    expect(bench.shown()[0]?.ts).toBe(message?.ts);
    expect(bench.allText()).toContain('Once upon a time.');
  });

  it('goes on in the message that is there though the answer to its start was lost', async () => {
    const { bench, ask } = await openChat();
    await using _ = bench;
    const surface = await ask(where);
    bench.slack.switches.brokenAnswers.set('chat.startStream', 1);
    surface.show(writing('Once '));
    await bench.until(() => bench.allText().includes('Once'));
    await finish(bench, surface, written('Once upon a time.'));
    expect(bench.shown()).toHaveLength(1);
    expect(bench.textOf(bench.shown()[0]!)).toContain('Once upon a time.');
  });

  it('starts anew when the model was restarted and said something else', async () => {
    const { bench, ask } = await openChat();
    await using _ = bench;
    const surface = await ask(where);
    surface.show(writing('Once upon'));
    await bench.until(() => bench.allText().includes('Once upon'));
    await finish(bench, surface, written('Another beginning.'));
    expect(bench.shown()).toHaveLength(1);
    expect(bench.textOf(bench.shown()[0]!)).toContain('Another beginning.');
  });

  it("presses stop when the person does so in Slack's own way", async () => {
    const { bench, desk, ask } = await openChat();
    await using _ = bench;
    const surface = await ask(where);
    surface.show(writing('Once upon'));
    await bench.until(() => bench.allText().includes('Once upon'));
    bench.ana.stopStream(bench.shown()[0]!);
    await bench.until(() => desk.received.some(({ kind }) => kind === 'press'));
    expect(desk.received.at(-1)).toMatchObject({ kind: 'press', actionId: stop.id, principal: { user: bench.ana.id } });
    await finish(bench, surface, written('Once upon\n\n_Stopped._'));
    expect(bench.textOf(bench.shown()[0]!)).toContain('_Stopped._');
  });
});

describe('where streams are not to be had', () => {
  it.each([
    ['the workspace lacks them', (bench: SlackBench) => (bench.slack.switches.agentFeatures = false)],
    ['channels lack them', (bench: SlackBench) => (bench.slack.switches.streamsInChannels = false)],
    ['Slack breaks down at their start', (bench: SlackBench) => bench.slack.switches.failing.set('chat.startStream', 'internal_error')],
  ])('the answer grows by updates (%s)', async (_, break_) => {
    const { bench, ask } = await openChat();
    await using __ = bench;
    break_(bench);
    const surface = await ask('thread');
    surface.show(writing('Once '));
    await bench.until(() => bench.allText().includes('Once'));
    await finish(bench, surface, written('Once upon a time.'));
    expect(bench.shown()).toHaveLength(1);
    expect(bench.shown()[0]?.stream).toBeUndefined();
    expect(bench.shown()[0]?.blocks).toMatchObject([{ type: 'markdown', text: 'Once upon a time.' }, { type: 'context' }, { type: 'actions' }]);
  });
});

describe('an answer by updates', () => {
  it('shows the newest state only, and the last one always', async () => {
    const { bench, ask } = await openChat(withoutNative);
    await using _ = bench;
    const surface = await ask('thread');
    for (let word = 0; word < 300; word += 1) {
      surface.show(writing(`word${word}`));
      await bench.pass(100, 100);
    }
    await finish(bench, surface, written('the end'));
    expect(bench.allText()).toContain('the end');
    expect(bench.shown()[0]?.edits).toBeLessThan(30);
    expect([...bench.slack.tiers.refusals]).toEqual([]);
  });

  it('of any length comes whole, in pieces with their fences closed', async () => {
    const { bench, ask } = await openChat(withoutNative);
    await using _ = bench;
    const surface = await ask('thread');
    const text = `${long}\n\n\`\`\`py\n${'print("<@U00000ANA>")\n'.repeat(1000)}\`\`\``;
    surface.show(writing(text.slice(0, 15_000)));
    await bench.pass(5000);
    await finish(bench, surface, written(text));
    await bench.pass(3000);
    const shown = bench.shown();
    expect(shown.length).toBeGreaterThan(3);
    for (let index = 0; index < 60; index += 1) expect(bench.allText()).toContain(`Paragraph ${index} `);
    for (const message of shown) {
      expect(message.threadTs).toBe(shown[0]?.threadTs);
      expect(bench.textOf(message)).not.toMatch(/<@U/);
      expect((bench.textOf(message).match(/^```/gm) ?? []).length % 2).toBe(0);
    }
    expect(JSON.stringify(shown.slice(0, -1).map(({ blocks }) => blocks))).not.toContain('Again');
    expect(JSON.stringify(shown.at(-1)?.blocks)).toContain('Again');
  });

  it('that became shorter takes its further messages away', async () => {
    const { bench, ask } = await openChat(withoutNative);
    await using _ = bench;
    const surface = await ask('thread');
    surface.show(writing(long));
    await bench.until(() => bench.shown().length > 1);
    await finish(bench, surface, written('Short.'));
    await bench.pass(3000);
    expect(bench.shown()).toHaveLength(1);
    expect(bench.textOf(bench.shown()[0]!)).toContain('Short.');
  });

  it('never unfurls links', async () => {
    const { bench, ask } = await openChat(withoutNative);
    await using _ = bench;
    const surface = await ask('command');
    await finish(bench, surface, written('see https://evil.example/track and [this](https://evil.example/2)'));
    expect(bench.allText()).toContain('evil.example');
    expect(bench.slack.calls.every(({ error }) => error === undefined)).toBe(true);
  });

  it('removes itself whole', async () => {
    const { bench, ask } = await openChat(withoutNative);
    await using _ = bench;
    const surface = await ask('thread');
    await finish(bench, surface, written(long));
    const removed = surface.remove();
    await bench.until(() => bench.shown().length === 0);
    await removed;
  });

  it('is found again after a restart, with or without a message', async () => {
    const { bench, ask } = await openChat(withoutNative);
    await using _ = bench;
    const surface = await ask('thread');
    surface.show(writing('Half an ans'));
    await bench.until(() => bench.allText().includes('Half'));
    const ref = await surface.posted();
    if (ref === undefined) throw new Error('no ref');
    await bench.replace(new ScriptedDesk());
    const reopened = bench.platform.reopen(ref);
    if (reopened === undefined) throw new Error('not reopened');
    await finish(bench, reopened, written('I was restarted.'));
    expect(bench.shown()).toHaveLength(1);
    expect(bench.textOf(bench.shown()[0]!)).toContain('I was restarted.');
  });

  it('that was streaming when the bot was killed is ended in its own message', async () => {
    const { bench, ask } = await openChat();
    await using _ = bench;
    const surface = await ask('direct');
    const ref = await surface.posted();
    surface.show(writing('Half an ans'));
    await bench.until(() => bench.allText().includes('Half'));
    expect(ref?.message).toMatch(/^after:/);
    if (ref === undefined) throw new Error('no ref');
    await bench.replace(new ScriptedDesk());
    const reopened = bench.platform.reopen(ref);
    if (reopened === undefined) throw new Error('not reopened');
    await finish(bench, reopened, written('I was restarted.'));
    expect(bench.shown()).toHaveLength(1);
    expect(bench.textOf(bench.shown()[0]!)).toContain('I was restarted.');
  });
});
