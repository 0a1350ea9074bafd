import type { CommandSpec } from '../../commands/command-spec.ts';
import { commandSpecs } from '../../commands/command-table.ts';
import type { Settings } from '../../settings.ts';
import { suggestedPrompts } from './slack-assistant.ts';
import { messageShortcuts, paintShortcut } from './slack-shortcuts.ts';

export interface SlackManifestOptions {
  /** Leaves out `/imagine` and `/ask`, for workspaces where the names are taken. */
  readonly single?: boolean;
  /** HTTP mode: the public address that leads to Fresco's `/slack/events`. Absent: Socket Mode. */
  readonly requestUrl?: string;
  /** The access rules or limits name a user group. */
  readonly groups?: boolean;
  readonly specs?: readonly CommandSpec[];
}

interface Need {
  readonly scope: string;
  readonly reason: string;
}

/** Every scope the adapter uses, and the call or event that needs it. */
const needs: readonly Need[] = [
  { scope: 'app_mentions:read', reason: 'to hear when somebody mentions the bot' },
  { scope: 'assistant:write', reason: 'suggested prompts and titles in the assistant pane' },
  { scope: 'channels:history', reason: 'follow-ups in its threads without a mention, and summaries, in public channels' },
  { scope: 'chat:write', reason: 'to answer, to change and delete its own messages, to stream' },
  { scope: 'commands', reason: 'slash commands and shortcuts' },
  { scope: 'files:read', reason: 'to know when an uploaded picture can be shown, and to fetch pictures and texts that people send' },
  { scope: 'files:write', reason: 'to upload pictures and delete superseded previews' },
  { scope: 'groups:history', reason: 'the same as channels:history, in private channels it was invited to' },
  { scope: 'im:history', reason: 'to hear direct messages' },
  { scope: 'mpim:history', reason: 'to hear group direct messages it was invited to' },
  { scope: 'users:read', reason: 'names in shared conversations, and to tell guests and people of other workspaces apart' },
];
const groupNeed: Need = { scope: 'usergroups:read', reason: 'the access rules or limits name a user group' };

const botEvents = [
  'agent_session_stopped',
  'app_home_opened',
  'app_mention',
  'app_uninstalled',
  'message.channels',
  'message.groups',
  'message.im',
  'message.mpim',
  'tokens_revoked',
] as const;

/** User groups are looked up only where a rule names one (`S…`). */
export function usesGroups({ access, limits }: Pick<Settings, 'access' | 'limits'>): boolean {
  return [...access.allow.groups, ...access.deny.groups, ...Object.keys(limits.groups)].some((group) => /^(slack:)?S[A-Z0-9]+$/.test(group));
}

/** The scopes that the bot needs, each with its reason. */
export function slackScopes({ groups }: { readonly groups: boolean }): readonly Need[] {
  return groups ? [...needs, groupNeed] : needs;
}

/** Commands that have a name of their own in Slack, besides `/fresco`. */
const ownCommands = ['imagine', 'ask'];

/** The app's manifest as JSON, ready for Slack's "create an app from a manifest". */
export function slackManifest(options: SlackManifestOptions = {}): string {
  return JSON.stringify(slackManifestOf(options), undefined, 2);
}

/** The manifest, made from what the adapter really uses. */
export function slackManifestOf({ specs = commandSpecs, single = false, groups = false, requestUrl }: SlackManifestOptions) {
  const address = requestUrl === undefined ? {} : { url: requestUrl };
  const request = requestUrl === undefined ? {} : { request_url: requestUrl };
  const names = specs.filter(({ adminOnly }) => adminOnly !== true).map(({ name }) => name);
  const own = single ? [] : specs.filter(({ name }) => ownCommands.includes(name));
  return {
    display_information: { name: 'Fresco', description: 'Writes and paints on your own hardware', background_color: '#1d2b3a' },
    features: {
      app_home: { home_tab_enabled: true, messages_tab_enabled: true, messages_tab_read_only_enabled: false },
      bot_user: { display_name: 'fresco', always_online: true },
      agent_view: {
        agent_description: 'Ask a question or have a picture painted, on your own hardware',
        suggested_prompts: suggestedPrompts.map((prompt) => ({ ...prompt })),
      },
      slash_commands: [
        {
          command: '/fresco',
          description: 'Ask, paint, and everything else',
          usage_hint: `[${names.join('|')}] …`.slice(0, 1000),
          should_escape: false,
          ...address,
        },
        ...own.map(({ name, description, example }) => ({
          command: `/${name}`,
          description,
          usage_hint: example.replace(`/${name} `, ''),
          should_escape: false,
          ...address,
        })),
      ],
      shortcuts: [
        { name: 'Paint a picture', type: 'global', callback_id: paintShortcut, description: 'Open the painting form' },
        ...messageShortcuts.map(({ menu, name, description }) => ({ name, type: 'message', callback_id: menu, description })),
      ],
    },
    oauth_config: { scopes: { bot: slackScopes({ groups }).map(({ scope }) => scope) } },
    settings: {
      event_subscriptions: { ...request, bot_events: [...botEvents] },
      interactivity: { is_enabled: true, ...request },
      socket_mode_enabled: requestUrl === undefined,
      org_deploy_enabled: false,
      token_rotation_enabled: false,
    },
  };
}
