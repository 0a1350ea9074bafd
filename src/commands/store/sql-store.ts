import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { Kysely, SqliteDialect } from 'kysely';
import Database from 'libsql';
import { FrescoError } from '../../fresco-error.ts';
import { migrate, schemaVersion } from './migrations.ts';
import type { Store } from './store.ts';
import { StoreQueries } from './store-queries.ts';
import type { Tables } from './tables.ts';

/** Opened where no file is wanted; gone with the process. */
export const inMemory = ':memory:';

type Connection = InstanceType<typeof Database>;

/**
 * Opens the SQLite database at `path` (made where it is missing) and brings it to this program's schema; a file that needs
 * that is copied first, to `path.before-N`. Throws 'folder-unwritable', 'disk-full', or 'settings-invalid' for a file of a newer Fresco.
 */
export async function openSqlStore(path: string): Promise<Store> {
  try {
    if (path !== inMemory) mkdirSync(dirname(path), { recursive: true });
    const connection = new Database(path);
    connection.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;',
    );
    upgrade(connection, path);
    const database = new Kysely<Tables>({ dialect: new SqliteDialect({ database: preparedOnce(connection) }) });
    return new StoreQueries(database, (error) => storageError(error, path));
  } catch (error) {
    throw storageError(error, path);
  }
}

function upgrade(connection: Connection, path: string): void {
  const row = connection.prepare('PRAGMA user_version').get();
  const found = typeof row === 'object' && row !== null && 'user_version' in row ? Number(row.user_version) : 0;
  if (found === schemaVersion) return;
  if (found > schemaVersion) {
    connection.close();
    throw new FrescoError('settings-invalid', { problems: [`${path}: found schema ${found}, made by a newer Fresco; expected at most ${schemaVersion}`] });
  }
  if (found > 0 && path !== inMemory) copyBefore(connection, `${path}.before-${schemaVersion}`);
  migrate(connection, found);
}

/** A complete copy, the write-ahead log included. */
function copyBefore(connection: Connection, target: string): void {
  if (existsSync(target)) rmSync(target); // left by an upgrade that did not get to its end
  connection.prepare('VACUUM INTO ?').run(target);
}

/** Keeps prepared statements, for the builder asks for the same ones again and again. */
function preparedOnce(connection: Connection) {
  const statements = new Map<string, ReturnType<Connection['prepare']>>();
  return {
    prepare(sql: string) {
      const known = statements.get(sql);
      if (known !== undefined) return known;
      const statement = connection.prepare(sql);
      if (statements.size > 500) statements.clear(); // lists of varying length make ever new texts
      statements.set(sql, statement);
      return statement;
    },
    close: () => {
      statements.clear();
      connection.close();
    },
  };
}

/** What SQLite says, in our codes; what is ours already passes through. */
function storageError(error: unknown, path: string): unknown {
  if (error instanceof FrescoError) return error;
  const code = codeOf(error);
  const folder = dirname(path);
  if (code.startsWith('SQLITE_FULL') || code === 'ENOSPC') return new FrescoError('disk-full', { folder }, { cause: error });
  if (/^(SQLITE_(READONLY|CANTOPEN|PERM|IOERR)|EACCES|EROFS|EPERM|ENOTDIR|EEXIST)/.test(code))
    return new FrescoError('folder-unwritable', { folder }, { cause: error });
  return error;
}

/** libsql gives no code when it can't open a file, only SQLite's number at the end of its words; 14 is SQLITE_CANTOPEN. */
function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' && error.code !== '') return error.code;
  return /Unable to open connection.*: 14\b/.test(String(error)) ? 'SQLITE_CANTOPEN' : '';
}
