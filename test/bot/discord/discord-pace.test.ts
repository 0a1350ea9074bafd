import { describe, expect, it } from 'vitest';
import { DiscordPace } from '../../../src/bot/discord/discord-pace.ts';
import { FakeClock, settled } from '../../fakes/fake-clock.ts';

const headers = (remaining: number, resetAfter: number, hash = 'abc') =>
  new Headers({ 'x-ratelimit-remaining': String(remaining), 'x-ratelimit-reset-after': String(resetAfter), 'x-ratelimit-bucket': hash });

function bench() {
  const clock = new FakeClock();
  const pace = new DiscordPace({ clock, marginMs: 0 });
  const sent: string[] = [];
  const send = (name: string, urgency: 'needed' | 'preview' = 'needed', lane = 'channel:1', signal?: AbortSignal) =>
    pace.run(lane, urgency, async () => void sent.push(name), signal);
  return { clock, pace, sent, send };
}

describe('DiscordPace', () => {
  it('sends at once where nothing is known against it', async () => {
    const { sent, send } = bench();
    await send('one');
    expect(sent).toEqual(['one']);
  });

  it('waits for the reset that the headers told', async () => {
    const { clock, pace, sent, send } = bench();
    pace.observe('channel:1', headers(0, 4.5));
    const waiting = send('one');
    await clock.advance(4400);
    expect(sent).toEqual([]);
    await clock.advance(100);
    await waiting;
    expect(sent).toEqual(['one']);
  });

  it('keeps one request of each window free for what must arrive', async () => {
    const { clock, pace, sent, send } = bench();
    pace.observe('channel:1', headers(1, 5));
    const preview = send('preview', 'preview');
    await settled();
    expect(sent).toEqual([]);
    await send('final');
    expect(sent).toEqual(['final']);
    await clock.advance(5000);
    await preview;
    expect(sent).toEqual(['final', 'preview']);
  });

  it('lets what must arrive go before previews that came earlier', async () => {
    const { clock, pace, sent, send } = bench();
    pace.observe('channel:1', headers(0, 1));
    const all = [send('preview', 'preview'), send('final 1'), send('final 2')];
    await clock.advance(1000);
    await Promise.all(all);
    expect(sent).toEqual(['final 1', 'final 2', 'preview']);
  });

  it('has one request in flight in a lane, and lanes do not wait for each other', async () => {
    const { pace, sent, send } = bench();
    let open: () => void = () => {};
    const slow = pace.run('channel:1', 'needed', () => new Promise<void>((resolve) => (open = resolve)));
    const next = send('next');
    await send('elsewhere', 'needed', 'channel:2');
    expect(sent).toEqual(['elsewhere']);
    open();
    await Promise.all([slow, next]);
    expect(sent).toEqual(['elsewhere', 'next']);
  });

  it('drops a preview whose signal aborts, and rests after a 429, alone or altogether', async () => {
    const { clock, pace, sent, send } = bench();
    pace.rest('channel:1', 2000);
    const given = new AbortController();
    const dropped = send('dropped', 'preview', 'channel:1', given.signal);
    given.abort(new Error('the final state came'));
    await expect(dropped).rejects.toThrow('the final state came');
    await send('elsewhere', 'needed', 'channel:2');
    pace.rest(undefined, 3000);
    const all = [send('one'), send('two', 'needed', 'channel:2')];
    await clock.advance(2500);
    expect(sent).toEqual(['elsewhere']);
    await clock.advance(500);
    await Promise.all(all);
    expect(sent.sort()).toEqual(['elsewhere', 'one', 'two']);
  });

  it('holds previews back when Discord counts too many invalid requests, but nothing else', async () => {
    const { clock, pace, sent, send } = bench();
    pace.restPreviews(60_000);
    const preview = send('preview', 'preview');
    await send('final');
    expect(sent).toEqual(['final']);
    await clock.advance(60_000);
    await preview;
    expect(sent).toEqual(['final', 'preview']);
  });

  it('goes on after a request that failed', async () => {
    const { pace, sent, send } = bench();
    await expect(pace.run('channel:1', 'needed', () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    await send('next');
    expect(sent).toEqual(['next']);
  });
});
