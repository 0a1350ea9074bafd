import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { checkSlack } from '../../../src/bot/slack/slack-doctor.ts';
import { slackManifest, slackManifestOf, slackScopes } from '../../../src/bot/slack/slack-manifest.ts';
import { slackSelftest } from '../../../src/bot/slack/slack-selftest.ts';
import { FakeClock } from '../../fakes/fake-clock.ts';
import { FakeSlack, fakeTokens } from '../../fakes/slack/fake-slack.ts';
import { HttpDoor, requestOf } from '../../fakes/slack/http-door.ts';
import { chatMessage, ScriptedDesk, workWith } from '../../fakes/slack/scripted-desk.ts';
import { SlackBench } from '../../fakes/slack/slack-bench.ts';
import { slackIds } from '../../fakes/slack/slack-state.ts';

const open = async (desk = new ScriptedDesk()) => ({ desk, bench: await SlackBench.open({ desk: () => desk }) });

describe('the socket to Slack', () => {
  it.each(['warning', 'refresh_requested', 'too_many_websockets', 'link_disabled'] as const)('comes back after "%s" and misses no event', async (reason) => {
    const { bench, desk } = await open();
    await using _ = bench;
    bench.slack.sockets.disconnect(reason);
    await bench.until(() => bench.slack.sockets.connections === 2 && bench.slack.sockets.open === 1);
    bench.ana.say(bench.ana.direct, 'are you there?');
    await bench.until(() => desk.received.length === 1);
    expect(bench.platform.health().connected).toBe(true);
  });

  it('comes back after a cut without a word, and takes what was sent meanwhile', async () => {
    const { bench, desk } = await open();
    await using _ = bench;
    bench.slack.switches.failing.set('apps.connections.open', 'internal_error');
    bench.slack.sockets.cut();
    await bench.until(() => !bench.platform.health().connected);
    bench.ana.say(bench.ana.direct, 'said into the gap');
    await bench.pass(60_000, 5000);
    bench.slack.switches.failing.clear();
    await bench.until(() => desk.received.length === 1);
    expect(bench.platform.health().connected).toBe(true);
  });

  it('tells the owner when the app token is refused, and lives on', async () => {
    const { bench } = await open();
    await using _ = bench;
    bench.slack.switches.failing.set('apps.connections.open', 'invalid_auth');
    bench.slack.sockets.cut();
    await bench.until(() => bench.platform.health().problem?.includes('SLACK_APP_TOKEN') === true);
    bench.slack.switches.failing.clear();
    await bench.until(() => bench.platform.health().connected);
    expect(bench.platform.health().problem).toBeUndefined();
  });

  it('does an event once whose acknowledgements are lost', async () => {
    const { bench, desk } = await open();
    await using _ = bench;
    bench.slack.sockets.losingAcks = true;
    bench.ana.say(bench.ana.direct, 'once, please');
    await bench.pass(20_000, 1000);
    expect(bench.slack.sockets.deliveries).toBe(4);
    expect(desk.received).toHaveLength(1);
  });

  it('refuses to start with a wrong token, and says which', async () => {
    const desk = new ScriptedDesk();
    await expect(SlackBench.open({ desk: () => desk, before: (slack) => (slack.switches.tokenRevoked = true) })).rejects.toMatchObject({
      code: 'platform-failed',
      facts: { operation: 'connect', reason: 'token_revoked' },
    });
  });

  it('takes nothing more once the intake is closed, while open messages still end', async () => {
    const { bench, desk } = await open();
    await using _ = bench;
    let finished = false;
    desk.answer = () =>
      workWith(async (surface) => {
        await bench.platform.closeIntake();
        await surface.finish(chatMessage('The last word.', { final: true }));
        finished = true;
      });
    bench.ana.say(bench.ana.direct, 'hello');
    await bench.until(() => finished);
    bench.ana.say(bench.ana.direct, 'too late');
    await bench.pass(5000, 1000);
    expect(desk.received).toHaveLength(1);
    expect(bench.allText()).toContain('The last word.');
    expect(bench.platform.health().connected).toBe(false);
  });
});

