import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const usualPlaces = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The Chromium of this machine: CHROME_PATH or a usual place. */
export const chromePath: string | undefined = process.env['CHROME_PATH'] ?? usualPlaces.find((path) => existsSync(path));

/** Why browser tests are skipped; undefined where they run. In CI they must run. */
export const noBrowser: string | undefined =
  chromePath === undefined && process.env['FRESCO_BROWSER_REQUIRED'] === undefined ? 'there is no Chromium: install it or set CHROME_PATH' : undefined;

/** A headless Chromium. */
export async function openBrowser(): Promise<Browser> {
  if (chromePath === undefined) throw new Error('there is no Chromium: install it or set CHROME_PATH');
  return chromium.launch({ executablePath: chromePath, args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'] });
}
