import { describe, expect, it } from 'vitest';
import { seedSchema } from '../../src/ids.ts';
import type { GenerationEvent, TextEngine } from '../../src/inference/contract.ts';
import { chat, control, replyOf, request } from '../inference/text/tiny-models.ts';

/** What every text engine keeps, with or without a model. `open` gives an engine whose reply to "Hello there" has at least 6 tokens. */
export function textEngineContract(name: string, open: () => Promise<TextEngine>): void {
  describe(name, () => {
    it('streams text with its ids and ends with one finished event', async () => {
      await using engine = await open();
      const reply = await replyOf(engine, request({ maxTokens: 6 }));
      expect(reply.ids).toHaveLength(6);
      expect(reply.finished).toMatchObject({ finishReason: 'length', usage: { completionTokens: 6 } });
      expect(reply.finished.usage.promptTokens).toBe(reply.finished.promptTokenIds?.length);
      expect(reply.finished.timings.totalMs).toBeGreaterThanOrEqual(reply.finished.timings.firstTokenMs ?? Number.NaN);
    });

    it('says the same for the same seed, and reads the same prompt', async () => {
      await using engine = await open();
      const asked = request({ sampling: { temperature: 1.2, seed: seedSchema.parse(7) } });
      const first = await replyOf(engine, asked);
      const second = await replyOf(engine, asked);
      expect(second.ids).toEqual(first.ids);
      expect(second.finished.promptTokenIds).toEqual(first.finished.promptTokenIds);
    });

    it('takes a conversation and a raw text', async () => {
      await using engine = await open();
      const conversation = await replyOf(engine, request({ input: chat('Hello there', 'Hi', 'And now go on please, with care') }));
      expect(conversation.finished.usage.promptTokens).toBeGreaterThan(3);
    });

    it('ends before a stop string and shows none of it', async () => {
      await using engine = await open();
      const free = await replyOf(engine, request({ maxTokens: 6 }));
      const stop = free.text.slice(Math.floor(free.text.length / 2)).slice(0, 3);
      const stopped = await replyOf(engine, request({ maxTokens: 6, stop: [stop] }));
      expect(stopped.text).toBe(free.text.slice(0, free.text.indexOf(stop)));
      expect(stopped.finished.finishReason).toBe('stop');
    });

    it('throws "cancelled" when its signal aborts in the middle', async () => {
      await using engine = await open();
      const steering = control();
      const events: GenerationEvent[] = [];
      const reading = (async () => {
        for await (const event of engine.generate(request(), steering)) {
          events.push(event);
          if (event.type === 'text-delta') steering.cancel.abort();
        }
      })();
      await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
      expect(events.some(({ type }) => type === 'finished')).toBe(false);
    });

    it('keeps what it has when asked to stop early', async () => {
      await using engine = await open();
      const steering = control();
      const events: GenerationEvent[] = [];
      for await (const event of engine.generate(request(), steering)) {
        events.push(event);
        if (event.type === 'text-delta') steering.keeper.abort();
      }
      expect(events.at(-1)).toMatchObject({ type: 'finished', finishReason: 'stopped-early' });
      expect(events.some((event) => event.type === 'text-delta' && event.text !== '')).toBe(true);
    });

    it('refuses an empty prompt', async () => {
      await using engine = await open();
      await expect(replyOf(engine, request({ input: { form: 'raw', text: '' } }))).rejects.toMatchObject({ code: 'empty-prompt' });
      await expect(replyOf(engine, request({ input: chat(' \n ') }))).rejects.toMatchObject({ code: 'empty-prompt' });
    });

    it('counts tokens of a text, one spelling an id', async () => {
      await using engine = await open();
      const { ids, tokens } = engine.tokenize('Hello there, how are you?');
      expect(ids.length).toBe(tokens.length);
      expect(ids.length).toBeGreaterThan(2);
      expect(engine.tokenize('Hello there, how are you?').ids).toEqual(ids);
    });

    it('serves two replies at once without mixing them', async () => {
      await using engine = await open();
      const alone = await replyOf(engine, request());
      const both = await Promise.all([replyOf(engine, request()), replyOf(engine, request())]);
      for (const reply of both) expect(reply.ids).toEqual(alone.ids);
    });
  });
}
