import { fileAsSeen } from './file-methods.ts';
import { checkView } from './slack-block-rules.ts';
import type { MethodCall, SlackMethod } from './slack-method.ts';
import { SlackRefusal } from './slack-refusal.ts';
import { type FakeMessage, slackIds } from './slack-state.ts';

const historyScopes = { public: 'channels:history', private: 'groups:history', im: 'im:history', mpim: 'mpim:history' } as const;
const historyScope = ({ state, args }: MethodCall): readonly string[] => [historyScopes[state.channelForApp(args.text('channel')).kind]];

function asSeen(message: FakeMessage, call: MethodCall): Readonly<Record<string, unknown>> {
  return {
    type: 'message',
    user: message.user,
    text: message.text,
    ts: message.ts,
    blocks: message.blocks,
    ...(message.threadTs === undefined ? {} : { thread_ts: message.threadTs }),
    ...(message.byBot ? { bot_id: slackIds.botProfile, app_id: slackIds.app } : {}),
    ...(call.args.flag('include_all_metadata') && message.metadata !== undefined ? { metadata: message.metadata } : {}),
    ...(message.files.length > 0
      ? {
          files: message.files.flatMap((id) =>
            [call.state.files.get(id)].filter((file) => file !== undefined).map((file) => fileAsSeen(file, call.state, call)),
          ),
        }
      : {}),
  };
}

function within(call: MethodCall, messages: readonly FakeMessage[]): readonly FakeMessage[] {
  const { args } = call;
  const oldest = args.optionalText('oldest') ?? '0';
  const latest = args.optionalText('latest') ?? '9999999999.999999';
  const inclusive = args.flag('inclusive');
  return messages.filter(({ ts }) => (inclusive ? ts >= oldest && ts <= latest : ts > oldest && ts < latest));
}

const listArgs = ['channel', 'ts', 'oldest', 'latest', 'inclusive', 'limit', 'include_all_metadata', 'cursor'];

function visible(call: MethodCall): readonly FakeMessage[] {
  const channel = call.state.channelForApp(call.args.text('channel'));
  if (!channel.members.has(slackIds.bot)) throw new SlackRefusal('not_in_channel');
  return call.state.messages.filter((message) => message.channel === channel.id && !message.deleted && message.ephemeralTo === undefined);
}

const history: SlackMethod = {
  tier: 3,
  args: listArgs,
  scopes: historyScope,
  run: (call) => {
    const found = within(
      call,
      visible(call).filter(({ threadTs, ts }) => threadTs === undefined || threadTs === ts),
    );
    return {
      messages: [...found]
        .reverse()
        .slice(0, call.args.number('limit', 100))
        .map((message) => asSeen(message, call)),
      has_more: false,
    };
  },
};

const replies: SlackMethod = {
  tier: 3,
  args: listArgs,
  scopes: historyScope,
  run: (call) => {
    const root = call.args.text('ts');
    const thread = visible(call).filter(({ ts, threadTs }) => ts === root || threadTs === root);
    if (thread.length === 0) throw new SlackRefusal('thread_not_found');
    return {
      messages: within(call, thread)
        .slice(0, call.args.number('limit', 1000))
        .map((message) => asSeen(message, call)),
      has_more: false,
    };
  },
};

const conversationInfo: SlackMethod = {
  tier: 3,
  args: ['channel', 'include_num_members'],
  scopes: () => ['channels:read', 'groups:read'],
  run: ({ state, args }) => {
    const channel = state.channelForApp(args.text('channel'));
    return {
      channel: {
        id: channel.id,
        name: channel.name,
        is_ext_shared: channel.extShared,
        is_archived: channel.archived,
        is_member: channel.members.has(slackIds.bot),
      },
    };
  },
};

const conversationOpen: SlackMethod = {
  tier: 3,
  args: ['users', 'return_im'],
  scopes: () => ['im:write'],
  run: ({ state, args }) => ({ channel: { id: state.directChannel(args.text('users')).id } }),
};

const userInfo: SlackMethod = {
  tier: 4,
  args: ['user', 'include_locale'],
  scopes: () => ['users:read'],
  run: ({ state, args }) => {
    const user = state.user(args.text('user'));
    const outside = user.team !== slackIds.team;
    return {
      user: {
        id: user.id,
        team_id: user.team,
        name: user.name.toLowerCase(),
        real_name: user.name,
        profile: { display_name: user.name, real_name: user.name },
        is_bot: user.id === slackIds.bot,
        is_restricted: user.isGuest,
        is_ultra_restricted: false,
        is_stranger: outside,
      },
    };
  },
};

const userGroups: SlackMethod = {
  tier: 2,
  args: ['include_users', 'include_disabled'],
  scopes: () => ['usergroups:read'],
  run: ({ state, args }) => ({
    usergroups: [...state.groups].map(([id, group]) => ({ id, handle: group.handle, ...(args.flag('include_users') ? { users: group.users } : {}) })),
  }),
};

const viewOpen: SlackMethod = {
  tier: 4,
  args: ['trigger_id', 'view'],
  scopes: () => [],
  run: ({ state, args, trigger }) => {
    const view = checkView(args.json('view'), 'modal');
    const user = trigger.exchange(args.text('trigger_id'));
    const id = state.nextId('V');
    state.views.set(id, { id, user, view, open: true });
    return { view: { id, hash: '1', ...view } };
  },
};

const viewUpdate: SlackMethod = {
  tier: 4,
  args: ['view_id', 'view', 'hash'],
  scopes: () => [],
  run: ({ state, args }) => {
    const open = state.views.get(args.text('view_id'));
    if (open === undefined || !open.open) throw new SlackRefusal('not_found');
    open.view = checkView(args.json('view'), 'modal');
    return { view: { id: open.id, ...open.view } };
  },
};

const viewPublish: SlackMethod = {
  tier: 4,
  args: ['user_id', 'view', 'hash'],
  scopes: () => [],
  run: ({ state, args }) => {
    const user = state.user(args.text('user_id'));
    state.homes.set(user.id, checkView(args.json('view'), 'home'));
    return { view: { id: `V${user.id}` } };
  },
};

const reactionAdd: SlackMethod = {
  tier: 3,
  args: ['channel', 'timestamp', 'name'],
  scopes: () => ['reactions:write'],
  run: ({ state, args }) => {
    const key = `${args.text('channel')} ${args.text('timestamp')} ${args.text('name')}`;
    if (state.reactions.has(key)) throw new SlackRefusal('already_reacted');
    state.reactions.add(key);
    return {};
  },
};

const authTest: SlackMethod = {
  tier: 'free',
  args: [],
  scopes: () => [],
  run: () => ({
    url: 'https://acme.slack.com/',
    team: 'Acme',
    user: 'fresco',
    team_id: slackIds.team,
    user_id: slackIds.bot,
    bot_id: slackIds.botProfile,
    is_enterprise_install: false,
  }),
};

export const workspaceMethods: Readonly<Record<string, SlackMethod>> = {
  'auth.test': authTest,
  'conversations.history': history,
  'conversations.replies': replies,
  'conversations.info': conversationInfo,
  'conversations.open': conversationOpen,
  'users.info': userInfo,
  'usergroups.list': userGroups,
  'views.open': viewOpen,
  'views.update': viewUpdate,
  'views.publish': viewPublish,
  'reactions.add': reactionAdd,
};
