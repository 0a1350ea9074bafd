import type { Clock } from '../../clock.ts';
import type { Principal } from '../../commands/contract.ts';
import type { Logger } from '../../logger.ts';
import type { SlackClient } from './slack-client.ts';
import { slackFailure } from './slack-failure.ts';

interface Profile {
  readonly name: string;
  /** Guests of this workspace and people of others. */
  readonly isGuest: boolean;
  readonly team: string | undefined;
  readonly isBot: boolean;
  readonly readAtMs: number;
}

const profileLifeMs = 60 * 60_000;
const groupsLifeMs = 10 * 60_000;
const mostProfiles = 20_000;

export interface SlackPeopleOptions {
  readonly client: SlackClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly team: string;
  /** Groups are only read where a rule names one: that needs a further scope. */
  readonly usesGroups: boolean;
}

/** Who people are: their name, whether they are guests, their user groups. Read once an hour, kept in memory. */
export class SlackPeople {
  readonly #options: SlackPeopleOptions;
  readonly #profiles = new Map<string, Profile>();
  readonly #reading = new Map<string, Promise<Profile>>();
  #groups: { readonly byUser: ReadonlyMap<string, readonly string[]>; readonly readAtMs: number } | undefined;

  constructor(options: SlackPeopleOptions) {
    this.#options = options;
  }

  /** The person as access rules see them. Whoever cannot be looked up counts as a guest: the door stays shut rather than open. */
  async principal(user: string, channel: string, team?: string): Promise<Principal> {
    const [profile, groups] = await Promise.all([this.#profile(user), this.#groupsOf(user)]);
    const home = team !== undefined && team !== this.#options.team ? team : (profile.team ?? this.#options.team);
    return {
      platform: 'slack',
      workspace: home,
      channel,
      user,
      name: profile.name,
      groups: groups ?? [],
      isGuest: profile.isGuest || groups === undefined || home !== this.#options.team,
    };
  }

  async nameOf(user: string): Promise<string> {
    return (await this.#profile(user)).name;
  }

  async names(users: readonly string[]): Promise<(user: string) => string> {
    const found = new Map(await Promise.all([...new Set(users)].map(async (user) => [user, await this.nameOf(user)] as const)));
    return (user) => found.get(user) ?? user;
  }

  async #profile(user: string): Promise<Profile> {
    const known = this.#profiles.get(user);
    if (known !== undefined && this.#options.clock.now() - known.readAtMs < profileLifeMs) return known;
    const reading = this.#reading.get(user) ?? this.#read(user).finally(() => this.#reading.delete(user));
    this.#reading.set(user, reading);
    return reading;
  }

  async #read(user: string): Promise<Profile> {
    const { client, clock, logger } = this.#options;
    try {
      const { user: found } = await client.call({ method: 'users.info', priority: 'first' }, () => client.web.users.info({ user }));
      const profile = {
        name:
          [found?.profile?.display_name, found?.profile?.real_name, found?.real_name, found?.name].find((name) => name !== undefined && name !== '') ?? user,
        isGuest: found?.is_restricted === true || found?.is_ultra_restricted === true || Reflect.get(found ?? {}, 'is_stranger') === true,
        team: found?.team_id,
        isBot: found?.is_bot === true,
        readAtMs: clock.now(),
      };
      if (this.#profiles.size >= mostProfiles) this.#profiles.clear();
      this.#profiles.set(user, profile);
      return profile;
    } catch (error) {
      logger.warn({ code: slackFailure(error).code }, 'a person could not be looked up and counts as a guest');
      return { name: user, isGuest: true, team: undefined, isBot: false, readAtMs: 0 };
    }
  }

  /** Undefined where they can't be read: a rule that denies a group must not be passed by for that. */
  async #groupsOf(user: string): Promise<readonly string[] | undefined> {
    const { client, clock, usesGroups, logger } = this.#options;
    if (!usesGroups) return [];
    if (this.#groups === undefined || clock.now() - this.#groups.readAtMs > groupsLifeMs) {
      try {
        const { usergroups = [] } = await client.call({ method: 'usergroups.list', priority: 'first' }, () =>
          client.web.usergroups.list({ include_users: true }),
        );
        const byUser = new Map<string, string[]>();
        for (const { id, users = [] } of usergroups) {
          for (const member of users) byUser.set(member, [...(byUser.get(member) ?? []), ...(id === undefined ? [] : [id])]);
        }
        this.#groups = { byUser, readAtMs: clock.now() };
      } catch (error) {
        logger.warn({ code: slackFailure(error).code }, 'user groups could not be read');
      }
    }
    return this.#groups === undefined ? undefined : (this.#groups.byUser.get(user) ?? []);
  }
}
