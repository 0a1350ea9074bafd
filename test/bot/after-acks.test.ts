import { describe, expect, it } from 'vitest';
import { AfterAcks } from '../../src/bot/after-acks.ts';

const turnOfLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('work after a rush of events', () => {
  it('begins in order, one piece a turn, once nothing more comes in', async () => {
    const acks = new AfterAcks();
    const begun: number[] = [];
    const arrive = (index: number): void => void acks.turn().then(() => begun.push(index));
    for (let index = 0; index < 5; index += 1) {
      arrive(index);
      await turnOfLoop();
      expect(begun).toEqual([]);
    }
    for (let turn = 0; turn < 10; turn += 1) await turnOfLoop();
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  it('begins all the same when events never cease', async () => {
    const acks = new AfterAcks();
    let begun = 0;
    for (let index = 0; index < 400; index += 1) {
      void acks.turn().then(() => {
        begun += 1;
      });
      await turnOfLoop();
    }
    expect(begun).toBeGreaterThan(0);
  });
});
