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
  const path = withoutSecrets(c.req.path);
  logger.info(
    { requestId, method, path, status: c.res.status, durationMs, keyId: key?.id },
    'request answered',
  );
});

/** Outside of what needs a key, an id in a path is, or may be, the only secret: mistyped or sent by the wrong method too. */
function withoutSecrets(path: string): string {
  if (/^\/v1\/(locations|keys)\//.test(path)) return path;
  return path.replace(secretPath, '$1…').replaceAll(uuid, '…');
}

/** Paths whose last part is a secret, whatever it looks like. */
const secretPath = /^(\/apps\/[^/]*\/webhooks\/|\/v1\/flow-webhook\/|\/sign-in\/).*$/;
const uuid = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/gi;
