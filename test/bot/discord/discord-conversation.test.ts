import { ChannelType } from 'discord-api-types/v10';
import { describe, expect, it, vi } from 'vitest';
import type { ChatInvocation } from '../../../src/commands/contract.ts';
import { buttonsOf } from '../../fakes/discord/fake-person.ts';
import { visibleText } from '../../fakes/discord/payloads.ts';
import type { StoredChannel } from '../../fakes/discord/world.ts';
import { chatMessage, type ScriptedDesk } from '../../fakes/scripted-desk.ts';
import { openScriptedBench, type ScriptedBenchOptions } from './scripted-bench.ts';

const inChannel = { settings: { chat: { startThreads: false, answerInThreads: true, maxTokens: 100 } } };

async function open(options: ScriptedBenchOptions = {}) {
  const bench = await openScriptedBench(options);
  await bench.start();
  const surfaces = bench.desk.works(chatMessage('', { status: { phase: 'writing' } }));
  return { bench, surfaces };
}
const chats = (desk: ScriptedDesk): ChatInvocation[] => desk.received.filter((invocation) => invocation.kind === 'chat');

describe('Conversations on Discord', () => {
  it('a mention starts a thread named after the question, and the answer stands in it', async () => {
    const { bench, surfaces } = await open();
    await using _ = bench;
    const question = bench.ada.says(bench.channel, '@fresco why is the *sky* blue?');
    await (await surfaces.next()).finish(chatMessage('Scattering.', { final: true }));
    const thread = bench.fake.world.channel(question.id);
    expect(thread).toMatchObject({ type: ChannelType.PublicThread, name: 'why is the sky blue?', parentId: bench.channel.id });
    expect(bench.fake.answersIn(thread).map(visibleText)).toEqual(['Scattering.']);
    expect(bench.fake.answersIn(bench.channel)).toHaveLength(0);
    expect(chats(bench.desk)[0]).toMatchObject({
      text: 'why is the *sky* blue?',
      message: question.id,
      principal: { name: 'Ada', platform: 'discord', workspace: bench.guild.id },
      place: { thread: question.id, parentChannel: bench.channel.id, conversation: `discord:thread:${question.id}` },
    });
  });

  it('inside its thread no mention is needed; in others it is', async () => {
    const { bench, surfaces } = await open();
    await using _ = bench;
    const question = bench.ada.says(bench.channel, '@fresco hello');
    await (await surfaces.next()).finish(chatMessage('Hi.', { final: true }));
    const thread = bench.fake.world.channel(question.id);
    bench.ben.says(thread, 'not for the bot yet');
    bench.ben.says(thread, '@fresco but this');
    await (await surfaces.next()).finish(chatMessage('Yes.', { final: true }));
    bench.desk.ownThreads.add(thread.id);
    bench.ben.says(thread, 'and why at dusk red?');
    await (await surfaces.next()).finish(chatMessage('Longer way.', { final: true }));
    expect(chats(bench.desk).map(({ text }) => text)).toEqual(['hello', 'but this', 'and why at dusk red?']);
    expect(chats(bench.desk)[2]).toMatchObject({
      principal: { name: 'Ben' },
      place: { conversation: `discord:thread:${thread.id}`, parentChannel: bench.channel.id },
    });
  });

  it('answers in the channel, as a reply, when threads are switched off or not allowed', async () => {
    for (const options of [
      inChannel,
      {
        before: (fake: Parameters<NonNullable<ScriptedBenchOptions['before']>>[0]) =>
          void [...fake.world.channels.values()].map((channel) => fake.deny(channel, 'CreatePublicThreads')),
      },
    ]) {
      const { bench, surfaces } = await open(options);
      await using _ = bench;
      const question = bench.ada.says(bench.channel, 'hey @fresco, hello');
      await (await surfaces.next()).finish(chatMessage('Hi.', { final: true }));
      const [answer] = bench.fake.answersIn(bench.channel);
      expect(answer?.replyTo).toBe(question.id);
      expect(chats(bench.desk)[0]?.text).toBe('hey , hello');
    }
  });

  it('answers in the channel when Discord refuses the thread at the last moment', async () => {
    const { bench, surfaces } = await open();
    await using _ = bench;
    bench.fake.http.faults.add({ on: /^POST .*\/threads$/, status: 403, json: { code: 50013, message: 'Missing Permissions' } });
    const question = bench.ada.says(bench.channel, '@fresco hello');
    await (await surfaces.next()).finish(chatMessage('Hi.', { final: true }));
    expect(bench.fake.answersIn(bench.channel)[0]?.replyTo).toBe(question.id);
  });

  it('in direct messages needs no mention, types, and keeps one conversation', async () => {
    const { bench, surfaces } = await open();
    await using _ = bench;
    const dm = bench.fake.directMessages(bench.ada);
    bench.ada.says(dm, 'hello');
    const surface = await surfaces.next();
    await bench.fake.until(() => bench.fake.timeline.of('request').some(({ path }) => path.endsWith('/typing')), 'typing');
    await surface.finish(chatMessage('Hi.', { final: true }));
    expect(bench.fake.answersIn(dm).map(visibleText)).toEqual(['Hi.']);
    expect(chats(bench.desk)[0]).toMatchObject({ place: { direct: true, workspace: '', conversation: `discord:dm:${dm.id}` } });
  });

  it('a reply to its message goes on from there, with what was said; a reply to another message quotes it', async () => {
    const { bench, surfaces } = await open(inChannel);
    await using _ = bench;
    bench.ada.says(bench.channel, '@fresco hello');
    await (await surfaces.next()).finish(chatMessage('Hi there.', { final: true }));
    const [answer] = bench.fake.answersIn(bench.channel);
    if (answer === undefined) throw new Error('no answer');
    bench.ben.says(bench.channel, 'and now in French', { replyTo: answer });
    await (await surfaces.next()).finish(chatMessage('Bonjour.', { final: true }));
    expect(chats(bench.desk)[1]).toMatchObject({ text: 'and now in French', replyTo: { message: answer.id, text: 'Hi there.' } });
    const other = bench.ada.says(bench.channel, 'The moon is made of cheese.');
    bench.ben.says(bench.channel, '@fresco is that so?', { replyTo: other });
    await (await surfaces.next()).finish(chatMessage('No.', { final: true }));
    expect(chats(bench.desk)[2]?.replyTo).toEqual({ message: other.id, text: 'The moon is made of cheese.' });
  });

  it('leaves alone what is not said to it: talk, other bots, @everyone, its own messages', async () => {
    const { bench, surfaces } = await open();
    await using _ = bench;
    bench.ada.says(bench.channel, 'good morning all');
    bench.ada.says(bench.channel, '@everyone look');
    const robot = bench.fake.addPerson('Robot');
    bench.fake.world.users.set(robot.id, { ...robot.user, isBot: true });
    robot.says(bench.channel, '@fresco loop with me');
    bench.ada.says(bench.channel, '@fresco the end');
    await (await surfaces.next()).finish(chatMessage('Hi.', { final: true }));
    expect(chats(bench.desk).map(({ text }) => text)).toEqual(['the end']);
  });

  it('without the message-content intent still works by mention, direct message, pinged reply and command', async () => {
    const { bench, surfaces } = await open({ ...inChannel, messageContent: false });
    await using _ = bench;
    expect(bench.platform.health().problem).toContain('Message Content Intent');
    bench.ada.says(bench.channel, 'talk nobody sent us');
    bench.ada.says(bench.channel, '@fresco one');
    await (await surfaces.next()).finish(chatMessage('1', { final: true }));
    const [answer] = bench.fake.answersIn(bench.channel);
    if (answer === undefined) throw new Error('no answer');
    bench.ada.says(bench.channel, 'withheld', { replyTo: answer, ping: false });
    bench.ada.says(bench.channel, 'two', { replyTo: answer });
    await surfaces.next();
    bench.ada.says(bench.fake.directMessages(bench.ada), 'three');
    await surfaces.next();
    bench.ada.slash(bench.channel, 'ask', { prompt: 'four' });
    await surfaces.next();
    expect(chats(bench.desk).map(({ text }) => text)).toEqual(['one', 'two', 'three']);
    expect(bench.fake.timeline.of('gateway').some(({ what }) => what === 'identify 4609')).toBe(true);
  });

  it('reads typed commands with their files', async () => {
    const { bench, surfaces } = await open();
    await using _ = bench;
    const notes = bench.ada.file('notes.txt', 'text/plain; charset=utf-8', new TextEncoder().encode('remember the milk'));
    bench.ada.says(bench.channel, '@fresco /imagine a fox --ar 16:9', { files: [notes] });
    await surfaces.next();
    const [typed] = bench.desk.received;
    if (typed?.kind !== 'typed') throw new Error('not typed');
    expect(typed).toMatchObject({ command: 'imagine', text: 'a fox --ar 16:9', place: { parentChannel: bench.channel.id } });
    expect(new TextDecoder().decode(await typed.attachments[0]?.fetch(new AbortController().signal))).toBe('remember the milk');
  });

  it('splits long answers at 2,000 characters with fences closed, buttons under the last piece, and knows them as one', async () => {
    const { bench, surfaces } = await open(inChannel);
    await using _ = bench;
    bench.ada.says(bench.channel, '@fresco write code');
    const surface = await surfaces.next();
    const code = `Here:\n\`\`\`ts\n${Array.from({ length: 180 }, (_unused, line) => `const value${line} = ${line};`).join('\n')}\n\`\`\`\nThat is all.`;
    surface.show(chatMessage(code.slice(0, 900), { actions: [{ id: 'v1:stop:j', label: 'Stop', style: 'secondary' }] }));
    await bench.fake.until(() => bench.fake.answersIn(bench.channel).length === 1, 'the first piece');
    await surface.finish(chatMessage(code, { final: true, actions: [{ id: 'v1:regenerate:j', label: 'Regenerate', style: 'secondary' }] }));
    const pieces = bench.fake.answersIn(bench.channel);
    expect(pieces.length).toBeGreaterThan(1);
    for (const { content } of pieces) expect((content.match(/```/g)?.length ?? 0) % 2).toBe(0);
    expect(pieces.map(buttonsOf)).toEqual([...pieces.slice(1).map(() => []), ['Regenerate']]);
    expect(pieces.map(({ content }) => content).join('\n')).toContain('const value179 = 179;');
    const last = pieces.at(-1);
    bench.ada.says(bench.channel, 'go on', { ...(last === undefined ? {} : { replyTo: last }) });
    await surfaces.next();
    expect(chats(bench.desk)[1]?.replyTo?.message).toBe(pieces[0]?.id);
  });

  it('takes back the pieces that a shorter state no longer needs', async () => {
    const { bench, surfaces } = await open(inChannel);
    await using _ = bench;
    bench.ada.says(bench.channel, '@fresco a lot');
    const surface = await surfaces.next();
    surface.show(chatMessage('word '.repeat(900)));
    await bench.fake.until(() => bench.fake.answersIn(bench.channel).length === 3, 'three pieces');
    await surface.finish(chatMessage('Short after all.', { final: true }));
    expect(bench.fake.answersIn(bench.channel).map(visibleText)).toEqual(['Short after all.']);
    await surface.remove();
    expect(bench.fake.answersIn(bench.channel)).toHaveLength(0);
  });

  it('offers message menus and reads the lines from there on', async () => {
    const { bench, surfaces } = await open();
    await using _ = bench;
    const first = bench.ada.says(bench.channel, 'We meet at five.');
    bench.ben.says(bench.channel, 'Make it six.');
    bench.ada.menu(first, 'Summarise from here');
    await surfaces.next();
    const menu = bench.desk.received.at(-1);
    if (menu?.kind !== 'menu') throw new Error('no menu');
    expect(menu).toMatchObject({ menu: 'summarize-from', target: { message: first.id, text: 'We meet at five.', speaker: 'Ada' } });
    expect((await menu.lines(new AbortController().signal)).slice(0, 2)).toEqual([
      { speaker: 'Ada', text: 'We meet at five.', byBot: false },
      { speaker: 'Ben', text: 'Make it six.', byBot: false },
    ]);
  });

  it('finds the picture in a laid-out message through the menu', async () => {
    const { bench, surfaces } = await open();
    await using _ = bench;
    const message = await bench.ada.slash(bench.channel, 'imagine', { prompt: 'a fox' }).message();
    const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1]);
    await (await surfaces.next()).finish({
      ...chatMessage('a fox', { final: true }),
      kind: 'picture',
      pictures: [bench.picture(await bench.blobs.put(png, 'png'))],
    });
    bench.ben.menu(message, 'Vary this picture');
    await surfaces.next();
    const menu = bench.desk.received.at(-1);
    if (menu?.kind !== 'menu') throw new Error('no menu');
    expect(menu.target.attachments).toHaveLength(1);
    expect(await menu.target.attachments[0]?.fetch(new AbortController().signal)).toEqual(png);
  });

  it('knows age-restricted channels, threads in them too, roles and the owner', async () => {
    const { bench, surfaces } = await open({
      before: (fake) => {
        for (const guild of fake.world.guilds.values()) {
          fake.addChannel(guild, 'adults', { nsfw: true });
          for (const user of fake.world.users.keys()) guild.memberRoles.set(user, ['111111111111111111']);
        }
      },
    });
    await using _ = bench;
    const adults = [...bench.fake.world.channels.values()].find(({ name }) => name === 'adults');
    const question = bench.ada.says(adults ?? bench.channel, '@fresco hello');
    await (await surfaces.next()).finish(chatMessage('Hi.', { final: true }));
    const thread: StoredChannel = bench.fake.world.channel(question.id);
    bench.ada.says(thread, '@fresco more');
    await surfaces.next();
    bench.ada.slash(adults ?? bench.channel, 'imagine', { prompt: 'x' });
    await surfaces.next();
    expect(bench.desk.received.map(({ place }) => place.ageRestricted)).toEqual([true, true, true]);
    expect(bench.desk.received[2]?.principal.groups).toEqual(['111111111111111111']);
    bench.ada.slash(bench.channel, 'imagine', { prompt: 'x' });
    await surfaces.next();
    expect(bench.desk.received[3]?.place.ageRestricted).toBe(false);
    expect(bench.desk.received[3]?.principal.isOwner).toBeUndefined();
  });

  it('offers completions, forms, silent acknowledgements and private answers', async () => {
    const { bench } = await open();
    await using _ = bench;
    bench.desk.completions = ({ option, typed }) =>
      Array.from({ length: 40 }, (_unused, index) => ({ name: `${option} ${typed} ${'x'.repeat(index * 4)}`, value: `v${index}` }));
    const offered = await bench.ada.completions(bench.channel, 'imagine', { option: 'sampler', text: 'dpm' });
    expect(offered).toHaveLength(25);
    expect(offered[0]?.name).toBe('sampler dpm ');
    bench.desk.answer = (invocation) =>
      invocation.kind === 'command'
        ? {
            kind: 'form',
            form: {
              id: 'v1:edit:j',
              title: 'Edit the prompt of a picture with a long, long title',
              fields: [{ name: 'prompt', label: 'Prompt', value: 'a fox', multiline: true, required: true, maxLength: 6000 }],
            },
          }
        : { kind: 'answer', audience: 'sender', message: chatMessage('Only for you.', { kind: 'notice', final: true }) };
    const asked = bench.ada.slash(bench.channel, 'imagine', { prompt: 'a fox' });
    expect(await asked.modal()).toMatchObject({ fields: [{ label: 'Prompt', value: 'a fox', maxLength: 4000 }] });
    const submitted = await bench.ada.submit(asked, { prompt: 'a red fox' });
    const answer = await submitted.message();
    expect(answer.onlyFor).toBe(bench.ada.id);
    expect(bench.desk.received.at(-1)).toMatchObject({ kind: 'form', formId: 'v1:edit:j', values: { prompt: 'a red fox' } });
    bench.desk.answer = () => ({ kind: 'silent' });
    const quiet = bench.ada.pressId(answer, 'v1:cancel:j');
    expect((await quiet.acknowledged()).answer).toBe(6);
  });

  it('shows work on the pressed message itself where the desk says so', async () => {
    const { bench, surfaces } = await open();
    await using _ = bench;
    const message = await bench.ada.slash(bench.channel, 'ask', { prompt: 'x' }).message();
    await (await surfaces.next()).finish(chatMessage('First.', { final: true, actions: [{ id: 'v1:regenerate:j', label: 'Regenerate', style: 'secondary' }] }));
    const pressed = bench.desk.works(chatMessage(''), { on: 'pressed' });
    bench.ada.press(message, 'Regenerate');
    await (await pressed.next()).finish(chatMessage('Second.', { final: true }));
    expect(visibleText(message)).toBe('Second.');
    expect(bench.fake.answersIn(bench.channel)).toHaveLength(1);
    expect(bench.desk.received.at(-1)).toMatchObject({ kind: 'press', actionId: 'v1:regenerate:j', message: { message: message.id } });
  });

  it('never pings anybody, whatever is said', async () => {
    const { bench, surfaces } = await open(inChannel);
    await using _ = bench;
    const nasty = `@everyone @here <@${bench.ben.id}> <@&${bench.guild.botRoleId}>`;
    bench.ada.says(bench.channel, `@fresco say ${nasty}`);
    const surface = await surfaces.next();
    surface.show(chatMessage(nasty));
    await surface.finish(chatMessage(`${nasty}\n\`${nasty}\``, { final: true }));
    bench.ada.slash(bench.channel, 'imagine', { prompt: nasty });
    await (await surfaces.next()).finish({
      ...chatMessage(nasty, { final: true }),
      kind: 'picture',
      pictures: [bench.picture(await bench.blobs.put(new Uint8Array([1]), 'png'), nasty)],
    });
    await vi.waitFor(() => expect(bench.fake.answersIn(bench.channel)).toHaveLength(2));
    for (const answer of bench.fake.answersIn(bench.channel)) {
      expect(answer.pings).toEqual([]);
      expect(visibleText(answer)).not.toMatch(/@(everyone|here)/);
    }
  });
});
