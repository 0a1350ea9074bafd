import { readdirSync, readFileSync } from 'node:fs';
import { dirname, posix, relative, resolve } from 'node:path';
import ts from 'typescript';

export const root = resolve(import.meta.dirname, '../..');

export type Room = 'bot' | 'commands' | 'inference' | 'ground' | 'entry';

/** Which rooms a room may import from; the entries (main, cli) see everything. */
const mayImport = {
  bot: ['bot', 'commands', 'inference', 'ground'],
  commands: ['commands', 'inference', 'ground'],
  inference: ['inference', 'ground'],
  ground: ['ground'],
  entry: ['bot', 'commands', 'inference', 'ground', 'entry'],
} as const satisfies Record<Room, readonly Room[]>;

/** Heavy packages have one home each: a file, or a folder that ends in a slash. */
const soleHome: Readonly<Record<string, string>> = {
  'onnxruntime-node': 'src/inference/runtime/ort-session.ts',
  sharp: 'src/inference/image/image-codec.ts',
  dotenv: 'src/settings.ts',
  pino: 'src/logger.ts',
  libsql: 'src/commands/store/sql-store.ts',
  'p-queue': 'src/inference/jobs/',
  'discord.js': 'src/bot/discord/',
  '@slack/bolt': 'src/bot/slack/',
  fastify: 'src/bot/web/',
};

const entries = new Set(['src/main.ts', 'src/cli.ts']);

export function roomOf(file: string): Room {
  if (entries.has(file)) return 'entry';
  const [, folder] = file.split('/');
  return folder === 'bot' || folder === 'commands' || folder === 'inference' ? folder : 'ground';
}

/** Import specifiers of a source, parsed, so that no quote style escapes. */
export function importsOf(source: string): readonly string[] {
  return ts.preProcessFile(source).importedFiles.map(({ fileName }) => fileName);
}

/** The imports of `file` that the map forbids. */
export function offences({ file, imports }: { readonly file: string; readonly imports: readonly string[] }): readonly string[] {
  return imports.filter((specifier) => (specifier.startsWith('.') ? !isAllowedRoom(file, specifier) : !isAllowedPackage(file, specifier)));
}

function isAllowedRoom(file: string, specifier: string): boolean {
  const target = posix.normalize(posix.join(dirname(file), specifier));
  const allowed: readonly Room[] = mayImport[roomOf(file)];
  if (!target.startsWith('src/')) return false;
  if (platformOf(file) !== undefined && platformOf(target) !== undefined && platformOf(file) !== platformOf(target)) return false; // a platform knows no other
  return allowed.includes(roomOf(target));
}

function platformOf(file: string): string | undefined {
  return /^src\/bot\/([^/]+)\//.exec(file)?.[1];
}

function isAllowedPackage(file: string, specifier: string): boolean {
  const name = specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : (specifier.split('/')[0] ?? '');
  const home = soleHome[name];
  return home === undefined || (home.endsWith('/') ? file.startsWith(home) : file === home);
}

/** Every source file, relative to the checkout. */
export function sourceFiles(): readonly string[] {
  return readdirSync(resolve(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => relative(root, resolve(entry.parentPath, entry.name)));
}

export const readSource = (file: string): string => readFileSync(resolve(root, file), 'utf8');
