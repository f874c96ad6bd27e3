import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { inject } from 'vitest';

/**
 * Makes a migrated database of its own for a test file. `drop` ends the connections that are left.
 * @example
 * const database = await createTestDatabase();
 * const db = connect(database.url, { max: 10 }); // also good as the DATABASE_URL of a child process
 * afterAll(async () => { await db.$client.end(); await database.drop(); });
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  return copyDatabase(inject('postgres').template);
}

/** A database that `drop` removes, with the connections that are left. */
type TestDatabase = { url: string; drop(): Promise<void> };

/** Copies a database of the run's server, to which nobody is connected, as it is now: as a backup that was restored. */
export async function copyDatabase(original: string): Promise<TestDatabase> {
  const server = inject('postgres');
  const name = `bellhop_test_${randomBytes(6).toString('hex')}`;
  const sql = connectToServer(server.url);
  await sql`create database ${sql(name)} template ${sql(original)} strategy file_copy`;
  return {
    url: nameDatabase(server.url, name),
    async drop() {
      await sql`drop database if exists ${sql(name)} with (force)`;
    },
  };
}

/** @returns the URL of the database `name` on the server at `url`. */
export function nameDatabase(url: string, name: string): string {
  const named = new URL(url);
  named.pathname = name;
  return named.href;
}

let shared: { url: string; sql: postgres.Sql } | undefined;

/** Connections to the server that the files of a process share; they close by themselves. */
function connectToServer(url: string): postgres.Sql {
  if (shared?.url !== url)
    shared = { url, sql: postgres(url, { max: 2, idle_timeout: 5, onnotice: () => {} }) };
  return shared.sql;
}
