import { describe, expect, it, vi } from 'vitest';
import type { Attachment } from '../../../src/commands/contract.ts';
import { commandData, openInteraction } from '../../fakes/discord/interaction-payloads.ts';
import { visibleText } from '../../fakes/discord/payloads.ts';
import type { StoredFile } from '../../fakes/discord/world.ts';
import { chatMessage } from '../../fakes/scripted-desk.ts';
import { openScriptedBench, WorkClock } from './scripted-bench.ts';

const never = new AbortController().signal;

async function optionFile(file: (add: (name: string, type: string, bytes: Uint8Array) => StoredFile) => StoredFile) {
  const bench = await openScriptedBench();
  await bench.start();
  const surfaces = bench.desk.works(chatMessage('Working.'));
  const stored = file((name, type, bytes) => bench.ada.file(name, type, bytes));
  bench.ada.slash(bench.channel, 'imagine', { prompt: 'a fox', image: stored });
  await surfaces.next();
  const [invocation] = bench.desk.received;
  if (invocation?.kind !== 'command') throw new Error('no command');
  const attachment = invocation.options['image'];
  if (typeof attachment !== 'object') throw new Error('no attachment');
  return { bench, attachment };
}
const refusal = (attachment: Attachment) =>
  attachment.fetch(never).then(
    () => 'taken',
    (error: unknown) => (error instanceof Error && 'facts' in error ? JSON.stringify(error.facts) : String(error)),
  );

