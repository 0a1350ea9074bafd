/**
 * Every error Fresco raises on purpose: a `code` to branch on and the typed facts that go with it.
 * The sentence a person reads is built from code and facts in `src/commands/user-messages.ts`; nothing else reaches a chat.
 */
export interface ErrorFacts {
  // the request itself
  'empty-prompt': Record<string, never>;
  'prompt-too-long': { readonly length: number; readonly limit: number };
  'unreadable-text': { readonly what: string };
  'option-invalid': { readonly option: string; readonly found: string; readonly expected: string };
  'option-unknown': { readonly option: string; readonly known: readonly string[] };
  'command-unknown': { readonly command: string; readonly known: readonly string[] };
  'attachment-refused': { readonly name: string; readonly reason: string };
  'picture-unreadable': { readonly reason: string };
  'picture-too-large': { readonly width: number; readonly height: number; readonly limit: number };
  'size-unsupported': { readonly width: number; readonly height: number; readonly expected: string };
  'not-allowed': { readonly reason: string };
  'not-yours': { readonly what: string };
  'not-found': { readonly what: string };
  'prompt-blocked': { readonly reason: string };
  'picture-blocked': Record<string, never>;
  'vision-unavailable': Record<string, never>;
  // the queue
  'too-many-waiting': { readonly waiting: number; readonly limit: number; readonly retryAfterMs: number };
  'queue-full': { readonly waiting: number; readonly limit: number; readonly retryAfterMs: number };
  'quota-reached': { readonly used: number; readonly limit: number; readonly retryAfterMs: number };
  paused: Record<string, never>;
  'shutting-down': Record<string, never>;
  cancelled: { readonly by: string };
  'deadline-exceeded': { readonly limitMs: number };
  interrupted: Record<string, never>;
  // models and hosts
  'model-unknown': { readonly model: string; readonly known: readonly string[] };
  'model-not-installed': { readonly model: string };
  'model-broken': { readonly model: string; readonly file: string; readonly problem: string };
  'model-unsupported': { readonly model: string; readonly problem: string };
  'lora-unfit': { readonly lora: string; readonly problem: string };
  'sampler-unknown': { readonly sampler: string; readonly known: readonly string[] };
  'context-full': { readonly tokens: number; readonly capacity: number };
  'shape-mismatch': { readonly what: string; readonly expected: string; readonly actual: string };
  'not-a-number': { readonly where: string };
  'out-of-memory': { readonly what: string };
  'memory-budget': { readonly neededBytes: number; readonly budgetBytes: number };
  'host-died': { readonly lane: string; readonly attempts: number };
  'device-unavailable': { readonly device: string; readonly reason: string };
  // the machine and its set-up
  'settings-invalid': { readonly problems: readonly string[] };
  'folder-unwritable': { readonly folder: string };
  'disk-full': { readonly folder: string; readonly neededBytes?: number };
  'port-in-use': { readonly port: number };
  /** `retryAfterMs` is there when the same request may work later. */
  'download-failed': { readonly file: string; readonly reason: string; readonly retryAfterMs?: number };
  'platform-failed': { readonly platform: string; readonly operation: string; readonly reason: string };
  internal: { readonly reference: string };
}

export type ErrorCode = keyof ErrorFacts;

/** An error with a code, typed facts and a cause. Its `message` is for logs, never for chat. */
export class FrescoError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'FrescoError';
  readonly code: Code;
  readonly facts: ErrorFacts[Code];

  constructor(code: Code, facts: ErrorFacts[Code], options?: ErrorOptions) {
    super(`${code} ${JSON.stringify(facts)}`, options);
    this.code = code;
    this.facts = facts;
  }

  /** True for any FrescoError; narrows without losing the code's type. */
  static isOurs(error: unknown): error is FrescoError {
    return error instanceof FrescoError;
  }

  /** True when `error` is a FrescoError with exactly this code; narrows its facts. */
  static is<Wanted extends ErrorCode>(error: unknown, code: Wanted): error is FrescoError<Wanted> {
    return error instanceof FrescoError && error.code === code;
  }
}
