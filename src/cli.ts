import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import type { DiscordFinding } from './bot/discord/discord-doctor.ts';
import type { Finding } from './bot/finding.ts';
import { type AskOptions, askOnTerminal, summarizeOnTerminal } from './bot/terminal/ask-terminal.ts';
import { checkFolder, checkNode, checkPort, deviceFinding, reportFindings } from './bot/terminal/doctor-terminal.ts';
import { type ImagineOptions, imagineOnTerminal } from './bot/terminal/imagine-terminal.ts';
import { listModels, pullOnTerminal, showModel } from './bot/terminal/models-terminal.ts';
import type { TerminalCore } from './bot/terminal/terminal-core.ts';
import { exitCodes } from './bot/terminal/terminal-output.ts';
import { tokensOnTerminal } from './bot/terminal/tokens-terminal.ts';
import { systemClock } from './clock.ts';
import { sentenceFor } from './commands/user-messages.ts';
import { FrescoError } from './fresco-error.ts';
import { openTokenizer } from './inference/text/tokenizer.ts';
import { createLogger } from './logger.ts';
import { openCore, startFresco } from './main.ts';
import { loadSettings, type Settings } from './settings.ts';

const streams = { out: process.stdout, err: process.stderr };
const interrupted = new AbortController();

/** A number as typed. The error is commander's, so that it names the flag and ends with code 2. */
function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('It takes a number.');
  return value;
}
const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Runs something on the core, and lets go of it whatever happens. Ctrl-C cancels. */
async function onCore(work: (core: TerminalCore, settings: Settings) => Promise<void>): Promise<void> {
  const settings = loadSettings();
  const logger = createLogger({ level: settings.logLevel === 'info' ? 'warn' : settings.logLevel });
  process.once('SIGINT', () => interrupted.abort());
  await using core = await openCore(settings, logger);
  const defaults = { textModel: settings.textModel, imageModel: settings.imageModel };
  await work({ runner: core.hosts, models: core.models, blobs: core.blobs, defaults, streams, signal: interrupted.signal }, settings);
}

const program = new Command('fresco').description('Writes and paints on your own machine: a Discord and Slack bot, a page, and this program.').exitOverride();

program
  .command('start')
  .description('start the bot and its page')
  .action(async () => {
    const settings = loadSettings();
    const stopAsked = stopSignal(); // before the start, so that a signal during it is not lost
    const fresco = await startFresco(settings, createLogger({ level: settings.logLevel }));
    for (const { platform, connected, problem } of fresco.platforms.map((each) => each.health())) {
      streams.out.write(`${platform}: ${connected ? 'connected' : 'not connected'}${problem === undefined ? '' : `. ${problem}`}\n`);
    }
    const device = deviceFinding(fresco.device);
    streams.out.write(`device: ${device.found}${device.mend === undefined ? '' : `. ${device.mend}`}\n`);
    if (fresco.address !== undefined) streams.out.write(`Fresco is ready: ${fresco.address}\n`);
    await stopAsked;
    await fresco.stop();
  });

const sampling = (command: Command): Command =>
  command
    .option('--model <id|folder>', 'a model of the catalogue or a folder')
    .option('--temperature <n>', '0 always takes the likeliest token', number)
    .option('--top-p <n>', 'keep the likeliest tokens up to this share', number)
    .option('--top-k <n>', 'keep so many tokens; 0 keeps all', number)
    .option('--min-p <n>', 'drop tokens below this share of the likeliest', number)
    .option('--repetition-penalty <n>', '1 is none', number)
    .option('--max-tokens <n>', 'end after so many tokens', number)
    .option('--seed <n>', 'the same seed draws the same tokens', number)
    .option('--json', 'one JSON object on one line');

sampling(program.command('ask').argument('[question]').description('ask the language model'))
  .option('--system <text>', 'what the model is told beforehand')
  .option('--messages <file>', 'a whole conversation as a JSON list of {role, content}')
  .option('--raw', 'plain completion, without a chat template')
  .option('--stop <text>', 'end before this text; can be given again', collect)
  .action((question: string | undefined, options: AskOptions) => onCore((core) => askOnTerminal(core, question, options)));

sampling(program.command('summarize').alias('summarise').argument('<file>', 'a text file, or - for standard input').description('sum up a text')).action(
  (file: string, options: AskOptions) => onCore((core) => summarizeOnTerminal(core, readText(file), 'Sum up this text in a few sentences:', options)),
);

