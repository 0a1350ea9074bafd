import { ChannelType, GatewayIntentBits } from 'discord-api-types/v10';
import { z } from 'zod';
import { publish } from './echo.ts';
import { checkMessageBody, createFlags, editFlags } from './message-schema.ts';
import { createMessage, deleteMessage, editMessage } from './message-store.ts';
import { channelJson, messageJson } from './payloads.ts';
import { isThread, needPermissions, sendPermission } from './permissions.ts';
import { checked, refusals } from './refusal.ts';
import { param, type Route, type RouteCall } from './routes.ts';
import type { StoredChannel, StoredMessage } from './world.ts';

/** Channels, their messages and threads, with the bot's own token. */

const uploadLimit = (call: RouteCall, channel: StoredChannel): number => call.world.guildOf(channel)?.maxFileBytes ?? 10 * 1024 * 1024;
/** REST reads are filtered like the gateway's. */
const restReader = (call: RouteCall) => ({
  intents: (call.world.applicationFlags & ((1 << 18) | (1 << 19))) === 0 ? 0 : Number(GatewayIntentBits.MessageContent),
});

function openChannel(call: RouteCall): StoredChannel {
  const channel = call.world.channel(param(call, 'channel'));
  if (!channel.hasBot) throw refusals.missingAccess();
  return channel;
}

function post(call: RouteCall): StoredMessage {
  const { world, gateway } = call;
  const channel = openChannel(call);
  needPermissions(world, channel, sendPermission(channel));
  const partner = channel.type === ChannelType.DM ? channel.recipients.find((id) => id !== world.botId) : undefined;
  if (partner !== undefined && !world.user(partner).takesDms) throw refusals.closedDms();
  const body = checkMessageBody(call.body, { flags: createFlags });
  if (body.message_reference !== undefined && channel.guildId !== undefined && !hasHistory(call, channel)) throw refusals.noHistory();
  if (call.files.length > 0) needPermissions(world, channel, 'AttachFiles');
  const repeated = body.enforce_nonce === true ? world.messagesIn(channel.id).find(({ nonce }) => nonce !== undefined && nonce === body.nonce) : undefined;
  if (repeated !== undefined) return repeated;
  if (channel.locked) throw refusals.lockedThread();
  channel.archived = false;
  const message = createMessage(world, { channel, authorId: world.botId, body, files: call.files, via: 'channel', maxFileBytes: uploadLimit(call, channel) });
  publish(world, gateway, 'MESSAGE_CREATE', message);
  return message;
}

function hasHistory(call: RouteCall, channel: StoredChannel): boolean {
  try {
    needPermissions(call.world, channel, 'ReadMessageHistory');
    return true;
  } catch {
    return false;
  }
}

const hourMs = 3_600_000;

function edit(call: RouteCall): StoredMessage {
  const { world, gateway } = call;
  const channel = openChannel(call);
  needPermissions(world, channel);
  const message = world.message(channel.id, param(call, 'message'));
  if (message.onlyFor !== undefined) throw refusals.unknownMessage();
  if (message.authorId !== world.botId) throw refusals.notTheAuthor();
  if (channel.archived) throw refusals.archivedThread();
  const recent = message.history.filter(({ atMs }) => world.clock.now() - atMs < 6000).length;
  if (world.clock.now() - message.createdAtMs > hourMs && recent >= 3) throw refusals.oldMessageEdits(6000);
  if (call.files.length > 0) needPermissions(world, channel, 'AttachFiles');
  const body = checkMessageBody(call.body, { flags: editFlags, before: message });
  editMessage(world, message, { body, files: call.files, via: 'channel', maxFileBytes: uploadLimit(call, channel) });
  publish(world, gateway, 'MESSAGE_UPDATE', message);
  return message;
}

