import { checkShownFiles, shareFiles } from './file-methods.ts';
import { checkMessageBlocks } from './slack-block-rules.ts';
import type { MethodCall, SlackMethod } from './slack-method.ts';
import { SlackRefusal } from './slack-refusal.ts';
import { type FakeChannel, type FakeMessage, slackIds } from './slack-state.ts';

const chatWrite = () => ['chat:write'];
/** Above this, Slack was seen to cut a text into several messages. */
const textLimit = 4000;
const metadataLimit = 8000;

/** Throws what Slack answers when the app can't speak there. */
export function channelToSpeakIn({ state, args, switches }: MethodCall): FakeChannel {
  const channel = state.channelForApp(args.text('channel'));
  if (channel.archived) throw new SlackRefusal('is_archived');
  if (!channel.members.has(slackIds.bot) && !switches.scopes.has('chat:write.public')) throw new SlackRefusal('not_in_channel');
  return channel;
}

export function ownMessage({ state, args }: MethodCall, refusal: string): FakeMessage {
  const channel = state.channelForApp(args.text('channel'));
  if (channel.archived) throw new SlackRefusal('is_archived');
  const message = state.find(channel.id, args.text('ts'));
  if (message === undefined || message.ephemeralTo !== undefined) throw new SlackRefusal('message_not_found');
  if (message.user !== slackIds.bot) throw new SlackRefusal(refusal);
  return message;
}

function threadOf({ state, args }: MethodCall, channel: FakeChannel): string | undefined {
  const threadTs = args.optionalText('thread_ts');
  if (threadTs === undefined || threadTs === '') return undefined;
  const parent = state.messages.find((message) => message.channel === channel.id && message.ts === threadTs);
  if (parent === undefined) throw new SlackRefusal('thread_not_found');
  if (parent.threadTs !== undefined && parent.threadTs !== parent.ts) throw new SlackRefusal('cannot_reply_to_message');
  return threadTs;
}

function metadataOf({ args }: MethodCall): Readonly<Record<string, unknown>> | undefined {
  const metadata = args.json('metadata');
  if (metadata === undefined) return undefined;
  const type = typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'event_type') : undefined;
  if (typeof type !== 'string') throw new SlackRefusal('invalid_metadata_format');
  if (JSON.stringify(metadata).length > metadataLimit) throw new SlackRefusal('metadata_too_large');
  return { ...Object(metadata) };
}

export function messageEvent(message: FakeMessage, channel: FakeChannel): Readonly<Record<string, unknown>> {
  const types = { public: 'channel', private: 'group', im: 'im', mpim: 'mpim' } as const;
  return {
    type: 'message',
    channel: channel.id,
    channel_type: types[channel.kind],
    user: message.user,
    text: message.text,
    ts: message.ts,
    event_ts: message.ts,
    ...(message.threadTs === undefined ? {} : { thread_ts: message.threadTs }),
    ...(message.byBot ? { bot_id: slackIds.botProfile, app_id: slackIds.app } : {}),
  };
}

const postMessage: SlackMethod = {
  tier: 'post',
  args: ['channel', 'text', 'blocks', 'thread_ts', 'metadata', 'unfurl_links', 'unfurl_media', 'reply_broadcast', 'mrkdwn'],
  scopes: chatWrite,
  run: (call) => {
    const { args, state } = call;
    const channel = channelToSpeakIn(call);
    const blocks = args.has('blocks') ? checkMessageBlocks(args.json('blocks')) : [];
    const text = (args.optionalText('text') ?? '').slice(0, 40_000);
    if (text === '' && blocks.length === 0) throw new SlackRefusal('no_text');
    checkShownFiles(state, blocks, call.switches);
    const pieces = blocks.length > 0 ? [text] : (text.match(new RegExp(`[\\s\\S]{1,${textLimit}}`, 'g')) ?? []);
    const threadTs = threadOf(call, channel);
    const metadata = metadataOf(call);
    const stored = pieces.map((piece) => state.add({ channel: channel.id, user: slackIds.bot, byBot: true, text: piece, blocks, threadTs, metadata }));
    const first = stored[0];
    if (first === undefined) throw new SlackRefusal('no_text');
    shareFiles(state, first, channel.id);
    state.statuses.delete(`${channel.id} ${threadTs}`); // a reply ends "is thinking"
    for (const message of stored) call.emit(messageEvent(message, channel));
    return { channel: channel.id, ts: first.ts, message: messageEvent(first, channel) };
  },
};

