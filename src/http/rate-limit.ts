import type { Context, MiddlewareHandler } from 'hono';
import { rateLimiter } from 'hono-rate-limiter';
import type { CidrList } from '../delivery/url-guard.ts';
import type { AppEnv } from './authorize.ts';
import { clientAddress, networkOf } from './client-address.ts';
import { Problem } from './problem.ts';
import { Windows } from './windows.ts';

/** How many requests may come in a window of time. */
export type RateLimit = { requests: number; windowMs: number };

const minuteMs = 60_000;

/**
 * Limits what one key may ask for in a minute. What people do at the page counts under their key too, but apart from
 * what programs do with it: neither uses up the other's requests.
 * @param requestsPerMinute 0: no limit.
 */
export function limitByKey(requestsPerMinute: number): MiddlewareHandler<AppEnv> {
  if (requestsPerMinute === 0) return (_c, next) => next();
  return limitBy({ requests: requestsPerMinute, windowMs: minuteMs }, ({ var: { caller } }) =>
    [caller.kind, caller.key.id, caller.key.locationId].join(' '),
  );
}

/** Limits requests by the address they come from. */
export function limitByAddress(limit: RateLimit, trustProxy: CidrList) {
  return limitBy(limit, (c) =>
    networkOf(clientAddress(c.req, c.env.incoming.socket.remoteAddress, trustProxy)),
  );
}

/**
 * Limits requests by anything about them, counted in this process. One too many is a 429, whose `Retry-After` says when
 * the window ends.
 */
export function limitBy({ requests, windowMs }: RateLimit, keyOf: (c: Context<AppEnv>) => string) {
  return rateLimiter<AppEnv>({
    windowMs,
    limit: requests,
    standardHeaders: 'draft-7',
    keyGenerator: keyOf,
    store: new Windows(windowMs),
    handler: () => {
      const minutes = windowMs / minuteMs;
      const time = minutes === 1 ? 'a minute' : `${minutes} minutes`;
      throw new Problem(429, `More than ${requests} requests in ${time}: try again later.`);
    },
  });
}
