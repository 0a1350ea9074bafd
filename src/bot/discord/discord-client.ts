import {
  ActivityType,
  ApplicationFlagsBitField,
  Client,
  DefaultRestOptions,
  GatewayIntentBits,
  Options,
  Partials,
  type RateLimitData,
  REST,
  RESTJSONErrorCodes,
  type RESTOptions,
  Routes,
} from 'discord.js';
import { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';
import type { Settings } from '../../settings.ts';
import { failureOf, withoutBody } from './discord-failure.ts';

export type DiscordLogin = NonNullable<Settings['discordLogin']>;

/** What Discord says about the application before anything is connected. */
export interface DiscordApplication {
  readonly id: string;
  readonly name: string;
  /** The person, or the team, that owns it. */
  readonly ownerIds: ReadonlySet<string>;
  /** The portal's switch for reading all messages. */
  readonly mayReadMessages: boolean;
}

const applicationSchema = z.object({
  id: z.string(),
  name: z.string(),
  flags: z.int().default(0),
  owner: z.object({ id: z.string() }).optional(),
  team: z.object({ owner_user_id: z.string(), members: z.array(z.object({ membership_state: z.int(), user: z.object({ id: z.string() }) })) }).nullish(),
});
/** Team members who accepted. */
const acceptedMember = 2;

/** Reads the application behind a token. Throws 'platform-failed' with what the owner must mend. */
export async function readApplication(login: DiscordLogin): Promise<DiscordApplication> {
  const rest = new REST(restOptions(login)).setToken(login.token);
  let raw: unknown;
  try {
    raw = await rest.get(Routes.currentApplication());
  } catch (error) {
    const failure = failureOf(error);
    const reason =
      failure.kind === 'revoked'
        ? 'it does not accept the bot token; copy a new one from the Bot page of the Developer Portal into DISCORD_TOKEN'
        : failure.reason;
    throw new FrescoError('platform-failed', { platform: 'Discord', operation: 'logging in', reason }, { cause: withoutBody(error) });
  }
  const { id, name, flags, owner, team } = applicationSchema.parse(raw);
  const members = (team?.members ?? []).filter((member) => member.membership_state === acceptedMember).map(({ user }) => user.id);
  const owners = team === null || team === undefined ? [owner?.id] : [team.owner_user_id, ...members];
  const allows = new ApplicationFlagsBitField(flags);
  const mayReadMessages = allows.any(['GatewayMessageContent', 'GatewayMessageContentLimited']);
  return { id, name, ownerIds: new Set(owners.filter((one) => one !== undefined)), mayReadMessages };
}

/** Pauses longer than this are ours to wait for, with the clock and the priorities of discord-pace. */
const patientMs = 1500;

/** discord.js repeats a 429 for ever; these routes are paced by us, so it tells us instead. */
const refuseToWait = (limit: RateLimitData): boolean =>
  limit.retryAfter > patientMs ||
  (/^\/(channels|webhooks)/.test(limit.route) && !(limit.global && limit.sublimitTimeout === 0 && limit.limit > 0 && limit.retryAfter <= patientMs));

/** Options of every REST client we open. */
export function restOptions(login: DiscordLogin): Partial<RESTOptions> {
  return {
    api: login.apiUrl,
    timeout: 30_000,
    retries: 2,
    offset: 0, // discord-pace adds its own margin
    rejectOnRateLimit: refuseToWait,
    invalidRequestWarningInterval: 100,
    makeRequest: requestWithVerdict,
  };
}

/** 30046 comes with status 429, but no waiting mends it: handed on as a plain refusal, it ends the retries. */
const requestWithVerdict: RESTOptions['makeRequest'] = async (url, init) => {
  const response = await DefaultRestOptions.makeRequest(url, init);
  if (response.status !== 429) return response;
  const text = await response.text();
  const isVerdict = text.includes(String(RESTJSONErrorCodes.MaximumNumberOfEditsToMessagesOlderThanOneHourReached));
  const headers = new Headers([...response.headers.entries()]);
  return new Response(text, { status: isVerdict ? 400 : 429, statusText: response.statusText, headers });
};

/** What we listen to: servers, their messages, direct messages; all texts only where the owner switched that on. */
export function intentsFor(withMessageContent: boolean): readonly GatewayIntentBits[] {
  const usual = [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.DirectMessages];
  return withMessageContent ? [...usual, GatewayIntentBits.MessageContent] : usual;
}

/** discord.js, set up for us: no mention ever, direct messages, deletions of old messages, as many shards as Discord advises, little memory. */
export function openClient(login: DiscordLogin, options: { readonly withMessageContent: boolean }): Client {
  return new Client({
    intents: [...intentsFor(options.withMessageContent)],
    partials: [Partials.Channel, Partials.Message], // without them direct messages and deletions of old messages are dropped in silence
    allowedMentions: { parse: [], repliedUser: false },
    failIfNotExists: false,
    shards: 'auto',
    rest: restOptions(login),
    presence: { status: 'online', activities: [{ name: 'Fresco', type: ActivityType.Custom, state: idlePresence }] },
    makeCache: Options.cacheWithLimits({
      ...Options.DefaultMakeCacheSettings,
      MessageManager: 25,
      GuildMemberManager: { maxSize: 200, keepOverLimit: (member) => member.id === member.client.user.id },
      PresenceManager: 0,
      ReactionManager: 0,
      GuildEmojiManager: 0,
      GuildStickerManager: 0,
      VoiceStateManager: 0,
      GuildScheduledEventManager: 0,
    }),
  });
}

export const idlePresence = 'Ask me, or /imagine';
