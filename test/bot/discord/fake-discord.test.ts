import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeDiscord } from '../../fakes/discord/fake-discord.ts';
import { JumpingClock } from './scripted-bench.ts';

/** The fake is strict, or it proves nothing: each rule is seen to refuse. */
describe('The fake of Discord refuses what Discord refuses', () => {
  let fake: FakeDiscord;
  const clock = new JumpingClock();
  beforeAll(async () => {
    fake = await FakeDiscord.open({ clock });
    fake.world.commands.set('global', [{ id: '1', type: 1, name: 'ask', description: 'x', contexts: [0, 1, 2], integration_types: [0, 1] }]);
  });
  afterAll(() => fake[Symbol.asyncDispose]());

  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = { authorization: `Bot ${fake.world.token}` }) => {
    const response = await fetch(`${fake.login.apiUrl}/v10${path}`, {
      method,
      headers: { 'user-agent': 'DiscordBot (test, 1)', 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, json, headers: response.headers };
  };
  const room = () => {
    const guild = fake.addServer('S');
    const ada = fake.addPerson('Ada');
    return { guild, ada, channel: fake.addChannel(guild, 'general') };
  };
  const answer = (asked: { interaction: { id: string; token: string } }, body: object) =>
    call('POST', `/interactions/${asked.interaction.id}/${asked.interaction.token}/callback?with_response=true`, body, {});

  it('an acknowledgement after three seconds, and a second one', async () => {
    const { ada, channel } = room();
    const late = ada.slash(channel, 'ask');
    clock.jump(3001);
    expect(await answer(late, { type: 5 })).toMatchObject({ status: 404, json: { code: 10062 } });
    const asked = ada.slash(channel, 'ask');
    expect(await answer(asked, { type: 5, data: { flags: 64 } })).toMatchObject({
      status: 200,
      json: { interaction: { response_message_ephemeral: true, response_message_loading: true } },
    });
    expect(await answer(asked, { type: 4, data: { content: 'x' } })).toMatchObject({ status: 400, json: { code: 40060 } });
  });

  it('a token after fifteen minutes, an unknown one, and edits of other messages by it', async () => {
    const { ada, channel } = room();
    const asked = ada.slash(channel, 'ask');
    await answer(asked, { type: 5 });
    const path = `/webhooks/${fake.world.applicationId}/${asked.interaction.token}/messages`;
    const foreign = ada.says(channel, 'mine');
    expect(await call('PATCH', `${path}/${foreign.id}`, { content: 'x' }, {})).toMatchObject({ status: 404, json: { code: 10008 } });
    expect(await call('PATCH', `${path}/%40original`, { content: 'x' }, {})).toMatchObject({ status: 200 });
    clock.jump(15 * 60_000 + 1);
    expect(await call('PATCH', `${path}/@original`, { content: 'y' }, {})).toMatchObject({ status: 401, json: { code: 50027 } });
    expect(await call('PATCH', `/webhooks/${fake.world.applicationId}/nonsense/messages/@original`, { content: 'y' }, {})).toMatchObject({
      status: 404,
      json: { code: 10015 },
    });
  });

  it('2,001 characters, nothing at all, and says where the fault is', async () => {
    const { channel } = room();
    const long = await call('POST', `/channels/${channel.id}/messages`, { content: 'x'.repeat(2001) });
    expect(long).toMatchObject({
      status: 400,
      json: { code: 50035, errors: { content: { _errors: [{ code: 'BASE_TYPE_MAX_LENGTH', message: 'Must be 2000 or fewer in length.' }] } } },
    });
    expect(await call('POST', `/channels/${channel.id}/messages`, { content: '' })).toMatchObject({ status: 400, json: { code: 50006 } });
  });

  it('components against the rules: content beside a layout, six buttons, a custom id twice, 41 components, too much text', async () => {
    const { channel } = room();
    const send = (body: object) => call('POST', `/channels/${channel.id}/messages`, body);
    const text = (content: string) => ({ type: 10, content });
    const button = (id: string) => ({ type: 2, style: 1, label: id, custom_id: id });
    const row = (...ids: string[]) => ({ type: 1, components: ids.map(button) });
    const refused = { status: 400, json: { code: 50035 } };
    expect(await send({ flags: 32_768, content: 'x', components: [text('y')] })).toMatchObject(refused);
    expect(await send({ content: 'x', components: [row('1', '2', '3', '4', '5', '6')] })).toMatchObject(refused);
    expect(await send({ content: 'x', components: [row('1', '1')] })).toMatchObject(refused);
    expect(await send({ content: 'x', components: [text('no flag')] })).toMatchObject(refused);
    clock.jump(6000);
    expect(await send({ flags: 32_768, components: Array.from({ length: 40 }, () => row('a')).slice(0, 21) })).toMatchObject(refused);
    expect(await send({ flags: 32_768, components: [text('x'.repeat(2500)), text('y'.repeat(2500))] })).toMatchObject(refused);
    expect(await send({ flags: 32_768, components: [{ type: 12, items: [{ media: { url: 'attachment://none.png' } }] }] })).toMatchObject(refused);
  });

  it('a layout turned back into text, and an upgrade that leaves the content', async () => {
    const { channel } = room();
    const { json } = await call('POST', `/channels/${channel.id}/messages`, { content: 'text' });
    const id = typeof json === 'object' && json !== null && 'id' in json ? String(json.id) : '';
    const path = `/channels/${channel.id}/messages/${id}`;
    const layout = { flags: 32_768, components: [{ type: 10, content: 'laid out' }] };
    expect(await call('PATCH', path, layout)).toMatchObject({ status: 400, json: { code: 50035 } });
    expect(await call('PATCH', path, { ...layout, content: null })).toMatchObject({ status: 200 });
    expect(await call('PATCH', path, { content: 'back' })).toMatchObject({ status: 400, json: { code: 50035 } });
    expect(await call('PATCH', path, { flags: 0, components: [{ type: 10, content: 'x' }] })).toMatchObject({ status: 400, json: { code: 50035 } });
  });

  it('more than the budget, with headers that tell it beforehand', async () => {
    const { channel } = room();
    const results = [];
    for (let index = 0; index < 6; index += 1) results.push(await call('POST', `/channels/${channel.id}/messages`, { content: 'x' }));
    expect(results.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(results.map(({ headers }) => headers.get('x-ratelimit-remaining'))).toEqual(['4', '3', '2', '1', '0', '0']);
    expect(Number(results[5]?.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('what the bot has no permission for, and what is not its own', async () => {
    const { channel, guild, ada } = room();
    const foreign = ada.says(channel, 'mine');
    expect(await call('PATCH', `/channels/${channel.id}/messages/${foreign.id}`, { content: 'x' })).toMatchObject({ status: 403, json: { code: 50005 } });
    fake.deny(channel, 'SendMessages');
    expect(await call('POST', `/channels/${channel.id}/messages`, { content: 'x' })).toMatchObject({ status: 403, json: { code: 50013 } });
    fake.deny(channel, 'ViewChannel');
    expect(await call('GET', `/channels/${channel.id}/messages`)).toMatchObject({ status: 403, json: { code: 50001 } });
    expect(await call('GET', `/channels/${guild.id}/messages`)).toMatchObject({ status: 404, json: { code: 10003 } });
    expect(await call('GET', '/users/@me', undefined, { authorization: 'Bot wrong' })).toMatchObject({ status: 401 });
  });

  it('edits of messages older than an hour after three, and a thread twice', async () => {
    const { channel, ada } = room();
    const { json } = await call('POST', `/channels/${channel.id}/messages`, { content: 'old' });
    const id = typeof json === 'object' && json !== null && 'id' in json ? String(json.id) : '';
    clock.jump(3_700_000);
    const edits = [];
    for (let index = 0; index < 4; index += 1) edits.push(await call('PATCH', `/channels/${channel.id}/messages/${id}`, { content: `${index}` }));
    expect(edits.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(edits[3]?.json).toMatchObject({ code: 30046 });
    const question = ada.says(channel, 'hello');
    expect(await call('POST', `/channels/${channel.id}/messages/${question.id}/threads`, { name: 'x' })).toMatchObject({
      status: 201,
      json: { id: question.id },
    });
    expect(await call('POST', `/channels/${channel.id}/messages/${question.id}/threads`, { name: 'x' })).toMatchObject({ status: 400, json: { code: 160004 } });
  });

  it('commands against the rules', async () => {
    const put = (commands: object[]) => call('PUT', `/applications/${fake.world.applicationId}/commands`, commands);
    const option = (name: string, required: boolean) => ({ type: 3, name, description: 'x', required });
    const before = fake.world.commands.get('global');
    expect(await put([{ type: 1, name: 'Ask', description: 'x' }])).toMatchObject({ status: 400 });
    expect(await put([{ type: 1, name: 'ask', description: 'x'.repeat(101) }])).toMatchObject({ status: 400 });
    expect(await put([{ type: 1, name: 'ask', description: 'x', options: [option('a', false), option('b', true)] }])).toMatchObject({ status: 400 });
    expect(await put([{ type: 3, name: 'Menu', description: 'menus have none' }])).toMatchObject({ status: 400 });
    expect(fake.world.commands.get('global')).toBe(before);
  });
});
