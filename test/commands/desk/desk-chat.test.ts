import { describe, expect, it } from 'vitest';
import { deskContract } from '../../contracts/desk-contract.ts';
import { attachment, type DeskBench, openDeskBench, playing, smallPng } from '../../fakes/desk-bench.ts';

deskContract('the real desk', () => openDeskBench({ script: playing() }));

/** The messages that the model was given in its latest run. */
function lastMessages(bench: DeskBench) {
  const request = bench.runner.runs.at(-1)?.request;
  return request?.kind === 'text' && request.input.form === 'messages' ? request.input.messages : [];
}

describe('chat at the desk', () => {
  it('streams an answer word by word and remembers it', async () => {
    await using bench = await openDeskBench();
    const ana = bench.person('ana');
    const { surface, reception } = ana.chat('Hi, I am Ana.');
    expect(reception).toMatchObject({ kind: 'work', audience: 'everyone', on: 'new', opening: { status: { phase: 'queued', position: 0 } } });
    const run = await bench.runner.nextRun();
    run.emit({ type: 'started', model: 'tiny-writer', device: 'cpu' }, { type: 'text-delta', text: 'Hello ', tokenIds: [1] });
    expect(await surface.until(({ text }) => text === 'Hello ')).toMatchObject({ status: { phase: 'writing' }, final: false });
    run.emit({ type: 'text-delta', text: 'Ana.', tokenIds: [2] });
    run.finish();
    expect(await surface.whenFinal()).toMatchObject({ text: 'Hello Ana.', status: { phase: 'done' }, final: true });
    ana.chat('Who am I?');
    await bench.runner.nextRun();
    expect(lastMessages(bench).map(({ content }) => content)).toEqual(['Hi, I am Ana.', 'Hello Ana.', 'Who am I?']);
  });

  it('never mixes people: direct messages, threads and open questions are apart', async () => {
    await using bench = await openDeskBench({ script: playing() });
    await bench.person('ana').chat('my secret is blue').done;
    await bench.person('ben').chat('what is the secret?').done;
    expect(lastMessages(bench).map(({ content }) => content)).toEqual(['what is the secret?']);
    await bench.person('ana').in({ channel: 'hall' }).command('ask', { prompt: 'one' }).done;
    await bench.person('ana').in({ channel: 'hall' }).command('ask', { prompt: 'two' }).done;
    expect(lastMessages(bench)).toHaveLength(1);
    await bench.person('ana').in({ channel: 'hall', thread: 't1' }).chat('in the first thread').done;
    await bench.person('ben').in({ channel: 'hall', thread: 't2' }).chat('in the second').done;
    expect(lastMessages(bench).map(({ content }) => content)).toEqual(['in the second']);
  });

  it('shares a thread between the people in it, each by name', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const place = { channel: 'hall', thread: 't1' };
    await bench.person('ana').in(place).chat('I like red').done;
    await bench.person('ben').in(place).chat('and I like blue').done;
    expect(lastMessages(bench).map(({ content }) => content)).toEqual(['ana: I like red', 'Hello there.', 'ben: and I like blue']);
    expect(bench.desk.ownsThread(bench.person('cid').in(place).place)).toBe(true);
    expect(bench.desk.ownsThread(bench.person('cid').in({ channel: 'hall', thread: 'other' }).place)).toBe(false);
    const titles = await bench.desk.library.conversations(bench.person('ben').principal);
    expect(titles.map(({ title }) => title)).toEqual(['I like red']);
  });

  it('does not take a thread over for one command in it', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const ana = bench.person('ana').in({ channel: 'hall', thread: 't1' });
    await ana.command('ask', { prompt: 'hello' }).done;
    expect(bench.desk.ownsThread(ana.place)).toBe(false);
  });

  it('branches where a reply goes to an older answer', async () => {
    await using bench = await openDeskBench({ script: playing({ answer: 'Sure.' }) });
    const ana = bench.person('ana').in({ channel: 'hall', thread: 't1' });
    const first = ana.chat('first');
    await first.done;
    await ana.chat('second').done;
    await ana.chat('instead of second', { replyTo: { message: first.surface.ref.message } }).done;
    expect(lastMessages(bench).map(({ content }) => content)).toEqual(['first', 'Sure.', 'instead of second']);
    const turns = await bench.desk.library.transcript(ana.principal, ana.place.conversation);
    const parents = turns.filter(({ role }) => role === 'user').map(({ parent }) => turns.find(({ id }) => id === parent)?.message.text);
    expect(parents).toEqual([undefined, 'Sure.', 'Sure.']);
    expect(turns[2]?.parent).toBe(turns[4]?.parent);
  });

  it('goes on from a reply in an open channel, and quotes a message that is not its own', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const ana = bench.person('ana').in({ channel: 'hall' });
    const first = ana.chat('what is rain?');
    await first.done;
    await ana.chat('and snow?', { replyTo: { message: first.surface.ref.message } }).done;
    expect(lastMessages(bench)).toHaveLength(3);
    await ana.chat('explain this', { replyTo: { message: 'not-ours', text: 'E = mc²' } }).done;
    expect(lastMessages(bench).map(({ content }) => content)).toEqual(['> E = mc²\n\nexplain this']);
    const elsewhere = bench.person('eve').in({ channel: 'other' });
    await elsewhere.chat('and hail?', { replyTo: { message: first.surface.ref.message } }).done;
    expect(lastMessages(bench).map(({ content }) => content)).toEqual(['and hail?']);
  });

  it('keeps a private question apart from the channel, and from everyone', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const place = { channel: 'hall', thread: 't1' };
    const ana = bench.person('ana').in(place);
    const asked = ana.command('ask', { prompt: 'my illness', private: true });
    expect(asked.reception).toMatchObject({ audience: 'sender' });
    await asked.done;
    const ben = bench.person('ben').in(place);
    await ben.chat('what did she ask?').done;
    expect(lastMessages(bench)).toHaveLength(1);
    await ben.chat('and this?', { replyTo: { message: asked.surface.ref.message } }).done;
    expect(JSON.stringify(lastMessages(bench))).not.toContain('illness');
    expect(ben.press(asked.surface, 'regenerate').answer.text).toMatch(/can't find/);
  });

  it('reads attached text with the question, within bounds, and says what it cannot read', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const ana = bench.person('ana');
    await ana.chat('what is this?', { attachments: [attachment('notes.txt', 'text/plain', 'buy milk')] }).done;
    expect(lastMessages(bench)[0]?.content).toBe('what is this?\n\nThe file “notes.txt”:\n\nbuy milk');
    expect(ana.chat('what is this?', { attachments: [attachment('a.zip', 'application/zip', 'PK')] }).answer.text).toContain('a.zip');
    expect(ana.chat('what do you see?', { attachments: [attachment('a.png', 'image/png', smallPng)] }).answer.text).toMatch(/can see pictures/);
    const lying = ana.chat('read this', { attachments: [attachment('a.txt', 'text/plain', Buffer.from([0xff, 0xfe, 0x00, 0xd8]))] });
    expect((await lying.surface.whenFinal()).text).toMatch(/no text in UTF-8/);
    const large = ana.chat('read this', { attachments: [{ ...attachment('b.txt', 'text/plain', 'x'), sizeBytes: 2_000_000 }] });
    expect((await large.surface.whenFinal()).text).toMatch(/2000000 bytes and I read at most 1000000/);
  });

  it('stops on request, keeps what there is, and goes on from there', async () => {
    await using bench = await openDeskBench();
    const ana = bench.person('ana');
    const { surface } = ana.chat('tell me a story');
    const run = await bench.runner.nextRun();
    run.emit({ type: 'text-delta', text: 'Once upon', tokenIds: [1] });
    await surface.until(({ text }) => text === 'Once upon');
    expect(ana.press(surface, 'stop').reception.kind).toBe('silent');
    const stopped = await surface.whenFinal();
    expect(stopped).toMatchObject({ text: 'Once upon\n\n_Stopped._', status: { phase: 'done' } });
    await using again = await bench.restarted();
    const next = again.person('ana').press(surface, 'continue');
    expect(next.reception).toMatchObject({ on: 'pressed' });
    const second = await again.runner.nextRun();
    expect(second.request).toMatchObject({
      continueLast: true,
      input: { messages: [{ content: 'tell me a story' }, { role: 'assistant', content: 'Once upon' }] },
    });
    second.emit({ type: 'text-delta', text: ' a time.', tokenIds: [2] });
    second.finish();
    expect((await next.surface.whenFinal()).text).toBe('Once upon a time.');
  });

  it('answers again beside the first answer, which stays in the tree', async () => {
    await using bench = await openDeskBench({
      script: (run, index) => {
        run.emit({ type: 'text-delta', text: `answer ${index}`, tokenIds: [1] });
        run.finish();
      },
    });
    const ana = bench.person('ana');
    const first = ana.chat('a riddle, please');
    await first.done;
    const again = ana.press(first.surface, 'regenerate');
    expect((await again.surface.whenFinal()).text).toBe('answer 1');
    expect(lastMessages(bench).map(({ content }) => content)).toEqual(['a riddle, please']);
    await ana.chat('why?').done;
    expect(lastMessages(bench).map(({ content }) => content)).toEqual(['a riddle, please', 'answer 1', 'why?']);
    const turns = await bench.desk.library.transcript(ana.principal, ana.place.conversation);
    expect(turns.map(({ message }) => message.text)).toEqual(['a riddle, please', 'answer 0', 'answer 1', 'why?', 'answer 2']);
    expect(turns[1]?.parent).toBe(turns[2]?.parent);
  });

  it('offers to go on where the answer was cut by its length, and says what was dropped', async () => {
    await using bench = await openDeskBench();
    const { surface } = bench.person('ana').chat('tell me everything');
    const run = await bench.runner.nextRun();
    run.emit({ type: 'notice', code: 'turns-dropped', facts: { dropped: 3, contextTokens: 2048 } });
    run.emit({ type: 'text-delta', text: '```js\nlet a', tokenIds: [1] });
    run.finish({ type: 'finished', finishReason: 'length', usage: {}, timings: { totalMs: 1 } });
    const message = await surface.whenFinal();
    expect(message.actions.map(({ label }) => label)).toEqual(['Again', 'Go on']);
    expect(message.text).toBe('```js\nlet a\n```\n\n_The oldest 3 messages no longer fitted into my memory of 2,048 tokens._');
  });

  it('drops what it showed when the host was restarted', async () => {
    await using bench = await openDeskBench();
    const { surface } = bench.person('ana').chat('hello');
    const run = await bench.runner.nextRun();
    run.emit({ type: 'text-delta', text: 'Hel', tokenIds: [1] });
    await surface.until(({ text }) => text === 'Hel');
    run.emit({ type: 'restarted' }, { type: 'text-delta', text: 'Hello.', tokenIds: [1] });
    run.finish();
    expect((await surface.whenFinal()).text).toBe('Hello.');
  });

  it('lets mass mentions and markup in prompts through for the platform to escape', async () => {
    await using bench = await openDeskBench({ script: playing() });
    await bench.person('ana').chat('@everyone <!channel> hello').done;
    expect(lastMessages(bench)[0]?.content).toBe('@everyone <!channel> hello');
  });

  it('greets an empty mention, and takes a typed command in a message as one', async () => {
    await using bench = await openDeskBench({ script: playing() });
    expect(bench.person('ana').chat('  ').answer.text).toMatch(/Ask me anything/);
    expect(bench.person('ana').chat('/help imagine').answer.text).toContain('--ar');
    expect(bench.person('ana').chat('/etc/passwd is a file?').reception.kind).toBe('work');
  });

  it('cancels the job when its message is deleted', async () => {
    await using bench = await openDeskBench();
    const { surface, done } = bench.person('ana').chat('hello');
    const run = await bench.runner.nextRun();
    surface.disappear();
    await done;
    expect(run.control.signal.aborted).toBe(true);
    expect(await bench.store.openJobs('fake')).toEqual([]);
  });
});
