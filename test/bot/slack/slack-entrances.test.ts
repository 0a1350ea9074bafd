import { describe, expect, it } from 'vitest';
import type { ChatInvocation, Invocation, TypedInvocation } from '../../../src/commands/contract.ts';
import { ScriptedDesk } from '../../fakes/slack/scripted-desk.ts';
import { SlackBench, type SlackBenchOptions } from '../../fakes/slack/slack-bench.ts';
import { SlackPerson } from '../../fakes/slack/slack-person.ts';
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

describe('messages from Slack', () => {
  it('hand a mention over once, without the mention, in the thread that it starts', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    const said = bench.ana.say(bench.general, `${mention} what is a fox &amp; a hen?`);
    await bench.quiet();
    const chats: ChatInvocation[] = only(desk, 'chat');
    expect(chats).toHaveLength(1);
    expect(chats[0]).toMatchObject({
      text: 'what is a fox & a hen?',
      message: said.ts,
      principal: { user: bench.ana.id, name: 'Ana', workspace: slackIds.team, isGuest: false },
      place: { channel: bench.general.id, thread: said.ts, direct: false, conversation: `slack:${slackIds.team}:${bench.general.id}:${said.ts}` },
    });
  });

  it('are heard in a thread of the bot without a mention, and nowhere else in a channel', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    const root = bench.ana.say(bench.general, `${mention} hello`);
    await bench.quiet();
    desk.owned.add(`slack:${slackIds.team}:${bench.general.id}:${root.ts}`);
    bench.ben.say(bench.general, 'and warmer?', { thread: root.ts });
    bench.ben.say(bench.general, 'nobody asked the bot');
    const other = bench.ben.say(bench.general, 'a thread of people');
    bench.ana.say(bench.general, 'talking', { thread: other.ts });
    await bench.quiet();
    expect(only(desk, 'chat').map(({ text }) => text)).toEqual(['hello', 'and warmer?']);
  });

  it('need a mention in threads when the owner says so', async () => {
    const { bench, desk } = await openBench({ settings: (defaults) => ({ ...defaults, chat: { ...defaults.chat, answerInThreads: false } }) });
    await using _ = bench;
    const root = bench.ana.say(bench.general, `${mention} hello`);
    desk.owned.add(`slack:${slackIds.team}:${bench.general.id}:${root.ts}`);
    bench.ben.say(bench.general, 'no mention', { thread: root.ts });
    bench.ben.say(bench.general, `${mention} with one`, { thread: root.ts });
    await bench.quiet();
    expect(only(desk, 'chat').map(({ text }) => text)).toEqual(['hello', 'with one']);
  });

  it('that are direct start a thread each, with a title', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    const first = bench.ana.say(bench.ana.direct, 'hello you');
    bench.ana.say(bench.ana.direct, 'in the thread', { thread: first.ts });
    bench.ana.say(bench.ana.direct, 'another one');
    await bench.quiet();
    expect(new Set(only(desk, 'chat').map(({ place }) => place.conversation)).size).toBe(2);
    expect(only(desk, 'chat')[0]?.place.direct).toBe(true);
    expect(bench.slack.state.titles.get(`${bench.ana.direct.id} ${first.ts}`)).toBe('hello you');
  });

  it('from itself, other bots, edits and joins are not heard', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    const event = { type: 'message', channel: bench.ana.direct.id, channel_type: 'im', user: bench.ana.id, text: 'x' };
    bench.slack.emit({ ...event, ts: '1.000001', user: slackIds.bot });
    bench.slack.emit({ ...event, ts: '1.000002', bot_id: 'B0OTHER' });
    bench.slack.emit({ ...event, ts: '1.000003', subtype: 'message_changed', hidden: true, message: {} });
    bench.slack.emit({ ...event, ts: '1.000004', subtype: 'channel_join' });
    bench.slack.emit({ ...event, ts: '1.000005', edited: { user: bench.ana.id, ts: '1' } });
    await bench.quiet();
    expect(desk.received).toEqual([]);
  });

  it('are taken once though Slack delivers them again', async () => {
    const { bench, desk } = await openBench({ before: (slack) => (slack.switches.redeliverShare = 1) });
    await using _ = bench;
    for (let index = 0; index < 10; index += 1) bench.ana.say(bench.ana.direct, `message ${index}`);
    await bench.ana.command(bench.general, '/fresco', 'queue');
    await bench.quiet();
    expect(only(desk, 'chat')).toHaveLength(10);
    expect(only(desk, 'typed')).toHaveLength(1);
    expect(bench.slack.sockets.deliveries).toBeGreaterThan(20);
  });

  it('that are a command alone are typed commands', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    for (const text of ['help', '/imagine a fox --ar 16:9', 'imagine you are a pirate', 'forget']) bench.ana.say(bench.ana.direct, text);
    await bench.quiet();
    const typed: TypedInvocation[] = only(desk, 'typed');
    expect(typed.map(({ command, text }) => `${command}|${text}`)).toEqual(['help|', 'imagine|a fox --ar 16:9', 'forget|']);
    expect(only(desk, 'chat').map(({ text }) => text)).toEqual(['imagine you are a pirate']);
  });

  it('of guests and people of other workspaces say so', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    const guest = new SlackPerson(bench.slack, { id: 'U0000GUEST', name: 'Gil', isGuest: true });
    const outside = new SlackPerson(bench.slack, { id: 'U000OUTSID', name: 'Oda', team: slackIds.otherTeam });
    bench.general.extShared = true;
    for (const person of [guest, outside]) {
      bench.general.members.add(person.id);
      person.say(bench.general, `${mention} hi`);
    }
    await bench.quiet();
    const who = only(desk, 'chat').map(({ principal }) => principal);
    expect(who).toMatchObject([
      { name: 'Gil', isGuest: true, workspace: slackIds.team },
      { name: 'Oda', isGuest: true, workspace: slackIds.otherTeam },
    ]);
  });

  it('of somebody who cannot be looked up count as a guest’s', async () => {
    const { bench, desk } = await openBench({ before: (slack) => slack.switches.scopes.delete('users:read') });
    await using _ = bench;
    bench.ana.say(bench.ana.direct, 'hello');
    await bench.quiet();
    expect(only(desk, 'chat')[0]?.principal.isGuest).toBe(true);
    expect(bench.platform.health().problem).toContain('users:read');
  });

  it('of another workspace than ours are refused', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    const event = { type: 'message', channel: bench.ana.direct.id, channel_type: 'im', user: bench.ana.id, text: 'x', ts: '1.000001' };
    bench.slack.emit(event, { team_id: slackIds.otherTeam });
    await bench.quiet();
    expect(desk.received).toEqual([]);
  });

  it('carry user groups where a rule names one', async () => {
    const { bench, desk } = await openBench({
      settings: (defaults) => ({ ...defaults, access: { ...defaults.access, allow: { ...defaults.access.allow, groups: ['S0PAINTERS'] } } }),
      before: (slack) => slack.state.groups.set('S0PAINTERS', { handle: 'painters', users: ['U00000ANA'] }),
    });
    await using _ = bench;
    bench.ana.say(bench.ana.direct, 'hello');
    bench.ben.say(bench.ben.direct, 'hello');
    await bench.quiet();
    expect(only(desk, 'chat').map(({ principal }) => principal.groups)).toEqual([['S0PAINTERS'], []]);
  });

  it('count as a guest’s where a rule names a group and groups cannot be read', async () => {
    const { bench, desk } = await openBench({
      settings: (defaults) => ({ ...defaults, access: { ...defaults.access, deny: { ...defaults.access.deny, groups: ['S0PAINTERS'] } } }),
      before: (slack) => slack.switches.scopes.delete('usergroups:read'),
    });
    await using _ = bench;
    bench.ana.say(bench.ana.direct, 'hello');
    await bench.quiet();
    expect(only(desk, 'chat')[0]?.principal.isGuest).toBe(true);
    expect(bench.platform.health().problem).toContain('usergroups:read');
  });
});

