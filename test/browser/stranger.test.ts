import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noBrowser, openBrowser } from './chromium.ts';
import { runFresco } from './running-fresco.ts';
import { walkLikeAStranger } from './stranger-walk.ts';

describe.skipIf(noBrowser !== undefined)(`a stranger${noBrowser === undefined ? '' : ` (${noBrowser})`}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  }, 60_000);
  afterAll(() => browser?.close());

  it('starts it, asks, and watches a picture sharpen, on the embedded models', async () => {
    await using fresco = await runFresco();
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    const { previews, textStates } = await walkLikeAStranger(page, fresco.address);
    expect(textStates).toBeGreaterThan(1);
    expect(previews).toBeGreaterThan(1);
    expect(problems).toEqual([]);
  });

  it('finds the conversation again after the bot was killed and started anew', async () => {
    await using first = await runFresco();
    const page = await browser.newPage();
    await walkLikeAStranger(page, first.address);
    await first.kill();
    await using second = await runFresco({ dataDir: first.dataDir, environment: { FRESCO_PORT: new URL(first.address).port } });
    await page.goto(second.address + new URL(page.url()).hash);
    await page.reload();
    await page.locator('img.finished').first().waitFor();
    expect(await page.locator('.message.own').count()).toBe(2);
  });

  it('ends in bounded time at SIGTERM', async () => {
    const fresco = await runFresco();
    expect(await fresco.terminate()).toBe(0);
  });
});
