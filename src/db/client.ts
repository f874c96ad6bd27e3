import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { arrayTypes } from './array-types.ts';
import { type SocketOptions, Sockets } from './sockets.ts';
import { readTls } from './tls.ts';

/** Where PostgreSQL is: a `postgres://` URL, or the parts of one (a host that begins with `/` is a socket folder). */
export type Connection = string | { host: string; port: number; user: string; database: string };

/** A pool of connections: the drizzle query builder, and the postgres.js `sql` tag as `$client`. */
export type Database = ReturnType<typeof connect>;

/** The query builder of a pool, or of a transaction. */
export type Queries = Omit<Database, '$client'>;

/** 64-bit integers of ours (sequences, customer ids, counts) stay below 2^53, so they are read as numbers. */
const bigint = { to: 20, from: [20], serialize: String, parse: Number };

/** Seconds between two tries to connect. By default they grow to 20, for which nobody would notice that the database is back. */
const reconnectSeconds = 0.25;

/**
 * Milliseconds. A statement of ours takes a few; one that takes this long is stuck, and its caller has long been told.
 * What waits for a lock waits for a foreign transaction: whoever asked is told soon. A connection on which not even
 * the end of a stuck statement comes is dead.
 */
const statementMs = 30_000;
const lockMs = 5000;
const silentMs = 35_000;

/** Milliseconds that a patient statement may take: a day. (0, for no limit at all, is left out by the driver.) */
const patientMs = 86_400_000;

/** Seconds that connecting may take. */
const connectSeconds = 5;

/** Seconds after which an idle connection is closed: before it counts as silent. */
const idleSeconds = 20;

/**
 * What `connect` may be asked for: `max` connections; `isPatient` when statements may take as long as they take;
 * `isPooled` when a proxy lends a connection of the database for each transaction, so that nothing outlasts one.
 */
type ConnectOptions = { max: number; isPatient?: boolean; isPooled?: boolean };

/**
 * Opens a pool of at most `max` connections, made on demand. What the role or the database sets for timeouts and
 * isolation does not count, since our statements are written for ours; but by a proxy only the role can set them:
 * see {@link checkSettings}.
 * @throws Error when the URL asks for TLS in a way that does not exist, or for certificates that cannot be read.
 * @example const db = connect(config.databaseUrl, { max: 10 }); await db.$client`select 1`; await db.$client.end();
 */
export function connect(
  connection: Connection,
  { max, isPatient = false, isPooled = false }: ConnectOptions,
) {
  const sockets = new Sockets({
    ...findServers(connection),
    connectMs: connectSeconds * 1000,
    silentMs: isPatient ? patientMs : silentMs,
  });
  const options = {
    max,
    prepare: !isPooled,
    types: { bigint, ...arrayTypes },
    fetch_types: false,
    backoff: () => reconnectSeconds,
    onnotice: () => {},
    connect_timeout: connectSeconds,
    ssl: false,
    socket: sockets.open,
    ...(!isPatient && { idle_timeout: idleSeconds }),
    connection: {
      application_name: 'bellhop',
      timezone: 'UTC',
      ...(!isPooled && settingsFor(isPatient)),
    },
  };
  const client = open(connection, options);
  forgetWhatSocketsDo(client);
  return drizzle(steadied(client, sockets));
}

/** What our statements rely on, as `pg_settings` tells it. */
function settingsFor(isPatient: boolean) {
  return {
    statement_timeout: isPatient ? patientMs : statementMs,
    lock_timeout: isPatient ? patientMs : lockMs,
    default_transaction_isolation: 'read committed' as const,
  };
}

/**
 * Checks that the settings hold which our statements rely on: a proxy may have kept them back.
 * @param options with which the pool was made.
 * @throws Error that says what to do where they do not.
 */
export async function checkSettings(
  { $client: sql }: Database,
  { isPatient = false, isPooled = false }: ConnectOptions,
): Promise<void> {
  const rows = await sql<{ remedy: string }[]>`
    select format('alter role %I in database %I set %I = %L;', session_user, current_database(), name, wanted.value) as remedy
    from json_each_text(${JSON.stringify(settingsFor(isPatient))}::text::json) as wanted (name, value)
    join pg_settings using (name)
    where setting <> wanted.value`;
  if (rows.length === 0) return;
  if (!isPooled) throw new Error(keptBack);
  throw new Error(
    `The proxy in front of the database passes on no settings, so the role needs them. Run this, and let the proxy connect anew:\n${rows.map(({ remedy }) => `  ${remedy}`).join('\n')}`,
  );
}

/** What there is to say when a proxy keeps settings back, or refuses them, that nobody told us of. */
export const keptBack =
  'DATABASE_URL leads to a proxy that pools connections. Set DATABASE_DIRECT_URL as well (docs/scaling.md, "Behind a pooling proxy"); migrate with the DATABASE_URL of PostgreSQL itself.';

function open<Types extends Record<string, postgres.PostgresType>>(
  connection: Connection,
  options: postgres.Options<Types>,
) {
  return typeof connection === 'string'
    ? postgres(connection, options)
    : postgres({ ...connection, ...options });
}

/** The driver is the one reader of the URL. It does not connect yet. */
function findServers(connection: Connection): Pick<SocketOptions, 'addresses' | 'tls' | 'rotates'> {
  const {
    host,
    port,
    path,
    ssl,
    target_session_attrs: wanted,
    connection: more,
  } = open(connection, {}).options;
  const hosts = host.map((name, n) => ({ host: name, port: port[n] ?? 0 }));
  return {
    addresses: path ? [{ path }] : hosts,
    tls: readTls(ssl, more?.['sslrootcert']),
    rotates: Boolean(wanted),
  };
}

/** The server knows no `sslrootcert`. With more than one host the driver never tells that it cannot connect. */
function forgetWhatSocketsDo({ options }: postgres.Sql): void {
  delete options.connection?.['sslrootcert'];
  if (!options.target_session_attrs) options.host.splice(1);
}

/** Holds statements back for as long as the driver might write them on a connection that is just being lost. */
function steadied<Client extends postgres.Sql>(client: Client, sockets: Sockets): Client {
  const hold = (query: unknown): unknown => {
    if (!(query instanceof Promise)) return query;
    const execute: unknown = Reflect.get(query, 'handler');
    if (typeof execute === 'function')
      Reflect.set(query, 'handler', (held: unknown) =>
        sockets.whenSteady(() => Reflect.apply(execute, query, [held])),
      );
    return query;
  };
  return new Proxy(client, {
    apply: (target, self, values) => hold(Reflect.apply(target, self, values)),
    get(target, name): unknown {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name === 'unsafe') return (...values: unknown[]) => hold(Reflect.apply(member, target, values));
      if (name === 'begin')
        return (...values: unknown[]) => sockets.whenSteady(() => Reflect.apply(member, target, values));
      return member;
    },
  });
}

/** Seconds after which connections are cut that did not end by themselves. */
const endSeconds = 1;

/**
 * Closes a pool when all work is done. The driver would wait forever for a connection that was lost in the middle of a
 * query and not needed since.
 */
export async function disconnect({ $client }: Database): Promise<void> {
  await $client.end({ timeout: endSeconds });
}
