import { DiscordAPIError, HTTPError, RateLimitError, RESTJSONErrorCodes } from 'discord.js';
import { FrescoError } from '../../fresco-error.ts';

/** What a refusal of Discord means for the message it was about. */
export type DiscordFailure =
  /** The message, channel or server is no longer there. */
  | { readonly kind: 'gone'; readonly reason: string }
  /** The interaction's fifteen minutes are over. */
  | { readonly kind: 'token-expired'; readonly reason: string }
  /** Discord does not know the interaction: acknowledged later than three seconds, or very old. */
  | { readonly kind: 'late'; readonly reason: string }
  | { readonly kind: 'already-acknowledged'; readonly reason: string }
  | { readonly kind: 'forbidden'; readonly reason: string }
  | { readonly kind: 'too-large'; readonly reason: string }
  /** Older than an hour: edited no more. */
  | { readonly kind: 'too-old'; readonly reason: string }
  | { readonly kind: 'archived'; readonly reason: string }
  | { readonly kind: 'moderated'; readonly reason: string }
  | { readonly kind: 'rate-limited'; readonly reason: string; readonly retryAfterMs: number; readonly isGlobal: boolean }
  /** We sent something Discord does not take: a fault of ours. */
  | { readonly kind: 'refused'; readonly reason: string; readonly where: string }
  /** The bot's token is not accepted any more. */
  | { readonly kind: 'revoked'; readonly reason: string }
  /** Discord or the network has trouble; may go well later. */
  | { readonly kind: 'unavailable'; readonly reason: string };

/** Automatic moderation refused the text; not among the library's constants. */
const autoModerationCodes: readonly unknown[] = [200_000, 200_001];
/** No mutual server, so that no direct message may be sent; not among the library's constants. */
const noMutualServer = 50_278;

const goneCodes: readonly unknown[] = [RESTJSONErrorCodes.UnknownMessage, RESTJSONErrorCodes.UnknownChannel, RESTJSONErrorCodes.UnknownGuild];
const forbiddenCodes: readonly unknown[] = [
  RESTJSONErrorCodes.MissingAccess,
  RESTJSONErrorCodes.MissingPermissions,
  RESTJSONErrorCodes.CannotSendMessagesToThisUser,
  RESTJSONErrorCodes.CannotReplyWithoutPermissionToReadMessageHistory,
  RESTJSONErrorCodes.ThreadLocked,
  noMutualServer,
];

/** Reads what discord.js threw. */
export function failureOf(error: unknown): DiscordFailure {
  if (error instanceof RateLimitError) return { kind: 'rate-limited', reason: 'too many requests', retryAfterMs: error.retryAfter, isGlobal: error.global };
  if (error instanceof DiscordAPIError) return ofApi(error);
  if (error instanceof HTTPError) return { kind: 'unavailable', reason: `Discord answered with status ${error.status}` };
  if (error instanceof Error && error.message.startsWith('Expected token to be set')) return { kind: 'revoked', reason: revokedReason };
  return { kind: 'unavailable', reason: error instanceof Error ? `${error.name}${'code' in error ? ` ${String(error.code)}` : ''}` : 'unknown' };
}

const revokedReason = 'the bot token is no longer accepted; set a new DISCORD_TOKEN and start again';

function ofApi(error: DiscordAPIError): DiscordFailure {
  const { code, status } = error;
  const reason = `${error.rawError && 'message' in error.rawError ? error.rawError.message : error.name} (${code})`;
  if (goneCodes.includes(code)) return { kind: 'gone', reason };
  if (code === RESTJSONErrorCodes.InvalidWebhookToken || code === RESTJSONErrorCodes.UnknownWebhook) return { kind: 'token-expired', reason };
  if (code === RESTJSONErrorCodes.UnknownInteraction) return { kind: 'late', reason };
  if (code === RESTJSONErrorCodes.InteractionHasAlreadyBeenAcknowledged) return { kind: 'already-acknowledged', reason };
  if (forbiddenCodes.includes(code)) return { kind: 'forbidden', reason };
  if (code === RESTJSONErrorCodes.RequestEntityTooLarge || code === RESTJSONErrorCodes.FileUploadedExceedsMaximumSize || status === 413)
    return { kind: 'too-large', reason };
  if (code === RESTJSONErrorCodes.MaximumNumberOfEditsToMessagesOlderThanOneHourReached) return { kind: 'too-old', reason };
  if (code === RESTJSONErrorCodes.InvalidActionOnArchivedThread) return { kind: 'archived', reason };
  if (autoModerationCodes.includes(code)) return { kind: 'moderated', reason };
  if (status === 401) return { kind: 'revoked', reason: revokedReason };
  if (status === 403) return { kind: 'forbidden', reason };
  return { kind: 'refused', reason, where: faultyFields(error) };
}

/** Which fields were wrong, without what they held. */
function faultyFields({ rawError }: DiscordAPIError): string {
  const tree: unknown = typeof rawError === 'object' && rawError !== null && 'errors' in rawError ? rawError.errors : undefined;
  return JSON.stringify(tree ?? {}, (key, value: unknown) => (key === 'message' ? undefined : value)).slice(0, 500);
}

/** The failure as the rest of Fresco knows it. */
export function platformFailed(operation: string, error: unknown): FrescoError<'platform-failed'> {
  return new FrescoError('platform-failed', { platform: 'Discord', operation, reason: failureOf(error).reason }, { cause: withoutBody(error) });
}

/** discord.js keeps the request's body in its errors; what people wrote must not travel on to a log. */
export function withoutBody(error: unknown): unknown {
  if (!(error instanceof DiscordAPIError)) return error;
  return new Error(`${error.method} ${error.status} ${failureOf(error).reason}`);
}
