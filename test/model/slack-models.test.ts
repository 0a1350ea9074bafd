import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { slackManifestOf } from '../../src/bot/slack/slack-manifest.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { type Fresco, startFresco } from '../../src/main.ts';
import { projectFolder } from '../../src/project-folder.ts';
import { loadSettings } from '../../src/settings.ts';
import { FakeSlack, fakeTokens } from '../fakes/slack/fake-slack.ts';
import { buttonsOf, SlackPerson } from '../fakes/slack/slack-person.ts';
import { type FakeMessage, filesInBlocks } from '../fakes/slack/slack-state.ts';

const modelTimeoutMs = 100_000;
const isThere = (model: string): boolean =>
  existsSync(join(projectFolder(), 'models', model, 'onnx')) || existsSync(join(projectFolder(), 'models', model, 'unet'));

describe('the whole bot in Slack, with its embedded models', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'fresco-slack-'));
  let slack: FakeSlack;
  let fresco: Fresco;
  let ana: SlackPerson;

  beforeAll(async () => {
    slack = await FakeSlack.open({ clock: systemClock, manifest: slackManifestOf({}) });
    slack.switches.fileDelayMs = 50;
    const environment = {
      FRESCO_DATA_DIR: dataDir,
      FRESCO_WEB: 'false',
      SLACK_API_URL: slack.apiUrl,
      SLACK_BOT_TOKEN: fakeTokens.bot,
      SLACK_APP_TOKEN: fakeTokens.app,
    };
    fresco = await startFresco(loadSettings({ environment, folder: dataDir }), silentLogger);
    ana = new SlackPerson(slack, { id: 'U00000ANA', name: 'Ana' });
  }, modelTimeoutMs);
  afterAll(async () => {
    await fresco.stop(2000);
    await slack[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  }, modelTimeoutMs);

  const answers = (): readonly FakeMessage[] => slack.state.messages.filter(({ byBot, deleted, channel }) => byBot && !deleted && channel === ana.direct.id);

  it('answers a question in words', { timeout: modelTimeoutMs }, async () => {
    ana.say(ana.direct, 'What is the capital of France? Answer in one short sentence.');
    await vi.waitFor(() => expect(JSON.stringify(answers())).toContain('Again'), {
      timeout: modelTimeoutMs - 10_000,
      interval: 200,
    });
    expect(JSON.stringify(answers())).toMatch(/Paris/);
  });

  it.skipIf(!isThere('pocket-painter'))('paints a picture that everybody in the conversation sees', { timeout: modelTimeoutMs }, async () => {
    await ana.command(ana.direct, '/imagine', 'a red apple on a blue background --steps 8 --seed 7');
    await vi.waitFor(
      () => expect(answers().some((message) => ana.seesPictures(message) && buttonsOf(message).some(({ label }) => label.includes('Reroll')))).toBe(true),
      {
        timeout: modelTimeoutMs,
        interval: 200,
      },
    );
    const shown = answers().find(({ blocks }) => filesInBlocks(blocks).length > 0);
    expect(
      slack.state.files
        .get(filesInBlocks(shown?.blocks)[0] ?? '')
        ?.bytes?.subarray(1, 4)
        .toString(),
    ).toBe('PNG');
  });
});