describe('HTTP mode', () => {
  const freePort = (): Promise<number> =>
    new Promise((resolve) => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const address = probe.address();
        probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
      });
    });

  it('takes signed requests, refuses forged and old ones, and does a replayed one once', async () => {
    const port = await freePort();
    const desk = new ScriptedDesk();
    const bench = await SlackBench.open({ desk: () => desk, httpPort: port });
    await using _ = bench;
    const door = new HttpDoor({ url: `http://127.0.0.1:${port}/slack/events`, secret: fakeTokens.secret, clock: bench.clock });
    bench.slack.useDoor(door);
    bench.ana.say(bench.ana.direct, 'hello');
    await bench.ana.command(bench.general, '/imagine', 'a fox');
    await bench.quiet();
    expect(desk.received.map(({ kind }) => kind).sort()).toEqual(['chat', 'typed']);
    const event = { type: 'message', channel: bench.ana.direct.id, channel_type: 'im', user: bench.ana.id, text: 'x', ts: '5.000001' };
    const request = requestOf({ type: 'events_api', payload: bench.slack.eventBody(event) });
    expect((await door.send(request, { secret: 'wrong-secret' })).status).toBe(401);
    expect((await door.send(request, { timestampS: Math.floor(bench.clock.now() / 1000) - 3600 })).status).toBe(401);
    await bench.quiet();
    expect(desk.received).toHaveLength(2);
    for (let time = 0; time < 3; time += 1) expect((await door.send(request)).status).toBe(200);
    await bench.quiet();
    expect(desk.received).toHaveLength(3);
    expect((await door.send({ body: '{"not": "an event"', contentType: 'application/json' })).status).toBeGreaterThanOrEqual(400);
    const answer = await door.send({ body: JSON.stringify({ type: 'url_verification', challenge: 'abc' }), contentType: 'application/json' });
    expect(await answer.text()).toContain('abc');
  });
});

describe('the manifest', () => {
  it('names every scope with a reason, and user groups only where a rule needs them', () => {
    for (const { scope, reason } of slackScopes({ groups: true })) expect(`${scope}: ${reason}`).toMatch(/^[a-z:_]+(:[a-z]+)?: .{10,}/);
    expect(slackManifest({})).not.toContain('usergroups:read');
    expect(slackManifest({ groups: true })).toContain('usergroups:read');
  });

  it('keeps to Slack’s limits', () => {
    const { display_information: about, features } = slackManifestOf({});
    expect(about.name.length).toBeLessThanOrEqual(35);
    expect(about.description.length).toBeLessThanOrEqual(140);
    expect(features.shortcuts.length).toBeLessThanOrEqual(10);
    for (const { name, description } of features.shortcuts) {
      expect(name.length).toBeLessThanOrEqual(24);
      expect(description.length).toBeLessThanOrEqual(150);
    }
    expect(features.agent_view.suggested_prompts.length).toBeLessThanOrEqual(4);
    for (const command of features.slash_commands) expect(command.usage_hint.length).toBeLessThanOrEqual(1000);
  });

  it('has only /fresco where the short names are taken, and an address for HTTP', () => {
    expect(slackManifestOf({ single: true }).features.slash_commands.map(({ command }) => command)).toEqual(['/fresco']);
    expect(slackManifestOf({}).features.slash_commands.map(({ command }) => command)).toEqual(['/fresco', '/ask', '/imagine']);
    const http = slackManifestOf({ requestUrl: 'https://bot.example/slack/events' });
    expect(http.settings).toMatchObject({ socket_mode_enabled: false, interactivity: { request_url: 'https://bot.example/slack/events' } });
  });
});

describe('the doctor and the self-test', () => {
  const openSlack = () => FakeSlack.open({ clock: new FakeClock(), manifest: slackManifestOf({}) });
  const loginOf = (slack: FakeSlack) => ({ botToken: fakeTokens.bot, appToken: fakeTokens.app, signingSecret: undefined, apiUrl: slack.apiUrl, port: 0 });

  it('find all well', async () => {
    await using slack = await openSlack();
    expect((await checkSlack(loginOf(slack))).map(({ state }) => state)).toEqual(['good', 'good', 'good']);
  });

  it('name a missing scope, its reason, and a wrong token', async () => {
    await using slack = await openSlack();
    slack.switches.scopes.delete('files:write');
    const findings = await checkSlack({ ...loginOf(slack), appToken: 'xapp-wrong' });
    expect(findings).toMatchObject([
      { state: 'good' },
      { state: 'bad', found: expect.stringMatching(/files:write \(to upload/) },
      { state: 'bad', found: 'invalid_auth', mend: expect.stringContaining('SLACK_APP_TOKEN') },
    ]);
    expect(await checkSlack({ ...loginOf(slack), apiUrl: 'http://127.0.0.1:9/api/' })).toMatchObject([
      { state: 'bad', mend: expect.stringContaining('could not be reached') },
      { state: 'bad' },
    ]);
  });

  it.each([
    [true, 'good'],
    [false, 'note'],
  ] as const)('tell whether an update shares a picture (%s)', async (updateShares, state) => {
    const clock = new FakeClock();
    await using slack = await FakeSlack.open({ clock, manifest: slackManifestOf({}) });
    slack.switches.updateShares = updateShares;
    slack.state.channels.set('C0TEST', { id: 'C0TEST', name: 'test', kind: 'public', members: new Set([slackIds.bot]), archived: false, extShared: false });
    expect(await slackSelftest(loginOf(slack), 'C0TEST', (ms) => clock.advance(ms))).toMatchObject([{ state }]);
    expect(slack.state.messages.every(({ deleted }) => deleted)).toBe(true);
    expect([...slack.state.files.values()].every(({ deleted }) => deleted)).toBe(true);
    expect(await slackSelftest(loginOf(slack), 'C0NOWHERE', (ms) => clock.advance(ms))).toMatchObject([{ state: 'bad', found: 'channel_not_found' }]);
  });
});
