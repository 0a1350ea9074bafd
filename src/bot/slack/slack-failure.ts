import { webApi } from '@slack/bolt';
import { FrescoError } from '../../fresco-error.ts';

/**
 * Why a call failed, in kinds that the adapter acts on.
 * - `gone`: the message, thread or channel is not there for us any more
 * - `uncertain`: the call may have been done all the same (lost answer, server error)
 */
export type SlackFailureKind = 'rate-limited' | 'login' | 'gone' | 'scope' | 'unsupported' | 'file-not-ready' | 'uncertain' | 'refused';

export interface SlackFailure {
  readonly kind: SlackFailureKind;
  /** Slack's own name for it. */
  readonly code: string;
  readonly retryAfterMs: number | undefined;
  /** The scope that is missing. */
  readonly needed: string | undefined;
}

const kinds: Readonly<Record<string, SlackFailureKind>> = {
  ratelimited: 'rate-limited',
  rate_limited: 'rate-limited',
  message_limit_exceeded: 'rate-limited',
  not_authed: 'login',
  invalid_auth: 'login',
  account_inactive: 'login',
  token_revoked: 'login',
  token_expired: 'login',
  not_allowed_token_type: 'login',
  user_removed_from_team: 'login',
  team_disabled: 'login',
  channel_not_found: 'gone',
  not_in_channel: 'gone',
  is_archived: 'gone',
  message_not_found: 'gone',
  thread_not_found: 'gone',
  cant_update_message: 'gone',
  edit_window_closed: 'gone',
  restricted_action: 'gone',
  messages_tab_disabled: 'gone',
  user_not_found: 'gone',
  missing_scope: 'scope',
  feature_not_enabled: 'unsupported',
  unknown_method: 'unsupported',
  method_deprecated: 'unsupported',
  channel_type_not_supported: 'unsupported',
  not_allowed: 'unsupported',
  internal_error: 'uncertain',
  fatal_error: 'uncertain',
  service_unavailable: 'uncertain',
  request_timeout: 'uncertain',
};

/** Reads what a Web API call threw. */
export function slackFailure(error: unknown): SlackFailure {
  const nothing = { retryAfterMs: undefined, needed: undefined };
  if (error instanceof webApi.WebAPIRateLimitedError) return { ...nothing, kind: 'rate-limited', code: 'ratelimited', retryAfterMs: error.retryAfter * 1000 };
  if (error instanceof webApi.WebAPIPlatformError) {
    const code = error.data.error;
    const isFile = code === 'invalid_blocks' && JSON.stringify(error.data).includes('slack file');
    return { ...nothing, kind: isFile ? 'file-not-ready' : (kinds[code] ?? 'refused'), code, needed: neededScope(error.data) };
  }
  if (error instanceof webApi.WebAPIHTTPError) return { ...nothing, kind: error.statusCode >= 500 ? 'uncertain' : 'refused', code: `http_${error.statusCode}` };
  if (error instanceof webApi.WebAPIRequestError) return { ...nothing, kind: 'uncertain', code: 'no_answer' };
  return { ...nothing, kind: 'refused', code: error instanceof Error ? error.name : 'unknown' };
}

function neededScope(data: object): string | undefined {
  const needed: unknown = Reflect.get(data, 'needed');
  return typeof needed === 'string' ? needed : undefined;
}

/** A failure as the rest of Fresco knows it; the sentence for the owner names Slack's code and, where one is missing, the scope. */
export function platformFailed(operation: string, error: unknown): FrescoError<'platform-failed'> {
  if (FrescoError.is(error, 'platform-failed')) return error;
  const { code, needed } = slackFailure(error);
  const reason = needed === undefined ? code : `${code}: the scope ${needed} is missing; add it to the app and install it again`;
  return new FrescoError('platform-failed', { platform: 'slack', operation, reason }, { cause: error });
}
