import { connect as connectTcp, isIPv4, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type SecureContext } from 'node:tls';
import ipaddr from 'ipaddr.js';
import { metrics } from '../metrics.ts';
import type { Deadline } from './deadline.ts';
import type { Resolve } from './resolve.ts';
import { addressOf, type CidrList, contains, judgeResolved, judgeUrl, nameOf } from './url-guard.ts';

/**
 * Opens a connection to the host of a URL, by addresses that the URL policy allows and no other: judges the URL, resolves
 * its name, judges every address, connects to one of exactly these, and secures it for https. Proxies are not used.
 * @param deadline when it passes, every socket that was begun is destroyed and the answer is `ok: false`.
 * @returns never throws. `blocked`: the policy forbids the URL or one of its addresses, and nothing was connected.
 */
export async function connect(text: string, network: Network, deadline: Deadline): Promise<Connected> {
  const judged = judgeUrl(text, network.allow);
  if (!judged.ok) return refused();
  const addresses = await findAddresses(judged.url, network, deadline);
  if (addresses === null) return { ok: false, reason: 'dns' };
  if (!judgeResolved(addresses, judged.onlyAllowed, network.allow)) return refused();
  const tcp = await connectFirst(addresses, portOf(judged.url), deadline);
  if (tcp === null) return { ok: false, reason: 'connect' };
  if (judged.url.protocol === 'http:') return { ok: true, url: judged.url, socket: tcp };
  const tls = await secure(tcp, judged.url, network, deadline);
  return tls === null ? { ok: false, reason: 'tls' } : { ok: true, url: judged.url, socket: tls };
}

/** What {@link connect} needs from its surroundings. `secureContext` holds the trusted certificate authorities. */
export type Network = { allow: CidrList; resolve: Resolve; secureContext: SecureContext };

/** What {@link connect} answers; `url` is the parsed URL that was judged. */
export type Connected =
  | { ok: true; url: URL; socket: Socket }
  | { ok: false; reason: 'blocked' | 'dns' | 'connect' | 'tls' };

function refused(): Connected {
  metrics.guardRefusals.inc('send');
  return { ok: false, reason: 'blocked' };
}

/** null when the name does not resolve, or not in time. Addresses are not judged yet. */
async function findAddresses(url: URL, network: Network, deadline: Deadline): Promise<string[] | null> {
  const address = addressOf(url);
  if (address !== null) return [address];
  const name = nameOf(url);
  if (name === 'localhost' || name.endsWith('.localhost')) return loopback(network.allow);
  const addresses = await resolveInTime(name, network.resolve, deadline);
  return addresses === null || addresses.length === 0 ? null : addresses;
}

/** `localhost` is never asked of DNS (RFC 6761, 6.3); it has the loopback addresses that may be used, if any. */
function loopback(allow: CidrList): string[] {
  return ['127.0.0.1', '::1'].filter((address) => contains(allow, address));
}

function resolveInTime(name: string, resolve: Resolve, deadline: Deadline): Promise<string[] | null> {
  return new Promise((settle) => {
    deadline.onPassed(() => settle(null));
    resolve(name).then(settle, () => settle(null));
  });
}

/** Port by scheme where the URL names none, since `URL` leaves out the default. */
function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

/** Milliseconds to wait for one address before the next is tried beside it: RFC 8305, section 5. */
const attemptDelayMs = 250;

/**
 * Connects to the address that answers first (RFC 8305) and drops the others. Not by `autoSelectFamily` of node:net: it
 * gives up an address before it tries the next. Addresses are literals, for which Node resolves nothing.
 */
function connectFirst(addresses: string[], port: number, deadline: Deadline): Promise<Socket | null> {
  return new Promise((settle) => {
    const waiting = alternateFamilies(addresses);
    const begun = new Set<Socket>();
    let timer: NodeJS.Timeout | undefined;

    function tryNext(): void {
      clearTimeout(timer);
      const address = waiting.shift();
      if (address !== undefined) begin(address);
      else if (begun.size === 0) end(null);
    }

    function begin(address: string): void {
      const socket = connectTcp({ host: address, port, noDelay: true });
      begun.add(socket);
      socket.once('connect', () => (isSame(socket.remoteAddress, address) ? end(socket) : drop(socket)));
      socket.on('error', () => drop(socket));
      if (waiting.length > 0) timer = setTimeout(tryNext, attemptDelayMs);
    }

    function drop(socket: Socket): void {
      socket.destroy();
      if (begun.delete(socket)) tryNext();
    }

    function end(winner: Socket | null): void {
      clearTimeout(timer);
      waiting.length = 0;
      if (winner !== null) begun.delete(winner);
      for (const socket of begun) socket.destroy();
      begun.clear();
      settle(winner);
    }

    deadline.onPassed(() => end(null));
    tryNext();
  });
}

/** IPv4 first: nearly every receiver has it, and a network whose IPv6 leads nowhere would cost the delay above. */
function alternateFamilies(addresses: string[]): string[] {
  const ipv4 = addresses.filter((address) => isIPv4(address));
  const ipv6 = addresses.filter((address) => !isIPv4(address));
  return addresses
    .flatMap((_, index) => [ipv4[index], ipv6[index]])
    .filter((address) => address !== undefined);
}

/** The last look before anything is sent: the peer is the address that was judged, whatever its spelling. */
function isSame(peer: string | undefined, address: string): boolean {
  if (peer === undefined || peer === address) return peer === address;
  return ipaddr.parse(peer).toNormalizedString() === ipaddr.parse(address).toNormalizedString();
}

function secure(
  tcp: Socket,
  url: URL,
  { secureContext }: Network,
  deadline: Deadline,
): Promise<Socket | null> {
  return new Promise((settle) => {
    const tls = connectTls({ socket: tcp, secureContext, ...tlsOptions, ...identityOf(url) });
    const fail = () => {
      tls.destroy();
      tcp.destroy();
      settle(null);
    };
    deadline.onPassed(fail);
    tls.once('secureConnect', () => settle(tls));
    tls.on('error', fail);
    tls.once('close', fail);
  });
}

/** `rejectUnauthorized` is spelled out because NODE_TLS_REJECT_UNAUTHORIZED changes its default. */
const tlsOptions = { rejectUnauthorized: true, ALPNProtocols: ['http/1.1'] };

/** The certificate must be for `host`, or for `servername`, which TLS does not let be an address (RFC 6066, 3). */
function identityOf(url: URL): ConnectionOptions {
  const address = addressOf(url);
  return address === null ? { host: nameOf(url), servername: nameOf(url) } : { host: address };
}
