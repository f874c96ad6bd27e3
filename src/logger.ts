import { DrizzleQueryError } from 'drizzle-orm/errors';
import { pino } from 'pino';

/** Bytes that wait for a reader who is slower than we are. What comes on top is dropped: logging must not stop the service. */
const maxWaitingBytes = 16 * 1024 * 1024;
/** Bytes that are written at once. Each line that joins others is copied together with them, so that more is slower. */
const maxWriteBytes = 4096;

/**
 * The one logger: a JSON line per request, delivery and failure. `info`: it happened; `warn`: a receiver failed or an
 * operator should look; `error`: we failed. URLs are logged by host alone, for a path or query may hold a secret. Lines are
 * written beside the work, thousands a second; the end of the process waits for them, but a kill does not.
 */
export const logger = pino(
  { name: 'bellhop', serializers: { err: serializeError } },
  pino.destination({ sync: false, maxLength: maxWaitingBytes, maxWrite: maxWriteBytes }),
);

/** Members by which errors of libraries may carry a secret. What we log besides errors is named field by field. */
const secretMembers = ['authorization', 'secret', 'key', 'token', 'password', 'headers', 'connectionString'];

/**
 * Drizzle wraps what PostgreSQL said together with the values of the query, and PostgreSQL tells of the row that it
 * refused (`detail`) or could not read (`where`): no log should hold them.
 */
function serializeError(error: Error) {
  const cause = error instanceof DrizzleQueryError && error.cause ? error.cause : error;
  const shown = Object.entries({ ...pino.stdSerializers.err(cause), detail: undefined, where: undefined });
  return Object.fromEntries(
    shown.map(([name, value]) => [name, secretMembers.includes(name) ? '[redacted]' : value]),
  );
}
