import { webApi } from '@slack/bolt';
import { describe, expect, it } from 'vitest';
import { type Priority, SlackPace } from '../../../src/bot/slack/slack-pace.ts';
import { methodLimits, type SlackMethodName } from '../../../src/bot/slack/slack-tiers.ts';
import { silentLogger } from '../../../src/logger.ts';
import { FakeClock, settled } from '../../fakes/fake-clock.ts';

function bench() {
  const clock = new FakeClock();
  const pace = new SlackPace({ clock, logger: silentLogger });
  const done: { name: string; atMs: number }[] = [];
  const startMs = clock.now();
  const call = (method: SlackMethodName, name: string, priority: Priority, channel?: string): void => {
    void pace.run({ method, priority, ...(channel === undefined ? {} : { channel }) }, async () => {
      done.push({ name, atMs: clock.now() - startMs });
    });
  };
  return { clock, pace, done, call };
}

describe('the pace of Slack calls', () => {
  it('never makes more calls in any minute than the tier allows', async () => {
    const { clock, done, call } = bench();
    for (let index = 0; index < 200; index += 1) call('chat.update', `${index}`, 'final');
    await clock.advance(5 * 60_000);
    expect(done).toHaveLength(200);
    for (const { atMs } of done)
      expect(done.filter((other) => other.atMs >= atMs && other.atMs < atMs + 60_000).length).toBeLessThanOrEqual(methodLimits['chat.update']);
  });

  it('lets last states go before progress, and keeps room for them', async () => {
    const { clock, done, call } = bench();
    for (let index = 0; index < 30; index += 1) call('chat.update', `progress${index}`, 'progress');
    await settled();
    const before = done.length;
    call('chat.update', 'final', 'final');
    await settled();
    expect(before).toBeLessThan(methodLimits['chat.update'] / 5);
    expect(done.at(-1)?.name).toBe('final');
    await clock.advance(60_000);
    expect(done).toHaveLength(31);
  });

  it('lets one busy channel keep no other waiting', async () => {
    const { clock, done, call } = bench();
    for (let index = 0; index < 20; index += 1) call('chat.postMessage', `busy${index}`, 'first', 'C1');
    call('chat.postMessage', 'quiet', 'first', 'C2');
    await settled();
    expect(done.map(({ name }) => name)).toContain('quiet');
    await clock.advance(60_000);
    expect(done).toHaveLength(21);
  });

  it('waits as long as Slack says, and only with what Slack refused', async () => {
    const { clock, pace, done, call } = bench();
    let refusals = 1;
    void pace.run({ method: 'chat.postMessage', channel: 'C1', priority: 'first' }, async () => {
      if (refusals-- > 0) throw new webApi.WebAPIRateLimitedError(7);
      done.push({ name: 'refused', atMs: 0 });
    });
    await settled();
    call('chat.postMessage', 'other', 'first', 'C2');
    await clock.advance(6900);
    expect(done.map(({ name }) => name)).toEqual(['other']);
    await clock.advance(200);
    expect(done.map(({ name }) => name)).toEqual(['other', 'refused']);
  });

  it('gives a place up when its state was overtaken', async () => {
    const { clock, pace } = bench();
    const overtaken = new AbortController();
    for (let index = 0; index < 10; index += 1) void pace.run({ method: 'chat.update', priority: 'final' }, async () => {});
    const waiting = pace.run({ method: 'chat.update', priority: 'progress', signal: overtaken.signal }, async () => 'made');
    await settled();
    overtaken.abort(new Error('overtaken'));
    await expect(waiting).rejects.toThrow('overtaken');
    await clock.advance(60_000);
  });
});
