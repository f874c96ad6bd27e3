import { DrizzleQueryError } from 'drizzle-orm/errors';
import { pino } from 'pino';

/**
 * The one logger: a JSON line per request, delivery and failure. `info`: it happened; `warn`: a receiver failed or an
 * operator should look; `error`: we failed. URLs are logged by host alone, for a path or query may hold a secret.
 */
export const logger = pino({
  name: 'bellhop',
  serializers: { err: serializeError },
  redact: {
    paths: [
      '*.authorization',
      '*.secret',
      '*.key',
      '*.token',
      '*.password',
      '*.headers.*',
      '*.connectionString',
    ],
    censor: '[redacted]',
  },
});

/**
 * Drizzle wraps what PostgreSQL said together with the values of the query, and PostgreSQL tells of the row that it
 * refused (`detail`) or could not read (`where`): no log should hold them.
 */
function serializeError(error: Error) {
  const cause = error instanceof DrizzleQueryError && error.cause ? error.cause : error;
  return { ...pino.stdSerializers.err(cause), detail: undefined, where: undefined };
}