describe('Discord and hostile input', () => {
  it('hands options of a wrong type on as they came, for the desk to refuse', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    const surfaces = bench.desk.works(chatMessage('Working.'));
    bench.ada.slash(bench.channel, 'imagine', { prompt: 'a fox', steps: 'many' }, { prompt: 3, steps: 3 });
    await surfaces.next();
    expect(bench.desk.received[0]).toMatchObject({ kind: 'command', options: { prompt: 'a fox', steps: 'many' } });
  });

  it('takes a prompt of 6,000 characters and shows an answer that holds it', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    const surfaces = bench.desk.works(chatMessage('Working.'));
    const prompt = 'fox '.repeat(1500).trim();
    const asked = bench.ada.slash(bench.channel, 'imagine', { prompt });
    const surface = await surfaces.next();
    const blob = await bench.blobs.put(new Uint8Array([1]), 'png');
    await surface.finish({ ...chatMessage(prompt, { final: true }), kind: 'picture', pictures: [bench.picture(blob, prompt)] });
    const message = await asked.message();
    expect(visibleText(message).length).toBeLessThanOrEqual(4000);
    expect(message.files[0]?.description?.length).toBeLessThanOrEqual(1024);
  });

  it('answers an ephemeral refusal that is longer than a message in pieces', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    bench.desk.answer = () => ({ kind: 'answer', audience: 'sender', message: chatMessage('word '.repeat(700), { kind: 'notice', final: true }) });
    bench.ada.slash(bench.channel, 'help');
    await bench.fake.until(() => bench.fake.answersIn(bench.channel).length === 2, 'both pieces');
    expect(bench.fake.answersIn(bench.channel).map(({ onlyFor }) => onlyFor)).toEqual([bench.ada.id, bench.ada.id]);
  });

  it('passes forged and foreign button ids on untouched, with who pressed', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    const surfaces = bench.desk.works(chatMessage('Working.'));
    const message = await bench.ada.slash(bench.channel, 'ask', { prompt: 'x' }).message();
    await surfaces.next();
    bench.desk.answer = () => ({ kind: 'answer', audience: 'sender', message: chatMessage('Not yours.', { kind: 'notice', final: true }) });
    const pressed = bench.ben.pressId(message, "v1:cancel:'; drop table jobs; --");
    expect((await pressed.message()).onlyFor).toBe(bench.ben.id);
    expect(bench.desk.received.at(-1)).toMatchObject({ kind: 'press', principal: { user: bench.ben.id }, actionId: "v1:cancel:'; drop table jobs; --" });
  });

  it('survives three hundred interactions of one person in a moment', async () => {
    await using bench = await openScriptedBench({ clock: new WorkClock() });
    await bench.start();
    bench.desk.answer = () => ({ kind: 'answer', audience: 'sender', message: chatMessage('You have 5 waiting.', { kind: 'notice', final: true }) });
    const asked = Array.from({ length: 300 }, () => bench.ada.slash(bench.channel, 'imagine', { prompt: 'more' }));
    for (const one of asked) await one.acknowledged();
    expect(bench.fake.timeline.of('request').filter(({ status }) => status === 429)).toHaveLength(0);
  });

  it('drops the replay of an old interaction without a trace in the channel', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    let ran = 0;
    bench.desk.answer = () => ({
      kind: 'work',
      opening: chatMessage('Working.'),
      audience: 'everyone',
      on: 'new',
      run: async () => {
        ran += 1;
      },
    });
    const command = bench.fake.world.commands.get('global')?.find(({ name }) => name === 'ask');
    const data = commandData(bench.fake.world, { id: command?.id ?? '', name: 'ask', channelId: bench.channel.id }, { prompt: 'x' });
    const { interaction, payload } = openInteraction(bench.fake.world, { type: 2, userId: bench.ada.id, channel: bench.channel, name: 'ask', data });
    bench.clock.jump(10 * 60_000);
    bench.fake.gateway.dispatch({ event: 'INTERACTION_CREATE', guildId: bench.guild.id, data: () => payload });
    await bench.fake.until(() => bench.fake.timeline.of('request').some(({ code }) => code === 10062), 'the refusal');
    const next = bench.ada.slash(bench.channel, 'ask', { prompt: 'y' });
    await next.acknowledged();
    await vi.waitFor(() => expect(ran).toBe(1));
    expect(interaction.acknowledgedAtMs).toBeUndefined();
    expect(bench.fake.answersIn(bench.channel)).toHaveLength(1);
  });

  it('refuses a picture that lies about its kind', async () => {
    const { bench, attachment } = await optionFile((add) => add('fox.png', 'image/png', new TextEncoder().encode('<svg onload="x"/>')));
    await using _ = bench;
    expect(await refusal(attachment)).toContain('says it is a picture');
  });

  it('refuses 25 MB, whether the size is told or not', async () => {
    const { bench, attachment } = await optionFile((add) => add('big.png', 'image/png', new Uint8Array(25 * 1024 * 1024)));
    await using _ = bench;
    expect(await refusal(attachment)).toContain('larger than 20 MB');
    const { DiscordAttachments } = await import('../../../src/bot/discord/discord-attachments.ts');
    const opener = new DiscordAttachments(bench.fake.login.apiUrl);
    const file = [...bench.fake.world.files.values()][0];
    const url = `${bench.fake.world.origin}/attachments/${bench.channel.id}/${file?.id}/big.png?hm=${file?.id}`;
    expect(await refusal(opener.open({ name: 'big.png', url, sizeBytes: 10, mediaType: 'image/png' }))).toContain('larger than 20 MB');
  });

  it('fetches nothing from elsewhere than Discord', async () => {
    const { DiscordAttachments } = await import('../../../src/bot/discord/discord-attachments.ts');
    const opener = new DiscordAttachments('https://discord.com/api');
    for (const url of [
      'http://127.0.0.1:7860/',
      'http://169.254.169.254/latest',
      'file:///etc/passwd',
      'https://cdn.discordapp.com.evil.example/x.png',
      'nonsense',
    ]) {
      expect(await refusal(opener.open({ name: 'x.png', url, sizeBytes: 10, mediaType: 'image/png' }))).toContain('does not lie on Discord');
    }
  });

  it('refuses text that is none', async () => {
    const { bench, attachment } = await optionFile((add) => add('notes.txt', 'text/plain', new Uint8Array([0xff, 0xfe, 0x00, 0x80])));
    await using _ = bench;
    expect(await refusal(attachment)).toContain('UTF-8');
  });
});
