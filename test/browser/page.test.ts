import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildPage } from '../../scripts/build.mjs';
import { systemClock } from '../../src/clock.ts';
import { WebBench, type WebBenchOptions } from '../bot/web/web-bench.ts';
import { playing } from '../fakes/desk-bench.ts';
import { MemoryBlobStore } from '../fakes/memory-blob-store.ts';
import { noBrowser, openBrowser } from './chromium.ts';
import { finalMessages } from './final-messages.ts';

const pageFolder = resolve(import.meta.dirname, '../../dist/test-page');

describe.skipIf(noBrowser !== undefined)(`the page in Chromium${noBrowser === undefined ? '' : ` (${noBrowser})`}`, () => {
  let browser: Browser;
  let web: WebBench;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    await buildPage('dist/test-page');
    browser = await openBrowser();
  }, 60_000);
  afterAll(() => browser?.close());
  afterEach(async () => {
    await page.context().close();
    await web[Symbol.asyncDispose]();
    expect(problems.splice(0)).toEqual([]);
  });

  async function open(options: WebBenchOptions = {}, viewport = { width: 1100, height: 800 }): Promise<void> {
    web = await WebBench.open({ clock: systemClock, pageFolder, ...options });
    page = await (await browser.newContext({ viewport, reducedMotion: 'reduce' })).newPage();
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) problems.push(message.text());
    });
    await page.goto(web.address);
  }
  const field = () => page.getByRole('textbox', { name: 'Message' });
  const send = async (text: string): Promise<void> => {
    await field().fill(text);
    await field().press('Enter');
  };

  it('shows Markdown and highlighted code, and runs nothing that a model wrote', async () => {
    const evil =
      '<img src=x onerror="document.title=1"><script>document.title=2</script>[click](javascript:document.title=3) ![p](https://evil.example/p.png)\n\n```js\nconst a = 1;\n```\n\n**bold**';
    await open({ script: playing({ answer: evil }) });
    await send('hello');
    await finalMessages(page, 1);
    expect(await page.title()).toBe('Fresco');
    expect(await page.locator('.markdown script, .markdown img, .markdown [onerror]').count()).toBe(0);
    expect(await page.locator('.markdown a[href^="javascript"]').count()).toBe(0);
    expect(await page.locator('.markdown .hljs-keyword').textContent()).toBe('const');
    expect(await page.locator('.markdown strong').textContent()).toBe('bold');
  });

  it('works by keyboard alone: commands by arrow and tab, a picture enlarged and closed', async () => {
    const blobs = new MemoryBlobStore();
    await open({ blobs, script: playing({ blobs }) });
    await field().focus();
    await page.keyboard.type('/im');
    await page.getByText('Paint a picture from words').waitFor();
    await page.keyboard.press('Tab');
    expect(await field().inputValue()).toBe('/imagine ');
    await page.keyboard.type('a fox');
    await page.keyboard.press('Enter');
    await finalMessages(page, 1);
    await page.getByRole('button', { name: /^Enlarge/ }).focus();
    await page.keyboard.press('Enter');
    await page.locator('dialog.lightbox').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('dialog.lightbox').waitFor({ state: 'detached' });
  });

  it('cancels, tries again, rerolls, shows parameters, edits the prompt in a form and deletes', async () => {
    const blobs = new MemoryBlobStore();
    await open({ blobs });
    await send('/imagine a lighthouse');
    const first = await web.bench.runner.nextRun();
    first.emit({ type: 'started', model: 'tiny-painter', device: 'cpu' }, { type: 'step', step: 1, steps: 4, image: 0 });
    await page.getByText('Painting: step 1 of 4').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await finalMessages(page, 1);
    expect(first.control.signal.aborted).toBe(true);
    await page.getByRole('button', { name: 'Try again' }).click();
    const second = await web.bench.runner.nextRun();
    await playing({ blobs })(second, 0);
    await page.getByRole('button', { name: 'Parameters' }).click();
    await page.getByText(/seed/i).first().waitFor();
    await page.getByRole('button', { name: 'Edit prompt' }).first().click();
    await page.getByRole('dialog').getByLabel('Prompt').fill('a windmill');
    await page.getByRole('dialog').getByRole('button', { name: 'OK' }).click();
    const third = await web.bench.runner.nextRun();
    expect(third.request).toMatchObject({ kind: 'image', prompt: 'a windmill' });
    await playing({ blobs })(third, 0);
    await page.getByAltText('a windmill').waitFor();
    const before = await page.locator('img.finished').count();
    await page.getByRole('button', { name: 'Delete' }).last().click();
    await expect.poll(() => page.locator('img.finished').count()).toBe(before - 1);
  });

  it('keeps what was typed when the server refuses it, and says why', async () => {
    await open();
    await web.platform.closeIntake();
    await send('hello there');
    await page.getByRole('alert').filter({ hasText: 'shutting down' }).waitFor();
    expect(await field().inputValue()).toBe('hello there');
  });

  it('finds growing messages again when the connection was lost', async () => {
    await open();
    await send('tell me');
    const run = await web.bench.runner.nextRun();
    run.emit({ type: 'started', model: 'tiny-writer', device: 'cpu' }, { type: 'text-delta', text: 'Half of it', tokenIds: [1] });
    await page.getByText('Half of it').waitFor();
    await page.reload();
    await page.getByText('Half of it').waitFor();
    run.emit({ type: 'text-delta', text: ' and the rest.', tokenIds: [1] });
    run.finish();
    await page.getByText('Half of it and the rest.').waitFor();
  });

  it('lists conversations and the gallery, and opens them', async () => {
    const blobs = new MemoryBlobStore();
    await open({ blobs, script: playing({ blobs }) });
    await send('/imagine a castle');
    await finalMessages(page, 1);
    await page.getByRole('button', { name: 'New conversation' }).click();
    await page.getByRole('heading', { name: 'Write or paint something' }).waitFor();
    await page.getByRole('button', { name: 'Your pictures' }).click();
    await page.getByRole('listitem').getByAltText('a castle').waitFor();
    await page.locator('.gallery .caption').click();
    await page.locator('img.finished').waitFor();
  });

  it('fits a phone without scrolling sideways, with its list behind a button', async () => {
    await open({ script: playing({ answer: `A long line: ${'wide'.repeat(60)}\n\n\`\`\`\n${'code '.repeat(60)}\n\`\`\`` }) }, { width: 360, height: 700 });
    await send('hello');
    await finalMessages(page, 1);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(await page.getByRole('navigation', { name: 'Conversations' }).isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Conversations' }).click();
    await page.getByRole('navigation', { name: 'Conversations' }).getByRole('button', { name: 'New conversation' }).click();
    await page.getByRole('heading', { name: 'Write or paint something' }).waitFor();
  });

  it('changes its colours and remembers them', async () => {
    await open();
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await ground();
    await page.getByRole('button', { name: 'Dark colours' }).click();
    const dark = await ground();
    expect(dark).not.toBe(light);
    await page.reload();
    await page.getByRole('button', { name: 'Light colours' }).waitFor();
    expect(await ground()).toBe(dark);
  });

  it('asks for the password where one is set', async () => {
    await open({ password: 'correct horse' });
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This password is not the one.').waitFor();
    await page.getByLabel('Password').fill('correct horse');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Write or paint something' }).waitFor();
  });

  it('hides a spoiler until it is clicked', async () => {
    const blobs = new MemoryBlobStore();
    await open({ blobs, script: playing({ blobs }) });
    await send('/imagine a ghost --spoiler');
    await page.getByRole('button', { name: 'Show the hidden picture' }).click();
    await page.getByRole('button', { name: /^Enlarge/ }).waitFor();
  });
});
