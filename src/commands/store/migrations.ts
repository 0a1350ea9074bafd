/** The part of a database that a schema step needs. */
export interface SchemaDatabase {
  exec(sql: string): unknown;
}

/**
 * The schema by numbered step: step n leads from version n − 1 to n, and is never changed once released.
 * Times are milliseconds since the epoch; columns named *_json hold JSON that `records.ts` reads.
 */
const steps: readonly string[] = [
  `CREATE TABLE conversations (
     key TEXT PRIMARY KEY, title TEXT NOT NULL, starter TEXT NOT NULL, head TEXT, owns_thread INTEGER NOT NULL,
     created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) WITHOUT ROWID;
   CREATE INDEX conversations_by_thread ON conversations (owns_thread, updated_at);
   CREATE TABLE participants (conversation TEXT NOT NULL, user TEXT NOT NULL, PRIMARY KEY (user, conversation)) WITHOUT ROWID;
   CREATE INDEX participants_by_conversation ON participants (conversation);
   CREATE TABLE turns (
     id TEXT PRIMARY KEY, conversation TEXT NOT NULL, parent TEXT, role TEXT NOT NULL, owner TEXT NOT NULL, speaker TEXT NOT NULL,
     text TEXT NOT NULL, content TEXT, job TEXT, message_json TEXT, created_at INTEGER NOT NULL);
   CREATE INDEX turns_by_conversation ON turns (conversation, created_at);`,
  `CREATE TABLE jobs (
     id TEXT PRIMARY KEY, owner TEXT NOT NULL, platform TEXT NOT NULL, conversation TEXT NOT NULL, turn TEXT NOT NULL, state TEXT NOT NULL,
     task_json TEXT NOT NULL, principal_json TEXT NOT NULL, place_json TEXT NOT NULL, is_private INTEGER NOT NULL,
     asked_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
   CREATE INDEX jobs_open ON jobs (platform, asked_at) WHERE state IN ('waiting', 'running', 'delivering');
   CREATE INDEX jobs_by_time ON jobs (asked_at);
   CREATE INDEX jobs_by_conversation ON jobs (conversation);
   CREATE TABLE links (
     platform TEXT NOT NULL, channel TEXT NOT NULL, message TEXT NOT NULL, thread TEXT, turn TEXT NOT NULL, job TEXT,
     secret TEXT, secret_expires_at INTEGER, linked_at INTEGER NOT NULL, PRIMARY KEY (platform, channel, message)) WITHOUT ROWID;
   CREATE INDEX links_by_turn ON links (turn);
   CREATE INDEX links_by_job ON links (job);
   CREATE INDEX links_with_secret ON links (secret_expires_at) WHERE secret IS NOT NULL;
   CREATE TABLE pictures (
     job TEXT NOT NULL, number INTEGER NOT NULL, blob TEXT NOT NULL, owner TEXT NOT NULL, conversation TEXT NOT NULL, prompt TEXT NOT NULL,
     width INTEGER NOT NULL, height INTEGER NOT NULL, parameters_json TEXT, created_at INTEGER NOT NULL, PRIMARY KEY (job, number)) WITHOUT ROWID;
   CREATE INDEX pictures_by_owner ON pictures (owner, created_at);
   CREATE INDEX pictures_by_blob ON pictures (blob);`,
  `CREATE TABLE choices (scope TEXT PRIMARY KEY, choices_json TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE usage (
     job TEXT PRIMARY KEY, owner TEXT NOT NULL, lane TEXT NOT NULL, at INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
     completion_tokens INTEGER NOT NULL, images INTEGER NOT NULL, steps INTEGER NOT NULL, total_ms INTEGER NOT NULL) WITHOUT ROWID;
   CREATE INDEX usage_by_time ON usage (at);`,
];

/** The version that this program reads and writes. */
export const schemaVersion = steps.length;

/** Brings a database from version `from` up to `to`, one transaction a step. */
export function migrate(database: SchemaDatabase, from: number, to: number = schemaVersion): void {
  for (const [index, step] of steps.entries()) {
    const version = index + 1;
    if (version <= from || version > to) continue;
    database.exec(`BEGIN; ${step} PRAGMA user_version = ${version}; COMMIT;`);
  }
}
