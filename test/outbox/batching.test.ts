import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatBatch } from '../../src/events/batch.ts';
import { titles } from '../events/titles.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { newLocationId, startTestService, type TestService } from '../support/service.ts';

const event = fc.record({
  action: fc.constantFrom('create' as const, 'delete' as const),
  stations: fc.integer({ min: 1, max: 2_147_483_647 }),
  customerid: fc.maxSafeNat(),
});
/** Requests of events; the actions an endpoint wants. */
const plan = fc.record({
  title: titles,
  requests: fc.array(fc.array(event, { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 6 }),
  actions: fc.constantFrom<string[] | null>(null, ['create'], ['delete'], ['delete', 'create']),
});

describe.each([1, 7, 100])('with batches of at most %i events', (maxEvents) => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ BATCH_MAX_EVENTS: String(maxEvents) });
  });
  afterAll(() => service.stop());

  it('the bodies in a row are the filtered log in order, whatever the title', async () => {
    const property = fc.asyncProperty(plan, async ({ title, requests, actions }) => {
      const receiver = await startReceiver();
      try {
        const location = await makeEndpoint(service, receiver, title, actions);
        for (const request of requests)
          expect((await service.api.post('/v1/events', handOver(location, request))).status).toBe(202);
        const log = await readLog(service, location);
        const wanted = log.filter(({ action }) => !actions || actions.includes(action));
        const posts = await expectBodies(
          receiver,
          wanted.map((item) => ({ ...item, location: title })),
          maxEvents,
        );
        await expectDelivered(service, location, posts);
      } finally {
        await receiver.stop();
      }
    });
    await fc.assert(property, { numRuns: maxEvents === 1 ? 4 : 12 });
  });
});

describe('with the longest title', () => {
  it('batches stay below 256 KiB and lose nothing', async () => {
    const service = await startTestService();
    const receiver = await startReceiver();
    const title = '\u0001'.repeat(500);
    const location = await makeEndpoint(service, receiver, title, null);
    const events = Array.from({ length: 500 }, (_, n) => ({ action: 'create', stations: 1, customerid: n }));
    await service.api.post('/v1/events', handOver(location, events));
    const log = await readLog(service, location);
    const posts = await expectBodies(
      receiver,
      log.map((item) => ({ ...item, location: title })),
      100,
    );
    expect(posts).toBeGreaterThan(5);
    await expectDelivered(service, location, posts);
    await receiver.stop();
    await service.stop();
  });
});

type Logged = { uuid: string; action: 'create' | 'delete'; stations: number; customerid: number };

async function expectBodies(
  receiver: Receiver,
  wanted: (Logged & { location: string })[],
  maxEvents: number,
) {
  let bodies: string[] = [];
  for (let count = 1; eventCount(bodies) < wanted.length; count += 1)
    bodies = (await receiver.received(count)).map(({ body }) => body);
  for (const body of bodies) {
    const events: (Logged & { location: string })[] = JSON.parse(body);
    expect(events.length).toBeLessThanOrEqual(maxEvents);
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(256 * 1024);
    expect(body).toBe(formatBatch(events));
  }
  expect(formatBatch(bodies.flatMap((body) => JSON.parse(body)))).toBe(formatBatch(wanted));
  return bodies.length;
}

/** Nothing waits, and there were no more deliveries than POSTs. */
async function expectDelivered(service: TestService, location: string, posts: number): Promise<void> {
  const stats = async () => (await service.api.get(`/v1/locations/${location}/stats`)).body;
  await expect
    .poll(stats, { timeout: 10_000 })
    .toMatchObject({ deliveries: posts, delivered: posts, backlog: 0 });
}

const eventCount = (bodies: string[]) => bodies.reduce((sum, body) => sum + JSON.parse(body).length, 0);

function handOver(locationId: string, events: object[]) {
  return events.map((item) => ({ ...item, uuid: randomUUID(), locationId }));
}

async function makeEndpoint(
  service: TestService,
  receiver: Receiver,
  title: string,
  actions: readonly string[] | null,
) {
  const location = newLocationId();
  await service.api.put(`/v1/locations/${location}`, { title });
  await service.api.post(`/v1/locations/${location}/endpoints`, { url: receiver.url, actions });
  return location;
}

async function readLog(service: TestService, location: string): Promise<Logged[]> {
  const { body } = await service.api.get(`/v1/locations/${location}/events?limit=1000`);
  return body.items;
}
