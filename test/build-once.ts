import { buildFresco } from '../scripts/build.mjs';

/** Builds the program and the page once for all tests that run the built program. */
export async function setup(): Promise<void> {
  await buildFresco();
}
