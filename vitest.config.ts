import { defineConfig } from 'vitest/config';

/** `check` needs no weights and no browser; `full` adds the embedded models and Chromium. */
export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    expect: { poll: { timeout: 15_000 } }, // a limit, not a pause: models and a browser share two cores with the other tests
    ...(process.env['FRESCO_TEST_REPORT'] === undefined ? {} : { reporters: ['default', 'json'], outputFile: { json: process.env['FRESCO_TEST_REPORT'] } }),
    projects: [
      { extends: true, test: { name: 'check', include: ['test/**/*.test.ts'], exclude: ['test/model/**', 'test/browser/**', 'test/training/**'] } },
      {
        extends: true,
        test: {
          name: 'full',
          include: ['test/model/**/*.test.ts', 'test/browser/**/*.test.ts', 'test/training/**/*.test.ts'],
          testTimeout: 180_000,
          globalSetup: ['test/build-once.ts'],
        },
      },
    ],
  },
});
