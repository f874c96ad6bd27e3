import { expect, test } from 'vitest';
import { tellNotices } from '../../src/notices/tell.ts';
import { sender } from '../delivery/sending.ts';
import { makeFailingVenue } from './failing.ts';

test('nothing is disabled by itself', async () => {
  const { api, path, endpoint, send, pass, db } = await makeFailingVenue();
  expect((await api.get(path)).body.disableFailingAfterHours).toBe(null);
  for (const _ of [1, 2, 3]) await send(500);
  await pass('1000 hours');
  await send(500);
  await tellNotices(db, sender(), null);
  expect((await api.get(endpoint.path)).body).toMatchObject({ enabled: true, disabledReason: null });
});

test('an endpoint that fails for as long as its location has chosen is disabled, and everybody is told why', async () => {
  const { api, path, locationId, endpoint, send, pass, db, ledger, sql } = await makeFailingVenue();
  await api.put(path, { title: 'Kamen Test', disableFailingAfterHours: 24 });
  for (const _ of [1, 2, 3]) await send(500);
  await pass('23 hours 59 minutes');
  await send(500);
  await tellNotices(db, sender(), null);
  const before = (await api.get(endpoint.path)).body;
  expect(before).toMatchObject({ enabled: true, health: { step: 'one_hour' } });
  await pass('1 minute');
  await send(503);
  await tellNotices(db, sender(), null);

  const after = (await api.get(endpoint.path)).body;
  expect(after).toMatchObject({ enabled: false, health: { state: 'paused', failuresInARow: 5 } });
  expect(after.disabledReason).toMatch(/^It failed for 24 hours without a success/);
  const [notice] = (await api.get(`${path}/notices`)).body.items;
  expect(notice).toMatchObject({ type: 'endpoint.disabled', data: { step: null, lastStatusCode: 503 } });
  const [entry] = (await api.get(`/v1/audit?locationId=${locationId}`)).body.items;
  expect(entry).toMatchObject({
    action: 'endpoint.disabled',
    actor: { kind: 'service', name: 'Bellhop' },
    target: endpoint.id,
    before: { enabled: true, disabledReason: null },
    after: { enabled: false, disabledReason: after.disabledReason },
  });
  const [listed] = (await api.get(`/v1/locations?q=${locationId}&withStats=true`)).body.items;
  expect(listed.stats).toMatchObject({ failing: 0, disabled: 1, failingSince: null });

  // It stays so, and is told once.
  expect(await tellNotices(db, sender(), null)).toBe(0);
  await api.patch(endpoint.path, { enabled: true });
  expect((await api.get(endpoint.path)).body).toMatchObject({ enabled: true, disabledReason: null });
  await send(500);
  await tellNotices(db, sender(), null);
  expect((await api.get(endpoint.path)).body).toMatchObject({
    enabled: true,
    health: { step: 'first_failures' },
  });
  await send(204);
  await tellNotices(db, sender(), null);
  const [recovered] = (await api.get(`${path}/notices`)).body.items;
  expect(recovered.type).toBe('endpoint.recovered');
  expect(await ledger.unaccounted()).toEqual([]);
  expect(await sql`select from audit where action = 'endpoint.disabled'`).toHaveLength(1);
});

test('a choice that is made when nothing is sent any more is about failures from then on', async () => {
  const { api, path, endpoint, send, pass, db } = await makeFailingVenue();
  for (const _ of [1, 2, 3]) await send(500);
  await pass('30 hours');
  await send(500);
  await pass('2 hours');
  await api.put(path, { title: 'Kamen Test', disableFailingAfterHours: 1 });
  await tellNotices(db, sender(), null);
  expect((await api.get(endpoint.path)).body.enabled).toBe(true);
});

test('two failures, however far apart, disable nothing', async () => {
  const { api, path, endpoint, send, pass, db } = await makeFailingVenue();
  await api.put(path, { title: 'Kamen Test', disableFailingAfterHours: 24 });
  await send(500);
  await pass('100 hours');
  await send(500);
  await tellNotices(db, sender(), null);
  expect((await api.get(endpoint.path)).body).toMatchObject({
    enabled: true,
    health: { step: 'three_days' },
  });
});

test('putting a title alone leaves the choice as it is; a location that is made anew has none', async () => {
  const { api, path, locationId } = await makeFailingVenue();
  await api.put(path, { title: 'Kamen Test', disableFailingAfterHours: 72 });
  expect((await api.put(path, { title: 'New' })).body).toMatchObject({
    title: 'New',
    disableFailingAfterHours: 72,
  });
  const entries = async () => (await api.get(`/v1/audit?locationId=${locationId}`)).body.items;
  const { length } = await entries();
  await api.put(path, { title: 'New' });
  await api.put(path, { title: 'New', disableFailingAfterHours: 72 });
  expect(await entries()).toHaveLength(length);
  await api.put(path, { title: 'New', disableFailingAfterHours: null });
  const [entry] = await entries();
  expect([entry.before.disableFailingAfterHours, entry.after.disableFailingAfterHours]).toEqual([72, null]);
  for (const hours of [0, -1, 1.5, 721, '24', true, {}, Number.MAX_SAFE_INTEGER]) {
    const { status, body } = await api.put(path, { title: 'New', disableFailingAfterHours: hours });
    expect([hours, status, body.errors[0].path]).toEqual([hours, 422, 'disableFailingAfterHours']);
  }
  await api.put(path, { title: 'New', disableFailingAfterHours: 72 });
  await api.delete(path);
  expect((await api.put(path, { title: 'Again' })).body.disableFailingAfterHours).toBe(null);
});
