import { isIP } from 'node:net';
import type { HonoRequest } from 'hono';
import ipaddr from 'ipaddr.js';
import { type CidrList, contains } from '../delivery/url-guard.ts';

/**
 * The address a request came from, in one spelling. `X-Forwarded-For` counts only as far as trusted proxies wrote it:
 * read from the right, the first address that is not a trusted proxy's is the client's. What is no address ends the
 * reading: then the proxy that passed it on is all that is known.
 * @param remoteAddress of the connection; undefined when it is closed already, which answers ''.
 * @param trustProxy the addresses of our own proxies (`TRUST_PROXY`); empty: the header is ignored.
 * @example '198.51.100.7'
 */
export function clientAddress(
  request: HonoRequest,
  remoteAddress: string | undefined,
  trustProxy: CidrList,
): string {
  // Several headers of this name come as one list, in their order.
  const forwarded = (request.header('x-forwarded-for') ?? '').split(',');
  let client = addressIn(remoteAddress ?? '') ?? '';
  while (contains(trustProxy, client)) {
    const next = addressIn(forwarded.pop() ?? '');
    if (next === null) break;
    client = next;
  }
  return client;
}

/** IPv4 and bracketed IPv6 with the port that some proxies add, and any of them without. */
const hop = /^(?:\[([^\]]*)\](?::\d{1,5})?|([\d.]+):\d{1,5}|([^[\]]*))$/;

/** null for anything else. IPv4 as such, where a dual-stack socket shows it as `::ffff:198.51.100.7`. */
function addressIn(text: string): string | null {
  const [, bracketed, withPort, bare] = hop.exec(text.trim()) ?? [];
  // A zone (fe80::1%eth0) is a matter of this machine, not of the sender.
  const address = (bracketed ?? withPort ?? bare ?? '').replace(/%.*$/, '');
  return isIP(address) === 0 ? null : ipaddr.process(address).toString();
}

/** The sender that an address stands for: an IPv6 network of /64 counts as one. */
export function networkOf(address: string): string {
  if (!ipaddr.IPv6.isValid(address)) return address;
  return ipaddr.IPv6.parse(address).parts.slice(0, 4).join(':');
}
