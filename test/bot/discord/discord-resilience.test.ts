import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { readApplication } from '../../../src/bot/discord/discord-client.ts';
import { checkDiscord } from '../../../src/bot/discord/discord-doctor.ts';
import { inviteLink } from '../../../src/bot/discord/discord-invite.ts';
import { commandSpecs } from '../../../src/commands/command-table.ts';
import { visibleText } from '../../fakes/discord/payloads.ts';
import { chatMessage } from '../../fakes/scripted-desk.ts';
import { LogLines, openScriptedBench } from './scripted-bench.ts';

describe('Discord, when things go wrong', () => {
  it('resumes after a lost connection and misses nothing said meanwhile', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    const surfaces = bench.desk.works(chatMessage('Working.'));
    bench.fake.gateway.disconnect(4000);
    await vi.waitFor(() => expect(bench.fake.gateway.connections).toBe(0));
    bench.ada.says(bench.fake.directMessages(bench.ada), 'are you there?');
    const surface = await surfaces.next();
    await surface.finish(chatMessage('Yes.', { final: true }));
    expect(bench.fake.timeline.of('gateway').some(({ what }) => what === 'resume')).toBe(true);
    await vi.waitFor(() => expect(bench.platform.health().connected).toBe(true));
  });

  it('reconnects when Discord asks for it', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    bench.fake.gateway.askToReconnect();
    await bench.fake.until(() => bench.fake.timeline.of('gateway').some(({ what }) => what === 'resume'), 'the resume');
    const surfaces = bench.desk.works(chatMessage('Working.'));
    bench.ada.slash(bench.channel, 'ask', { prompt: 'still there?' });
    await surfaces.next();
  });

  it('identifies anew when its session is no longer valid', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    bench.fake.gateway.invalidateSessions(false);
    await bench.fake.until(() => bench.fake.gateway.identifies === 2 && bench.fake.gateway.connections > 0, 'the second identify');
    const surfaces = bench.desk.works(chatMessage('Working.'));
    bench.ada.slash(bench.channel, 'ask', { prompt: 'still there?' });
    await surfaces.next();
    await vi.waitFor(() => expect(bench.platform.health().connected).toBe(true));
  });

  it('does once what the gateway sends twice', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    const surfaces = bench.desk.works(chatMessage('Working.'));
    bench.ada.says(bench.fake.directMessages(bench.ada), 'hello');
    const asked = bench.ada.slash(bench.channel, 'ask', { prompt: 'x' });
    await asked.acknowledged();
    await surfaces.next();
    bench.fake.gateway.repeatLast(4);
    bench.ada.slash(bench.channel, 'ask', { prompt: 'y' });
    await vi.waitFor(() => expect(bench.desk.received).toHaveLength(3));
  });

  it.each([
    [4004, 'DISCORD_TOKEN'],
    [4014, 'message-content intent'],
    [4011, 'shards'],
  ])('tells the owner what to mend after close code %i', async (code, word) => {
    await using bench = await openScriptedBench();
    await bench.start();
    bench.fake.gateway.disconnect(code);
    await vi.waitFor(() => expect(bench.platform.health()).toMatchObject({ connected: false, problem: expect.stringContaining(word) }));
  });

  it('refuses to start with a wrong token, and says where the right one is', async () => {
    await using bench = await openScriptedBench({ login: { token: 'a-token-that-is-long-enough-and-wrong' } });
    await expect(bench.start()).rejects.toMatchObject({ code: 'platform-failed', facts: { reason: expect.stringContaining('DISCORD_TOKEN') } });
    expect(bench.platform.health().connected).toBe(false);
  });

  it('starts without the privileged intent where the application has no right to it, and with it where it has', async () => {
    for (const messageContent of [false, true]) {
      await using bench = await openScriptedBench({ messageContent });
      await bench.start();
      expect(bench.fake.timeline.of('gateway')[0]?.what).toBe(messageContent ? 'identify 37377' : 'identify 4609');
      expect(bench.platform.health().problem === undefined).toBe(messageContent);
    }
    await using modest = await openScriptedBench({ settings: { discord: { messageContent: false } } });
    await modest.start();
    expect(modest.fake.timeline.of('gateway')[0]?.what).toBe('identify 4609');
    expect(modest.platform.health().problem).toBeUndefined();
  });

  it('carries on when the answer to its acknowledgement is lost', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    const surfaces = bench.desk.works(chatMessage('Working.'));
    bench.fake.http.faults.add({ on: /\/callback$/, loseAnswer: true });
    const asked = bench.ada.slash(bench.channel, 'ask', { prompt: 'x' });
    await (await surfaces.next()).finish(chatMessage('Done.', { final: true }));
    expect(visibleText(await asked.message())).toBe('Done.');
    expect(bench.fake.timeline.of('request').some(({ code }) => code === 40060)).toBe(true);
    expect(bench.fake.answersIn(bench.channel)).toHaveLength(1);
  });

  it('posts once when the answer to its post is lost', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    const surfaces = bench.desk.works(chatMessage('Working.'));
    bench.fake.http.faults.add({ on: /^POST \/channels\/\d+\/messages$/, loseAnswer: true });
    const dm = bench.fake.directMessages(bench.ada);
    bench.ada.says(dm, 'hello');
    await (await surfaces.next()).finish(chatMessage('Done.', { final: true }));
    expect(bench.fake.answersIn(dm).map(visibleText)).toEqual(['Done.']);
  });

  it('does not do what came too late, and says so where it may', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    let ran = 0;
    bench.desk.answer = () => ({
      kind: 'work',
      opening: chatMessage('Working.'),
      audience: 'everyone',
      on: 'new',
      run: async () => {
        ran += 1;
      },
    });
    const late = bench.ada.slash(bench.channel, 'ask', { prompt: 'x' });
    Object.assign(late.interaction, { dispatchedAtMs: late.interaction.dispatchedAtMs - 4000 });
    const [word] = await bench.fake.until(() => bench.fake.answersIn(bench.channel).length === 1 && bench.fake.answersIn(bench.channel), 'the word about it');
    expect(word === undefined ? '' : visibleText(word)).toContain('too late');
    expect(word?.pings).toEqual([]);
    expect(ran).toBe(0);
  });

  it('never lets a broken desk or an unknown interaction take it down', async () => {
    const log = new LogLines();
    await using bench = await openScriptedBench({ logger: log.logger });
    await bench.start();
    bench.desk.answer = () => {
      throw new Error('the desk fell over');
    };
    const asked = bench.ada.slash(bench.channel, 'ask', { prompt: 'x' });
    const answer = await asked.message();
    expect(answer.onlyFor).toBe(bench.ada.id);
    expect(visibleText(answer)).not.toContain('fell over');
    bench.ada.says(bench.fake.directMessages(bench.ada), 'x');
    await vi.waitFor(() => expect(log.lines.filter(({ level }) => level === 'error').length).toBeGreaterThan(1));
    const surfaces = bench.desk.works(chatMessage('Working.'));
    bench.ada.slash(bench.channel, 'ask', { prompt: 'y' });
    await surfaces.next();
  });

  it('takes nothing new when it closes, tells so, and lets open work end', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    const surfaces = bench.desk.works(chatMessage('Working.'));
    const first = await bench.ada.slash(bench.channel, 'ask', { prompt: 'x' }).message();
    const surface = await surfaces.next();
    await bench.platform.closeIntake();
    const refused = await bench.ada.slash(bench.channel, 'ask', { prompt: 'y' }).message();
    expect(visibleText(refused)).toContain('shutting down');
    expect(refused.onlyFor).toBe(bench.ada.id);
    await surface.finish(chatMessage('Done.', { final: true }));
    expect(visibleText(first)).toBe('Done.');
    await bench.platform.stop();
    await vi.waitFor(() => expect(bench.fake.gateway.connections).toBe(0));
    expect(bench.platform.health().connected).toBe(false);
  });

  it('opens as many shards as Discord advises, and hears direct messages and every server', async () => {
    await using bench = await openScriptedBench({
      before: (fake) => {
        fake.gateway.shards = 2;
      },
    });
    await bench.start();
    expect(bench.fake.gateway.identifies).toBe(2);
    const surfaces = bench.desk.works(chatMessage('Working.'));
    bench.ada.slash(bench.channel, 'ask', { prompt: 'x' });
    bench.ada.says(bench.fake.directMessages(bench.ada), 'y');
    await surfaces.next();
    await surfaces.next();
  });

  it('shows the queue under its name', async () => {
    await using bench = await openScriptedBench();
    bench.desk.pulseNow = { waiting: 3, running: 2, paused: false };
    await bench.start();
    await bench.fake.until(() => bench.fake.gateway.presence === 'Working on 2, 3 waiting', 'the presence');
  });

  it('logs no token and nothing people wrote', async () => {
    const log = new LogLines();
    await using bench = await openScriptedBench({ logger: log.logger });
    await bench.start();
    const surfaces = bench.desk.works(chatMessage('Working.'));
    bench.fake.http.faults.add({
      on: /^PATCH/,
      times: 50,
      status: 400,
      json: {
        code: 50035,
        message: 'Invalid Form Body',
        errors: { content: { _errors: [{ code: 'BASE_TYPE_MAX_LENGTH', message: 'a very private matter' }] } },
      },
    });
    const asked = bench.ada.slash(bench.channel, 'ask', { prompt: 'a very private matter' });
    await expect((await surfaces.next()).finish(chatMessage('a very private matter', { final: true }))).rejects.toMatchObject({ code: 'platform-failed' });
    const everything = JSON.stringify(log.lines, (_, value: unknown) => (value instanceof Error ? `${value.message} ${String(value.cause)}` : value));
    expect(everything).toContain('BASE_TYPE_MAX_LENGTH');
    for (const secret of [bench.fake.login.token, asked.interaction.token, 'private matter']) expect(everything).not.toContain(secret);
  });
});

