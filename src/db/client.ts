import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';

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
 * Opens a pool of at most `max` connections, made on demand.
 * @example const db = connect(config.databaseUrl, { max: 10 }); await db.$client`select 1`; await db.$client.end();
 */
export function connect(connection: Connection, { max }: { max: number }) {
  const options = {
    max,
    types: { bigint },
    backoff: () => reconnectSeconds,
    onnotice: () => {},
    connection: {
      application_name: 'bellhop',
      // A statement of ours takes milliseconds; one that takes this long is stuck, and its caller has long been told.
      statement_timeout: 30_000,
      timezone: 'UTC',
    },
  };
  const client =
    typeof connection === 'string' ? postgres(connection, options) : postgres({ ...connection, ...options });
  return drizzle(client);
}
