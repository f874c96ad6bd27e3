import { expect, test } from 'vitest';
import { raiseNotices, removeOldNotices } from '../../src/notices/raise.ts';
import { addEndpoint, addLocation } from '../support/venue.ts';
import { connectTo } from '../support/stage.ts';
import { makeFailingVenue } from './failing.ts';

test('an endpoint that keeps failing raises each step once, and its end', async () => {
  const { send, pass, raise } = await makeFailingVenue();
  await send(500);
  await send(500);
  expect(await raise()).toEqual([]);
  await send(500);
  expect(await raise()).toEqual(['first_failures']);
  expect(await raise()).toEqual(['first_failures']);
  for (const [interval, step] of [
    ['1 hour', 'one_hour'],
    ['23 hours', 'one_day'],
    ['48 hours', 'three_days'],
  ] as const) {
    await pass(interval);
    await send(500);
    expect((await raise()).at(-1)).toBe(step);
  }
  await pass('30 days');
  await send(500);
  expect(await raise()).toEqual(['first_failures', 'one_hour', 'one_day', 'three_days']);
  await send(204);
  expect((await raise()).at(-1)).toBe('recovered');
  await send(204);
  expect(await raise()).toHaveLength(5);
});

test('where nothing is sent, nothing keeps failing: the second failure of a quiet venue tells how long it lasts', async () => {
  const { send, pass, raise, api, endpoint } = await makeFailingVenue();
  await send(500);
  await pass('25 hours');
  expect(await raise()).toEqual([]);
  expect((await api.get(endpoint.path)).body.health).toMatchObject({ state: 'failing', step: null });
  await send(503);
  expect(await raise()).toEqual(['one_day']);
  const { health } = (await api.get(endpoint.path)).body;
  expect(health).toMatchObject({ step: 'one_day', failuresInARow: 2 });
  expect(Date.now() - Date.parse(health.failingSince)).toBeGreaterThan(25 * 3_600_000);
});

test('a step that nobody raised in time is not raised when the last failure is long ago', async () => {
  const { send, pass, raise } = await makeFailingVenue();
  for (const _ of [1, 2, 3]) await send(500);
  await pass('2 hours');
  expect(await raise()).toEqual([]);
});

test('an endpoint that fails and recovers by turns raises its first failures once an hour', async () => {
  const { send, pass, raise } = await makeFailingVenue();
  const failAndRecover = async () => {
    for (const statusCode of [500, 500, 500]) await send(statusCode);
    await raise();
    await send(204);
    return raise();
  };
  expect(await failAndRecover()).toEqual(['first_failures', 'recovered']);
  expect(await failAndRecover()).toEqual(['first_failures', 'recovered']);
  await pass('61 minutes');
  expect(await failAndRecover()).toEqual(['first_failures', 'recovered', 'first_failures', 'recovered']);
});

test('a pause ends the failing, and what comes after it is told anew', async () => {
  const { send, pass, raise, api, endpoint } = await makeFailingVenue();
  for (const _ of [1, 2, 3]) await send(500);
  await raise();
  await pass('5 hours');
  await api.patch(endpoint.path, { enabled: false });
  expect(await raise()).toEqual(['first_failures']);
  await api.patch(endpoint.path, { enabled: true });
  expect((await api.get(endpoint.path)).body.health).toMatchObject({ failingSince: null, step: null });
  expect(await raise()).toEqual(['first_failures']);
  // It never delivered since, so one failure says enough.
  await send(500);
  expect(await raise()).toEqual(['first_failures', 'first_failures']);
  await send(204);
  expect(await raise()).toEqual(['first_failures', 'first_failures', 'recovered']);
});

test('several processes at once raise one notice', async () => {
  const venue = await makeFailingVenue();
  for (const _ of [1, 2, 3]) await venue.send(500);
  const processes = await Promise.all([1, 2, 3, 4].map(() => connectTo(venue, { max: 4 })));
  const raised = await Promise.all([...processes, ...processes].map((db) => raiseNotices(db)));
  expect(raised.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(1);
  expect(await venue.raise()).toEqual(['first_failures']);
});

test('a notice tells of its own endpoint and location, and names no more of the URL than its host', async () => {
  const { api, send, raise, path, locationId, endpoint, receiver } = await makeFailingVenue();
  const other = await addLocation(api, 'Other');
  await addEndpoint(api, other, `${receiver.url}/other`);
  for (const _ of [1, 2, 3]) await send(503);
  await raise();
  const { body } = await api.get(`${path}/notices`);
  expect(body).toEqual({
    items: [
      {
        id: expect.any(String),
        type: 'endpoint.failing',
        timestamp: expect.any(String),
        data: {
          locationId,
          location: 'Kamen Test',
          endpointId: endpoint.id,
          host: new URL(receiver.url).host,
          description: 'The till',
          step: 'first_failures',
          failingSince: (await api.get(endpoint.path)).body.health.failingSince,
          failuresInARow: 3,
          lastReason: 'http_status',
          lastStatusCode: 503,
        },
        sent: null,
      },
    ],
    nextCursor: null,
  });
  expect(JSON.stringify(body)).not.toContain('secret');
  expect((await api.get(`/v1/locations/${other}/notices`)).body.items).toEqual([]);
  const [listed] = (await api.get(`/v1/locations?q=${locationId}&withStats=true`)).body.items;
  expect(listed.stats).toMatchObject({
    failing: 1,
    failingSince: body.items[0].data.failingSince,
    disabled: 0,
  });
});

test('notices are listed newest first, in pages; a key of a location sees those of its own', async () => {
  const { api, send, pass, raise, path, locationId } = await makeFailingVenue();
  for (const _ of [1, 2, 3]) await send(500);
  await raise();
  await pass('1 hour');
  await send(204);
  await raise();
  for (const list of ['/v1/notices', `${path}/notices`]) {
    const first = (await api.get(`${list}?limit=1`)).body;
    const second = (await api.get(`${list}?limit=1&cursor=${first.nextCursor}`)).body;
    expect([...first.items, ...second.items].map(({ type }) => type)).toEqual([
      'endpoint.recovered',
      'endpoint.failing',
    ]);
    expect(second.nextCursor).toBe(null);
  }
  const other = await addLocation(api);
  const keyAt = async (at: string, scope: string) =>
    api.as((await api.post('/v1/keys', { name: 'x', scopes: [scope], locationId: at })).body.key);
  expect((await (await keyAt(locationId, 'events:read')).get('/v1/notices')).body.items).toHaveLength(2);
  const foreign = await keyAt(other, 'events:read');
  expect((await foreign.get('/v1/notices')).body.items).toEqual([]);
  expect((await foreign.get(`${path}/notices`)).status).toBe(404);
  expect((await (await keyAt(locationId, 'settings:read')).get(`${path}/notices`)).status).toBe(403);
});

test('old notices leave, but for those of an endpoint that still fails', async () => {
  const { send, pass, raise, db, sql } = await makeFailingVenue();
  for (const _ of [1, 2, 3]) await send(500);
  await raise();
  await pass('31 days');
  expect(await removeOldNotices(db, 30)).toBe(0);
  await send(204);
  await raise();
  expect(await removeOldNotices(db, 30)).toBe(1);
  expect(await sql`select step from notices`).toEqual([{ step: 'recovered' }]);
});
