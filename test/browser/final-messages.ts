import type { Page } from 'playwright-core';

/** Waits until so many messages of the bot are finished and none grows. Throws after a minute and a half. */
export async function finalMessages(page: Page, count: number): Promise<void> {
  await page
    .locator('.message:not(.own):not(.growing)')
    .nth(count - 1)
    .waitFor({ timeout: 90_000 });
  await page.locator('.growing').first().waitFor({ state: 'detached', timeout: 90_000 });
}
