import type { Context } from 'hono';
import { rateLimiter } from 'hono-rate-limiter';
import ipaddr from 'ipaddr.js';
import type { CidrList } from '../delivery/url-guard.ts';
import type { AppEnv } from './authorize.ts';
import { clientAddress } from './client-address.ts';
import { Problem } from './problem.ts';

/** How many requests may come in a window of time. */
export type RateLimit = { requests: number; windowMs: number };

/** Limits requests by the address they come from; an IPv6 network of /64 counts as one sender. */
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
    handler: () => {
      throw new Problem(
        429,
        `More than ${requests} requests in ${windowMs / 60_000} minutes: try again later.`,
      );
    },
  });
}

/** What counts as one sender: an IPv4 address, or an IPv6 network of /64. */
export function networkOf(address: string): string {
  if (!ipaddr.IPv6.isValid(address)) return address;
  return ipaddr.IPv6.parse(address).parts.slice(0, 4).join(':');
}
