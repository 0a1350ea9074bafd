/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** What a stranger does first: ask, see the answer stream; paint, watch the picture sharpen to the end. */
export async function walkLikeAStranger(page: Page, address: string): Promise<{ readonly previews: number; readonly textStates: number }> {
  await page.goto(address);
  await page.getByRole('heading', { name: 'Write or paint something' }).waitFor();
  await watchStates(page);
  const field = page.getByRole('textbox', { name: 'Message' });

  await field.fill('Name three primary colours.');
  await field.press('Enter');
  await finalMessages(page, 1);
  const textStates = await page.evaluate(() => Number(document.documentElement.dataset['textStates']));

  await field.fill('/imagine a red apple on a blue background --seed 7');
  await field.press('Enter');
  await page.locator('img.finished').first().waitFor({ timeout: 60_000 });
  await finalMessages(page, 2);
  const picture = page.locator('img.finished').first();
  expect(await picture.getAttribute('alt')).toContain('a red apple on a blue background');
  await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth)).toBeGreaterThan(0);
  const previews = await page.evaluate(() => Number(document.documentElement.dataset['previews']));
  return { previews, textStates };
}

/** Counts the states that the page really showed: distinct texts of a growing answer, distinct previews. */
async function watchStates(page: Page): Promise<void> {
  await page.evaluate(() => {
    const texts = new Set<string>();
    const previews = new Set<string>();
    new MutationObserver(() => {
      for (const node of document.querySelectorAll('.growing .markdown')) texts.add(node.textContent ?? '');
      for (const image of document.querySelectorAll<HTMLImageElement>('img.preview')) previews.add(image.src);
      document.documentElement.dataset['textStates'] = String(texts.size);
      document.documentElement.dataset['previews'] = String(previews.size);
    }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  });
}

/** Waits until so many messages of the bot are finished and none grows. */
export async function finalMessages(page: Page, count: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => document.querySelectorAll('.message:not(.own):not(.growing)').length >= wanted && document.querySelector('.growing') === null,
    count,
    { timeout: 90_000 },
  );
}
