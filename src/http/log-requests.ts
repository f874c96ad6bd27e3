import { createMiddleware } from 'hono/factory';
import { logger } from '../logger.ts';
import type { AppEnv } from './authorize.ts';

/** One log line per request from outside. The query is left out, for nobody knows what it holds. */
export const logRequests = createMiddleware<AppEnv>(async (c, next) => {
  if (c.env.caller) return next();
  const beganAt = performance.now();
  await next();
  const durationMs = Math.round(performance.now() - beganAt);
  const { requestId, key } = c.var;
  const { method } = c.req;
  const path = c.req.path.replace(secretPath, '$1…');
  logger.info(
    { requestId, method, path, status: c.res.status, durationMs, keyId: key?.id },
    'request answered',
  );
});

/** Paths whose last part is a secret, or may be the only one. Others hold ids. */
const secretPath = /^(\/apps\/[^/]*\/webhooks\/|\/v1\/flow-webhook\/).*$/;
