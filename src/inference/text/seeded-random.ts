import type { Seed } from '../../ids.ts';

/** Numbers in [0, 1), the same ones for the same seed on every machine. */
export type Random = () => number;

/**
 * sfc32 (Doty-Humphrey, PractRand), its counters filled from the seed by the splitmix32 step; 32 random bits a draw.
 * torch's draws cannot be repeated from a seed in practice, so a seed here repeats Fresco's own answers only.
 */
export function seededRandom(seed: Seed): Random {
  let mixing = seed >>> 0;
  const mixed = (): number => {
    mixing = (mixing + 0x9e37_79b9) >>> 0;
    let value = Math.imul(mixing ^ (mixing >>> 16), 0x21f0_aaad);
    value = Math.imul(value ^ (value >>> 15), 0x735a_2d97);
    return (value ^ (value >>> 15)) >>> 0;
  };
  let [a, b, c, counter] = [mixed(), mixed(), mixed(), 1];
  const next = (): number => {
    const sum = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = (b ^ (b >>> 9)) >>> 0;
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
    return sum / 2 ** 32;
  };
  for (let round = 0; round < 12; round += 1) next(); // the generator's own warm-up
  return next;
}
