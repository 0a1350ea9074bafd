import { describe, expect, it, vi } from 'vitest';
import { commandSpecs } from '../../../src/commands/command-table.ts';
import { attachment, openDeskBench, playing } from '../../fakes/desk-bench.ts';

describe('commands', () => {
  it('fit into what Discord and Slack take', () => {
    for (const spec of commandSpecs) {
      expect(spec.name).toMatch(/^[a-z]{1,32}$/);
      expect(spec.description.length).toBeLessThanOrEqual(100);
      expect(spec.options.length).toBeLessThanOrEqual(25);
      const names = spec.options.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
      expect(new Set(names).size).toBe(names.length);
      expect(spec.options.filter((option) => option.type === 'text' && option.isRest === true).length).toBeLessThanOrEqual(1);
      const required = spec.options.map((option) => option.required === true);
      expect(required.lastIndexOf(true)).toBeLessThanOrEqual(required.indexOf(false) === -1 ? 99 : required.indexOf(false));
      for (const { name, description } of spec.options) {
        expect(name).toMatch(/^[a-z-]{1,32}$/);
        expect(description.length).toBeLessThanOrEqual(100);
      }
    }
  });

  it('ask with what is chosen for it', async () => {
    await using bench = await openDeskBench({ settings: { chat: { persona: 'You are kind.', maxTokens: 99 } }, script: playing() });
    const ana = bench.person('ana');
    await ana.command('ask', { prompt: 'why?', model: 'Big Writer', temperature: 0, seed: 4, 'max-tokens': 7 }).done;
    expect(bench.runner.runs[0]?.request).toMatchObject({ model: 'big-writer', sampling: { temperature: 0, seed: 4 }, maxTokens: 7, useDefaults: true });
    await ana.typed('ask', 'what is git --amend? --temp 0.5').done;
    expect(bench.runner.runs[1]?.request).toMatchObject({ model: 'tiny-writer', sampling: { temperature: 0.5 }, maxTokens: 99 });
    expect(JSON.stringify(bench.runner.runs[1]?.request)).toContain('what is git --amend?');
    expect(JSON.stringify(bench.runner.runs[1]?.request)).toContain('You are kind.');
    expect(ana.command('ask', {}).answer.text).toMatch(/no words/);
    expect(ana.command('ask', { prompt: 'x', colour: 'red' }).answer.text).toMatch(/don't know `colour`/);
    expect(ana.command('dance', {}).answer.text).toMatch(/don't know the command/);
  });

  it('sum up a text, a file, the conversation, or a channel from a message on', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const ana = bench.person('ana').in({ channel: 'hall', thread: 't1' });
    const words = () => JSON.stringify(bench.runner.runs.at(-1)?.request);
    expect((await ana.typed('summarize', '').surface.whenFinal()).text).toMatch(/can't find anything to sum up/);
    await ana.typed('summarise', 'the long text').done;
    expect(words()).toContain('matters most first:\\n\\nthe long text');
    await ana.typed('tldr', '', [attachment('a.md', 'text/markdown', 'the long file')]).done;
    expect(words()).toContain('the long file');
    const other = bench.person('ana').in({ channel: 'hall', thread: 't2' });
    await other.chat('I like tea').done;
    await other.command('summarize', {}).done;
    expect(words()).toContain('ana: I like tea\\nAssistant: Hello there.');
    await ana.menu('summarize-from', { message: 'm' }, ['we ship on Monday', 'no, on Tuesday']).done;
    expect(words()).toContain('Ben: we ship on Monday\\nBen: no, on Tuesday');
  });

  it('ask about a message, in a form', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const ana = bench.person('ana');
    const { reception } = ana.menu('ask-about', { message: 'x', text: 'E = mc²' });
    if (reception.kind !== 'form') throw new Error('no form');
    await ana.submit(reception.form.id, { question: 'what is c?' }).done;
    expect(bench.runner.runs[0]?.request).toMatchObject({ input: { messages: [{ content: '> Ben: E = mc²\n\nwhat is c?' }] } });
  });

  it('list models and pick one: for oneself, for a channel, for all', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const ana = bench.person('ana').in({ channel: 'hall', thread: 't1' });
    const root = bench.person('root', { isOwner: true }).in({ channel: 'hall' });
    expect(ana.command('model').answer.text).toContain('`tiny-writer` **(in use)**');
    expect(ana.command('model').answer.text).not.toContain('absent-painter');
    expect(ana.command('model', { name: 'big-writer', for: 'channel' }).answer.text).toMatch(/for those who run me/);
    expect(root.command('model', { name: 'big-writer', for: 'channel' }).answer.text).toBe('In this channel Big writer answers from now on.');
    await ana.chat('hello').done;
    await bench.person('ana').chat('hello').done;
    expect(bench.runner.runs.map(({ request }) => request.model)).toEqual(['big-writer', 'tiny-writer']);
    expect(ana.typed('model', 'tiny-writer').answer.text).toBe('For you Tiny writer answers from now on.');
    await ana.chat('hello').done;
    expect(bench.runner.runs.at(-1)?.request.model).toBe('tiny-writer');
    ana.typed('model', 'default');
    await ana.chat('hello').done;
    expect(bench.runner.runs.at(-1)?.request.model).toBe('big-writer');
    expect(root.typed('admin', 'model big-writer').answer.text).toMatch(/^For everyone who chose nothing Big writer answers/);
    await bench.person('zoe').chat('hello').done;
    expect(bench.runner.runs.at(-1)?.request.model).toBe('big-writer');
  });

  it('keep settings by person and channel', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const ana = bench.person('ana').in({ channel: 'hall' });
    expect(ana.command('settings').answer.text).toContain('Persona: the model’s own');
    expect(ana.command('settings', { persona: 'You are *terse*.', temperature: 0.2, private: 'on' }).answer.text).toContain('Persona: You are \\*terse\\*.');
    const asked = ana.command('ask', { prompt: 'hello' });
    expect(asked.reception).toMatchObject({ audience: 'sender' });
    await asked.done;
    expect(bench.runner.runs[0]?.request).toMatchObject({
      sampling: { temperature: 0.2 },
      input: { messages: [{ role: 'system', content: 'You are *terse*.' }, {}] },
    });
    expect(ana.command('ask', { prompt: 'hello', private: false }).reception).toMatchObject({ audience: 'everyone' });
    ana.command('settings', { persona: 'default' });
    expect(ana.command('settings').answer.text).toContain('Temperature: 0.2');
    expect(ana.command('settings').answer.text).toContain('Persona: the model’s own');
    ana.command('settings', { reset: true });
    expect(ana.command('settings').answer.text).toContain('Private answers: off');
    expect(ana.command('settings', { temperature: 9 }).answer.text).toMatch(/a number from 0 to 2/);
    expect(ana.command('settings', { temperature: 1, for: 'channel' }).answer.text).toMatch(/for those who run me/);
    bench.person('root', { isOwner: true }).in({ channel: 'hall' }).command('settings', { persona: 'You are loud.', for: 'channel' });
    expect(bench.person('ben').in({ channel: 'hall' }).command('settings').answer.text).toContain('You are loud.');
    expect(bench.person('ben').in({ channel: 'other' }).command('settings').answer.text).not.toContain('loud');
  });

  it('show the queue and cancel one’s own only', async () => {
    await using bench = await openDeskBench();
    const ana = bench.person('ana');
    const first = ana.typed('imagine', 'a fox');
    await bench.runner.nextRun();
    const second = ana.typed('imagine', 'a wolf');
    await vi.waitFor(() => expect(bench.desk.pulse()).toMatchObject({ waiting: 1, running: 1 }));
    const { text } = ana.command('queue').answer;
    expect(text).toContain('Painting: 1 running, 1 waiting');
    expect(text).toMatch(/- `[0-9a-f]{6}` image “a wolf”: 1 ahead of you/);
    const ben = bench.person('ben');
    expect(ben.command('queue').answer.text).toContain('You have nothing waiting.');
    const name = /`([0-9a-f]{6})` image “a wolf”/.exec(text)?.[1] ?? '';
    expect(ben.command('cancel', { job: name }).answer.text).toMatch(/can't find/);
    expect(ben.command('cancel').answer.text).toBe('You have nothing to stop.');
    expect(bench.desk.complete({ principal: ana.principal, command: 'cancel', option: 'job', typed: '' }).map(({ value }) => value)).toContain(name);
    expect(ana.command('cancel', { job: name }).answer.text).toBe('Stopped 1 job.');
    await second.surface.whenFinal();
    expect(ana.typed('cancel', '').answer.text).toBe('Stopped 1 job.');
    await first.surface.whenFinal();
    expect(bench.desk.pulse()).toMatchObject({ waiting: 0 });
  });

  it('forget a conversation, at its starter’s or an admin’s word only', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const place = { channel: 'hall', thread: 't1' };
    const [ana, ben] = [bench.person('ana').in(place), bench.person('ben').in(place)];
    const first = ana.chat('my secret is blue');
    await first.done;
    await ben.chat('hello').done;
    expect((await ben.command('forget').surface.whenFinal()).text).toMatch(/Only the person who asked/);
    expect((await ana.command('forget').surface.whenFinal()).text).toBe('Forgotten. We start afresh.');
    expect(bench.desk.ownsThread(ana.place)).toBe(false);
    expect(await bench.desk.library.transcript(ana.principal, ana.place.conversation)).toEqual([]);
    await ana.chat('what is my secret?').done;
    expect(JSON.stringify(bench.runner.runs.at(-1)?.request)).not.toContain('blue');
    const late = ana.press(first.surface, 'regenerate');
    expect((await late.surface.whenFinal()).text).toMatch(/can't find/);
    expect((await bench.person('root', { isOwner: true }).in(place).command('forget').surface.whenFinal()).text).toMatch(/^Forgotten/);
    expect((await bench.person('zoe').command('forget').surface.whenFinal()).text).toMatch(/nothing to forget/);
  });

  it('forget what one asked in an open channel, or privately, and nothing of others', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const [ana, ben] = [bench.person('ana').in({ channel: 'hall' }), bench.person('ben').in({ channel: 'hall' })];
    await ana.command('ask', { prompt: 'one' }).done;
    await ana.command('ask', { prompt: 'two', private: true }).done;
    await ben.command('ask', { prompt: 'three' }).done;
    await bench.person('ana').in({ channel: 'other' }).command('ask', { prompt: 'four' }).done;
    expect((await ana.command('forget').surface.whenFinal()).text).toMatch(/^Forgotten/);
    expect((await bench.desk.library.conversations(ana.principal)).map(({ title }) => title)).toEqual(['four']);
    expect((await bench.desk.library.conversations(ben.principal)).map(({ title }) => title)).toEqual(['three']);
  });

  it('explain themselves from their specs, the admin’s to admins only', async () => {
    await using bench = await openDeskBench();
    const ana = bench.person('ana');
    const { text } = ana.command('help').answer;
    for (const { name } of commandSpecs.filter(({ adminOnly }) => adminOnly !== true)) expect(text).toContain(`/${name}`);
    expect(text).not.toContain('/admin');
    expect(ana.typed('help', 'imagine').answer.text).toContain('`--size --ar --aspect`');
    expect(ana.typed('help', 'admin').answer.text).toMatch(/don't know the command/);
    expect(bench.person('root', { isOwner: true }).command('help').answer.text).toContain('/admin');
  });

  it('complete from memory: models, one’s own prompts, samplers', async () => {
    await using bench = await openDeskBench({ script: playing(), desk: { samplers: ['DPM++ 2M Karras', 'Euler'], painterConcepts: ['zebra'] } });
    const ana = bench.person('ana');
    await ana.typed('imagine', 'a zeppelin over a lake').done;
    const complete = (command: string, option: string, typed: string, who = ana) =>
      bench.desk.complete({ principal: who.principal, command, option, typed }).map(({ value }) => value);
    expect(complete('imagine', 'prompt', 'ze')).toEqual(['zebra', 'a zeppelin over a lake']);
    expect(complete('imagine', 'prompt', 'ze', bench.person('ben'))).toEqual(['zebra']);
    expect(complete('imagine', 'model', '')).toEqual(['tiny-painter']);
    expect(complete('ask', 'model', 'BIG')).toEqual(['big-writer']);
    expect(complete('imagine', 'sampler', 'karras')).toEqual(['DPM++ 2M Karras']);
    expect(complete('help', 'command', 'im')).toEqual(['imagine']);
  });
});