program
  .command('imagine')
  .argument('[prompt]')
  .description('paint a picture')
  .option('--model <id|folder>', 'a model of the catalogue or a folder')
  .option('--negative, --no <text>', 'what it must not show')
  .option('--steps <n>', 'more steps are slower and finer', number)
  .option('--guidance <n>', 'how closely it follows the words', number)
  .option('--guidance-rescale <n>', 'tames strong guidance, 0 to 1', number)
  .option('--width <n>', 'pixels', number)
  .option('--height <n>', 'pixels', number)
  .option('--sampler <name>', 'such as "DPM++ 2M Karras"')
  .option('--seed <n>', 'the same seed paints the same picture again', number)
  .option('--count <n>', 'how many pictures', number)
  .option('--clip-skip <n>', 'leave out the last layers of the text encoder', number)
  .option('--init-image <file>', 'a picture to start from')
  .option('--mask <file>', 'white where the start picture is painted over')
  .option('--strength <n>', 'how much of the start picture is painted over, up to 1', number)
  .option('--outpaint <n>', 'add so many pixels on each side of the start picture', number)
  .option('--hires <n>', 'paint, enlarge by this factor, paint again', number)
  .option('--upscale <n>', 'enlarge the finished picture, 2 or 4', number)
  .option('--finish', 'sharpen and smooth the edges at the end')
  .option('--lora <name:weight>', 'merge a LoRA file; can be given again', collect)
  .option('--from <file.png>', 'repeat a picture from the parameters in its file')
  .option('--previews <folder>', 'save the pictures on the way')
  .option('-o, --output <file>', 'where the picture goes')
  .option('--json', 'one JSON object on one line')
  .action((prompt: string | undefined, options: ImagineOptions) => onCore((core, settings) => imagineOnTerminal(core, prompt, options, settings.safety)));

program
  .command('tokens')
  .argument('<text>')
  .description('the tokens of a text')
  .option('--model <id|folder>', 'whose tokenizer')
  .option('--json', 'one JSON object on one line')
  .action((text: string, { model, json = false }: { model?: string; json?: boolean }) =>
    onCore(async (core) => {
      const tokenizer = await openTokenizer(await core.models.find(model ?? core.defaults.textModel, 'text'));
      const ids = tokenizer.encode(text);
      tokensOnTerminal(streams, { ids, tokens: tokenizer.tokens(ids) }, json);
    }),
  );

const models = program.command('models').description('the models that can be had');
models
  .command('list')
  .option('--json', 'one JSON object on one line')
  .action(({ json = false }: { json?: boolean }) => onCore(async (core) => listModels(streams, core.models.list(), json)));
models
  .command('info')
  .argument('<id>')
  .option('--json', 'one JSON object on one line')
  .action(async (id: string, { json = false }: { json?: boolean }) => {
    await using core = await openCore(loadSettings(), createLogger({ level: 'warn' }));
    showModel(streams, core.models, id, json);
  });
models
  .command('pull')
  .argument('<id>')
  .option('--yes', 'agree to its licence')
  .action(async (id: string, { yes = false }: { yes?: boolean }) => {
    const settings = loadSettings();
    process.once('SIGINT', () => interrupted.abort());
    await using core = await openCore(settings, createLogger({ level: 'warn' }));
    await pullOnTerminal(id, { store: core.models, streams, hub: settings.hub, clock: systemClock, signal: interrupted.signal, agreed: yes });
  });

program
  .command('doctor')
  .description('check this machine and say how to mend what is wrong')
  .action(async () => {
    const settings = loadSettings();
    await using core = await openCore(settings, createLogger({ level: 'error' }));
    const findings: Finding[] = [checkNode(), checkFolder(settings.dataDir), await checkPort(settings.web.host, settings.web.port)];
    findings.push(...(await checkModels(core.models, [settings.textModel, settings.imageModel])));
    findings.push(deviceFinding(await core.hosts.devices()));
    if (settings.discordLogin === undefined)
      findings.push({ check: 'Discord', state: 'note', found: 'no token', mend: 'set DISCORD_TOKEN in .env to join Discord (docs/discord.md)' });
    else {
      const { checkDiscord } = await import('./bot/discord/discord-doctor.ts');
      findings.push(...(await checkDiscord(settings.discordLogin)).map(discordFinding));
    }
    if (settings.slackLogin === undefined)
      findings.push({
        check: 'Slack',
        state: 'note',
        found: 'no tokens',
        mend: 'set SLACK_BOT_TOKEN and SLACK_APP_TOKEN in .env to join Slack (docs/slack.md)',
      });
    else {
      const [{ checkSlack }, { usesGroups }] = await Promise.all([import('./bot/slack/slack-doctor.ts'), import('./bot/slack/slack-manifest.ts')]);
      findings.push(...(await checkSlack(settings.slackLogin, { groups: usesGroups(settings) })));
    }
    if (!reportFindings(streams, findings)) process.exitCode = exitCodes.failed;
  });

