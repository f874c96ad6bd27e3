import { createServer } from 'node:net';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withSql } from '../db/dump.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, handOver, newEvent, newEvents } from '../support/venue.ts';

const mask = '••••••';
let service: TestService;
let receiver: Receiver;
let location: string;
let log: string;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());
beforeEach(async () => {
  receiver = await startReceiver();
  location = await addLocation(service.api);
  log = `/v1/locations/${location}/deliveries`;
  return () => receiver.stop();
});

describe('the log of deliveries', () => {
  it('is paged, newest first, each delivery once', async () => {
    await addEndpoint(service.api, location, receiver.url);
    for (let n = 1; n <= 7; n += 1) {
      await handOver(service.api, newEvent(location));
      await ended(n);
    }
    const pages: number[][] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await service.api.get(`${log}?limit=3${cursor && `&cursor=${cursor}`}`);
      pages.push(body.items.map((item: { firstSequence: number }) => item.firstSequence));
      cursor = body.nextCursor;
    }
    expect(pages).toEqual([[7, 6, 5], [4, 3, 2], [1]]);
  });

  it('is filtered by endpoint, outcome and time, alone and together', async () => {
    const good = await addEndpoint(service.api, location, receiver.url);
    const bad = await addEndpoint(service.api, location, await deadUrl());
    await handOver(service.api, newEvent(location));
    await ended(2);
    await withSql(
      service.databaseUrl,
      (sql) => sql`update deliveries set created_at = '2026-01-01T00:00:00Z' where location_id = ${location}`,
    );
    await handOver(service.api, newEvent(location));
    await ended(4);

    const find = async (query: string) => {
      const { status, body } = await service.api.get(`${log}?${query}`);
      expect(status).toBe(200);
      return body.items
        .map(
          (item: { endpointId: string; firstSequence: number }) =>
            `${item.endpointId === good.id ? 'good' : 'bad'} ${item.firstSequence}`,
        )
        .toSorted();
    };
    expect(await find('')).toEqual(['bad 1', 'bad 2', 'good 1', 'good 2']);
    expect(await find(`endpointId=${good.id}`)).toEqual(['good 1', 'good 2']);
    expect(await find(`endpointId=${bad.id.toUpperCase()}`)).toEqual(['bad 1', 'bad 2']);
    expect(await find(`endpointId=${randomUUID()}`)).toEqual([]);
    expect(await find('outcome=delivered')).toEqual(['good 1', 'good 2']);
    expect(await find('outcome=failed')).toEqual(['bad 1', 'bad 2']);
    expect(await find('outcome=abandoned')).toEqual([]);
    expect(await find('from=2026-01-01T00:00:01Z')).toEqual(['bad 2', 'good 2']);
    // `from` is inside the range, `to` is not.
    expect(await find('from=2026-01-01T00:00:00Z')).toHaveLength(4);
    expect(await find('to=2026-01-01T00:00:00Z')).toEqual([]);
    expect(await find(`to=${encodeURIComponent('2026-01-01T01:00:01+01:00')}`)).toEqual(['bad 1', 'good 1']);
    expect(await find(`outcome=failed&endpointId=${bad.id}&to=2026-01-02T00:00:00Z`)).toEqual(['bad 1']);
    expect(await find(`outcome=failed&endpointId=${good.id}`)).toEqual([]);
  });

  it('is filtered by session: every delivery that carries an event of it, whoever got it', async () => {
    const [all, deletes] = [
      await addEndpoint(service.api, location, receiver.url),
      await addEndpoint(service.api, location, receiver.url, { actions: ['delete'] }),
    ];
    const uuid = randomUUID();
    await handOver(service.api, [newEvent(location), newEvent(location, { uuid }), newEvent(location)]);
    await ended(1);
    await handOver(service.api, newEvent(location, { action: 'delete' }));
    await ended(3);
    await handOver(service.api, [newEvent(location, { uuid, action: 'delete' })]);
    await ended(5);
    const find = async (query: string) => {
      const { body } = await service.api.get(`${log}?${query}`);
      return body.items
        .map(
          (item: { endpointId: string; lastSequence: number }) => `${item.lastSequence} ${item.endpointId}`,
        )
        .toSorted();
    };
    expect(await find(`uuid=${uuid.toUpperCase()}`)).toEqual(
      [`3 ${all.id}`, `5 ${all.id}`, `5 ${deletes.id}`].toSorted(),
    );
    expect(await find(`uuid=${uuid}&endpointId=${deletes.id}`)).toEqual([`5 ${deletes.id}`]);
    expect(await find(`uuid=${randomUUID()}`)).toEqual([]);
  });

  it.each([
    ['uuid=x', 'uuid', 'must be a UUID'],
    ['outcome=lost', 'outcome', 'must be one of sending, delivered'],
    ['endpointId=x', 'endpointId', 'must be a UUID'],
    ['cursor=%00', 'cursor', 'must be a UUID'],
    ['from=yesterday', 'from', 'must be a time like'],
    ['from=2026-01-01', 'from', 'must be a time like'],
    ['from=2026-02-30T00:00:00Z', 'from', 'must be a time like'],
    ['from=0000-01-01T00:00:00Z', 'from', 'year from 1 to 9999'],
    ['to=9999-12-31T23:59:59-23:59', 'to', 'year from 1 to 9999'],
    ['from=0001-01-01T00:00:00%2B23:59', 'from', 'year from 1 to 9999'],
    ['limit=-1', 'limit', 'must be at least 1'],
  ])('refuses ?%s', async (query, path, message) => {
    const { status, body } = await service.api.get(`${log}?${query}`);
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ path, message: expect.stringContaining(message) }]);
  });

  it.each(['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999Z', '1969-07-20T20:17:40.000000001Z'])(
    'takes the time %s',
    async (time) => {
      expect((await service.api.get(`${log}?from=${time}&to=${time}`)).status).toBe(200);
    },
  );
});

