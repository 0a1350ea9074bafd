import type { AccessSettings, LimitSettings } from '../settings.ts';
import type { Place, PlatformName, Principal } from './contract.ts';

/** Runs the bot: listed as an admin, or vouched for by the platform as its owner. */
export function isAdmin(principal: Principal, access: AccessSettings): boolean {
  return principal.isOwner === true || access.admins.includes(`${principal.platform}:${principal.user}`);
}

/**
 * Why this person may not ask here, as the end of a sentence; undefined where they may. Pure.
 * Admins may always. Deny wins over allow; an allow-list that names something must name this place or person; where the owner
 * installed the bot, everyone but guests and people of other organisations may. The page has its password instead of lists.
 */
export function accessRefusal(principal: Principal, place: Place, access: AccessSettings): string | undefined {
  if (isAdmin(principal, access)) return undefined;
  const { allow, deny } = access;
  const lists = (listed: readonly string[], ids: readonly string[]) => ids.some((id) => id !== '' && namesId(listed, principal.platform, id));
  const channels = [place.channel, place.parentChannel, place.thread ?? ''];
  if (lists(deny.users, [principal.user])) return 'you are on the list of those I may not answer';
  if (lists(deny.groups, principal.groups)) return 'one of your groups is on the list of those I may not answer';
  if (isOwnHouse(principal.platform)) return undefined;
  if (lists(deny.workspaces, [place.workspace]) || lists(deny.channels, channels)) return 'this place is on the list of those I stay out of';
  const isNamed = lists(allow.users, [principal.user]);
  if (principal.isGuest && !access.guests && !isNamed) return 'guests and people of other organisations are not let in';
  if (place.direct && !access.directMessages) return 'I take no direct messages';
  if (allow.users.length + allow.groups.length > 0 && !isNamed && !lists(allow.groups, principal.groups)) return 'you are not on the list of those I answer';
  if (place.direct && isNamed) return undefined;
  if (allow.workspaces.length > 0 && !lists(allow.workspaces, [place.workspace])) return 'this place is not on the list of those I work in';
  if (allow.channels.length > 0 && !lists(allow.channels, channels)) return 'this channel is not on the list of those I work in';
  return undefined;
}

function isOwnHouse(platform: PlatformName): boolean {
  return platform === 'web' || platform === 'terminal';
}

function namesId(listed: readonly string[], platform: PlatformName, id: string): boolean {
  return listed.includes(id) || listed.includes(`${platform}:${id}`);
}

/** How much one person may have. */
export interface PersonalLimits {
  /** Jobs waiting at once. */
  readonly waiting: number;
  /** Jobs within any 60 minutes; undefined: as many as they like. */
  readonly perHour: number | undefined;
  readonly maxSteps: number;
}

/** A person's own limits, else the most generous of their groups', else the general ones. Pure. */
export function limitsFor(principal: Principal, limits: LimitSettings): PersonalLimits {
  const own = limits.users[principal.user] ?? limits.users[`${principal.platform}:${principal.user}`];
  const groups = principal.groups.flatMap((group) => limits.groups[group] ?? limits.groups[`${principal.platform}:${group}`] ?? []);
  const best = (key: 'waiting' | 'perHour' | 'maxSteps'): number | undefined => {
    const values = groups.flatMap((limit) => limit[key] ?? []);
    return own?.[key] ?? (values.length === 0 ? undefined : Math.max(...values));
  };
  return {
    waiting: best('waiting') ?? limits.waitingPerUser,
    perHour: best('perHour') ?? limits.perHour,
    maxSteps: best('maxSteps') ?? limits.maxSteps,
  };
}
