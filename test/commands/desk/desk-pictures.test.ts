import { describe, expect, it } from 'vitest';
import { userKeyOf } from '../../../src/commands/contract.ts';
import { FrescoError } from '../../../src/fresco-error.ts';
import { attachment, emitImage, openDeskBench, playing, smallPng } from '../../fakes/desk-bench.ts';
import { MemoryBlobStore } from '../../fakes/memory-blob-store.ts';

describe('pictures at the desk', () => {
  it('sharpen: previews first, then the picture with its parameters and buttons', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const { surface } = bench.person('ana').typed('imagine', 'a red fox --ar 16:9 --seed 7 --no hands, text');
    const message = await surface.whenFinal();
    expect(message).toMatchObject({ kind: 'picture', pictures: [{ alt: 'a red fox', source: { kind: 'blob' }, spoiler: false }], final: true });
    expect(message.text).toBe('**a red fox**\nseed 7 · 352 × 192 · 20 steps · guidance 5 · DDIM · tiny-painter');
    expect(message.actions.map(({ id }) => id.split(':')[1])).toEqual(['reroll', 'vary', 'upscale', 'upscale', 'edit', 'parameters', 'delete']);
    expect(surface.shown.some(({ pictures }) => pictures[0]?.source.kind === 'preview')).toBe(true);
    expect(bench.runner.runs[0]?.request).toMatchObject({ prompt: 'a red fox', negativePrompt: 'hands, text', width: 352, height: 192, seed: 7 });
  });

  it('go to the painter from plain chat, which says so', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const ana = bench.person('ana');
    const { surface } = ana.chat('could you draw me a lighthouse --seed 3, please?');
    const message = await surface.whenFinal();
    expect(message.text.split('\n').slice(0, 2)).toEqual(['Painting this with tiny-painter:', '**a lighthouse**']);
    await ana.chat('what did you paint?').done;
    expect(bench.runner.runs.at(-1)?.request).toMatchObject({
      kind: 'text',
      input: { messages: [{}, { content: 'Here is the picture you asked for: “a lighthouse”.' }, {}] },
    });
  });

  it('come several at once, each with its own seed and buttons', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const { surface } = bench.person('ana').command('imagine', { prompt: 'a fox', count: 4, seed: 10, spoiler: true });
    const message = await surface.whenFinal();
    expect(message.pictures).toHaveLength(4);
    expect(message.pictures.every(({ spoiler }) => spoiler)).toBe(true);
    expect(message.text).toContain('seeds 10–13');
    expect(message.actions.map(({ label }) => label)).toEqual([
      'Reroll',
      'Vary 1',
      'Vary 2',
      'Vary 3',
      'Vary 4',
      'Enlarge 1 ×2',
      'Enlarge 2 ×2',
      'Enlarge 3 ×2',
      'Enlarge 4 ×2',
      'Edit prompt',
      'Parameters',
      'Delete',
    ]);
  });

  it('start from an attached picture and a mask, whatever their names say', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const ana = bench.person('ana');
    const picture = attachment('a.jpg', 'image/jpeg', smallPng);
    await ana.typed('imagine', 'in winter --strength 0.4', [picture, picture]).done;
    const request = bench.runner.runs[0]?.request;
    expect(request).toMatchObject({ strength: 0.4, initImage: expect.stringMatching(/\.png$/), mask: expect.stringMatching(/\.png$/) });
    const lying = ana.typed('imagine', 'in winter', [attachment('a.png', 'image/png', 'no picture')]);
    expect((await lying.surface.whenFinal()).text).toMatch(/can't read this picture/);
    const large = ana.typed('imagine', 'in winter', [{ ...picture, sizeBytes: 25_000_000 }]);
    expect((await large.surface.whenFinal()).text).toMatch(/25000000 bytes and I take at most 20000000/);
    expect(ana.command('imagine', { prompt: 'x', image: attachment('a.txt', 'text/plain', 'x') }).answer.text).toMatch(/no picture/);
  });

  it('are followed up: reroll, vary, enlarge, parameters, edit', async () => {
    const blobs = new MemoryBlobStore();
    await using bench = await openDeskBench({ blobs, script: playing({ blobs }) });
    const ana = bench.person('ana');
    const { surface, done } = ana.command('imagine', { prompt: 'a fox', seed: 7, steps: 30 });
    await done;
    const first = bench.runner.runs[0]?.request;
    await ana.press(surface, 'reroll').done;
    const rerolled = bench.runner.runs[1]?.request;
    expect(rerolled).toMatchObject({ prompt: 'a fox', steps: 30 });
    expect(rerolled).not.toMatchObject({ seed: 7 });
    await ana.press(surface, 'vary').done;
    const picture = (await bench.store.picturesOf(userKeyOf(ana.principal), 9)).find(({ parameters }) => parameters?.['seed'] === 7);
    expect(bench.runner.runs[2]?.request).toMatchObject({ initImage: picture?.blob, strength: 0.6, count: 1 });
    const enlarged = ana.press(surface, 'upscale');
    expect((await enlarged.surface.whenFinal()).actions.map(({ label }) => label)).toEqual(['Parameters', 'Delete']);
    expect(bench.runner.runs[3]?.request).toMatchObject({ kind: 'upscale', factor: 2, image: picture?.blob });
    const parameters = ana.press(surface, 'parameters');
    expect(parameters.reception).toMatchObject({ audience: 'sender' });
    expect((await parameters.surface.whenFinal()).text).toContain('/imagine a fox --size 256x256 --steps 30 --guidance 5 --sampler DDIM --seed 7');
    const form = ana.press(surface, 'edit').reception;
    if (form.kind !== 'form') throw new Error('no form');
    expect(form.form.fields[0]?.value).toBe('a fox');
    await ana.submit(form.form.id, { prompt: 'a wolf --steps 12' }).done;
    expect(bench.runner.runs[4]?.request).toEqual({ ...first, prompt: 'a wolf', steps: 12 });
  });

  it('are deleted with all that belongs to them, by their owner only', async () => {
    const blobs = new MemoryBlobStore();
    await using bench = await openDeskBench({ blobs, script: playing({ blobs }) });
    const place = { channel: 'hall', thread: 't1' };
    const ana = bench.person('ana').in(place);
    const { surface } = ana.typed('imagine', 'a fox');
    await surface.whenFinal();
    const [picture] = await bench.desk.library.pictures(ana.principal, 5);
    expect(bench.person('ben').in(place).press(surface, 'delete').answer.text).toMatch(/Only the person who asked/);
    expect(await blobs.has(picture!.blob)).toBe(true);
    const deletion = ana.press(surface, 'delete');
    await deletion.done;
    expect(deletion.surface.isRemoved).toBe(true);
    expect(await blobs.has(picture!.blob)).toBe(false);
    expect(await bench.desk.library.pictures(ana.principal, 5)).toEqual([]);
    expect(await bench.desk.library.transcript(ana.principal, ana.place.conversation)).toHaveLength(1);
    const late = ana.press(surface, 'reroll');
    expect((await late.surface.whenFinal()).text).toMatch(/can't find/);
  });

  it('stop here and keep what there is, or are cancelled while they wait', async () => {
    await using bench = await openDeskBench();
    const ana = bench.person('ana');
    const first = ana.typed('imagine', 'a fox');
    const second = ana.typed('imagine', 'a wolf');
    const run = await bench.runner.nextRun();
    run.emit({ type: 'started', model: 'tiny-painter', device: 'cpu' }, { type: 'step', step: 3, steps: 20, image: 0 });
    const painting = await first.surface.until(({ status }) => status?.phase === 'painting' && status.step === 3);
    expect(painting.actions.map(({ label }) => label)).toEqual(['Stop here, keep it', 'Cancel']);
    expect(bench.person('ben').press(first.surface, 'cancel').answer.text).toMatch(/can't find/);
    await second.surface.until(({ status }) => status?.phase === 'queued' && status.position === 1);
    ana.press(second.surface, 'cancel');
    expect(await second.surface.whenFinal()).toMatchObject({ status: { phase: 'failed' }, text: '**a wolf**\nStopped.' });
    ana.press(first.surface, 'keep');
    expect(run.control.keep.aborted).toBe(true);
    await emitImage(run, bench.blobs, 0);
    run.emit({ type: 'notice', code: 'stopped-early', facts: { step: 3, steps: 20 } });
    run.finish({ type: 'finished', finishReason: 'stopped-early', usage: {}, timings: { totalMs: 1 } });
    expect((await first.surface.whenFinal()).text).toContain('Stopped at step 3 of 20, as asked.');
  });

  it('can be cancelled while a file is still being fetched', async () => {
    await using bench = await openDeskBench();
    const ana = bench.person('ana');
    const slow = {
      ...attachment('a.png', 'image/png', smallPng),
      fetch: (signal: AbortSignal) => new Promise<Uint8Array>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    };
    const { surface } = ana.typed('imagine', 'a fox', [slow]);
    ana.press(surface, 'cancel');
    expect((await surface.whenFinal()).text).toContain('Stopped.');
    expect(bench.runner.runs).toHaveLength(0);
  });

  it('ask for a prompt in a form where none was given, and keep the rest', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const ana = bench.person('ana');
    const { reception } = ana.typed('imagine', '--steps 9', [attachment('a.png', 'image/png', smallPng)]);
    if (reception.kind !== 'form') throw new Error('no form');
    await ana.submit(reception.form.id, { prompt: 'a fox', negative: '', size: '1:1' }).done;
    expect(bench.runner.runs[0]?.request).toMatchObject({ prompt: 'a fox', steps: 9, width: 256, height: 256, initImage: expect.any(String) });
    expect(ana.submit(`v1:imagine:${'0'.repeat(32)}`, { prompt: 'a fox' }).answer.text).toMatch(/can't find/);
  });

  it('are varied from a message’s menu: ours by its job, others by what is attached', async () => {
    const blobs = new MemoryBlobStore();
    await using bench = await openDeskBench({ blobs, script: playing({ blobs }) });
    const ana = bench.person('ana');
    const { surface, done } = ana.typed('imagine', 'a fox --seed 5');
    await done;
    await ana.menu('vary-picture', { message: surface.ref.message }).done;
    expect(bench.runner.runs[1]?.request).toMatchObject({ prompt: 'a fox', strength: 0.6, initImage: expect.any(String) });
    const shown = ana.menu('show-parameters', { message: surface.ref.message });
    expect((await shown.surface.whenFinal()).text).toContain('Seed: 5');
    await ana.menu('vary-picture', { message: 'other', text: 'my dog', attachments: [attachment('d.png', 'image/png', smallPng)] }).done;
    expect(bench.runner.runs[2]?.request).toMatchObject({ prompt: 'my dog', initImage: expect.any(String) });
    const none = ana.menu('vary-picture', { message: 'other', text: 'words' });
    expect((await none.surface.whenFinal()).text).toMatch(/can't find a picture/);
  });

  it.each([
    ['a fox --size 7x9', /can't paint 7 × 9 pixels; it takes 64 to 4096/],
    ['a fox --size 100000x100000', /can't paint 100000 × 100000 pixels/],
    ['a fox --ar 100:1', /takes a shape from 1:4 to 4:1/],
    ['a fox --steps 200', /takes a whole number from 1 to 150/],
    ['a fox --model nothing', /don't know the model “nothing”. I know `tiny-painter`/],
    ['a fox --model tiny-writer', /don't know the model/],
    ['a fox --model absent-painter', /not installed here/],
    ['a fox --model /etc', /don't know the model/],
    ['a fox --lora x:9', /takes at most 8 of name:weight/],
    ['x'.repeat(6001), /6,001 characters long and I take at most 6,000/],
  ])('are refused at once, to the sender alone: %.40s', async (text, sentence) => {
    await using bench = await openDeskBench();
    const { answer, reception } = bench.person('ana').typed('imagine', text);
    expect(answer.text).toMatch(sentence);
    expect(reception).toMatchObject({ audience: 'sender' });
    expect(bench.runner.runs).toHaveLength(0);
  });

  it('are checked by the image core before they are queued, and a failure later offers another try', async () => {
    let isWrong = true;
    const checkImage = async () => {
      if (isWrong) throw new FrescoError('size-unsupported', { width: 300, height: 300, expected: 'multiples of 64' });
    };
    await using bench = await openDeskBench({ desk: { checkImage } });
    const ana = bench.person('ana');
    const refused = ana.typed('imagine', 'a fox --size 300x300');
    expect((await refused.surface.whenFinal()).text).toContain('multiples of 64');
    expect(bench.runner.runs).toHaveLength(0);
    isWrong = false;
    const { surface } = ana.typed('imagine', 'a fox --seed 3');
    (await bench.runner.nextRun()).fail(new FrescoError('host-died', { lane: 'image', attempts: 2 }));
    const failed = await surface.whenFinal();
    expect(failed).toMatchObject({ status: { phase: 'failed' } });
    expect(failed.text).toContain('The model stopped working 2 times');
    const retry = ana.press(surface, 'retry');
    const run = await bench.runner.nextRun();
    expect(run.request).toMatchObject({ prompt: 'a fox', seed: 3 });
    await emitImage(run, bench.blobs, 0);
    run.finish();
    expect((await retry.surface.whenFinal()).pictures).toHaveLength(1);
  });

  it('show nothing of an error that is not ours but a reference', async () => {
    await using bench = await openDeskBench();
    const { surface } = bench.person('ana').typed('imagine', 'a fox');
    (await bench.runner.nextRun()).fail(new TypeError('cannot open /home/ana/secret.onnx'));
    const { text } = await surface.whenFinal();
    expect(text).toMatch(/The reference is [0-9a-f]{8}\./);
    expect(text).not.toContain('secret');
  });
});
