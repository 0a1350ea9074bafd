import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { config as readDotenv } from 'dotenv';
import { z } from 'zod';
import { FrescoError } from './fresco-error.ts';

/** A yes or no as people write it in an environment file. */
const yesNo = z.enum(['true', 'false', '1', '0', 'yes', 'no', 'on', 'off']).transform((word) => ['true', '1', 'yes', 'on'].includes(word));
const port = z.coerce.number().pipe(z.int().min(0).max(65_535));

const environmentSchema = z.object({
  DISCORD_TOKEN: z.string().min(20).optional(),
  DISCORD_API_URL: z.url().default('https://discord.com/api'),
  DISCORD_SERVER: z
    .string()
    .regex(/^\d{17,20}$/)
    .optional(),
  SLACK_BOT_TOKEN: z.string().startsWith('xoxb-').optional(),
  SLACK_APP_TOKEN: z.string().startsWith('xapp-').optional(),
  SLACK_SIGNING_SECRET: z.string().min(8).optional(),
  SLACK_API_URL: z.url().default('https://slack.com/api/'),
  SLACK_PORT: port.default(3000),
  FRESCO_DATA_DIR: z.string().min(1).default('./data'),
  FRESCO_HOST: z.string().min(1).default('127.0.0.1'),
  FRESCO_PORT: port.default(7860),
  FRESCO_PASSWORD: z.string().min(8).optional(),
  FRESCO_OWNER_PASSWORD: z.string().min(8).optional(),
  FRESCO_DEVICE: z.enum(['auto', 'cuda', 'dml', 'coreml', 'webgpu', 'cpu']).default('auto'),
  FRESCO_THREADS: z.coerce.number().pipe(z.int().min(1).max(256)).optional(),
  FRESCO_MEMORY_GB: z.coerce.number().gt(0).max(4096).optional(),
  FRESCO_TEXT_MODEL: z.string().min(1).default('smollm2-135m-instruct'),
  FRESCO_IMAGE_MODEL: z.string().min(1).default('pocket-painter'),
  FRESCO_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  FRESCO_WEB: yesNo.default(true),
  FRESCO_CONFIG: z.string().min(1).default('config/fresco.json'),
  HF_ENDPOINT: z.url().default('https://huggingface.co'),
  HF_TOKEN: z.string().startsWith('hf_').optional(),
});

const idList = z.array(z.string().min(1)).default([]);
const accessSchema = z
  .strictObject({
    /** `discord:ID`, `slack:ID`. */
    admins: z.array(z.string().regex(/^(discord|slack|web):.+$/)).default([]),
    /** Ids of servers, workspaces, channels, roles, groups or users; an empty allow-list means everywhere the bot was installed. */
    allow: z.strictObject({ workspaces: idList, channels: idList, groups: idList, users: idList }).prefault({}),
    deny: z.strictObject({ workspaces: idList, channels: idList, groups: idList, users: idList }).prefault({}),
    guests: z.boolean().default(false),
    directMessages: z.boolean().default(true),
  })
  .prefault({});

const limitSchema = z.strictObject({ waiting: z.int().min(1).max(1000).optional(), perHour: z.int().min(1).optional(), maxSteps: z.int().min(1).optional() });