const discord = program.command('discord').description('help with Discord');
discord
  .command('invite')
  .description('the link that adds the bot to a server, with the least permissions')
  .action(async () => {
    const { discordLogin } = loadSettings();
    if (discordLogin === undefined) throw new FrescoError('settings-invalid', { problems: ['DISCORD_TOKEN: found nothing; expected the bot token'] });
    const [{ readApplication }, { inviteLink }] = await Promise.all([import('./bot/discord/discord-client.ts'), import('./bot/discord/discord-invite.ts')]);
    streams.out.write(`${inviteLink((await readApplication(discordLogin)).id)}\n`);
  });

const slack = program.command('slack').description('help with Slack');
slack
  .command('manifest')
  .description('the manifest to create the Slack app from')
  .option('--single', 'only /fresco, where /imagine and /ask are taken')
  .option('--http <url>', 'for HTTP mode: the public address of the bot')
  .action(async ({ single = false, http }: { single?: boolean; http?: string }) => {
    const { slackManifest, usesGroups } = await import('./bot/slack/slack-manifest.ts');
    const groups = usesGroups(loadSettings());
    streams.out.write(`${slackManifest({ single, groups, ...(http === undefined ? {} : { requestUrl: http }) })}\n`);
  });
slack
  .command('selftest')
  .argument('<channel>', 'a channel id where the bot is a member')
  .description('find out whether pictures can sharpen in place in this workspace')
  .action(async (channel: string) => {
    const { slackLogin } = loadSettings();
    if (slackLogin === undefined) throw new FrescoError('settings-invalid', { problems: ['SLACK_BOT_TOKEN: found nothing; expected the xoxb- token'] });
    const { slackSelftest } = await import('./bot/slack/slack-selftest.ts');
    if (!reportFindings(streams, await slackSelftest(slackLogin, channel))) process.exitCode = exitCodes.failed;
  });

async function checkModels(store: { find(id: string): Promise<{ readonly folder: string }> }, ids: readonly string[]): Promise<Finding[]> {
  return Promise.all(
    ids.map(async (id): Promise<Finding> => {
      try {
        const { folder } = await store.find(id);
        return { check: `Model ${id}`, state: 'good', found: folder };
      } catch (error) {
        return { check: `Model ${id}`, state: 'bad', found: sentenceFor(error, 'owner') };
      }
    }),
  );
}

const states = { ok: 'good', warning: 'note', problem: 'bad' } as const;

function discordFinding({ level, what, remedy }: DiscordFinding): Finding {
  return { check: 'Discord', state: states[level], found: what, ...(remedy === undefined ? {} : { mend: remedy }) };
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new FrescoError('option-invalid', { option: 'file', found: file, expected: 'a text file that can be read' }, { cause: error });
  }
}

/** Resolves at SIGTERM or Ctrl-C; a second signal ends at once. */
function stopSignal(): Promise<void> {
  const signals = ['SIGTERM', 'SIGINT'] as const;
  return new Promise((resolve) => {
    const first = (): void => {
      for (const signal of signals) process.off(signal, first).once(signal, () => process.exit(exitCodes.interrupted));
      resolve();
    };
    for (const signal of signals) process.on(signal, first);
  });
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = failureCode(error);
}
// Handles that libraries keep (sockets, timers) must not keep a finished command alive.
process.exit();

function failureCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage; // commander has said why
  if (interrupted.signal.aborted) {
    streams.err.write('Stopped.\n');
    return exitCodes.interrupted;
  }
  if (FrescoError.is(error, 'settings-invalid')) streams.err.write(`${error.facts.problems.join('\n')}\n`);
  else streams.err.write(`${sentenceFor(error, 'owner')}\n`);
  return FrescoError.is(error, 'option-invalid') ? exitCodes.usage : exitCodes.failed;
}