const update: SlackMethod = {
  tier: 3,
  args: ['channel', 'ts', 'text', 'blocks', 'metadata', 'file_ids', 'unfurl_links', 'unfurl_media'],
  scopes: chatWrite,
  run: (call) => {
    const { args, state, switches } = call;
    const message = ownMessage(call, 'cant_update_message');
    if (message.stream?.open === true) throw new SlackRefusal('streaming_state_conflict');
    const text = args.optionalText('text');
    if ((text ?? '').length > textLimit) throw new SlackRefusal('msg_too_long');
    const blocks = args.has('blocks') ? checkMessageBlocks(args.json('blocks')) : text === undefined ? message.blocks : [];
    if ((text ?? '') === '' && blocks.length === 0) throw new SlackRefusal('no_text');
    checkShownFiles(state, blocks, switches);
    message.blocks = blocks;
    message.text = text ?? message.text;
    message.metadata = metadataOf(call) ?? message.metadata;
    message.edits += 1;
    if (switches.updateShares) shareFiles(state, message, message.channel);
    call.emit({
      type: 'message',
      subtype: 'message_changed',
      hidden: true,
      channel: message.channel,
      ts: state.nextTs(),
      message: { user: message.user, ts: message.ts, text: message.text, bot_id: slackIds.botProfile },
    });
    return { channel: message.channel, ts: message.ts, text: message.text };
  },
};

const remove: SlackMethod = {
  tier: 3,
  args: ['channel', 'ts'],
  scopes: chatWrite,
  run: (call) => {
    const message = ownMessage(call, 'cant_delete_message');
    message.deleted = true;
    call.emit(deletedEvent(message));
    return { channel: message.channel, ts: message.ts };
  },
};

export function deletedEvent(message: FakeMessage): Readonly<Record<string, unknown>> {
  return { type: 'message', subtype: 'message_deleted', hidden: true, channel: message.channel, ts: `${message.ts}9`, deleted_ts: message.ts };
}

const postEphemeral: SlackMethod = {
  tier: 4,
  args: ['channel', 'user', 'text', 'blocks', 'thread_ts'],
  scopes: chatWrite,
  run: (call) => {
    const { args, state } = call;
    const channel = channelToSpeakIn(call);
    const user = args.text('user');
    if (!channel.members.has(user)) throw new SlackRefusal('user_not_in_channel');
    const blocks = args.has('blocks') ? checkMessageBlocks(args.json('blocks')) : [];
    const text = args.optionalText('text') ?? '';
    if (text === '' && blocks.length === 0) throw new SlackRefusal('no_text');
    const threadTs = threadOf(call, channel);
    const message = state.add({ channel: channel.id, user: slackIds.bot, byBot: true, text, blocks, ephemeralTo: user, threadTs });
    return { message_ts: message.ts };
  },
};

const getPermalink: SlackMethod = {
  tier: 'free',
  args: ['channel', 'message_ts'],
  scopes: () => [],
  run: ({ args }) => ({
    channel: args.text('channel'),
    permalink: `https://acme.slack.com/archives/${args.text('channel')}/p${args.text('message_ts').replace('.', '')}`,
  }),
};

export const chatMethods: Readonly<Record<string, SlackMethod>> = {
  'chat.postMessage': postMessage,
  'chat.update': update,
  'chat.delete': remove,
  'chat.postEphemeral': postEphemeral,
  'chat.getPermalink': getPermalink,
};
