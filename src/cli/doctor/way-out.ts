import { getServers } from 'node:dns';
import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createSecureContext } from 'node:tls';
import type { Config } from '../../config.ts';
import { connect } from '../../delivery/connect.ts';
import { Deadline } from '../../delivery/deadline.ts';
import { createResolver, type Resolve } from '../../delivery/resolve.ts';
import { addressOf, judgeAddress, type JudgedUrl, judgeUrl, nameOf } from '../../delivery/url-guard.ts';
import { describeError } from '../errors.ts';
import { type Check, checksOf } from './check.ts';
import { examineClock } from './clock.ts';

/** The way to receivers, tried with one of them: its name, the guard, the connection, its answer. */
export async function* examineWayOut(config: Config, url: string | undefined): AsyncGenerator<Check> {
  yield examineIpv6();
  if (url === undefined) {
    yield checksOf('Way out').skipped('not checked: give --url with the URL of a receiver');
    return;
  }
  const judged = judgeUrl(url, config.DELIVERY_ALLOW_CIDRS);
  if (!judged.ok) {
    yield checksOf('Way out').failed(judged.message, 'The URL policy forbids it: give another --url.');
    return;
  }
  const resolver = createResolver({ timeoutMs: config.DELIVERY_TIMEOUT_MS });
  try {
    if (addressOf(judged.url) === null) yield await examineName(judged.url, resolver.resolve);
    yield* examineReceiver(judged, config, resolver.resolve);
  } finally {
    resolver.cancel();
  }
}

/** Whether this machine has an address by which it can speak IPv6 with the internet. */
function examineIpv6(): Check {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const hasIpv6 = addresses.some(({ address }) => isIPv6(address) && judgeAddress(address, []).ok);
  const { ok } = checksOf('IPv6');
  return hasIpv6 ? ok('this machine has a public address') : ok('none here: receivers are reached by IPv4');
}

async function examineName(url: URL, resolve: Resolve): Promise<Check> {
  const { ok, failed } = checksOf('DNS');
  const servers = getServers().join(', ') || 'none';
  const advice = `The name servers are ${servers}. /etc/hosts is not looked at.`;
  const name = nameOf(url);
  if (name === 'localhost') return ok('localhost is not asked of DNS');
  const addresses = await resolve(name).catch(() => []);
  return addresses.length > 0
    ? ok(`${name} is ${addresses.join(', ')}`)
    : failed(`${name} has no address`, advice);
}

const advices = {
  blocked: 'The URL policy forbids the URL, or an address that its name has.',
  dns: 'See DNS above.',
  connect: 'Does the receiver listen there? Does a firewall let this machine out?',
  tls: 'Its certificate must be valid, for that name, and of an authority that Node.js knows.',
};

async function* examineReceiver(judged: JudgedUrl, config: Config, resolve: Resolve): AsyncGenerator<Check> {
  const { url } = judged;
  const { ok, failed } = checksOf('Way out');
  const deadline = new Deadline(config.DELIVERY_TIMEOUT_MS);
  const network = { allow: config.DELIVERY_ALLOW_CIDRS, resolve, secureContext: createSecureContext() };
  const connected = await connect(judged, network, deadline);
  if (!connected.ok) {
    deadline.end();
    const why = deadline.passed ? `not within ${config.DELIVERY_TIMEOUT_MS} ms` : connected.reason;
    yield failed(`cannot connect to ${url.host} (${why})`, advices[connected.reason]);
    return;
  }
  const connectedMs = Math.round(deadline.elapsedMs());
  try {
    const { status, aheadMs } = await askHead(connected.socket, url, deadline);
    yield ok(`connected to ${url.host} in ${connectedMs} ms; HEAD was answered ${status}`);
    if (aheadMs !== null) yield examineClock(url.host, aheadMs);
  } catch (error) {
    yield failed(
      `connected to ${url.host} in ${connectedMs} ms, but got no answer: ${describeError(error)}`,
      `An answer must come within ${config.DELIVERY_TIMEOUT_MS} ms.`,
    );
  } finally {
    deadline.end();
    connected.socket.destroy();
  }
}

/** `Date` tells whole seconds. On average it is half of one behind. */
const meanCutMs = 500;

async function askHead(socket: Socket, url: URL, deadline: Deadline) {
  deadline.onPassed(() => socket.destroy(new Error('it took too long')));
  const asking = request(url.href.replace(/^https:/, 'http:'), {
    method: 'HEAD',
    headers: { host: url.host },
    createConnection: () => socket,
  });
  asking.end();
  const [response] = await once(asking, 'response');
  const date = Date.parse(response.headers.date ?? '');
  return {
    status: Number(response.statusCode),
    aheadMs: Number.isNaN(date) ? null : date + meanCutMs - Date.now(),
  };
}
