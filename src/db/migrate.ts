import { fileURLToPath } from 'node:url';
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator';
import { type Connection, connect, type Database, disconnect } from './client.ts';

const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url));

/** Any number that no other application on the same database takes for its own advisory lock. */
const migrationLock = 7_235_641_209;

/** The oldest PostgreSQL that the tests run against, as `server_version_num`. */
const oldestVersion = 150_000;

/**
 * Brings a database to the newest schema. Several processes may call it at once: one works, the others wait for it.
 * @throws Error that says what to do when the server is too old or its encoding is not UTF8.
 */
export async function migrate(connection: Connection): Promise<void> {
  // It waits for another process, and a change of a large table takes long.
  const db = connect(connection, { max: 1, isPatient: true });
  try {
    const server = await askServer(db);
    if (server.version < oldestVersion)
      throw new Error('Bellhop needs PostgreSQL 15 or newer: point DATABASE_URL at one.');
    if (server.encoding !== 'UTF8')
      throw new Error(`The database must have the encoding UTF8, but has ${server.encoding}.`);
    await db.$client`select pg_advisory_lock(${migrationLock})`;
    await applyMigrations(db, { migrationsFolder });
  } finally {
    await disconnect(db);
  }
}

async function askServer({ $client: sql }: Database): Promise<{ version: number; encoding: string }> {
  try {
    const [server] = await sql<[{ version: number; encoding: string }]>`
      select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding`;
    return server;
  } catch (cause) {
    throw new Error('Cannot connect to the database at DATABASE_URL', { cause });
  }
}
