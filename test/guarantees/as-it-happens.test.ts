import { describe, expect, test } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { eventsOf, expectGapless, holdAnswers } from '../support/arrivals.ts';
import type { Api } from '../support/api.ts';
import { type ReceivedRequest, type Receiver, startReceiver } from '../support/receiver.ts';
import { running, setStage } from '../support/stage.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent, newEvents } from '../support/venue.ts';

/** What a sweep every second would need for an event that no wake-up tells of, when the one before has just arrived. */
const sweepMs = 1000;

/** Hands over one event after the other, each when the one before it has arrived. @returns the median of their times. */
async function medianArrivalMs(api: Api, receiver: Receiver, locationId: string): Promise<number> {
  const times: number[] = [];
  for (let count = 1; count <= 15; count += 1) {
    const handedAt = performance.now();
    await handOver(api, newEvent(locationId));
    const requests = await receiver.received(count);
    times.push((requests[count - 1]?.receivedAt ?? Number.POSITIVE_INFINITY) - handedAt);
  }
  return times.toSorted((a, b) => a - b)[7] ?? Number.POSITIVE_INFINITY;
}

function verify(secret: string, request: ReceivedRequest | undefined): unknown {
  if (!request) throw new Error('There is no request to verify.');
  const { body, headers } = request;
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  return new Webhook(secret).verify(
    body,
    Object.fromEntries(names.map((name) => [name, String(headers[name])])),
  );
}

describe('as it happens', () => {
  test('an idle endpoint gets an event at once, not with the next sweep', async () => {
    const { start } = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await start();
    const locationId = await addVenue(api, receiver.url);
    expect(await medianArrivalMs(api, receiver, locationId)).toBeLessThan(sweepMs / 3);
  });

  test('an event that another process accepted is sent at once too, also after its connection was lost', async () => {
    const { start, sql } = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await start({ ROLE: 'api' });
    await start({ ROLE: 'dispatcher' });
    const locationId = await addVenue(api, receiver.url);
    const lost = await sql`
      select pg_terminate_backend(pid, 5000)
      from pg_stat_activity
      where datname = current_database() and query like 'listen %'`;
    expect(lost.length).toBeGreaterThan(0);
    expect(await medianArrivalMs(api, receiver, locationId)).toBeLessThan(sweepMs / 3);
  });

  test('events that come while a POST is in flight gather, and go out as one batch when it has ended', async () => {
    const { start } = await setStage();
    const receiver = await running(startReceiver());
    const { answer, release } = holdAnswers();
    receiver.answerWith(answer);
    const { api } = await start();
    const locationId = await addVenue(api, receiver.url);
    await handOver(api, newEvent(locationId));
    await receiver.received(1);
    await Promise.all(newEvents(locationId, 50).map((event) => handOver(api, event)));
    expect(receiver.requests).toHaveLength(1);
    release();
    const requests = await receiver.received(2);
    release();
    expect(requests.map((request) => eventsOf(request).length)).toEqual([1, 50]);
    expectGapless(requests);
  });

  test('a backlog goes out in batches of 100', async () => {
    const { start, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const { answer, release } = holdAnswers();
    receiver.answerWith(answer);
    const { api } = await start();
    const locationId = await addVenue(api, receiver.url);
    await handOver(api, newEvent(locationId));
    await receiver.received(1);
    await handOver(api, newEvents(locationId, 250));
    receiver.answerWith((_request, response) => response.writeHead(204).end());
    release();
    await receiver.received(4);
    await ledger.settled();
    expect(receiver.requests.map((request) => eventsOf(request).length)).toEqual([1, 100, 100, 50]);
    expectGapless(receiver.requests);
  });

  test('no body is larger than 256 KiB, however long the title is in JSON', async () => {
    const { start, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await start();
    const title = '\u0001'.repeat(500); // 3000 bytes in JSON
    const locationId = await addVenue(api, receiver.url, title);
    const events = Array.from({ length: 100 }, () =>
      newEvent(locationId, { stations: 2 ** 31 - 1, customerid: Number.MAX_SAFE_INTEGER }),
    );
    await handOver(api, events);
    await ledger.settled();
    const sizes = receiver.requests.map(({ body }) => Buffer.byteLength(body));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(256 * 1024);
    expect(Math.max(...sizes)).toBeGreaterThan(250 * 1024);
    expect(receiver.requests).toHaveLength(2);
    expectGapless(receiver.requests);
    expect(
      receiver.requests.every((request) => eventsOf(request).every((event) => event.location === title)),
    ).toBe(true);
  });

  test('a POST is exactly what the wire format says, to the byte', async () => {
    const { start } = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await start();
    const locationId = await addLocation(api, 'Café "世界" 🎮\u2028\\');
    const headers = { 'X-Api-Key': 'k-1 2' };
    const { secret } = await addEndpoint(api, locationId, `${receiver.url}/hook?token=a%20b`, { headers });
    const uuid = '41509791-3DE8-5BB9-B4FC-A9753DA95AAD';
    await handOver(api, [
      newEvent(locationId, { uuid, customerid: 0 }),
      newEvent(locationId, {
        uuid,
        action: 'delete',
        stations: 2 ** 31 - 1,
        customerid: Number.MAX_SAFE_INTEGER,
      }),
    ]);
    const [request] = await receiver.received(1);
    const { body: deliveries } = await api.get(`/v1/locations/${locationId}/deliveries`);

    const location = String.raw`"Café \"世界\" 🎮` + '\u2028' + String.raw`\\"`;
    expect(request?.body).toBe(
      `[{"uuid":"41509791-3de8-5bb9-b4fc-a9753da95aad","action":"create","location":${location},"stations":1,"customerid":0},` +
        `{"uuid":"41509791-3de8-5bb9-b4fc-a9753da95aad","action":"delete","location":${location},"stations":2147483647,"customerid":9007199254740991}]`,
    );
    expect(request).toMatchObject({ method: 'POST', url: '/hook?token=a%20b' });
    expect(request?.headers).toEqual({
      host: `127.0.0.1:${receiver.port}`,
      connection: 'keep-alive',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(request?.body ?? '')),
      'user-agent': expect.stringMatching(/^Bellhop\/\d+\.\d+\.\d+$/),
      'webhook-id': deliveries.items[0].id,
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
      'webhook-signature': expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/),
      'bellhop-location': locationId,
      'bellhop-sequence': '1-2',
      'x-api-key': 'k-1 2',
    });
    expect(verify(secret, request)).toEqual(JSON.parse(request?.body ?? ''));
  });

  test('while the secrets of a rotation overlap, a POST can be verified with both, and later with the new one alone', async () => {
    const { start } = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await start();
    const locationId = await addLocation(api);
    const endpoint = await addEndpoint(api, locationId, receiver.url);
    const { body: overlapping } = await api.post(`${endpoint.path}/rotate-secret`);
    await handOver(api, newEvent(locationId));
    const [first] = await receiver.received(1);
    expect(first?.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
    for (const secret of [endpoint.secret, overlapping.secret]) expect(verify(secret, first)).toHaveLength(1);

    const { body: alone } = await api.post(`${endpoint.path}/rotate-secret`, { overlapHours: 0 });
    await handOver(api, newEvent(locationId));
    const [, second] = await receiver.received(2);
    expect(second?.headers['webhook-signature']).toMatch(/^v1,\S+$/);
    expect(verify(alone.secret, second)).toHaveLength(1);
    expect(() => verify(overlapping.secret, second)).toThrow('No matching signature found');
  });
});
