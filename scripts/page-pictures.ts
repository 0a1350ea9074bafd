import { openBrowser } from '../test/browser/chromium.ts';
import { finalMessages } from '../test/browser/final-messages.ts';
import { runFresco } from '../test/browser/running-fresco.ts';
import { buildFresco } from './build.mjs';

/** Photographs the page for the README: phone and desktop, light and dark. `npx tsx scripts/page-pictures.ts` */
await buildFresco();
await using fresco = await runFresco();
const browser = await openBrowser();
const context = await browser.newContext({ viewport: { width: 1180, height: 820 }, colorScheme: 'light' });
const page = await context.newPage();
await page.goto(fresco.address);
const field = page.getByRole('textbox', { name: 'Message' });
for (const [index, text] of ['Write a Python function that reverses a string.', '/imagine a fox in the forest --seed 7'].entries()) {
  await field.fill(text);
  await field.press('Enter');
  await finalMessages(page, index + 1);
}
const shots = [
  { name: 'page-desktop-light', width: 1180, height: 820, colours: 'light' },
  { name: 'page-desktop-dark', width: 1180, height: 820, colours: 'dark' },
  { name: 'page-phone-light', width: 390, height: 780, colours: 'light' },
  { name: 'page-phone-dark', width: 390, height: 780, colours: 'dark' },
] as const;
for (const { name, width, height, colours } of shots) {
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: colours, reducedMotion: 'reduce' });
  await page.locator('.conversation').evaluate((box) => Reflect.apply(Reflect.get(box, 'scrollTo'), box, [{ top: 1e6 }]));
  await page.screenshot({ path: `docs/pictures/${name}.png` });
}
await browser.close();
