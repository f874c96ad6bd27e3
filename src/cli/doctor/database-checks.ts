import { getTableName, is } from 'drizzle-orm';
import { PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../../db/client.ts';
import { askServer, isNewest, oldestVersion } from '../../db/migrate.ts';
import * as tables from '../../db/schema.ts';
import { describeError } from '../errors.ts';
import { type Check, checksOf } from './check.ts';

/** Times that a round trip is measured: the median of a few leaves out a hiccup. */
const trips = 5;
/** Milliseconds of a round trip from which it is felt: an event takes several. */
const slowMs = 20;

/** What was found of a server. `aheadMs`: how far its clock is ahead of ours. */
type Server = { checks: Check[]; isUsable: boolean; aheadMs: number };

/** Whether the server can be reached, is of a version and an encoding that will do, may be written to, and is near. */
export async function examineServer(db: Database): Promise<Server> {
  const { ok, warning, failed } = checksOf('Database');
  const unusable = (message: string, advice: string): Server => ({
    checks: [failed(message, advice)],
    isUsable: false,
    aheadMs: 0,
  });
  const server = await askServer(db).catch((error: unknown) => describeError(error));
  if (typeof server === 'string')
    return unusable(server, 'Is it running, and may this role log in? See DATABASE_URL.');
  const version = `PostgreSQL ${Math.floor(server.version / 10_000)}`;
  if (server.version < oldestVersion)
    return unusable(`it is ${version}`, 'Bellhop needs PostgreSQL 15 or newer.');
  if (server.encoding !== 'UTF8')
    return unusable(`its encoding is ${server.encoding}`, 'Create the database with the encoding UTF8.');
  const { isReadOnly, latencyMs, aheadMs } = await measure(db);
  if (isReadOnly) return unusable('it is read-only', 'Point DATABASE_URL at the primary, not at a standby.');
  const message = `${version}, ${latencyMs.toFixed(1)} ms away`;
  const check =
    latencyMs < slowMs
      ? ok(message)
      : warning(message, 'Run Bellhop nearer to its database: events take several round trips.');
  return { checks: [check], isUsable: true, aheadMs };
}

async function measure({ $client: sql }: Database) {
  const latencies: number[] = [];
  const offsets: number[] = [];
  let isReadOnly = false;
  for (let trip = 0; trip < trips; trip += 1) {
    const [beganAt, beganAtTime] = [performance.now(), Date.now()];
    const [row] = await sql<[{ now: number; isReadOnly: boolean }]>`
      select (extract(epoch from clock_timestamp()) * 1000)::float8 as now,
        pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as "isReadOnly"`;
    const tookMs = performance.now() - beganAt;
    latencies.push(tookMs);
    offsets.push(row.now - beganAtTime - tookMs / 2);
    isReadOnly = row.isReadOnly;
  }
  return { isReadOnly, latencyMs: median(latencies), aheadMs: median(offsets) };
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

/** Whether there are connections enough, besides those that others have, for a process that takes `wanted`. */
export async function examineConnections({ $client: sql }: Database, wanted: number): Promise<Check> {
  const { ok, warning, failed } = checksOf('Connections');
  const [{ most, others }] = await sql<[{ most: number; others: number }]>`
    select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as most,
      (select count(*)::int from pg_stat_activity
        where backend_type = 'client backend' and application_name <> 'bellhop') as others`;
  const free = most - others;
  const message = `a process of Bellhop takes up to ${wanted} connections; ${free} of ${most} are not taken by others`;
  const advice =
    'Lower DATABASE_MAX_CONNECTIONS, raise max_connections, or give Bellhop a server of its own.';
  if (free < wanted) return failed(message, advice);
  return free < 2 * wanted
    ? warning(`${message}: not enough for a second process, as while one replaces the other`, advice)
    : ok(message);
}

/** Whether the tables are those of this version. */
export async function examineSchema(db: Database): Promise<Check> {
  const { ok, warning, failed } = checksOf('Schema');
  try {
    if (await isNewest(db)) return ok('the newest');
    const [{ mayMigrate }] = await db.$client<[{ mayMigrate: boolean }]>`
      select has_schema_privilege('public', 'create') and has_database_privilege(current_database(), 'create')
        as "mayMigrate"`;
    return mayMigrate
      ? warning('not of this version', 'The next start changes it; or run `bellhop migrate` before.')
      : failed(
          'not of this version, and this role may not change it',
          'Run `bellhop migrate` with the DATABASE_URL of its owner.',
        );
  } catch (error) {
    return failed(
      `cannot be read: ${describeError(error)}`,
      'Grant the role its rights: docs/security.md, "Database role".',
    );
  }
}

/** Whether the role may do what the service does. */
export async function examinePrivileges({ $client: sql }: Database): Promise<Check> {
  const { ok, failed } = checksOf('Privileges');
  const names = Object.values(tables).flatMap((table) => (is(table, PgTable) ? [getTableName(table)] : []));
  const lacking = await sql<{ name: string; privilege: string }[]>`
    select t.name, p.privilege
    from unnest(${names}::text[]) t(name)
    cross join unnest(${['select', 'insert', 'update', 'delete']}::text[]) p(privilege)
    where not has_table_privilege(quote_ident(t.name), p.privilege)
      and not (t.name = 'audit' and p.privilege in ('update', 'delete'))`;
  if (lacking.length === 0) return ok('the role may read and write every table');
  const [first] = lacking;
  const more = lacking.length > 1 ? ` and ${lacking.length - 1} more` : '';
  return failed(
    `the role may not ${first?.privilege} in ${first?.name}${more}`,
    'Grant the role its rights: docs/security.md, "Database role".',
  );
}
