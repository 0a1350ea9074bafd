import { describe, expect, it } from 'vitest';
import { openDeskBench, playing } from '../fakes/desk-bench.ts';

describe('the desk', () => {
  it('answers a chat, word by word, and remembers it', async () => {
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
    const second = await bench.runner.nextRun();
    expect(second.request).toMatchObject({
      input: {
        messages: [
          { role: 'user', content: 'Hi, I am Ana.' },
          { role: 'assistant', content: 'Hello Ana.' },
          { role: 'user', content: 'Who am I?' },
        ],
      },
    });
  });

  it('paints: previews first, then the picture with its parameters and buttons', async () => {
    await using bench = await openDeskBench({ script: playing() });
    const { surface } = bench.person('ana').typed('imagine', 'a red fox --ar 16:9 --seed 7 --no hands, text');
    const message = await surface.whenFinal();
    expect(message).toMatchObject({ kind: 'picture', pictures: [{ alt: 'a red fox', source: { kind: 'blob' } }], final: true });
    expect(message.text).toBe('**a red fox**\nseed 7 · 352 × 192 · 20 steps · guidance 5 · DDIM · tiny-painter');
    expect(message.actions.map(({ id }) => id.split(':')[1])).toEqual(['reroll', 'vary', 'upscale', 'upscale', 'edit', 'parameters', 'delete']);
    expect(surface.shown.some(({ pictures }) => pictures[0]?.source.kind === 'preview')).toBe(true);
    expect(bench.runner.runs[0]?.request).toMatchObject({ prompt: 'a red fox', negativePrompt: 'hands, text', width: 352, height: 192, seed: 7 });
  });
});
