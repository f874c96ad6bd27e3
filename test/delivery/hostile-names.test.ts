import { expect, test, vi } from 'vitest';
import { ask } from '../support/own-resolver.ts';
import { sayNothing, startRawReceiver, startReceiver } from '../support/receiver.ts';
import { running, setStage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addVenue, handOver, newEvent } from '../support/venue.ts';
import { noSuchName, type Records, serverFailure, startNameServer } from './name-server.ts';

vi.mock('../../src/delivery/resolve.ts', () => import('../support/own-resolver.ts'));

const allowed = Buffer.from([127, 0, 0, 1]);
const publicAddress = Buffer.from([93, 184, 215, 14]);
const forbidden = Buffer.from([10, 0, 0, 1]);
const mapped = Buffer.from('00000000000000000000ffff7f000001', 'hex');

type Name = { records: Records; outcome: string; reason: string | null };

const timedOut = { outcome: 'timed_out', reason: 'timeout' };
const unknown = { outcome: 'failed', reason: 'dns' };
const blocked = { outcome: 'failed', reason: 'blocked' };
const delivered = { outcome: 'delivered', reason: null };

const names: Record<string, Name> = {
  silent: { records: { a: 'silent', aaaa: 'silent' }, ...timedOut },
  late: { records: { a: [allowed], delayMs: 5000 }, ...timedOut },
  failing: { records: { a: serverFailure, aaaa: serverFailure }, ...unknown },
  missing: { records: { a: noSuchName, aaaa: noSuchName }, ...unknown },
  empty: { records: { a: [], aaaa: [] }, ...unknown },
  half: { records: { a: [allowed], aaaa: serverFailure }, ...delivered },
  slow: { records: { a: [allowed], delayMs: 300 }, ...delivered },
  private: { records: { a: [forbidden] }, ...blocked },
  'private-in-ipv6': { records: { aaaa: [mapped] }, ...blocked },
  'mixed-private-last': { records: { a: [allowed, publicAddress, forbidden] }, ...blocked },
  'mixed-private-first': { records: { a: [forbidden, allowed] }, ...blocked },
  'mixed-families': { records: { a: [allowed], aaaa: [mapped] }, ...blocked },
};

test('no name keeps its attempt for longer than promised, leads where it must not, or delays another', async () => {
  const { start, ledger } = await setStage();
  const nameServer = await running(startNameServer((name) => names[name.split('.')[0] ?? '']?.records ?? {}));
  ask(nameServer);
  const { api } = await start();
  const receiver = await running(startReceiver());
  const locations = await Promise.all(
    Object.keys(names).map(async (name) => {
      const locationId = await addVenue(api, `http://${name}.example.com:${receiver.port}/${name}`);
      return { name, locationId };
    }),
  );
  const healthy = await running(startReceiver());
  const healthyIds = await Promise.all(
    Array.from({ length: 20 }, (_, n) => addVenue(api, `${healthy.url}/${n}`)),
  );
  await handOver(
    api,
    locations.map(({ locationId }) => newEvent(locationId)),
  );
  await until('the silent name was asked for', async () => nameServer.asked.includes('A silent.example.com'));
  await handOver(
    api,
    healthyIds.map((locationId) => newEvent(locationId)),
  );
  await healthy.received(20);
  const early = await ledger.deliveries();
  expect(early.filter(({ outcome }) => outcome === 'timed_out')).toEqual([]);

  await ledger.settled();
  for (const { name, locationId } of locations) {
    const [delivery] = await ledger.deliveries(locationId);
    const { outcome, reason } = delivery ?? {};
    expect({ name, outcome, reason }).toEqual({ name, ...ended(name) });
  }
  const reached = Object.keys(names).filter((name) => names[name]?.outcome === 'delivered');
  expect(receiver.requests.map(({ url }) => url).toSorted()).toEqual(
    reached.map((name) => `/${name}`).toSorted(),
  );
  expect(receiver.openedCount()).toBe(reached.length);
});

test('what a slow name server takes is missing to the receiver: both have one deadline', async () => {
  const { start, ledger } = await setStage();
  ask(await running(startNameServer({ a: [allowed], delayMs: 1000 })));
  const { api } = await start();
  const receiver = await running(startRawReceiver(sayNothing));
  const locationId = await addVenue(api, `http://hooks.example.com:${receiver.port}/`);
  await handOver(api, newEvent(locationId));
  await receiver.opened(1);
  const openedAt = performance.now();
  await receiver.closed(1);
  const openMs = performance.now() - openedAt;
  const [delivery] = await ledger.ended(locationId, 1);
  expect(delivery).toMatchObject(timedOut);
  // Half of what both could take if each had its own two seconds.
  expect(openMs).toBeLessThan(1900);
});

// A busy machine may be so late that c-ares asks again by itself.
test('a name server that turns a name to a forbidden address between check and connect is asked only once', {
  retry: 3,
}, async () => {
  const { start, ledger } = await setStage();
  const asked: string[] = [];
  const nameServer = await running(
    startNameServer((name) => {
      asked.push(name);
      // One question for each family: the first answers are good, all others are not.
      return asked.length <= 2 ? { a: [allowed] } : { a: [forbidden], aaaa: [mapped] };
    }),
  );
  ask(nameServer);
  const { api } = await start();
  const receiver = await running(startReceiver());
  const locationId = await addVenue(api, `http://hooks.example.com:${receiver.port}/`);
  expect(nameServer.asked).toEqual([]);
  await handOver(api, newEvent(locationId));
  expect(await ledger.ended(locationId, 1)).toMatchObject([delivered]);
  expect(nameServer.asked.toSorted()).toEqual(['A hooks.example.com', 'AAAA hooks.example.com']);
  await receiver.closed(1);
  await handOver(api, newEvent(locationId));
  const [, second] = await ledger.ended(locationId, 2);
  expect(second).toMatchObject(blocked);
  expect(receiver.openedCount()).toBe(1);
});

function ended(name: string): { outcome: string; reason: string | null } {
  const { outcome, reason } = names[name] ?? { outcome: '', reason: '' };
  return { outcome, reason };
}
