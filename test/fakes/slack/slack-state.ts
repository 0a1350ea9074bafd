import type { Clock } from '../../../src/clock.ts';
import { SlackRefusal } from './slack-refusal.ts';

export interface FakeUser {
  readonly id: string;
  readonly name: string;
  readonly team: string;
  readonly isGuest: boolean;
}
export interface FakeChannel {
  readonly id: string;
  readonly name: string;
  readonly kind: 'public' | 'private' | 'im' | 'mpim';
  readonly members: Set<string>;
  archived: boolean;
  extShared: boolean;
}
export interface FakeFile {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly declaredLength: number;
  altText: string;
  bytes: Buffer | undefined;
  completedAtMs: number | undefined;
  deleted: boolean;
  /** Channels whose members can see it. */
  readonly shares: Set<string>;
}
export type FakeBlock = Readonly<Record<string, unknown>> & { readonly type: string };
export interface FakeMessage {
  readonly ts: string;
  readonly channel: string;
  readonly user: string;
  readonly byBot: boolean;
  readonly threadTs: string | undefined;
  readonly ephemeralTo: string | undefined;
  text: string;
  blocks: readonly FakeBlock[];
  metadata: Readonly<Record<string, unknown>> | undefined;
  files: readonly string[];
  edits: number;
  deleted: boolean;
  stream: { readonly startedAtMs: number; open: boolean; stoppedByUser: boolean } | undefined;
}
export interface FakeView {
  readonly id: string;
  readonly user: string;
  view: Readonly<Record<string, unknown>>;
  open: boolean;
}

export const slackIds = { team: 'T00000001', otherTeam: 'T00000099', bot: 'U0FRESCO', botProfile: 'B0FRESCO', app: 'A0FRESCO' } as const;
/** A new stream is closed by Slack after this time, even while text still arrives. */
const streamLifeMs = 5 * 60_000;

/** Everything the fake workspace remembers. */
export class SlackState {
  readonly clock: Clock;
  readonly users = new Map<string, FakeUser>();
  readonly groups = new Map<string, { readonly handle: string; readonly users: readonly string[] }>();
  readonly channels = new Map<string, FakeChannel>();
  readonly files = new Map<string, FakeFile>();
  readonly views = new Map<string, FakeView>();
  readonly homes = new Map<string, Readonly<Record<string, unknown>>>();
  readonly messages: FakeMessage[] = [];
  readonly statuses = new Map<string, string>();
  readonly titles = new Map<string, string>();
  readonly prompts = new Map<string, readonly unknown[]>();
  readonly reactions = new Set<string>();
  #lastTs = 0;
  #count = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Unique and monotonic, as `1700000000.000100`. */
  nextTs(): string {
    this.#lastTs = Math.max(this.#lastTs + 100, this.clock.now() * 1000);
    return `${Math.floor(this.#lastTs / 1e6)}.${String(this.#lastTs % 1e6).padStart(6, '0')}`;
  }

  nextId(prefix: string): string {
    this.#count += 1;
    return `${prefix}${String(this.#count).padStart(8, '0')}`;
  }

  user(id: string): FakeUser {
    const user = this.users.get(id);
    if (user === undefined) throw new SlackRefusal('user_not_found');
    return user;
  }

  /** The direct channel of the app with this person, opened when first used. */
  directChannel(user: string): FakeChannel {
    this.user(user);
    const id = `D${user.slice(1)}`;
    const known = this.channels.get(id);
    if (known !== undefined) return known;
    const channel: FakeChannel = { id, name: 'directmessage', kind: 'im', members: new Set([user, slackIds.bot]), archived: false, extShared: false };
    this.channels.set(id, channel);
    return channel;
  }

  /** A channel as the app may know of it: a private one it is not in does not exist for it. */
  channelForApp(id: string): FakeChannel {
    const channel = id.startsWith('U') ? this.directChannel(id) : this.channels.get(id);
    if (channel === undefined || (channel.kind !== 'public' && !channel.members.has(slackIds.bot))) throw new SlackRefusal('channel_not_found');
    return channel;
  }

  find(channel: string, ts: string): FakeMessage | undefined {
    return this.messages.find((message) => message.channel === channel && message.ts === ts && !message.deleted);
  }

  add(message: Pick<FakeMessage, 'channel' | 'user' | 'byBot' | 'text'> & Partial<FakeMessage>): FakeMessage {
    const stored: FakeMessage = {
      threadTs: undefined,
      ephemeralTo: undefined,
      blocks: [],
      metadata: undefined,
      files: [],
      stream: undefined,
      ...message,
      ts: this.nextTs(),
      edits: 0,
      deleted: false,
    };
    this.messages.push(stored);
    return stored;
  }

  /** Closes a stream whose time has passed. */
  streamOf(message: FakeMessage): NonNullable<FakeMessage['stream']> {
    if (message.stream === undefined) throw new SlackRefusal('message_not_in_streaming_state');
    if (this.clock.now() - message.stream.startedAtMs >= streamLifeMs) message.stream.open = false;
    if (message.stream.stoppedByUser) throw new SlackRefusal('stopped_by_user');
    if (!message.stream.open) throw new SlackRefusal('message_not_in_streaming_state');
    return message.stream;
  }
}

/** Every Slack file id that these blocks show. */
export function filesInBlocks(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(filesInBlocks);
  if (typeof value !== 'object' || value === null) return [];
  const file = Reflect.get(value, 'slack_file');
  const own = typeof file === 'object' && file !== null ? Reflect.get(file, 'id') : undefined;
  return [...(typeof own === 'string' ? [own] : []), ...Object.entries(value).flatMap(([key, inner]) => (key === 'slack_file' ? [] : filesInBlocks(inner)))];
}
