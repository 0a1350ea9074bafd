import { PermissionsBitField, REST, Routes } from 'discord.js';
import { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';
import { type DiscordApplication, type DiscordLogin, readApplication, restOptions } from './discord-client.ts';
import { failureOf } from './discord-failure.ts';
import { inviteLink, neededPermissionNames, neededPermissions } from './discord-invite.ts';

/** One line of the owner's check-up. */
export interface DiscordFinding {
  readonly level: 'ok' | 'warning' | 'problem';
  readonly what: string;
  /** How to mend it. */
  readonly remedy?: string;
}

const guildsSchema = z.array(z.object({ id: z.string(), name: z.string(), permissions: z.string().regex(/^\d+$/).default('0') }));

/** Checks token, intents and permissions without connecting to the gateway. Never throws. */
export async function checkDiscord(login: DiscordLogin): Promise<readonly DiscordFinding[]> {
  let application: DiscordApplication;
  try {
    application = await readApplication(login);
  } catch (error) {
    const reason = FrescoError.is(error, 'platform-failed') ? error.facts.reason : 'unknown';
    return [
      {
        level: 'problem',
        what: `Discord: ${reason}`,
        remedy: 'The token is on the Bot page of https://discord.com/developers/applications; put it into DISCORD_TOKEN in .env.',
      },
    ];
  }
  const findings: DiscordFinding[] = [{ level: 'ok', what: `Discord accepts the token of ${application.name}.` }];
  findings.push(application.mayReadMessages ? { level: 'ok', what: 'The message-content intent is on.' } : missingIntent);
  findings.push(...(await checkServers(login, application.id)));
  return findings;
}

const missingIntent: DiscordFinding = {
  level: 'warning',
  what: 'The message-content intent is off: in its own threads the bot must be mentioned, and a reply to a picture needs a mention.',
  remedy: 'Switch on “Message Content Intent” on the Bot page of https://discord.com/developers/applications and start again. It is no must.',
};

async function checkServers(login: DiscordLogin, applicationId: string): Promise<DiscordFinding[]> {
  try {
    const rest = new REST(restOptions(login)).setToken(login.token);
    const guilds = guildsSchema.parse(await rest.get(Routes.userGuilds()));
    const invite = inviteLink(applicationId);
    if (guilds.length === 0) return [{ level: 'problem', what: 'The bot is in no server yet.', remedy: `Open ${invite}` }];
    if (login.server !== undefined && !guilds.some(({ id }) => id === login.server)) {
      return [
        {
          level: 'problem',
          what: `The bot is not in the server ${login.server} that DISCORD_SERVER names.`,
          remedy: `Open ${invite}, or take DISCORD_SERVER out.`,
        },
      ];
    }
    return guilds.map((guild) => checkPermissions(guild, invite));
  } catch (error) {
    return [{ level: 'warning', what: `The servers could not be read: ${failureOf(error).reason}.` }];
  }
}

function checkPermissions(guild: z.infer<typeof guildsSchema>[number], invite: string): DiscordFinding {
  const granted = new PermissionsBitField(BigInt(guild.permissions));
  const missing = neededPermissionNames.filter((name) => !granted.has(name));
  if (missing.length === 0) return { level: 'ok', what: `${guild.name}: all permissions are there.` };
  const names = missing.map((name) => neededPermissions[name]).join(', ');
  return { level: 'warning', what: `${guild.name}: the bot lacks ${names}.`, remedy: `Give its role these permissions, or open ${invite} again.` };
}
