import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import worker from '../../examples/worker.ts';
import type { SessionEvent } from '../../src/kit/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';
import { type Example, startExample } from './example.ts';
import { events, otherSecret, requestOf, secret, signDelivery } from './signed.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

const hasExpress = existsSync('node_modules/express');

/** Examples that print what they get. Express is no dependency of ours: its example runs where it is installed. */
const servers = [
  { file: 'node-http.ts', why: '' },
  { file: 'hono.ts', why: '' },
  { file: 'express.js', why: hasExpress ? '' : ' (skipped: express is not installed here)' },
];

for (const { file, why } of servers)
  it.skipIf(why)(`examples/${file} takes what Bellhop signed, and nothing else${why}`, async () => {
    const { url, said, lines } = await startExample(file, { WEBHOOK_SECRET: secret });
    const post = (signed: ReturnType<typeof signDelivery>) => fetch(url, { method: 'POST', ...signed });
    expect((await post(signDelivery({ secrets: [otherSecret] }))).status).toBe(401);
    expect((await post({ ...signDelivery(), body: '[]' })).status).toBe(401);
    expect((await post(signDelivery())).status).toBe(204);
    const expected = events.map(({ uuid, action, stations }) => `${action} ${uuid} ${stations}`);
    await said(expected.at(-1) ?? '');
    expect(lines.slice(-2)).toEqual(expected);
    expect(lines.filter((line) => line.startsWith('create'))).toHaveLength(1);
  });

it.each(['node-http.ts', 'hono.ts'])('examples/%s outlives a request that breaks off', async (file) => {
  const { url, said } = await startExample(file, { WEBHOOK_SECRET: secret });
  const { headers, body } = signDelivery();
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const lines = Object.entries({ host: 'x', ...headers, 'content-length': '9999' });
  socket.write(
    `POST /hooks/vr HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n[`,
  );
  socket.end();
  socket.resume();
  await once(socket, 'close');
  expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(204);
  await said(`create ${events[0]?.uuid} 1`);
});

it('examples/worker.ts answers, keeps the worker alive, and sends each event to its queue', async () => {
  const sent: SessionEvent[] = [];
  const work: Promise<unknown>[] = [];
  const env = { WEBHOOK_SECRET: secret, QUEUE: { send: async (event: SessionEvent) => sent.push(event) } };
  const context = { waitUntil: (promise: Promise<unknown>) => void work.push(promise) };
  const refused = await worker.fetch(requestOf(signDelivery({ secrets: [otherSecret] })), env, context);
  expect([refused.status, work]).toEqual([401, []]);
  expect((await worker.fetch(requestOf(signDelivery()), env, context)).status).toBe(204);
  expect(sent).toEqual([]);
  await Promise.all(work);
  expect(sent).toEqual(events);
});

/** A location whose endpoint is an example. The endpoint is made first: the example needs its secret, it the address. */
async function addReceiver(file: string): Promise<Example & { locationId: string; path: string }> {
  const locationId = await addLocation(service.api);
  const { secret: own, path } = await addEndpoint(service.api, locationId, 'http://127.0.0.1:1024');
  const example = await startExample(file, {
    WEBHOOK_SECRET: own,
    BELLHOP_URL: service.url,
    BELLHOP_KEY: adminKey,
  });
  expect((await service.api.patch(path, { url: example.url })).status).toBe(200);
  return { ...example, locationId, path };
}

it('the service delivers to an example of node:http, across a rotation that overlaps', async () => {
  const { locationId, path, said } = await addReceiver('node-http.ts');
  const [first, second] = [newEvent(locationId), newEvent(locationId, { action: 'delete' })];
  await handOver(service.api, first);
  await said(`create ${first.uuid} 1`);
  expect((await service.api.post(`${path}/rotate-secret`, { overlapHours: 1 })).status).toBe(200);
  await handOver(service.api, second);
  await said(`delete ${second.uuid} 1`);
  const test = await service.api.post(`${path}/test`);
  expect(test.body).toMatchObject({ outcome: 'delivered', statusCode: 204 });
});

it('the example of catching up reads what a pause kept back, in order, once, and no test or resend twice', async () => {
  const { locationId, path, said, lines } = await addReceiver('catch-up.ts');
  const all = Array.from({ length: 5 }, () => newEvent(locationId));
  const [first, missed, missedToo, last, next] = all;
  if (!first || !missed || !missedToo || !last || !next) throw new Error('There are five.');
  await handOver(service.api, first);
  await said(`sent create ${first.uuid}`);
  await service.api.patch(path, { enabled: false });
  await handOver(service.api, [missed, missedToo]);
  await service.api.patch(path, { enabled: true });
  await handOver(service.api, last);
  await said(`sent create ${last.uuid}`);
  await service.api.post(`${path}/test`);
  const { body } = await service.api.get(`/v1/locations/${locationId}/deliveries?limit=10`);
  const original = body.items.find((delivery: { firstSequence: number }) => delivery.firstSequence === 1);
  await service.api.post(`/v1/locations/${locationId}/deliveries/${original.id}/resend`);
  await handOver(service.api, next);
  await said(`sent create ${next.uuid}`);
  expect(lines.filter((line) => line.includes(' create '))).toEqual([
    `sent create ${first.uuid}`,
    `missed create ${missed.uuid}`,
    `missed create ${missedToo.uuid}`,
    `sent create ${last.uuid}`,
    `sent create ${next.uuid}`,
  ]);
});
