import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { arrayTypes } from './array-types.ts';
import { openWatchedSocket } from './watched-socket.ts';

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

/** What `connect` may be asked for: `max` connections; `isPatient` when statements may take as long as they take. */
type ConnectOptions = { max: number; isPatient?: boolean };

/**
 * Opens a pool of at most `max` connections, made on demand. What the role or the database sets for timeouts and
 * isolation does not count: our statements are written for ours.
 * @example const db = connect(config.databaseUrl, { max: 10 }); await db.$client`select 1`; await db.$client.end();
 */
export function connect(connection: Connection, { max, isPatient = false }: ConnectOptions) {
  const options = {
    max,
    types: { bigint, ...arrayTypes },
    fetch_types: false,
    backoff: () => reconnectSeconds,
    connect_timeout: connectSeconds,
    onnotice: () => {},
    ...(!isPatient && { idle_timeout: idleSeconds }),
    ...(!isPatient && hasOneHost(connection) && { socket: openSocket }),
    connection: {
      application_name: 'bellhop',
      statement_timeout: isPatient ? patientMs : statementMs,
      lock_timeout: isPatient ? patientMs : lockMs,
      default_transaction_isolation: 'read committed' as const,
      timezone: 'UTC',
    },
  };
  const client =
    typeof connection === 'string' ? postgres(connection, options) : postgres({ ...connection, ...options });
  return drizzle(client);
}

function openSocket(target: Parameters<typeof openWatchedSocket>[0]) {
  return openWatchedSocket(target, silentMs);
}

/** The driver goes from one host to the next with sockets of its own only. */
function hasOneHost(connection: Connection): boolean {
  return typeof connection !== 'string' || !/^[^/]*\/\/[^/]*,/.test(connection);
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
