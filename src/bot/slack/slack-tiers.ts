/**
 * Calls a minute that Slack allows an app in a workspace, per method (tier 2: 20, tier 3: 50, tier 4: 100).
 * Source: docs.slack.dev/apis/web-api/rate-limits.
 */
export const methodLimits = {
  'chat.postMessage': 240,
  'chat.postEphemeral': 100,
  'chat.update': 50,
  'chat.delete': 50,
  'chat.startStream': 20,
  'chat.stopStream': 20,
  'chat.appendStream': 100,
  'assistant.threads.setStatus': 100,
  'assistant.threads.setSuggestedPrompts': 100,
  'assistant.threads.setTitle': 100,
  'files.getUploadURLExternal': 100,
  'files.completeUploadExternal': 100,
  'files.info': 100,
  'files.delete': 50,
  'conversations.replies': 50,
  'conversations.history': 50,
  'users.info': 100,
  'usergroups.list': 20,
  'views.open': 100,
  'views.publish': 100,
} as const satisfies Readonly<Record<string, number>>;

export type SlackMethodName = keyof typeof methodLimits;

/** Asked for once a person or click, many at a time, rather than again and again. */
const comesInRushes: ReadonlySet<SlackMethodName> = new Set(['users.info', 'views.open']);

/** Tokens that fill up with time: never more than `capacity` at once, never faster than `perMs`. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #perMs: number;
  #tokens: number;
  #atMs: number;
  #blockedUntilMs = 0;

  constructor(options: { readonly capacity: number; readonly perMs: number; readonly nowMs: number }) {
    this.#capacity = options.capacity;
    this.#perMs = options.perMs;
    this.#tokens = options.capacity;
    this.#atMs = options.nowMs;
  }

  /** A part at once and the rest over the minute: together never above the limit in any sixty seconds. */
  static ofMethod(method: SlackMethodName, nowMs: number): TokenBucket {
    const limit = methodLimits[method];
    const burst = limit * (comesInRushes.has(method) ? 0.5 : 0.2);
    return new TokenBucket({ capacity: burst, perMs: (limit - burst) / 60_000, nowMs });
  }

  /** Milliseconds until `tokens` are there beside `reserve`; 0: now. */
  waitMs(nowMs: number, reserve = 0): number {
    this.#fill(nowMs);
    const lacking = 1 + Math.min(reserve, this.#capacity - 1) - this.#tokens;
    const forTokens = lacking <= 1e-9 ? 0 : lacking / this.#perMs;
    return Math.max(forTokens, this.#blockedUntilMs - nowMs, 0);
  }

  take(nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens -= 1;
  }

  /** Nothing goes out before this time: Slack said when to come back. */
  block(untilMs: number): void {
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs, untilMs);
  }

  #fill(nowMs: number): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
  }

  get capacity(): number {
    return this.#capacity;
  }
}
