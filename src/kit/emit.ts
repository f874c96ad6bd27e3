/** A session change, as the core app hands it over. `id` (a UUID of your own) makes repeating it harmless. */
export type SessionEvent = {
  id?: string;
  /** The session's UUID. */
  uuid: string;
  action: 'create' | 'delete';
  /** The core app's own id of the location. */
  locationId: string;
  /** Stations of the session, 1 to 2^31 - 1. */
  stations: number;
  /** 0 to 2^53 - 1. */
  customerid: number;
};

/** What was handed over, in the order given. `id` is the one of the event, made where it had none. */
export type EmittedEvents = { events: { id: string; locationId: string }[] };

/** A transaction of postgres.js: what `sql.begin` gives. */
type PostgresJsTransaction = {
  unsafe(query: string, parameters: string[]): PromiseLike<unknown>;
  savepoint: unknown;
};
/** A transaction of drizzle on PostgreSQL: what `db.transaction` gives. */
type DrizzleTransaction = { execute(query: string): PromiseLike<unknown>; rollback: unknown };
/** A client of node-postgres after `BEGIN`. A pool is none: each of its queries may go to another connection. */
type NodePostgresClient = {
  query(query: string, parameters: string[]): PromiseLike<unknown>;
  escapeLiteral: unknown;
};

/** A transaction of one of the three drivers. */
export type Transaction = PostgresJsTransaction | DrizzleTransaction | NodePostgresClient;

/**
 * Hands over session events in the transaction of a booking: they are sent if and only if it commits, in the order in which
 * they were handed over, right after the commit. Waits for nobody, and needs Bellhop's tables in the same database.
 * @param events one, or an array of 1 to 1,000.
 * @throws what the driver throws: SQLSTATE 22023 when events do not fit, with a message that names each mistake and a JSON
 * array of `{ path, message }` as its detail. PostgreSQL lets the transaction do nothing but roll back then.
 * @example
 * await sql.begin(async (tx) => {
 *   await tx`insert into bookings ...`;
 *   await emitSessionEvents(tx, { uuid, action: 'create', locationId: 'kamen-test', stations: 1, customerid: 7685 });
 * });
 */
export async function emitSessionEvents(
  tx: Transaction,
  events: SessionEvent | SessionEvent[],
): Promise<EmittedEvents> {
  return readAnswer(await call(tx, JSON.stringify(events)));
}

async function call(tx: Transaction, json: string): Promise<unknown> {
  if ('unsafe' in tx && 'savepoint' in tx) return tx.unsafe(emitting('$1::text::jsonb'), [json]);
  if ('execute' in tx && 'rollback' in tx) return tx.execute(emitting(literalOf(json)));
  if ('query' in tx && 'escapeLiteral' in tx) return tx.query(emitting('$1::text::jsonb'), [json]);
  throw new TypeError(
    'Expected a transaction of postgres.js, drizzle or node-postgres: pass what begin() or transaction() gives, or a client, not a pool.',
  );
}

/** As text, for drivers may be told to read JSON in ways of their own. */
function emitting(events: string): string {
  return `select bellhop.emit_session_events(${events})::text as answer`;
}

/** For drizzle, whose parameters need its own package: a literal in which no character can mean anything else. */
function literalOf(json: string): string {
  const bytes = new TextEncoder().encode(json);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `convert_from(decode('${hex}', 'hex'), 'UTF8')::jsonb`;
}

/** Rows as an array (postgres.js, drizzle on it), or in `rows` (node-postgres, drizzle on it). */
function readAnswer(result: unknown): EmittedEvents {
  const rows: unknown = isObject(result) && 'rows' in result ? result.rows : result;
  const row: unknown = Array.isArray(rows) ? rows[0] : undefined;
  if (!isObject(row) || !('answer' in row) || typeof row.answer !== 'string')
    throw new TypeError(
      'The driver answered in a way that is not known: the transaction should be rolled back.',
    );
  const answer: EmittedEvents = JSON.parse(row.answer);
  return answer;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
