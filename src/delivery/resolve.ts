import { Resolver } from 'node:dns/promises';
import { setTimeout as wait } from 'node:timers/promises';

/** Answers the addresses of a host name, IPv4 and IPv6; rejects, or answers none, when there are none to be had. */
export type Resolve = (host: string) => Promise<string[]>;

/** What {@link createResolver} makes. `cancel` ends the queries under way, which would keep the process alive. */
export type DnsResolver = { resolve: Resolve; cancel: () => void };

/**
 * Makes a resolver on c-ares. Never `dns.lookup`: it has four threads for the whole process, which four silent names
 * take from everybody. /etc/hosts and search domains are not looked at.
 * @param options.timeoutMs during which a name is not given up. It is asked four times, each time waiting twice as long, so
 * that a silent one is given up some time later, unseen: the deadline of the attempt does not wait for it.
 * @param options.servers name servers as `address:port`; the system's when missing.
 * @example await createResolver({ timeoutMs: 2000 }).resolve('example.com'); // ['93.184.215.14', '2606:2800:…']
 */
export function createResolver({ timeoutMs, servers }: ResolverOptions): DnsResolver {
  // c-ares waits less for a server that was quick for other names, though never below 250 ms at first, and takes up to
  // half off each further wait: 250 + 250 + 500 + 1000 still are the 2 s of an attempt. It hears the answer to its last
  // question only, which a server that had to look for the name gives together with those before.
  const resolver = new Resolver({ timeout: Math.ceil(timeoutMs / 8), tries: 4 });
  if (servers) resolver.setServers(servers);
  return {
    resolve: (host) => gatherFamilies([resolver.resolve4(host), resolver.resolve6(host)]),
    cancel: () => resolver.cancel(),
  };
}

type ResolverOptions = { timeoutMs: number; servers?: readonly string[] };

/**
 * Milliseconds that one address family waits for the other. Name servers that never answer about IPv6 are common, and
 * must not cost a whole attempt; RFC 8305 (section 3) waits 50, which a cold cache often exceeds.
 */
const otherFamilyWaitMs = 200;

async function gatherFamilies(families: Promise<string[]>[]): Promise<string[]> {
  const addresses: string[] = [];
  const gathered = families.map(async (family) => addresses.push(...(await family)));
  await Promise.any(gathered);
  await Promise.race([Promise.allSettled(gathered), wait(otherFamilyWaitMs, null, { ref: false })]);
  // A copy: a late answer must not slip in behind the guard.
  return [...addresses];
}