describe('a delivery in full', () => {
  it('shows the request as the receiver got it, but for the values of custom headers', async () => {
    const headers = { 'X-Api-Key': 'venue-password', 'x-empty': '' };
    const endpoint = await addEndpoint(service.api, location, `${receiver.url}/hook?a=1`, { headers });
    await service.api.put(`/v1/locations/${location}`, { title: 'Käme"n \u2028 🕶\n' });
    await handOver(service.api, newEvents(location, 5));
    const [request] = await receiver.received(1);
    const [listed] = await ended(1);
    const { status, body } = await service.api.get(`${log}/${listed.id}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      ...listed,
      url: `${receiver.url}/hook?a=1`,
      requestHeaders: {
        'X-Api-Key': mask,
        'x-empty': mask,
        'content-type': 'application/json',
        'user-agent': expect.stringMatching(/^Bellhop\/\d/),
        'webhook-id': listed.id,
        'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
        'webhook-signature': expect.stringMatching(/^v1,[\w+/]{43}=$/),
        'bellhop-location': location,
        'bellhop-sequence': '1-5',
      },
      body: request?.body,
      timings: {
        acceptedAt: (await service.api.get(`/v1/locations/${location}/events`)).body.items[0].acceptedAt,
        createdAt: expect.any(String),
        connectedMs: expect.any(Number),
        answeredMs: expect.any(Number),
      },
    });
    expect(listed).toMatchObject({
      endpointId: endpoint.id,
      locationId: location,
      outcome: 'delivered',
      reason: null,
      statusCode: 204,
      events: 5,
      firstSequence: 1,
      lastSequence: 5,
      resendOf: null,
      test: false,
    });
    const { 'X-Api-Key': _, 'x-empty': __, ...shown } = body.requestHeaders;
    expect(request?.headers).toMatchObject(shown);
    expect(request?.headers['x-api-key']).toBe('venue-password');
    expect(JSON.stringify(body)).not.toContain('venue-password');
  });

  it('knows no time of acceptance when its events have left the log, or never were', async () => {
    const endpoint = await addEndpoint(service.api, location, receiver.url);
    const { body: test } = await service.api.post(`${endpoint.path}/test`);
    await handOver(service.api, newEvent(location));
    const [real] = await ended(2);
    await withSql(service.databaseUrl, (sql) => sql`delete from events where location_id = ${location}`);
    for (const { id } of [test, real])
      expect((await service.api.get(`${log}/${id}`)).body.timings.acceptedAt).toBeNull();
  });

  it.each(['x', '%00', randomUUID()])('is not there: %s', async (id) => {
    expect((await service.api.get(`${log}/${id}`)).status).toBe(404);
    expect((await service.api.post(`${log}/${id}/resend`)).status).toBe(404);
  });
});

describe('a test', () => {
  it('sends a sample on the real path and answers how it went', async () => {
    const endpoint = await addEndpoint(service.api, location, receiver.url, { headers: { 'x-a': 'b' } });
    const { status, body } = await service.api.post(`${endpoint.path}/test`, { action: 'delete' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      outcome: 'delivered',
      statusCode: 204,
      test: true,
      events: 1,
      resendOf: null,
    });
    const [request] = await receiver.received(1);
    expect(request?.headers).toMatchObject({ 'webhook-id': body.id, 'x-a': 'b' });
    expect(JSON.parse(request?.body ?? '')).toEqual([
      { uuid: body.id, action: 'delete', location: 'Kamen Test', stations: 1, customerid: 1 },
    ]);
    expect((await service.api.get(`${log}/${body.id}`)).body.body).toBe(request?.body);
    expect((await service.api.get(`/v1/locations/${location}`)).body.lastSequence).toBe(0);
  });

  it.each<[name: string, url: () => Promise<string>, expected: object]>([
    ['no connection', deadUrl, { outcome: 'failed', reason: 'connect', statusCode: null }],
    [
      'a refusal',
      async () => {
        receiver.answerWith((_request, response) => response.writeHead(503).end());
        return receiver.url;
      },
      { outcome: 'failed', reason: 'http_status', statusCode: 503 },
    ],
    [
      'a redirect',
      async () => {
        receiver.answerWith((_request, response) => response.writeHead(302, { location: '/other' }).end());
        return receiver.url;
      },
      { outcome: 'failed', reason: 'http_status', statusCode: 302 },
    ],
    [
      'silence',
      async () => {
        receiver.answerWith(() => {});
        return receiver.url;
      },
      { outcome: 'timed_out', reason: 'timeout', statusCode: null },
    ],
    ['no such name', async () => 'http://nowhere.invalid./', { outcome: 'failed', statusCode: null }],
  ])('tells of %s', async (_name, url, expected) => {
    const endpoint = await addEndpoint(service.api, location, await url());
    const { status, body } = await service.api.post(`${endpoint.path}/test`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ ...expected, test: true, endedAt: expect.any(String) });
  });

  it('reaches a paused endpoint', async () => {
    const endpoint = await addEndpoint(service.api, location, receiver.url, { enabled: false });
    expect((await service.api.post(`${endpoint.path}/test`)).body.outcome).toBe('delivered');
  });

  it.each<[unknown, string, string]>([
    [{ action: 'update' }, 'action', 'must be "create" or "delete"'],
    [[], '', 'expected object'],
    [null, '', 'expected object'],
  ])('is refused with %j', async (body, path, message) => {
    const endpoint = await addEndpoint(service.api, location, receiver.url);
    const answer = await service.api.post(`${endpoint.path}/test`, body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([{ path, message: expect.stringContaining(message) }]);
    expect((await service.api.get(log)).body.items).toEqual([]);
  });
});

describe('a resend', () => {
  it('sends the same batch again as a delivery of its own', async () => {
    await addEndpoint(service.api, location, receiver.url);
    await handOver(service.api, newEvents(location, 3));
    const [original] = await ended(1);
    await service.api.put(`/v1/locations/${location}`, { title: 'Renamed' });

    const { status, body } = await service.api.post(`${log}/${original.id}/resend`);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      outcome: 'delivered',
      resendOf: original.id,
      events: 3,
      firstSequence: 1,
      lastSequence: 3,
      test: false,
    });
    expect(body.id).not.toBe(original.id);
    const [first, second] = await receiver.received(2);
    expect(second?.body).toBe(first?.body);
    expect(second?.headers['webhook-id']).toBe(body.id);
    expect((await service.api.get(`${log}/${original.id}`)).body).toMatchObject(original);
  });

  it('of a delivery that is under way, a test, or one of a deleted endpoint is refused in words', async () => {
    const endpoint = await addEndpoint(service.api, location, receiver.url);
    const { body: test } = await service.api.post(`${endpoint.path}/test`);
    await handOver(service.api, newEvent(location));
    const done = (await ended(2)).find((delivery: { test: boolean }) => !delivery.test);
    const resend = async (id: string) => {
      const answer = await service.api.post(`${log}/${id}/resend`);
      return [answer.status, answer.body.detail];
    };
    const set = (outcome: string) =>
      withSql(
        service.databaseUrl,
        (sql) => sql`update deliveries set outcome = ${outcome} where id = ${done.id}`,
      );
    await set('sending');
    expect(await resend(done.id)).toEqual([409, 'This delivery has not ended yet.']);
    await set('delivered');
    expect(await resend(test.id)).toEqual([409, 'A test is not resent: send another test instead.']);
    await service.api.delete(endpoint.path);
    expect(await resend(done.id)).toEqual([409, 'The endpoint of this delivery has been deleted.']);
  });

  it('of a range sends its deliveries again, oldest first, without tests and resends', async () => {
    const endpoint = await addEndpoint(service.api, location, receiver.url);
    for (let n = 1; n <= 4; n += 1) {
      receiver.answerWith((_request, response) => response.writeHead(n % 2 ? 204 : 500).end());
      await handOver(service.api, newEvent(location));
      await ended(n);
    }
    receiver.answerWith((_request, response) => response.writeHead(204).end());
    await service.api.post(`${endpoint.path}/test`);
    const range = { from: '2020-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' };

    const failed = await service.api.post(`${endpoint.path}/resend`, {
      ...range,
      outcomes: ['failed', 'timed_out'],
    });
    expect([failed.status, failed.body]).toEqual([202, { id: expect.any(String), resends: 2 }]);
    await ended(7);
    const all = await service.api.post(`${endpoint.path}/resend`, range);
    expect(all.body.resends).toBe(4);
    await ended(11);
    const none = await service.api.post(`${endpoint.path}/resend`, { ...range, to: '2020-01-02T00:00:00Z' });
    expect([none.status, none.body]).toEqual([202, { id: null, resends: 0 }]);
    const sequences = (await receiver.received(11)).map(({ headers }) => headers['bellhop-sequence']);
    expect(sequences).toEqual(['1-1', '2-2', '3-3', '4-4', '0-0', '2-2', '4-4', '1-1', '2-2', '3-3', '4-4']);
  });

  it.each<[unknown, string, string]>([
    [{}, 'from', 'must be a time like'],
    [{ from: '2026-01-01T00:00:00Z' }, 'to', 'must be a time like'],
    [{ from: '0000-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' }, 'from', 'year from 1 to 9999'],
    [{ from: '2026-01-01T00:00:00Z', to: '9999-12-31T23:59:59-01:00' }, 'to', 'year from 1 to 9999'],
    [
      { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z', outcomes: [] },
      'outcomes',
      'at least one outcome',
    ],
    [{ from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z', outcomes: ['sending'] }, 'outcomes.0', ''],
    [
      {
        from: '2026-01-01T00:00:00Z',
        to: '2026-01-02T00:00:00Z',
        outcomes: Array.from({ length: 300_000 }, () => 0),
      },
      'outcomes',
      'at most 100 outcomes',
    ],
  ])('of a range is refused as %.80j', async (body, path, message) => {
    const endpoint = await addEndpoint(service.api, location, receiver.url);
    const answer = await service.api.post(`${endpoint.path}/resend`, body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toContainEqual({ path, message: expect.stringContaining(message) });
  });
});

/** Waits until so many deliveries of the location have ended. @returns them, newest first. */
async function ended(count: number) {
  return until(`${count} deliveries have ended`, async () => {
    const { body } = await service.api.get(log);
    const items = body.items.filter((item: { endedAt: string | null }) => item.endedAt !== null);
    return items.length >= count && items;
  });
}

/** A URL at which nobody listens. */
async function deadUrl(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}/`;
}
