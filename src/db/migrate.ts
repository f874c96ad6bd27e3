import { fileURLToPath } from 'node:url';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { root } from '../root.ts';
import { checkSettings, type Connection, connect, type Database, disconnect, keptBack } from './client.ts';

const migrationsFolder = fileURLToPath(new URL('drizzle', root));

/** Any number that no other application on the same database takes for its own advisory lock. */
const migrationLock = 7_235_641_209;

/** The oldest PostgreSQL that the tests run against, as `server_version_num`. */
export const oldestVersion = 150_000;

/**
 * Brings a database to the newest schema. Several processes may call it at once: one works, the others wait for it.
 * Where the schema is the newest already, nothing is asked of the role but to read: it may lack the rights to change it.
 * @param options.isPooled whether the only way to it is a pooling proxy, by which nothing can be changed.
 * @returns whether there was anything to do.
 * @throws Error that says what to do when the server is too old, its encoding is not UTF8, or the role may not migrate.
 */
export async function migrate(connection: Connection, { isPooled = false } = {}): Promise<boolean> {
  // It waits for another process, and a change of a large table takes long.
  const options = { max: 1, isPatient: true, isPooled };
  const db = connect(connection, options);
  try {
    const server = await askServer(db);
    if (server.version < oldestVersion)
      throw new Error('Bellhop needs PostgreSQL 15 or newer: point DATABASE_URL at one.');
    if (server.encoding !== 'UTF8')
      throw new Error(`The database must have the encoding UTF8, but has ${server.encoding}.`);
    if (await isNewest(db)) return false;
    if (isPooled) throw new Error(cannotMigrate);
    await checkSettings(db, options);
    await db.$client`select pg_advisory_lock(${migrationLock})`;
    await stayInSchema(db);
    await moveLog(db);
    await applyMigrations(db, {
      migrationsFolder,
      migrationsSchema: 'bellhop',
      migrationsTable: 'migrations',
    });
    return true;
  } catch (error) {
    throw isForbidden(error) ? mayNotMigrate(error) : error;
  } finally {
    await disconnect(db);
  }
}

/**
 * Keeps every table in the schema of the first. A migration makes the schema `bellhop`, which would come before that one
 * from then on wherever the role has this name, too (`"$user", public`).
 */
async function stayInSchema({ $client: sql }: Database): Promise<void> {
  await sql`
    select set_config('search_path', coalesce(
      (select relnamespace::regnamespace::text from pg_class where oid = to_regclass('locations')),
      quote_ident(current_schema())), false)`;
}

/** What a server is: its version as `server_version_num`. @throws Error when it cannot be reached. */
export async function askServer({ $client: sql }: Database): Promise<{ version: number; encoding: string }> {
  try {
    const [server] = await sql<[{ version: number; encoding: string }]>`
      select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding`;
    return server;
  } catch (cause) {
    if (isRefusedByProxy(cause)) throw new Error(keptBack, { cause });
    throw new Error('Cannot connect to the database at DATABASE_URL', { cause });
  }
}

/** Whether the newest migration has been applied; to a database of a newer Bellhop it has been too. */
export async function isNewest({ $client: sql }: Database): Promise<boolean> {
  const [log] = await sql<
    [{ exists: boolean }]
  >`select to_regclass('bellhop.migrations') is not null as exists`;
  if (!log.exists) return false;
  const [applied] = await sql<[{ newest: number | null }]>`
    select max(created_at) as newest from bellhop.migrations`;
  return applied.newest !== null && applied.newest >= Math.max(...timesOfMigrations());
}

/** Each migration has the millisecond in which it was made. */
function timesOfMigrations(): number[] {
  return readMigrationFiles({ migrationsFolder }).map(({ folderMillis }) => folderMillis);
}

/**
 * Takes over what the first versions wrote into the log that drizzle has by default, and which a core app in the same
 * database may use as well: what is the core app's stays there.
 */
async function moveLog({ $client: sql }: Database): Promise<void> {
  const [log] = await sql<[{ isOld: boolean }]>`
    select to_regclass('bellhop.migrations') is null and to_regclass('drizzle.__drizzle_migrations') is not null as "isOld"`;
  if (!log.isOld) return;
  await sql.begin(async (tx) => {
    await tx`create schema if not exists bellhop`;
    await tx`create table bellhop.migrations (id serial primary key, hash text not null, created_at bigint)`;
    await tx`
      with moved as (
        delete from drizzle.__drizzle_migrations
        where created_at = any(${timesOfMigrations()}::bigint[])
        returning hash, created_at
      )
      insert into bellhop.migrations (hash, created_at)
      select * from moved order by created_at`;
    const left = await tx`select from drizzle.__drizzle_migrations limit 1`;
    if (left.length === 0) await tx`drop table drizzle.__drizzle_migrations`;
    const [used] = await tx`select from pg_class where relnamespace = 'drizzle'::regnamespace limit 1`;
    if (!used) await tx`drop schema drizzle`;
  });
}

const cannotMigrate =
  'The database does not have the newest schema, and its schema cannot be changed by a pooling proxy: run `npm run migrate` with the DATABASE_URL of PostgreSQL itself.';

/** As pgbouncer refuses a startup parameter. SQLSTATE: protocol_violation. */
function isRefusedByProxy(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === '08P01';
}

/** SQLSTATE: insufficient_privilege. */
function isForbidden(error: unknown): boolean {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof postgres.PostgresError && cause.code === '42501';
}

function mayNotMigrate(cause: unknown): Error {
  return new Error(
    'The database does not have the newest schema, or this role may not read what schema it has: run `npm run migrate` with the DATABASE_URL of its owner, and grant the role of Bellhop its rights (docs/security.md, "Database role").',
    { cause },
  );
}
