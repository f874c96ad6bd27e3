import { createMiddleware } from 'hono/factory';
import { logger } from '../logger.ts';
import type { AppEnv } from './authorize.ts';

/** One log line per request. Paths hold ids, never secrets; the query is left out, for nobody knows what it holds. */
export const logRequests = createMiddleware<AppEnv>(async (c, next) => {
  const beganAt = performance.now();
  await next();
  const durationMs = Math.round(performance.now() - beganAt);
  const { requestId, key } = c.var;
  const { method, path } = c.req;
  logger.info(
    { requestId, method, path, status: c.res.status, durationMs, keyId: key?.id },
    'request answered',
  );
});
