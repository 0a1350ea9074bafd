import { describe, expect, it } from 'vitest';
import { accessRefusal, isAdmin, limitsFor } from '../../src/commands/access-policy.ts';
import type { Place, Principal } from '../../src/commands/contract.ts';
import { conversationKeySchema } from '../../src/ids.ts';
import { type AccessSettings, loadSettings } from '../../src/settings.ts';

const ana: Principal = { platform: 'discord', workspace: 'server', channel: 'hall', user: 'ana', name: 'Ana', groups: ['artists'], isGuest: false };
const hall: Place = {
  platform: 'discord',
  workspace: 'server',
  channel: 'hall',
  parentChannel: 'hall',
  direct: false,
  conversation: conversationKeySchema.parse('c'),
  ageRestricted: false,
};
const thread: Place = { ...hall, channel: 'thread-1', thread: 'thread-1' };
const direct: Place = { ...hall, workspace: '', channel: 'dm', parentChannel: 'dm', direct: true };
const nobody: AccessSettings['allow'] = { workspaces: [], channels: [], groups: [], users: [] };
const open: AccessSettings = { admins: ['discord:root'], allow: nobody, deny: nobody, guests: false, directMessages: true };
const { limits } = loadSettings({ environment: {}, folder: '/nowhere' });

describe('access', () => {
  it('is everywhere the owner installed the bot, guests excepted', () => {
    expect(accessRefusal(ana, hall, open)).toBeUndefined();
    expect(accessRefusal(ana, direct, open)).toBeUndefined();
    expect(accessRefusal({ ...ana, isGuest: true }, hall, open)).toMatch(/guests/);
    expect(accessRefusal({ ...ana, isGuest: true }, hall, { ...open, guests: true })).toBeUndefined();
    expect(accessRefusal({ ...ana, isGuest: true }, hall, { ...open, allow: { ...nobody, users: ['ana'] } })).toBeUndefined();
  });

  const refusals: readonly (readonly [string, Partial<AccessSettings>, Place])[] = [
    ['this place', { allow: { ...nobody, workspaces: ['other'] } }, hall],
    ['this channel', { allow: { ...nobody, channels: ['other'] } }, hall],
    ['you are not', { allow: { ...nobody, groups: ['admins'] } }, hall],
    ['you are not', { allow: { ...nobody, users: ['ben'] } }, hall],
    ['stay out of', { deny: { ...nobody, workspaces: ['server'] } }, hall],
    ['stay out of', { deny: { ...nobody, channels: ['hall'] } }, thread],
    ['your groups', { deny: { ...nobody, groups: ['artists'] } }, hall],
    ['may not answer', { deny: { ...nobody, users: ['discord:ana'] } }, direct],
    ['no direct messages', { directMessages: false }, direct],
    ['this channel', { allow: { ...nobody, channels: ['hall'] } }, direct],
  ];
  it.each(refusals)('is refused with the reason: %s', (reason, changes, place) => {
    expect(accessRefusal(ana, place, { ...open, ...changes })).toContain(reason);
  });

  it('reaches a thread through its channel', () => {
    expect(accessRefusal(ana, thread, { ...open, allow: { ...nobody, channels: ['hall'] } })).toBeUndefined();
  });

  it('lets admins through every list, and takes nobody’s word for being one', () => {
    const closed: AccessSettings = { ...open, deny: { ...nobody, users: ['root'], channels: ['hall'] } };
    expect(accessRefusal({ ...ana, user: 'root' }, hall, closed)).toBeUndefined();
    expect(isAdmin({ ...ana, user: 'root' }, open)).toBe(true);
    expect(isAdmin({ ...ana, platform: 'slack', user: 'root' }, open)).toBe(false);
    expect(isAdmin({ ...ana, name: 'root' }, open)).toBe(false);
    expect(isAdmin({ ...ana, isOwner: true }, open)).toBe(true);
  });

  it('does not ask the page for places of other platforms', () => {
    const listed: AccessSettings = { ...open, allow: { ...nobody, workspaces: ['server'] }, deny: { ...nobody, users: ['web:eve'] } };
    expect(accessRefusal({ ...ana, platform: 'web', workspace: '' }, { ...direct, platform: 'web' }, listed)).toBeUndefined();
    expect(accessRefusal({ ...ana, platform: 'web', user: 'eve' }, { ...direct, platform: 'web' }, listed)).toBeDefined();
  });

  it('takes a person’s own limits, else the best of their groups’, else everyone’s', () => {
    const some = { ...limits, perHour: 10, groups: { artists: { waiting: 20, perHour: 30 }, slow: { waiting: 2 } }, users: { ben: { waiting: 1 } } };
    expect(limitsFor({ ...ana, groups: [] }, some)).toEqual({ waiting: 5, perHour: 10, maxSteps: 150 });
    expect(limitsFor({ ...ana, groups: ['slow', 'artists'] }, some)).toEqual({ waiting: 20, perHour: 30, maxSteps: 150 });
    expect(limitsFor({ ...ana, user: 'ben' }, some)).toEqual({ waiting: 1, perHour: 30, maxSteps: 150 });
  });
});
