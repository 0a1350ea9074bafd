import { expect, it } from 'vitest';
import { QuietTime } from '../../src/bot/quiet-time.ts';
import { FakeClock } from '../fakes/fake-clock.ts';

function bench() {
  const clock = new FakeClock();
  const quiet = new QuietTime(clock);
  const state = { hasCome: false };
  quiet.asked();
  void quiet.come().then(() => {
    state.hasCome = true;
  });
  return { clock, quiet, state };
}

it('work begins when nobody has asked for a moment', async () => {
  const { clock, quiet, state } = bench();
  await clock.advance(20);
  quiet.asked();
  await clock.advance(20);
  expect(state.hasCome).toBe(false);
  await clock.advance(10);
  expect(state.hasCome).toBe(true);
});

it('work begins after less than half a second, however many ask', async () => {
  const { clock, quiet, state } = bench();
  for (let time = 0; time < 450; time += 10) {
    quiet.asked();
    await clock.advance(10);
  }
  expect(state.hasCome).toBe(true);
});