const fileSchema = z.strictObject({
  access: accessSchema,
  limits: z
    .strictObject({
      waitingPerUser: z.int().min(1).max(1000).default(5),
      waitingPerLane: z.int().min(1).max(100_000).default(200),
      /** Running time of one job, in seconds; waiting does not count. */
      deadlineSeconds: z.int().min(5).max(86_400).default(900),
      maxSteps: z.int().min(1).max(500).default(150),
      /** Pictures and answers an hour and person. */
      perHour: z.int().min(1).optional(),
      groups: z.record(z.string(), limitSchema).default({}),
      users: z.record(z.string(), limitSchema).default({}),
    })
    .prefault({}),
  chat: z
    .strictObject({
      persona: z.string().max(4000).optional(),
      maxTokens: z.int().min(16).max(8192).default(512),
      /** A mention in a channel starts a thread. */
      startThreads: z.boolean().default(true),
      /** In its own threads the bot answers without a mention. */
      answerInThreads: z.boolean().default(true),
    })
    .prefault({}),
  safety: z
    .strictObject({
      /** Words and phrases refused in prompts; on by default with the built-in list. */
      blocklist: z.boolean().default(true),
      blockedWords: z.array(z.string().min(1)).default([]),
      /** The model's own safety checker, where it has one. */
      checker: z.boolean().default(true),
      /** Pictures only in channels that the platform marks as age-restricted. */
      ageRestrictedOnly: z.boolean().default(false),
    })
    .prefault({}),
  models: z
    .strictObject({ text: z.string().optional(), image: z.string().optional(), upscaler: z.string().optional(), refiner: z.string().optional() })
    .prefault({}),
  slack: z
    .strictObject({
      mode: z.enum(['socket', 'http']).default('socket'),
      pictureEdit: z.enum(['repost', 'in-place', 'final-only']).default('repost'),
      nativeStreams: z.boolean().default(true),
    })
    .prefault({}),
  discord: z.strictObject({ startThreads: z.boolean().optional(), messageContent: z.boolean().optional() }).prefault({}),
  pictures: z.strictObject({ keepDays: z.int().min(1).max(36_500).default(90) }).prefault({}),
});

export type AccessSettings = z.infer<typeof accessSchema>;
export type FileSettings = z.infer<typeof fileSchema>;
export type LimitSettings = FileSettings['limits'];
export type SafetySettings = FileSettings['safety'];

/** All that the owner may choose, checked. Secrets are here and nowhere else. */
export interface Settings extends FileSettings {
  readonly dataDir: string;
  readonly web: {
    readonly enabled: boolean;
    readonly host: string;
    readonly port: number;
    readonly password: string | undefined;
    readonly ownerPassword: string | undefined;
  };
  readonly discordLogin: { readonly token: string; readonly apiUrl: string; readonly server: string | undefined } | undefined;
  readonly slackLogin:
    | {
        readonly botToken: string;
        readonly appToken: string | undefined;
        readonly signingSecret: string | undefined;
        readonly apiUrl: string;
        readonly port: number;
      }
    | undefined;
  readonly device: z.infer<typeof environmentSchema>['FRESCO_DEVICE'];
  readonly threads: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly textModel: string;
  readonly imageModel: string;
  readonly logLevel: z.infer<typeof environmentSchema>['FRESCO_LOG_LEVEL'];
  readonly hub: { readonly endpoint: string; readonly token: string | undefined };
}

export interface SettingsSource {
  /** Defaults to the process environment over `.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly folder?: string;
}

/** Reads `.env`, the environment and `config/fresco.json`. Throws 'settings-invalid' listing every wrong key, what was found and what is expected. */
export function loadSettings({ environment, folder = process.cwd() }: SettingsSource = {}): Settings {
  const values = environment ?? environmentWithDotenv(folder);
  const problems = unknownKeys(values);
  const parsed = environmentSchema.safeParse(Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== '')));
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => describeIssue(issue, values)));
  const file = readFile(resolve(folder, parsed.success ? parsed.data.FRESCO_CONFIG : 'config/fresco.json'), problems);
  if (parsed.success) problems.push(...halfSet(parsed.data, file?.slack.mode));
  if (!parsed.success || file === undefined || problems.length > 0) throw new FrescoError('settings-invalid', { problems });
  return combine(parsed.data, file, folder);
}

function environmentWithDotenv(folder: string): Record<string, string | undefined> {
  const found: Record<string, string> = {};
  const path = resolve(folder, '.env');
  if (existsSync(path)) readDotenv({ path, processEnv: found, quiet: true });
  return { ...found, ...process.env };
}

const ours = /^(FRESCO|DISCORD|SLACK)_/;
/** Read elsewhere on purpose: by the installer and by the tests. */
const alsoKnown = new Set(['FRESCO_TRAINING_PYTHON', 'FRESCO_BENCH_PYTHON', 'FRESCO_TEST_REPORT', 'FRESCO_BROWSER_REQUIRED']);

