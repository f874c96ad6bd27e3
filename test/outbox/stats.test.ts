import { afterAll, beforeAll, expect, it } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { running, setStage } from '../support/stage.ts';
import { addEndpoint, addLocation, handOver, newEvent, newEvents } from '../support/venue.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

const none = { deliveries: 0, delivered: 0, failed: 0, timedOut: 0, abandoned: 0 };

it('statistics of a location without anything are zeros', async () => {
  const { body } = await read(await addLocation(service.api), 3);
  expect(body).toMatchObject({
    hours: 3,
    ...none,
    latencyMs: { p50: null, p95: null, p99: null },
    backlog: 0,
    endpoints: [],
    events: { accepted: 0, delivered: 0, failed: 0, timedOut: 0, abandoned: 0 },
    failures: [],
    lastEventAt: null,
  });
  expect(body.byHour).toHaveLength(3);
  expect(body.byHour[0].latencyMs).toEqual({ p50: null, p95: null });
});

it('statistics count outcomes, latency and backlog: in all, by endpoint and by hour, without tests', async () => {
  const stage = await setStage();
  const receiver = await running(startReceiver());
  const service = await stage.start();
  const location = await addLocation(service.api);
  const [first, second, paused] = [
    await addEndpoint(service.api, location, `${receiver.url}/first`),
    await addEndpoint(service.api, location, `${receiver.url}/second`),
    await addEndpoint(service.api, location, receiver.url, { enabled: false }),
  ];
  for (let n = 1; n <= 4; n += 1) {
    await handOver(service.api, newEvent(location));
    await stage.ledger.ended(location, 2 * n);
  }
  await service.api.post(`${first.path}/test`);
  // Known outcomes and times, in place of those that the machine happened to have.
  const known: [
    endpointId: string,
    sequence: number,
    outcome: string,
    durationMs: number,
    hoursAgo: number,
  ][] = [
    [first.id, 1, 'delivered', 5000, 5],
    [first.id, 2, 'delivered', 10, 1],
    [first.id, 3, 'delivered', 20, 0],
    [first.id, 4, 'failed', 900, 0],
    [second.id, 1, 'abandoned', 900, 1],
    [second.id, 2, 'timed_out', 2000, 1],
    [second.id, 3, 'delivered', 30, 0],
    [second.id, 4, 'delivered', 40, 0],
  ];
  for (const [endpointId, sequence, outcome, durationMs, hoursAgo] of known)
    await stage.sql`
      update deliveries
      set outcome = ${outcome}, duration_ms = ${durationMs},
        created_at = date_trunc('hour', now()) - make_interval(hours => ${hoursAgo}) + interval '1 second'
      where location_id = ${location} and endpoint_id = ${endpointId} and first_sequence = ${sequence} and not test`;
  // Nobody sends what comes now.
  await service.stop();
  const { api } = await stage.start({ ROLE: 'api' });
  await handOver(api, newEvents(location, 7));

  const { body } = await read(location, 2, api);
  expect(body).toMatchObject({
    deliveries: 7,
    delivered: 4,
    failed: 1,
    timedOut: 1,
    abandoned: 1,
    latencyMs: { p50: 20, p95: 40, p99: 40 },
    backlog: 14,
  });
  expect(body.endpoints).toMatchObject([
    { endpointId: first.id, ...none, deliveries: 3, delivered: 2, failed: 1, backlog: 7 },
    { endpointId: second.id, ...none, deliveries: 4, delivered: 2, timedOut: 1, abandoned: 1, backlog: 7 },
    { endpointId: paused.id, ...none, backlog: 0 },
  ]);
  const sparklines = body.endpoints.map((endpoint: { byHour: object[] }) => endpoint.byHour);
  expect(sparklines).toMatchObject([
    [
      { deliveries: 1, delivered: 1 },
      { deliveries: 2, delivered: 1 },
    ],
    [
      { deliveries: 2, delivered: 0 },
      { deliveries: 2, delivered: 2 },
    ],
    [
      { deliveries: 0, delivered: 0 },
      { deliveries: 0, delivered: 0 },
    ],
  ]);
  expect(body.byHour).toMatchObject([
    { ...none, deliveries: 3, delivered: 1, timedOut: 1, abandoned: 1, latencyMs: { p50: 10, p95: 10 } },
    { ...none, deliveries: 4, delivered: 3, failed: 1, latencyMs: { p50: 30, p95: 40 } },
  ]);
  const hours = body.byHour.map(({ hour }: { hour: string }) => Date.parse(hour));
  expect(hours[1] - hours[0]).toBe(3_600_000);
  expect(hours[0] % 3_600_000).toBe(0);

  const { body: longer } = await read(location, 24, api);
  expect(longer).toMatchObject({
    deliveries: 8,
    delivered: 5,
    latencyMs: { p50: 30, p95: 5000, p99: 5000 },
  });
  expect(longer.byHour).toHaveLength(24);
});

it('statistics tell of the events what became of them, and what went wrong, worst first', async () => {
  const stage = await setStage();
  const receiver = await running(startReceiver());
  const service = await stage.start();
  const location = await addLocation(service.api);
  const [good, bad] = [
    await addEndpoint(service.api, location, receiver.url),
    await addEndpoint(service.api, location, `${receiver.url}/bad`),
  ];
  receiver.answerWith((request, response) => response.writeHead(request.url === '/bad' ? 500 : 204).end());
  await handOver(service.api, newEvents(location, 3));
  await stage.ledger.ended(location, 2);
  await service.api.post(`${bad.path}/test`);
  const { body: failed } = await service.api.get(`/v1/locations/${location}/deliveries?endpointId=${bad.id}`);
  const original = failed.items.find(({ test }: { test: boolean }) => !test);
  await service.api.post(`/v1/locations/${location}/deliveries/${original.id}/resend`);
  receiver.answerWith((_request, response) => response.writeHead(404).end());
  const [last] = await handOver(service.api, newEvent(location));
  await stage.ledger.ended(location, 6);
  await stage.sql`
    update events set accepted_at = now() - interval '3 hours'
    where location_id = ${location} and sequence < ${last?.sequence ?? 0}`;

  const { body } = await read(location, 2, service.api);
  expect(body.events).toEqual({ accepted: 1, delivered: 3, failed: 5, timedOut: 0, abandoned: 0 });
  const wrong = { outcome: 'failed', reason: 'http_status' };
  expect(body.failures).toHaveLength(3);
  expect(body.failures).toEqual(
    expect.arrayContaining([
      { ...wrong, endpointId: good.id, statusCode: 404, deliveries: 1, events: 1 },
      { ...wrong, endpointId: bad.id, statusCode: 404, deliveries: 1, events: 1 },
    ]),
  );
  // The resend failed as its original did.
  expect(body.failures[0]).toEqual({
    ...wrong,
    endpointId: bad.id,
    statusCode: 500,
    deliveries: 2,
    events: 6,
  });
  const { body: history } = await service.api.get(`/v1/locations/${location}/events`);
  expect(body.lastEventAt).toBe(history.items.at(-1).acceptedAt);
  expect((await read(location, 5, service.api)).body.events.accepted).toBe(4);
});

it.each(['0', '721', '1.5', 'x', '', '-1', 'NaN', '1e9'])('statistics refuse hours=%s', async (hours) => {
  const { status, body } = await service.api.get(
    `/v1/locations/${await addLocation(service.api)}/stats?hours=${hours}`,
  );
  expect([status, body.errors[0].path]).toEqual([422, 'hours']);
});

const read = (location: string, hours: number, api = service.api) =>
  api.get(`/v1/locations/${location}/stats?hours=${hours}`);
