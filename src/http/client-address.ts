import type { HonoRequest } from 'hono';
import { type CidrList, contains } from '../delivery/url-guard.ts';

/**
 * The address a request came from. `X-Forwarded-For` counts only as far as trusted proxies wrote it: read from the
 * right, the first address that is not a trusted proxy's is the client's.
 * @param remoteAddress of the connection.
 * @param trustProxy the addresses of our own proxies (`TRUST_PROXY`); empty: the header is ignored.
 * @example '198.51.100.7'
 */
export function clientAddress(
  request: HonoRequest,
  remoteAddress: string | undefined,
  trustProxy: CidrList,
): string {
  const forwarded = (request.header('x-forwarded-for') ?? '').split(',').map((part) => part.trim());
  let client = withoutMapping(remoteAddress ?? '');
  while (contains(trustProxy, client)) {
    const next = forwarded.pop();
    if (!next) break;
    client = withoutMapping(next);
  }
  return client;
}

/** An IPv4 address as such, where a dual-stack socket shows it as `::ffff:198.51.100.7`. */
function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '');
}
