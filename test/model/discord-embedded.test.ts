import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { silentLogger } from '../../src/logger.ts';
import { startFresco } from '../../src/main.ts';
import { loadSettings } from '../../src/settings.ts';
import { FakeDiscord } from '../fakes/discord/fake-discord.ts';
import { buttonsOf } from '../fakes/discord/fake-person.ts';
import { visibleText } from '../fakes/discord/payloads.ts';

const patienceMs = 100_000;

it('the whole of Fresco, with the embedded models, answers and paints on Discord', async () => {
  await using fake = await FakeDiscord.open();
  const channel = fake.addChannel(fake.addServer('Lighthouse'), 'general');
  const ada = fake.addPerson('Ada');
  const dataDir = await mkdtemp(join(tmpdir(), 'fresco-discord-'));
  const environment = {
    DISCORD_TOKEN: fake.login.token,
    DISCORD_API_URL: fake.login.apiUrl,
    FRESCO_DATA_DIR: dataDir,
    FRESCO_WEB: 'false',
    FRESCO_DEVICE: 'cpu',
  };
  const fresco = await startFresco(loadSettings({ environment, folder: dataDir }), silentLogger);
  try {
    const question = ada.says(channel, '@fresco What is the capital of France?');
    const picture = ada.slash(channel, 'imagine', { prompt: 'a red apple --seed 7 --steps 6' });
    const answer = await fake.until(() => fake.answersIn({ id: question.id }).find((one) => /Took/.test(visibleText(one))), 'the answer', patienceMs);
    expect(visibleText(answer)).toMatch(/Paris/);
    expect(answer.pings).toEqual([]);
    const message = await picture.message();
    await fake.until(() => buttonsOf(message).includes('Reroll'), 'the picture', patienceMs);
    expect(await sharp(message.files[0]?.bytes).metadata()).toMatchObject({ format: 'png', width: 256, height: 256 });
    expect(visibleText(message)).toContain('seed 7');
    expect(fake.timeline.of('request').filter(({ status }) => status >= 400)).toEqual([]);
  } finally {
    await fresco.stop(2000);
    await rm(dataDir, { recursive: true, force: true });
  }
});
