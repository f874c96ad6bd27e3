import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import { measureRequest, metrics } from '../metrics.ts';
import type { AppEnv } from './authorize.ts';

/** Measures each request from outside by the route it was for, be it let through or not. */
export const measureRequests = createMiddleware<AppEnv>(async (c, next) => {
  if (c.env.caller) return next();
  const beganAt = performance.now();
  await next();
  const { status } = c.res;
  // Middleware matches every method; the first that does not is the one whose handler answers.
  const { method, path: route } = matchedRoutes(c).find((match) => match.method !== 'ALL') ?? noRoute;
  measureRequest({ method, route, status }, (performance.now() - beganAt) / 1000);
  if (status === 429) metrics.rateLimited.inc();
});

/** Whatever somebody asked for that is not there: its method and path may be any text. */
const noRoute = { method: 'other', path: 'other' };
