import { SlackRefusal } from './slack-refusal.ts';

/** Fields that arrive as JSON inside a form. */
const jsonFields = new Set(['blocks', 'metadata', 'files', 'view', 'chunks', 'prompts', 'loading_messages', 'file_ids']);

/** The arguments of one Web API call, as typed reads that refuse what is missing or wrong. */
export class SlackArguments {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(form: URLSearchParams, allowed: readonly string[]) {
    const values: Record<string, unknown> = {};
    for (const [key, value] of form) {
      if (key === 'token' || key === 'team_id') continue;
      if (!allowed.includes(key)) throw new SlackRefusal('invalid_arg_name', { response_metadata: { messages: [`[ERROR] unexpected argument ${key}`] } });
      values[key] = jsonFields.has(key) ? parseJson(key, value) : value;
    }
    this.#values = values;
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined;
  }

  text(key: string): string {
    const value = this.optionalText(key);
    if (value === undefined || value === '') throw missing(key);
    return value;
  }

  optionalText(key: string): string | undefined {
    const value = this.#values[key];
    return value === undefined ? undefined : String(value);
  }

  number(key: string, fallback: number): number {
    const value = Number(this.optionalText(key) ?? fallback);
    if (!Number.isFinite(value)) throw new SlackRefusal('invalid_arguments');
    return value;
  }

  flag(key: string): boolean {
    return this.optionalText(key) === 'true';
  }

  json(key: string): unknown {
    return this.#values[key];
  }
}

const missing = (key: string): SlackRefusal =>
  new SlackRefusal('invalid_arguments', { response_metadata: { messages: [`[ERROR] missing required field: ${key}`] } });

function parseJson(key: string, value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    throw new SlackRefusal(key === 'blocks' ? 'invalid_blocks_format' : 'invalid_arguments');
  }
}