function unknownKeys(values: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.keys(environmentSchema.shape);
  return Object.keys(values)
    .filter((key) => ours.test(key) && !known.includes(key) && !alsoKnown.has(key))
    .map((key) => `${key}: unknown; known are ${known.filter((name) => ours.test(name)).join(', ')}`);
}

const secretKey = /TOKEN|SECRET|PASSWORD/;

function describeIssue(issue: z.core.$ZodIssue, values: Readonly<Record<string, unknown>>): string {
  const key = issue.path.join('.');
  const found = secretKey.test(key) ? 'a value that is not shown' : JSON.stringify(valueAt(values, issue.path));
  if (issue.code === 'unrecognized_keys') return `${[...issue.path, issue.keys.join(', ')].join('.')}: unknown`;
  return `${key}: found ${found}; ${issue.message}`;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined), root);
}

function readFile(path: string, problems: string[]): FileSettings | undefined {
  let raw: unknown = {};
  if (existsSync(path)) {
    try {
      raw = JSON.parse(readFileSync(path, 'utf8'));
    } catch (error) {
      problems.push(`${path}: not JSON (${error instanceof Error ? error.message : String(error)})`);
      return undefined;
    }
  }
  const parsed = fileSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  problems.push(...parsed.error.issues.map((issue) => `${path}: ${describeIssue(issue, typeof raw === 'object' && raw !== null ? { ...raw } : {})}`));
  return undefined;
}

function halfSet(values: z.infer<typeof environmentSchema>, mode: 'socket' | 'http' | undefined): string[] {
  if (values.SLACK_BOT_TOKEN === undefined) {
    return values.SLACK_APP_TOKEN === undefined ? [] : ['SLACK_BOT_TOKEN: found nothing; expected the xoxb- token beside SLACK_APP_TOKEN'];
  }
  if (mode === 'http' && values.SLACK_SIGNING_SECRET === undefined)
    return ['SLACK_SIGNING_SECRET: found nothing; expected the signing secret, since slack.mode is http'];
  if (mode !== 'http' && values.SLACK_APP_TOKEN === undefined) return ['SLACK_APP_TOKEN: found nothing; expected the xapp- token for Socket Mode'];
  return [];
}

function combine(values: z.infer<typeof environmentSchema>, file: FileSettings, folder: string): Settings {
  return {
    ...file,
    dataDir: resolve(folder, values.FRESCO_DATA_DIR),
    web: {
      enabled: values.FRESCO_WEB,
      host: values.FRESCO_HOST,
      port: values.FRESCO_PORT,
      password: values.FRESCO_PASSWORD,
      ownerPassword: values.FRESCO_OWNER_PASSWORD,
    },
    discordLogin:
      values.DISCORD_TOKEN === undefined ? undefined : { token: values.DISCORD_TOKEN, apiUrl: values.DISCORD_API_URL, server: values.DISCORD_SERVER },
    slackLogin:
      values.SLACK_BOT_TOKEN === undefined
        ? undefined
        : {
            botToken: values.SLACK_BOT_TOKEN,
            appToken: values.SLACK_APP_TOKEN,
            signingSecret: values.SLACK_SIGNING_SECRET,
            apiUrl: values.SLACK_API_URL,
            port: values.SLACK_PORT,
          },
    device: values.FRESCO_DEVICE,
    threads: values.FRESCO_THREADS,
    memoryBytes: values.FRESCO_MEMORY_GB === undefined ? undefined : values.FRESCO_MEMORY_GB * 1e9,
    textModel: file.models.text ?? values.FRESCO_TEXT_MODEL,
    imageModel: file.models.image ?? values.FRESCO_IMAGE_MODEL,
    logLevel: values.FRESCO_LOG_LEVEL,
    hub: { endpoint: values.HF_ENDPOINT, token: values.HF_TOKEN },
  };
}