describe('Commands on Discord', () => {
  it('are registered for servers, direct messages and user installations, once, until they change', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    const puts = (): number => bench.fake.timeline.of('request').filter(({ method }) => method === 'PUT').length;
    const commands = bench.fake.world.commands.get('global') ?? [];
    expect(commands.filter(({ type }) => type === 1).map(({ name }) => name)).toEqual(commandSpecs.map(({ name }) => name));
    expect(commands.filter(({ type }) => type === 3)).toHaveLength(4);
    for (const command of commands) expect(command).toMatchObject({ contexts: [0, 1, 2], integration_types: [0, 1] });
    expect(commands.find(({ name }) => name === 'admin')?.default_member_permissions).toBe('32');
    expect(puts()).toBe(1);
    await bench.platform.stop();
    const again = bench.openPlatform();
    await again.start(bench.desk);
    await again.stop();
    expect(puts()).toBe(1);
    expect(JSON.parse(await readFile(join(bench.dataDir, 'discord-commands.json'), 'utf8'))).toMatchObject({ application: bench.fake.world.applicationId });
  });

  it('move to one server without being listed twice', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    await bench.platform.stop();
    const local = bench.openPlatform({ server: bench.guild.id });
    await local.start(bench.desk);
    await local.stop();
    expect(bench.fake.world.commands.get('global')).toEqual([]);
    expect(bench.fake.world.commands.get(bench.guild.id)?.length).toBeGreaterThan(10);
  });

  it('that Discord does not take leave the bot running with a word to the owner', async () => {
    await using bench = await openScriptedBench();
    bench.fake.http.faults.add({ on: /^PUT/, status: 400, json: { code: 30034, message: 'Max number of daily application command creates has been reached' } });
    await bench.start();
    expect(bench.platform.health()).toMatchObject({ connected: true, problem: expect.stringContaining('commands') });
  });
});

