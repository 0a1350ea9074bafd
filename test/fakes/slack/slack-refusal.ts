/** What the fake answers when it refuses, in Slack's own words. */
export class SlackRefusal extends Error {
  readonly code: string;
  readonly extra: Readonly<Record<string, unknown>>;
  /** Seconds for the Retry-After header; only with `ratelimited`. */
  readonly retryAfterS: number | undefined;

  constructor(code: string, extra: Readonly<Record<string, unknown>> = {}, retryAfterS?: number) {
    super(code);
    this.code = code;
    this.extra = extra;
    this.retryAfterS = retryAfterS;
  }
}

/** Refuses blocks with the pointer to the place that is wrong. */
export function refuseBlocks(problem: string, pointer: string): SlackRefusal {
  const line = `${problem} [json-pointer:${pointer}]`;
  return new SlackRefusal('invalid_blocks', { errors: [line], response_metadata: { messages: [`[ERROR] ${line}`] } });
}
