/** Troubles a test puts in the way of requests. */
export interface Fault {
  /** Tested against `METHOD /path`. */
  readonly on: RegExp;
  /** How many requests it hits. */
  times: number;
  readonly status?: number;
  readonly json?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Waits for this before going on as usual. */
  readonly until?: Promise<void>;
  /** Does as asked, and then cuts the connection instead of answering. */
  readonly loseAnswer?: boolean;
}

export class HttpFaults {
  readonly #faults: Fault[] = [];

  add(fault: Omit<Fault, 'times'> & { readonly times?: number }): void {
    this.#faults.push({ ...fault, times: fault.times ?? 1 });
  }

  /** The fault this request meets, if any. */
  take(request: string): Fault | undefined {
    const fault = this.#faults.find((candidate) => candidate.times > 0 && candidate.on.test(request));
    if (fault !== undefined) fault.times -= 1;
    return fault;
  }
}

/** A 429 out of the blue. */
export const rateLimited = (
  on: RegExp,
  options: { readonly times: number; readonly retryAfterMs: number; readonly isGlobal?: boolean },
): Omit<Fault, 'times'> & { times: number } => ({
  on,
  times: options.times,
  status: 429,
  json: { message: 'You are being rate limited.', retry_after: options.retryAfterMs / 1000, global: options.isGlobal === true },
  headers: {
    'retry-after': String(options.retryAfterMs / 1000),
    'x-ratelimit-scope': options.isGlobal === true ? 'global' : 'user',
    ...(options.isGlobal === true ? { 'x-ratelimit-global': 'true' } : {}),
  },
});
