import { channelToSpeakIn, ownMessage } from './chat-methods.ts';
import { checkMessageBlocks } from './slack-block-rules.ts';
import type { MethodCall, SlackMethod } from './slack-method.ts';
import { SlackRefusal } from './slack-refusal.ts';
import { slackIds } from './slack-state.ts';

const chatWrite = () => ['chat:write'];
const callLimit = 12_000;

function markdownOf({ args }: MethodCall): string {
  const text = args.optionalText('markdown_text') ?? '';
  if (text.length > callLimit) throw new SlackRefusal('msg_too_long');
  return text;
}

const startStream: SlackMethod = {
  tier: 2,
  args: ['channel', 'thread_ts', 'markdown_text', 'recipient_user_id', 'recipient_team_id'],
  scopes: chatWrite,
  run: (call) => {
    const { args, state, switches } = call;
    const channel = channelToSpeakIn(call);
    if (!switches.agentFeatures) throw new SlackRefusal('feature_not_enabled');
    const threadTs = args.text('thread_ts');
    if (!state.messages.some((message) => message.channel === channel.id && message.ts === threadTs)) throw new SlackRefusal('thread_not_found');
    if (channel.kind !== 'im') {
      if (!switches.streamsInChannels) throw new SlackRefusal('channel_type_not_supported');
      if (!args.has('recipient_user_id')) throw new SlackRefusal('missing_recipient_user_id');
      if (!args.has('recipient_team_id')) throw new SlackRefusal('missing_recipient_team_id');
    }
    const message = state.add({
      channel: channel.id,
      user: slackIds.bot,
      byBot: true,
      text: markdownOf(call),
      threadTs,
      stream: { startedAtMs: state.clock.now(), open: true, stoppedByUser: false },
    });
    state.statuses.delete(`${channel.id} ${threadTs}`);
    return { channel: channel.id, ts: message.ts };
  },
};

const appendStream: SlackMethod = {
  tier: 4,
  args: ['channel', 'ts', 'markdown_text'],
  scopes: chatWrite,
  run: (call) => {
    const message = ownMessage(call, 'message_not_owned_by_app');
    call.state.streamOf(message);
    message.text += markdownOf(call);
    return { channel: message.channel, ts: message.ts };
  },
};

const stopStream: SlackMethod = {
  tier: 2,
  args: ['channel', 'ts', 'markdown_text', 'blocks', 'metadata'],
  scopes: chatWrite,
  run: (call) => {
    const message = ownMessage(call, 'message_not_owned_by_app');
    const stream = call.state.streamOf(message);
    const blocks = call.args.has('blocks') ? checkMessageBlocks(call.args.json('blocks')) : [];
    message.text += markdownOf(call);
    message.blocks = blocks;
    stream.open = false;
    return { channel: message.channel, ts: message.ts };
  },
};

const agentOnly = ({ switches }: MethodCall): void => {
  if (!switches.agentFeatures) throw new SlackRefusal('feature_not_enabled');
};

const setStatus: SlackMethod = {
  tier: 4,
  args: ['channel_id', 'thread_ts', 'status', 'loading_messages'],
  scopes: chatWrite,
  run: (call) => {
    agentOnly(call);
    const { args, state } = call;
    const key = `${state.channelForApp(args.text('channel_id')).id} ${args.text('thread_ts')}`;
    const status = args.optionalText('status') ?? '';
    if (status === '') state.statuses.delete(key);
    else state.statuses.set(key, status);
    return {};
  },
};

const setSuggestedPrompts: SlackMethod = {
  tier: 4,
  args: ['channel_id', 'thread_ts', 'title', 'prompts'],
  scopes: () => ['assistant:write'],
  run: (call) => {
    agentOnly(call);
    const prompts = call.args.json('prompts');
    const isPrompt = (prompt: unknown): boolean =>
      typeof Reflect.get(Object(prompt), 'title') === 'string' && typeof Reflect.get(Object(prompt), 'message') === 'string';
    if (!Array.isArray(prompts) || prompts.length === 0 || prompts.length > 4 || !prompts.every(isPrompt)) throw new SlackRefusal('invalid_arguments');
    call.state.prompts.set(call.state.channelForApp(call.args.text('channel_id')).id, prompts);
    return {};
  },
};

const setTitle: SlackMethod = {
  tier: 4,
  args: ['channel_id', 'thread_ts', 'title'],
  scopes: () => ['assistant:write'],
  run: (call) => {
    agentOnly(call);
    call.state.titles.set(`${call.args.text('channel_id')} ${call.args.text('thread_ts')}`, call.args.text('title'));
    return {};
  },
};

export const streamMethods: Readonly<Record<string, SlackMethod>> = {
  'chat.startStream': startStream,
  'chat.appendStream': appendStream,
  'chat.stopStream': stopStream,
  'assistant.threads.setStatus': setStatus,
  'assistant.threads.setSuggestedPrompts': setSuggestedPrompts,
  'assistant.threads.setTitle': setTitle,
};