function list(call: RouteCall): object[] {
  const { world, query } = call;
  const channel = openChannel(call);
  needPermissions(world, channel, 'ReadMessageHistory');
  const limit = checked(z.coerce.number().pipe(z.int().min(1).max(100)), query.get('limit') ?? '50', ['limit']);
  const all = world.messagesIn(channel.id).filter(({ onlyFor }) => onlyFor === undefined);
  const after = query.get('after');
  const before = query.get('before');
  const range = all.filter(({ id }) => (after === null || BigInt(id) > BigInt(after)) && (before === null || BigInt(id) < BigInt(before)));
  const page = after === null ? range.slice(-limit) : range.slice(0, limit);
  return page.reverse().map((message) => messageJson(world, message, restReader(call)));
}

const threadSchema = z.strictObject({
  name: z.string().min(1).max(100),
  auto_archive_duration: z.union([z.literal(60), z.literal(1440), z.literal(4320), z.literal(10_080)]).optional(),
  rate_limit_per_user: z.int().min(0).optional(),
});

function startThread(call: RouteCall): object {
  const { world, gateway } = call;
  const channel = openChannel(call);
  needPermissions(world, channel, 'CreatePublicThreads');
  const body = checked(threadSchema, call.body);
  const message = world.message(channel.id, param(call, 'message'));
  if (isThread(channel) || channel.guildId === undefined) throw refusals.missingPermissions();
  if (world.channels.has(message.id)) throw refusals.threadExists();
  const thread: StoredChannel = { ...channel, id: message.id, type: ChannelType.PublicThread, name: body.name, parentId: channel.id, denied: 0n };
  world.channels.set(thread.id, thread);
  message.flags |= 1 << 5;
  gateway.dispatch({
    event: 'THREAD_CREATE',
    guildId: channel.guildId,
    intent: GatewayIntentBits.Guilds,
    data: () => ({ ...channelJson(world, thread), newly_created: true }),
  });
  return channelJson(world, thread);
}

const messagePath = '/channels/:channel/messages/:message';
const shared = { bucket: 'channelMessages', hash: 'a1b2c3messages', major: ['channel'], needsToken: true } as const;
const other = { bucket: 'other', major: ['channel'], needsToken: true } as const;

export const channelRoutes: readonly Route[] = [
  {
    ...shared,
    method: 'POST',
    pattern: '/channels/:channel/messages',
    handle: (call) => ({ status: 200, json: messageJson(call.world, post(call), restReader(call)) }),
  },
  { ...shared, method: 'PATCH', pattern: messagePath, handle: (call) => ({ status: 200, json: messageJson(call.world, edit(call), restReader(call)) }) },
  {
    ...other,
    hash: 'd4e5delete',
    method: 'DELETE',
    pattern: messagePath,
    handle: (call) => {
      const { world, gateway } = call;
      const channel = openChannel(call);
      const message = world.message(channel.id, param(call, 'message'));
      if (message.authorId !== world.botId) needPermissions(world, channel, 'ManageMessages');
      deleteMessage(world, message, 'channel');
      publish(world, gateway, 'MESSAGE_DELETE', message);
      return { status: 204 };
    },
  },
  {
    ...other,
    hash: 'f6a7getone',
    method: 'GET',
    pattern: messagePath,
    handle: (call) => {
      const channel = openChannel(call);
      needPermissions(call.world, channel, 'ReadMessageHistory');
      const message = call.world.message(channel.id, param(call, 'message'));
      if (message.onlyFor !== undefined) throw refusals.unknownMessage();
      return { status: 200, json: messageJson(call.world, message, restReader(call)) };
    },
  },
  { ...other, hash: 'b8c9list', method: 'GET', pattern: '/channels/:channel/messages', handle: (call) => ({ status: 200, json: list(call) }) },
  {
    ...other,
    hash: 'e0typing',
    method: 'POST',
    pattern: '/channels/:channel/typing',
    handle: (call) => {
      const channel = openChannel(call);
      needPermissions(call.world, channel, sendPermission(channel));
      return { status: 204 };
    },
  },
  { ...other, hash: 'c1thread', method: 'POST', pattern: `${messagePath}/threads`, handle: (call) => ({ status: 201, json: startThread(call) }) },
  {
    ...other,
    hash: 'd2channel',
    method: 'GET',
    pattern: '/channels/:channel',
    handle: (call) => ({ status: 200, json: channelJson(call.world, openChannel(call)) }),
  },
];
