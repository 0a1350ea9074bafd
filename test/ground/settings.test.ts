import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FrescoError } from '../../src/fresco-error.ts';
import { loadSettings } from '../../src/settings.ts';

function folderWith(file?: object | string): string {
  const folder = mkdtempSync(join(tmpdir(), 'fresco-settings-'));
  mkdirSync(join(folder, 'config'));
  if (file !== undefined) writeFileSync(join(folder, 'config/fresco.json'), typeof file === 'string' ? file : JSON.stringify(file));
  return folder;
}

function problemsOf(environment: Record<string, string>, file?: object | string): readonly string[] {
  try {
    loadSettings({ environment, folder: folderWith(file) });
  } catch (error) {
    if (FrescoError.is(error, 'settings-invalid')) return error.facts.problems;
    throw error;
  }
  return [];
}

describe('settings', () => {
  it('have safe defaults with nothing set', () => {
    const settings = loadSettings({ environment: {}, folder: folderWith() });
    expect(settings.web).toMatchObject({ host: '127.0.0.1', port: 7860 });
    expect(settings.discordLogin).toBeUndefined();
    expect(settings.slackLogin).toBeUndefined();
    expect(settings.limits.waitingPerUser).toBe(5);
    expect(settings.access.guests).toBe(false);
  });

  it('name every wrong key at once, with what was found and what is expected', () => {
    const problems = problemsOf({ FRESCO_PORT: '99999', FRESCO_DEVICE: 'abacus' });
    expect(problems).toHaveLength(2);
    expect(problems.join('\n')).toMatch(/FRESCO_PORT: found "99999".*65535/s);
    expect(problems.join('\n')).toMatch(/FRESCO_DEVICE: found "abacus".*cpu/s);
  });

  it('refuse a key of ours that nobody knows', () => {
    expect(problemsOf({ FRESCO_PROT: '1' })[0]).toMatch(/^FRESCO_PROT: unknown/);
    expect(problemsOf({ DISCORD_TOKENS: 'x' })[0]).toMatch(/^DISCORD_TOKENS: unknown/);
  });

  it('never print a secret', () => {
    const problems = problemsOf({ SLACK_BOT_TOKEN: 'very-secret-token', FRESCO_PASSWORD: 'short' });
    expect(problems).toHaveLength(2);
    expect(problems.join('\n')).not.toMatch(/very-secret-token|short/);
  });

  it('refuse an unknown key and a wrong value in config/fresco.json', () => {
    expect(problemsOf({}, { chat: { maxTokens: 3 } }).join()).toMatch(/chat\.maxTokens: found 3.*16/s);
    expect(problemsOf({}, { chatt: {} }).join()).toMatch(/chatt: unknown/);
    expect(problemsOf({}, '{ no json').join()).toMatch(/not JSON/);
  });

  it('want both Slack tokens in Socket Mode, and the signing secret in HTTP mode', () => {
    expect(problemsOf({ SLACK_BOT_TOKEN: 'xoxb-1' })[0]).toMatch(/^SLACK_APP_TOKEN/);
    expect(problemsOf({ SLACK_APP_TOKEN: 'xapp-1' })[0]).toMatch(/^SLACK_BOT_TOKEN/);
    expect(problemsOf({ SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1' }, { slack: { mode: 'http' } })[0]).toMatch(/^SLACK_SIGNING_SECRET/);
  });
});
