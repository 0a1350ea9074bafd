import { z } from 'zod';
import { checkCommandSet, commandSchema } from './command-schema.ts';
import { guildJson, userJson } from './payloads.ts';
import { checked, DiscordRefusal, refusals } from './refusal.ts';
import { param, type Route, type RouteCall } from './routes.ts';

/** The application itself, its commands, the gateway's address, people and servers. */

const other = { bucket: 'other', major: [], needsToken: true } as const;

function overwriteCommands(call: RouteCall, scope: string): object {
  const { world } = call;
  if (param(call, 'application') !== world.applicationId)
    throw new DiscordRefusal(403, 20012, 'You are not authorized to perform this action on this application');
  if (scope !== 'global' && world.guilds.get(scope)?.hasBot !== true) throw refusals.missingAccess();
  const commands = checked(z.array(commandSchema), call.body);
  checkCommandSet(commands, scope === 'global' ? 'global' : 'guild');
  const stored = commands.map((command) => ({ ...command, id: world.mint.next() }));
  world.commands.set(scope, stored);
  return stored.map((command) => ({ ...command, application_id: world.applicationId, version: '1' }));
}

export const applicationRoutes: readonly Route[] = [
  {
    ...other,
    hash: 'g1gateway',
    method: 'GET',
    pattern: '/gateway/bot',
    handle: ({ world, gateway }) => ({
      status: 200,
      json: {
        url: world.origin.replace('http', 'ws'),
        shards: gateway.shards,
        session_start_limit: { total: 1000, remaining: 999, reset_after: 86_400_000, max_concurrency: 1 },
      },
    }),
  },
  {
    ...other,
    hash: 'a1me',
    method: 'GET',
    pattern: '/applications/@me',
    handle: ({ world }) => ({
      status: 200,
      json: {
        id: world.applicationId,
        name: 'Fresco',
        description: '',
        flags: world.applicationFlags,
        owner: userJson(world.user(world.ownerId)),
        team: null,
        bot_public: true,
        verify_key: '0',
      },
    }),
  },
  {
    ...other,
    hash: 'c1commands',
    method: 'PUT',
    pattern: '/applications/:application/commands',
    handle: (call) => ({ status: 200, json: overwriteCommands(call, 'global') }),
  },
  {
    ...other,
    hash: 'c2commands',
    method: 'PUT',
    pattern: '/applications/:application/guilds/:guild/commands',
    handle: (call) => ({ status: 200, json: overwriteCommands(call, param(call, 'guild')) }),
  },
  {
    ...other,
    hash: 'c3commands',
    method: 'GET',
    pattern: '/applications/:application/commands',
    handle: ({ world }) => ({ status: 200, json: world.commands.get('global') ?? [] }),
  },
  { ...other, hash: 'u1me', method: 'GET', pattern: '/users/@me', handle: ({ world }) => ({ status: 200, json: userJson(world.user(world.botId)) }) },
  {
    ...other,
    hash: 'u2guilds',
    method: 'GET',
    pattern: '/users/@me/guilds',
    handle: ({ world }) => ({
      status: 200,
      json: [...world.guilds.values()]
        .filter(({ hasBot }) => hasBot)
        .map((guild) => ({ id: guild.id, name: guild.name, owner: false, permissions: guild.botPermissions.toString(), features: [] })),
    }),
  },
  {
    ...other,
    hash: 'g2guild',
    method: 'GET',
    pattern: '/guilds/:guild',
    handle: (call) => {
      const guild = call.world.guilds.get(param(call, 'guild'));
      if (guild?.hasBot !== true) throw refusals.unknownGuild();
      return { status: 200, json: guildJson(call.world, guild) };
    },
  },
];
