import { afterEach, expect, test } from 'vitest';
import { createResolver } from '../../src/delivery/resolve.ts';
import { type NameServer, noSuchName, type Records, serverFailure, startNameServer } from './name-server.ts';

const v4 = [Buffer.from([93, 184, 215, 14]), Buffer.from([10, 0, 0, 1])];
const v6 = [Buffer.from('26062800000000000000000000000001', 'hex')];

let server: NameServer;
afterEach(() => server.stop());

async function resolve(records: Records, timeoutMs = 600): Promise<string[]> {
  server = await startNameServer(records);
  return createResolver({ timeoutMs, servers: [server.address] }).resolve('hooks.example.com');
}

test('both families are asked and all addresses answered', async () => {
  expect((await resolve({ a: v4, aaaa: v6 })).toSorted()).toEqual([
    '10.0.0.1',
    '2606:2800::1',
    '93.184.215.14',
  ]);
  expect(server.asked.toSorted()).toEqual(['A hooks.example.com', 'AAAA hooks.example.com']);
});

test.each<[string, Records]>([
  ['has no records', { a: v4, aaaa: [] }],
  ['fails', { a: v4, aaaa: serverFailure }],
  ['is never answered', { a: v4, aaaa: 'silent' }],
])('one family is enough when the other %s', async (_case, records) => {
  expect(await resolve(records, 60_000)).toEqual(['93.184.215.14', '10.0.0.1']);
});

test('IPv6 alone is enough', async () => {
  expect(await resolve({ a: noSuchName, aaaa: v6 })).toEqual(['2606:2800::1']);
});

test.each<[string, Records]>([
  ['does not exist', { a: noSuchName, aaaa: noSuchName }],
  ['has no addresses', { a: [], aaaa: [] }],
  ['cannot be answered', { a: serverFailure, aaaa: serverFailure }],
  ['is never answered', { a: 'silent', aaaa: 'silent' }],
])('a name that %s is rejected by itself', async (_case, records) => {
  await expect(resolve(records)).rejects.toThrow('All promises were rejected');
});

test('a slow name is waited for, however quickly others were answered before', async () => {
  const timeoutMs = 2000;
  server = await startNameServer((name) =>
    name.startsWith('slow') ? { a: v4, delayMs: timeoutMs - 200 } : { a: v4 },
  );
  const resolver = createResolver({ timeoutMs, servers: [server.address] });
  for (let n = 0; n < 50; n += 1) await resolver.resolve(`quick-${n}.example.com`);
  expect(await resolver.resolve('slow.example.com')).toEqual(['93.184.215.14', '10.0.0.1']);
});

test('localhost and search domains play no part: the name is asked as it is', async () => {
  server = await startNameServer({ a: v4 });
  await createResolver({ timeoutMs: 600, servers: [server.address] }).resolve('localhost');
  expect(server.asked).toContain('A localhost');
});

test('cancel ends the queries under way', async () => {
  server = await startNameServer({ a: 'silent', aaaa: 'silent' });
  const resolver = createResolver({ timeoutMs: 60_000, servers: [server.address] });
  const answer = resolver.resolve('hooks.example.com');
  resolver.cancel();
  await expect(answer).rejects.toThrow('All promises were rejected');
});
