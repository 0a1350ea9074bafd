import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate, schemaVersion } from '../../../src/commands/store/migrations.ts';
import { inMemory, openSqlStore } from '../../../src/commands/store/sql-store.ts';
import { storeContract } from '../../contracts/store-contract.ts';

storeContract('SQLite in memory', () => openSqlStore(inMemory));

describe('the SQLite file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fresco-store-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  storeContract('SQLite in a file', () => openSqlStore(join(folder, `${crypto.randomUUID()}.db`)));

  it.each(Array.from({ length: schemaVersion }, (_, version) => version))('comes up from version %i, after a copy', async (version) => {
    const path = join(folder, 'fresco.db');
    const old = new Database(path);
    migrate(old, 0, version);
    old.close();
    await using store = await openSqlStore(path);
    expect(await store.recentJobs(1)).toEqual([]);
    await store.setChoices('bot', { textModel: 'm' });
    expect(existsSync(`${path}.before-${schemaVersion}`)).toBe(version > 0);
  });

  it('keeps what an older version stored, also in the copy', async () => {
    const path = join(folder, 'fresco.db');
    const old = new Database(path);
    migrate(old, 0, 1);
    old.exec(`INSERT INTO conversations VALUES ('fake:old', 'Old', 'fake:ana', NULL, 1, 5, 5)`);
    old.close();
    await using store = await openSqlStore(path);
    expect(await store.ownedThreads(5)).toEqual(['fake:old']);
    const copy = new Database(`${path}.before-${schemaVersion}`);
    expect(copy.prepare('SELECT title FROM conversations').all()).toEqual([{ title: 'Old' }]);
    copy.close();
  });

  it('refuses a file of a newer Fresco and leaves it alone', async () => {
    const path = join(folder, 'fresco.db');
    const newer = new Database(path);
    newer.exec(`PRAGMA user_version = ${schemaVersion + 1}`);
    newer.close();
    await expect(openSqlStore(path)).rejects.toMatchObject({ code: 'settings-invalid' });
  });

  it('names a folder it cannot use', async () => {
    writeFileSync(join(folder, 'a-file'), '');
    await expect(openSqlStore(join(folder, 'a-file', 'fresco.db'))).rejects.toMatchObject({ code: 'folder-unwritable' });
  });

  it('names the folder of a file it cannot open', async () => {
    mkdirSync(join(folder, 'fresco.db'));
    await expect(openSqlStore(join(folder, 'fresco.db'))).rejects.toMatchObject({ code: 'folder-unwritable' });
  });

  it.skipIf(process.getuid?.() === 0)('names a folder it may not write into (the superuser may write anywhere)', async () => {
    chmodSync(folder, 0o500);
    await expect(openSqlStore(join(folder, 'fresco.db'))).rejects.toMatchObject({ code: 'folder-unwritable' });
  });
});