describe('files from Slack', () => {
  const png = Buffer.from('89504e470d0a1a0a00', 'hex');

  it('are fetched with the token, and only when they are wanted', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    bench.ana.say(bench.ana.direct, 'start from this', { files: [bench.ana.file('fox.png', png), bench.ana.file('notes.txt', Buffer.from('some notes'))] });
    await bench.quiet();
    const [picture, notes] = only(desk, 'chat')[0]?.attachments ?? [];
    expect(picture).toMatchObject({ name: 'fox.png', mediaType: 'image/png', sizeBytes: png.length });
    expect(Buffer.from((await picture?.fetch(new AbortController().signal)) ?? []).equals(png)).toBe(true);
    expect(Buffer.from((await notes?.fetch(new AbortController().signal)) ?? []).toString()).toBe('some notes');
  });

  it('are refused when Slack sends its login page instead', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    bench.ana.say(bench.ana.direct, 'x', { files: [bench.ana.file('fox.png', png)] });
    await bench.quiet();
    bench.slack.switches.scopes.delete('files:read');
    await expect(only(desk, 'chat')[0]?.attachments[0]?.fetch(new AbortController().signal)).rejects.toMatchObject({ code: 'attachment-refused' });
  });

  it('are never fetched from another host, nor when they are not what they say', async () => {
    const { bench, desk } = await openBench();
    await using _ = bench;
    const event = { type: 'message', subtype: 'file_share', channel: bench.ana.direct.id, channel_type: 'im', user: bench.ana.id, text: 'x', ts: '1.000001' };
    const forged = bench.ana.file('evil.png', Buffer.from('#!/bin/sh\nno picture'));
    bench.slack.emit({
      ...event,
      files: [
        { id: 'F1', name: 'a.png', mimetype: 'image/png', size: 10, url_private: 'https://evil.example/a.png' },
        { id: forged.id, name: 'b.png', mimetype: 'image/png', size: 10, url_private: `${bench.slack.baseUrl}/files/${forged.id}` },
        { id: 'F3', name: 'c.png', mimetype: 'image/png', size: 1e12, url_private: `${bench.slack.baseUrl}/files/${forged.id}` },
      ],
    });
    await bench.quiet();
    const attachments = only(desk, 'chat')[0]?.attachments ?? [];
    expect(attachments).toHaveLength(3);
    for (const attachment of attachments) await expect(attachment.fetch(new AbortController().signal)).rejects.toMatchObject({ code: 'attachment-refused' });
  });
});
