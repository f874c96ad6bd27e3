import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import postgres from 'postgres';
import { Overloaded } from '../db/gather.ts';
import { logger } from '../logger.ts';
import { metrics } from '../metrics.ts';
import type { ApiKey } from './api-key.ts';

/** What is wrong with one member of a request. `path` is empty when it is the whole. */
export type Mistake = { path: string; message: string };

/** The body of every error answer (RFC 9457). */
export const problemSchema = z
  .object({
    title: z.string().openapi({ example: 'Unprocessable Content' }),
    status: z.int().openapi({ example: 422 }),
    detail: z.string().openapi({ example: 'The request has a mistake: stations must be at least 1.' }),
    requestId: z.string().openapi({ example: '41509791-3de8-5bb9-b4fc-a9753da95aad' }),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .openapi({ example: [{ path: 'stations', message: 'must be at least 1' }] }),
  })
  .openapi('Problem');

/** What each status code of our errors is called. */
export const titles = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  508: 'Loop Detected',
} as const;

/** Why the use of an API key was refused; `key` is null when it is nobody's. For the audit log, not for the answer. */
export type Refusal = {
  reason: 'unknown' | 'expired' | 'address' | 'scope' | 'location';
  key: ApiKey | null;
};

/** The status codes of our error answers. */
export type ProblemStatus = keyof typeof titles;

/**
 * An answer other than success, thrown by whoever finds the reason and turned into an answer by {@link answerError}.
 * @example throw new Problem(404, 'There is no endpoint with this id at this location.');
 */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: ProblemStatus;
  readonly more: { errors?: Mistake[]; headers?: Record<string, string>; refusal?: Refusal };

  constructor(status: ProblemStatus, detail: string, more: Problem['more'] = {}) {
    super(detail);
    this.status = status;
    this.more = more;
  }
}

/** A 422 that names each mistake. At most 20 are named: the rest would be noise. */
export function invalid(mistakes: Mistake[], refusal?: Refusal): Problem {
  const errors = mistakes.slice(0, 20);
  const [first] = errors;
  const where = first?.path ? `${first.path}: ${first.message}` : first?.message;
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
  return new Problem(422, `The request has ${count}. ${where}`, { errors, ...(refusal && { refusal }) });
}

/** A 422 for a URL that the URL policy forbids. @param message why, as the guard says it. */
export function refusedUrl(message: string): Problem {
  metrics.guardRefusals.inc('save');
  return invalid([{ path: 'url', message }]);
}

/** What a schema found wrong, as mistakes with dotted paths. */
export function mistakesOf(error: z.core.$ZodError): Mistake[] {
  return error.issues.map((issue) => {
    // A key that does not fit hides what is wrong with it one level down.
    const [cause = issue] = issue.code === 'invalid_key' ? issue.issues : [];
    return { path: issue.path.map(String).join('.'), message: cause.message };
  });
}

/** The one place that turns an error into an answer. What is not a {@link Problem} is ours, and is logged with its cause. */
export function answerError(error: Error, c: Context): Response {
  const problem = toProblem(error);
  if (problem !== error && problem.status >= 500)
    logger.error({ err: error, requestId: requestIdOf(c), method: c.req.method }, 'request failed');
  return answerProblem(c, problem);
}

/** The answer to an error: its own, or the one for what is our fault. */
export function toProblem(error: Error): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException && error.status === 415) return notJson();
  if (error instanceof HTTPException)
    return new Problem(
      isProblemStatus(error.status) ? error.status : 400,
      error.message || 'The request cannot be read.',
    );
  if (error instanceof Overloaded)
    return new Problem(503, `${error.message} Nothing was stored: repeat the request.`, retryLater);
  if (isDatabaseAway(error))
    return new Problem(
      503,
      'The database cannot be reached right now. Whether the request was stored is not known: repeat it with the same ids.',
      retryLater,
    );
  return new Problem(500, 'Something went wrong on our side. It has been logged with this requestId.');
}

const retryLater = { headers: { 'retry-after': '1' } };

/** The answer to a body of another type, or of none. */
export function notJson(): Problem {
  return new Problem(415, 'Send the body as JSON, with `content-type: application/json`.');
}

/** Whether we answer errors with this status code. */
export function isProblemStatus(status: number): status is ProblemStatus {
  return status in titles;
}

/**
 * SQLSTATE classes of a server that is going away, out of something, or cancelled or rolled us back: 08, 53, 57, 40; of a
 * lock that somebody else holds: 55P03; of a disk that fails: 58; of a standby: 25006; or no connection at all.
 */
function isDatabaseAway(error: Error): boolean {
  const cause = error.cause instanceof Error ? error.cause : error;
  if (cause instanceof postgres.PostgresError) return /^(08|40|53|57|58|55P03|25006)/.test(cause.code);
  return 'code' in cause && typeof cause.code === 'string' && connectionCodes.test(cause.code);
}

/** Codes of Node and postgres.js for a connection that cannot be made or was lost. */
const connectionCodes =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ENOENT|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|CONNECT_TIMEOUT|CONNECTION_\w+)$/;

/** Writes a problem as `application/problem+json`. */
function answerProblem(c: Context, { status, message, more }: Problem): Response {
  const body = {
    title: titles[status],
    status,
    detail: message,
    requestId: requestIdOf(c),
    ...(more.errors && { errors: more.errors }),
  };
  return c.body(JSON.stringify(body), status, {
    'content-type': 'application/problem+json',
    ...more.headers,
  });
}

function requestIdOf(c: Context): string {
  const id: unknown = c.get('requestId');
  return typeof id === 'string' ? id : '';
}
