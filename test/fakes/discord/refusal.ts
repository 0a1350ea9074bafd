import type { z } from 'zod';

export interface ErrorTree {
  [key: string]: ErrorTree | readonly { readonly code: string; readonly message: string }[];
}

/** What Discord answers instead of doing as asked. */
export class DiscordRefusal extends Error {
  override readonly name = 'DiscordRefusal';
  readonly status: number;
  readonly code: number;
  readonly errors: ErrorTree | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: number, message: string, extra: { readonly errors?: ErrorTree; readonly headers?: Record<string, string> } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.errors = extra.errors;
    this.headers = extra.headers ?? {};
  }

  toJson(): object {
    return { message: this.message, code: this.code, ...(this.errors === undefined ? {} : { errors: this.errors }) };
  }
}

/** Refusals by Discord's own numbers (its "JSON error codes" page). */
export const refusals = {
  unauthorized: () => new DiscordRefusal(401, 0, '401: Unauthorized'),
  notFound: () => new DiscordRefusal(404, 0, '404: Not Found'),
  unknownChannel: () => new DiscordRefusal(404, 10003, 'Unknown Channel'),
  unknownGuild: () => new DiscordRefusal(404, 10004, 'Unknown Guild'),
  unknownMessage: () => new DiscordRefusal(404, 10008, 'Unknown Message'),
  unknownUser: () => new DiscordRefusal(404, 10013, 'Unknown User'),
  unknownWebhook: () => new DiscordRefusal(404, 10015, 'Unknown Webhook'),
  unknownInteraction: () => new DiscordRefusal(404, 10062, 'Unknown interaction'),
  tooManyFiles: () => new DiscordRefusal(400, 30015, 'Maximum number of attachments in a message reached (10)'),
  oldMessageEdits: (retryAfterMs: number) =>
    new DiscordRefusal(429, 30046, 'Maximum number of edits to messages older than 1 hour reached. Try again later', {
      headers: { 'retry-after': String(Math.ceil(retryAfterMs / 1000)), 'x-ratelimit-scope': 'user' },
    }),
  tooLarge: () => new DiscordRefusal(413, 40005, 'Request entity too large'),
  alreadyAcknowledged: () => new DiscordRefusal(400, 40060, 'Interaction has already been acknowledged.'),
  followUpCap: () => new DiscordRefusal(400, 40094, 'This interaction has hit the maximum number of follow up messages'),
  missingAccess: () => new DiscordRefusal(403, 50001, 'Missing Access'),
  notTheAuthor: () => new DiscordRefusal(403, 50005, 'Cannot edit a message authored by another user'),
  emptyMessage: () => new DiscordRefusal(400, 50006, 'Cannot send an empty message'),
  closedDms: () => new DiscordRefusal(403, 50007, 'Cannot send messages to this user'),
  missingPermissions: () => new DiscordRefusal(403, 50013, 'Missing Permissions'),
  invalidWebhookToken: () => new DiscordRefusal(401, 50027, 'Invalid Webhook Token'),
  archivedThread: () => new DiscordRefusal(400, 50083, 'Thread is archived'),
  invalidJson: () => new DiscordRefusal(400, 50109, 'The request body contains invalid JSON.'),
  noHistory: () => new DiscordRefusal(403, 160002, 'Cannot reply without permission to read message history'),
  threadExists: () => new DiscordRefusal(400, 160004, 'A thread has already been created for this message'),
  lockedThread: () => new DiscordRefusal(403, 160005, 'Thread is locked'),
  autoModerated: () => new DiscordRefusal(400, 200000, 'Message was blocked by automatic moderation'),
} as const satisfies Record<string, (...facts: never[]) => DiscordRefusal>;

/** 50035 with the tree of what is wrong where: `{content: {_errors: [{code, message}]}}`. */
export function invalidForm(faults: readonly { readonly path: readonly PropertyKey[]; readonly code: string; readonly message: string }[]): DiscordRefusal {
  const root: ErrorTree = {};
  for (const { path, code, message } of faults) {
    let node = root;
    for (const key of path) {
      const below = node[String(key)];
      const next: ErrorTree = below === undefined || isLeaf(below) ? {} : below;
      node[String(key)] = next;
      node = next;
    }
    const known = node['_errors'];
    node['_errors'] = [...(known !== undefined && isLeaf(known) ? known : []), { code, message }];
  }
  return new DiscordRefusal(400, 50035, 'Invalid Form Body', { errors: root });
}

const isLeaf = (node: ErrorTree[string]): node is readonly { readonly code: string; readonly message: string }[] => Array.isArray(node);

/** Parses a request body or throws 50035 as Discord words it. */
export function checked<Schema extends z.ZodType>(schema: Schema, body: unknown, prefix: readonly PropertyKey[] = []): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw invalidForm(parsed.error.issues.map((issue) => ({ path: [...prefix, ...issue.path], ...wordsOf(issue) })));
}

function wordsOf(issue: z.core.$ZodIssue): { readonly code: string; readonly message: string } {
  switch (issue.code) {
    case 'too_big':
      return issue.origin === 'string'
        ? { code: 'BASE_TYPE_MAX_LENGTH', message: `Must be ${issue.maximum} or fewer in length.` }
        : { code: 'BASE_TYPE_BAD_LENGTH', message: `Must be ${issue.maximum} or fewer.` };
    case 'too_small':
      return { code: 'BASE_TYPE_BAD_LENGTH', message: `Must be at least ${issue.minimum}.` };
    case 'invalid_type':
      return { code: issue.input === undefined ? 'BASE_TYPE_REQUIRED' : 'BASE_TYPE_BAD_TYPE', message: `This field is required to be ${issue.expected}` };
    case 'invalid_union':
      return { code: 'UNION_TYPE_CHOICES', message: `Value of field "type" is not one of the allowed ones: ${issue.discriminator ?? ''}` };
    case 'unrecognized_keys':
      return { code: 'UNKNOWN_FIELD', message: `No such field: ${issue.keys.join(', ')}` };
    default:
      return { code: issue.message.startsWith('COMPONENT_') ? issue.message : 'BASE_TYPE_CHOICES', message: issue.message };
  }
}
