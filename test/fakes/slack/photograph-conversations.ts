import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import type { GenerationEvent, InferenceRequest } from '../../../src/inference/contract.ts';
import { MemoryBlobStore } from '../memory-blob-store.ts';
import { paintForReal, upToStep } from '../real-paintings.ts';
import { ScriptedRunner } from '../scripted-runner.ts';
import { type ConversationView, renderConversation } from './render-conversation.ts';
import { SlackBench } from './slack-bench.ts';
import { openScriptedDesk } from './slack-desk.ts';
import { filesInBlocks, slackIds } from './slack-state.ts';

/**
 * Five typical conversations, held with the real adapter and desk on the fake Slack, laid out as Slack would and photographed.
 * `npx tsx test/fakes/slack/photograph-conversations.ts [folder]`; needs a Chromium at CHROMIUM or /usr/bin/chromium.
 */
const folder = resolve(process.argv[2] ?? 'docs/slack');
const started: GenerationEvent = { type: 'started', model: 'smollm2-135m-instruct', device: 'cpu' };
const delta = (text: string): GenerationEvent => ({ type: 'text-delta', text, tokenIds: [1] });

const errorAnswer = `It means that Node could not find the package **in the folder you started from**.

1. Is it in \`package.json\`? If not, add it.
2. Was it installed after you cloned?

\`\`\`sh
npm ci
node --print "require.resolve('fastify')"
\`\`\`

| message | usual reason |
|---|---|
| \`ERR_MODULE_NOT_FOUND\` | never installed, or a wrong path |
| \`ERR_REQUIRE_ESM\` | an ES module loaded by \`require\` |`;

async function openRoom(): Promise<{
  bench: SlackBench;
  runner: ScriptedRunner;
  paint: (request: InferenceRequest) => Promise<readonly GenerationEvent[]>;
}> {
  const blobs = new MemoryBlobStore();
  const runner = new ScriptedRunner();
  const bench = await SlackBench.open({ blobs, desk: async (parts) => (await openScriptedDesk(parts, { runner })).desk });
  return { bench, runner, paint: (request) => paintForReal(request, blobs) };
}

type Take = { readonly name: string; readonly width: number; readonly html: string };
const html = (bench: SlackBench, view: ConversationView): string => renderConversation(bench.slack, view);

async function thread(): Promise<Take> {
  const { bench, runner } = await openRoom();
  await using _ = bench;
  bench.ben.say(bench.general, 'Morning! The build machine is back.');
  const root = bench.ana.say(bench.general, `<@${slackIds.bot}> what does ERR_MODULE_NOT_FOUND mean?`);
  const first = await runner.nextRun();
  first.emit(started, delta(errorAnswer));
  await bench.pass(3400);
  first.finish();
  await bench.until(() => bench.allText().includes('ERR_REQUIRE_ESM') && bench.shown()[0]?.stream?.open !== true);
  bench.ben.say(bench.general, 'and if it *is* installed?', { thread: root.ts });
  const second = await runner.nextRun();
  second.emit(started, delta('Then look at the path in the message: a relative import in an ES module needs its '));
  await bench.until(() => bench.allText().includes('relative import'));
  const take = html(bench, { viewer: bench.ana.id, channel: bench.general, thread: root.ts });
  second.finish();
  return { name: 'thread', width: 1060, html: take };
}

async function picture(): Promise<Take> {
  const { bench, runner, paint } = await openRoom();
  await using _ = bench;
  bench.ben.say(bench.general, 'Who has a picture for the Halloween page?');
  await bench.ana.command(bench.general, '/imagine', 'a ghost in the forest --seed 7');
  const run = await runner.nextRun();
  await bench.pass(1200);
  run.emit(...(await paint(run.request)));
  run.finish();
  await bench.until(() => bench.shown(bench.general).some(({ blocks }) => filesInBlocks(blocks).length > 0));
  await bench.pass(6000);
  await bench.ben.command(bench.general, '/imagine', 'a fox --steps 9000');
  await bench.pass(2000);
  return { name: 'picture', width: 760, html: html(bench, { viewer: bench.ben.id, channel: bench.general }) };
}

async function painting(): Promise<Take> {
  const { bench, runner, paint } = await openRoom();
  await using _ = bench;
  bench.ana.say(bench.ana.direct, 'draw me a fox in the snow');
  const run = await runner.nextRun();
  run.emit(...upToStep(await paint(run.request), 12));
  await bench.until(() => bench.shown(bench.ana.direct).some(({ blocks }) => filesInBlocks(blocks).length > 0));
  const take = html(bench, { viewer: bench.ana.id, channel: bench.ana.direct });
  run.finish();
  return { name: 'painting', width: 760, html: take };
}

async function assistant(): Promise<Take> {
  const { bench, runner } = await openRoom();
  await using _ = bench;
  bench.ana.openApp('messages');
  bench.ana.say(bench.ana.direct, 'help me with a short birthday greeting for Ben, he likes sailing');
  const run = await runner.nextRun();
  run.emit(started, delta('Fair winds, Ben! May the year ahead bring you calm seas, '));
  await bench.until(() => bench.allText().includes('Fair winds'));
  const take = html(bench, { viewer: bench.ana.id, channel: bench.ana.direct, showPrompts: true });
  run.finish();
  return { name: 'assistant', width: 760, html: take };
}

async function home(): Promise<Take> {
  const { bench, runner, paint } = await openRoom();
  await using _ = bench;
  for (const prompt of ['a tractor in a field', 'a fox in the snow', 'a castle at night']) {
    await bench.ana.command(bench.general, '/imagine', prompt);
    const run = await runner.nextRun();
    run.emit(...(await paint(run.request)));
    run.finish();
    await bench.pass(1200);
  }
  bench.ana.openApp('home');
  await bench.until(() => JSON.stringify(bench.slack.state.homes.get(bench.ana.id) ?? '').includes('tractor'));
  return { name: 'home', width: 760, html: html(bench, { viewer: bench.ana.id, channel: bench.ana.direct, tab: 'home' }) };
}

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox', '--force-color-profile=srgb'] });
try {
  for (const take of [thread, picture, painting, assistant, home]) {
    const { name, width, html: content } = await take();
    const page = await browser.newPage({ viewport: { width, height: 400 } });
    await page.setContent(content);
    const shot = await page.screenshot({ fullPage: true });
    await page.close();
    const file = resolve(folder, `${name}.png`);
    writeFileSync(file, await sharp(shot).png({ palette: true, colours: 160, compressionLevel: 9, effort: 10 }).toBuffer());
    process.stdout.write(`${file}\n`);
  }
} finally {
  await browser.close();
}
