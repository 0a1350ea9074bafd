import type { Clock } from '../../../src/clock.ts';

const discordEpochMs = 1_420_070_400_000;

/** Makes ids as Discord does: milliseconds since its epoch, shifted by 22 bits, never twice the same. */
export class SnowflakeMint {
  readonly #clock: Pick<Clock, 'now'>;
  #last = 0n;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  next(): string {
    const fromTime = BigInt(Math.max(0, Math.floor(this.#clock.now() - discordEpochMs))) << 22n;
    this.#last = fromTime > this.#last ? fromTime : this.#last + 1n;
    return this.#last.toString();
  }
}

/** When an id was made, in milliseconds since the Unix epoch. */
export const timeOfSnowflake = (id: string): number => Number(BigInt(id) >> 22n) + discordEpochMs;
