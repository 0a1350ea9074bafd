import type { webApi } from '@slack/bolt';
import type { Finding } from '../finding.ts';
import { openWebClient } from './slack-client.ts';
import { slackFailure } from './slack-failure.ts';
import { slackScopes } from './slack-manifest.ts';
import type { SlackLogin } from './slack-platform.ts';

/** Checks tokens and scopes with Slack itself; each finding that is wrong says how to mend it. Never throws. */
export async function checkSlack(login: SlackLogin, options: { readonly groups?: boolean } = {}): Promise<readonly Finding[]> {
  const bot = await checkBotToken(login, options.groups ?? false);
  const socket = login.appToken === undefined ? [] : [await checkAppToken(login, login.appToken)];
  const secret: readonly Finding[] =
    login.appToken === undefined && login.signingSecret === undefined
      ? [
          {
            check: 'Slack delivery',
            state: 'bad',
            found: 'neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET',
            mend: 'set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP mode',
          },
        ]
      : [];
  return [...bot, ...socket, ...secret];
}

async function checkBotToken({ botToken, apiUrl }: SlackLogin, groups: boolean): Promise<readonly Finding[]> {
  const check = 'Slack bot token';
  try {
    const answer = await openWebClient(botToken, apiUrl).auth.test();
    return [{ check, state: 'good', found: `${answer.user ?? 'a bot'} in ${answer.team ?? 'a workspace'}` }, checkScopes(answer, groups)];
  } catch (error) {
    return [{ check, state: 'bad', found: slackFailure(error).code, mend: tokenMend(error, 'SLACK_BOT_TOKEN', '"OAuth & Permissions"') }];
  }
}

function checkScopes(answer: webApi.WebAPICallResult, groups: boolean): Finding {
  const granted = new Set(answer.response_metadata?.scopes ?? []);
  const missing = slackScopes({ groups }).filter(({ scope }) => !granted.has(scope));
  if (missing.length === 0) return { check: 'Slack scopes', state: 'good', found: `all ${granted.size > 0 ? granted.size : ''} there`.replace('  ', ' ') };
  return {
    check: 'Slack scopes',
    state: 'bad',
    found: `missing: ${missing.map(({ scope, reason }) => `${scope} (${reason})`).join('; ')}`,
    mend: 'add them under "OAuth & Permissions", or paste the manifest of `fresco slack manifest` again, then install the app anew',
  };
}

async function checkAppToken({ apiUrl }: SlackLogin, appToken: string): Promise<Finding> {
  const check = 'Slack app token';
  try {
    await openWebClient(appToken, apiUrl).apiCall('apps.connections.open');
    return { check, state: 'good', found: 'Socket Mode opens' };
  } catch (error) {
    return {
      check,
      state: 'bad',
      found: slackFailure(error).code,
      mend: tokenMend(error, 'SLACK_APP_TOKEN', '"Basic Information", "App-Level Tokens" (scope connections:write)'),
    };
  }
}

function tokenMend(error: unknown, name: string, where: string): string {
  const { kind } = slackFailure(error);
  return kind === 'uncertain' ? 'Slack could not be reached: check the network and SLACK_API_URL' : `copy ${name} again from ${where} on api.slack.com/apps`;
}
