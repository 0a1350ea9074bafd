import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { finalMessages } from './final-messages.ts';

/** What a stranger does first: ask, see the answer stream; paint, watch the picture sharpen to the end. */
export async function walkLikeAStranger(page: Page, address: string): Promise<{ readonly previews: number; readonly textStates: number }> {
  await page.goto(address);
  await page.getByRole('heading', { name: 'Write or paint something' }).waitFor();
  await page.evaluate(watcher);
  const field = page.getByRole('textbox', { name: 'Message' });

  await field.fill('Name three primary colours.');
  await field.press('Enter');
  await finalMessages(page, 1);
  const textStates = await counted(page, 'textStates');

  await field.fill('/imagine a red apple on a blue background --seed 7 --steps 40');
  await field.press('Enter');
  await page.locator('img.finished').first().waitFor({ timeout: 60_000 });
  await finalMessages(page, 2);
  const picture = page.locator('img.finished').first();
  expect(await picture.getAttribute('alt')).toContain('a red apple on a blue background');
  await expect.poll(() => picture.evaluate((image) => Number(Reflect.get(image, 'naturalWidth')))).toBeGreaterThan(0);
  const previews = await counted(page, 'previews');
  return { previews, textStates };
}

/** Runs in the page. Counts the states it really showed: distinct texts of a growing answer, distinct previews. */
const watcher = `(() => {
  const texts = new Set();
  const previews = new Set();
  new MutationObserver(() => {
    for (const node of document.querySelectorAll('.growing .markdown')) texts.add(node.textContent);
    for (const image of document.querySelectorAll('img.preview')) previews.add(image.src);
    Object.assign(document.documentElement.dataset, { textStates: texts.size, previews: previews.size });
  }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
})()`;

async function counted(page: Page, what: 'textStates' | 'previews'): Promise<number> {
  return Number(await page.locator('html').getAttribute(what === 'previews' ? 'data-previews' : 'data-text-states'));
}