describe("The owner's help for Discord", () => {
  it('prints an invite link with the least permissions', () => {
    const url = new URL(inviteLink('123456789012345678'));
    expect(url.searchParams.get('permissions')).toBe('309237763136');
    expect(url.searchParams.get('scope')).toBe('bot applications.commands');
    expect(url.searchParams.get('client_id')).toBe('123456789012345678');
  });

  it('checks token, intents and permissions', async () => {
    await using bench = await openScriptedBench();
    expect((await checkDiscord(bench.fake.login)).map(({ level }) => level)).toEqual(['ok', 'ok', 'ok']);
    bench.guild.botPermissions &= ~(1n << 15n);
    bench.fake.world.applicationFlags = 0;
    const findings = await checkDiscord(bench.fake.login);
    expect(findings.map(({ level }) => level)).toEqual(['ok', 'warning', 'warning']);
    expect(findings[2]?.what).toContain('Attach Files');
    expect((await checkDiscord({ ...bench.fake.login, token: 'wrong-wrong-wrong-wrong-wrong' }))[0]).toMatchObject({ level: 'problem' });
    expect((await checkDiscord({ ...bench.fake.login, server: '111111111111111111' })).at(-1)?.what).toContain('111111111111111111');
    expect((await checkDiscord({ ...bench.fake.login, apiUrl: 'http://127.0.0.1:9/api' }))[0]?.level).toBe('problem');
  });

  it('knows who owns the application', async () => {
    await using bench = await openScriptedBench({
      before: (fake) => {
        fake.world.ownerId = [...fake.world.users.keys()][1] ?? '';
      },
    });
    expect((await readApplication(bench.fake.login)).ownerIds).toEqual(new Set([bench.ada.id]));
    await bench.start();
    const surfaces = bench.desk.works(chatMessage('Working.'));
    bench.ada.slash(bench.channel, 'admin', { action: 'stats' });
    await surfaces.next();
    expect(bench.desk.received[0]?.principal.isOwner).toBe(true);
  });
});
