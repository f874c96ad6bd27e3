import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { describe, expect, test } from 'vitest';
import { moveOnce } from '../../src/events/inbox.ts';
import { emitSessionEvents } from '../../src/kit/emit.ts';
import { removeOldHistory } from '../../src/outbox/retention.ts';
import { eventsOf, expectGapless, uuidsOf } from '../support/arrivals.ts';
import { connectCoreApp } from '../support/core-app.ts';
import { startDatabaseRelay } from '../support/database-relay.ts';
import { type ReceivedRequest, startReceiver } from '../support/receiver.ts';
import { connectTo, running, setStage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent, newEvents } from '../support/venue.ts';

async function setCoreAppStage() {
  const stage = await setStage();
  return {
    ...stage,
    coreApp: await connectCoreApp(stage.databaseUrl),
    receiver: await running(startReceiver()),
  };
}

/** A booking: a transaction of the core app with nothing but these events. */
const book = (coreApp: postgres.Sql, events: Parameters<typeof emitSessionEvents>[1]) =>
  coreApp.begin((tx) => emitSessionEvents(tx, events));

/** A transaction that stays open until it is ended. */
async function begin(sql: postgres.Sql) {
  const tx = await sql.reserve();
  await tx`begin`;
  const end = async (how: 'commit' | 'rollback') => {
    await tx.unsafe(how);
    tx.release();
  };
  const emit = (events: unknown) =>
    tx`select bellhop.emit_session_events(${JSON.stringify(events)}::text::jsonb)`;
  return { tx, emit, end };
}

const inboxOf = (sql: postgres.Sql) =>
  sql<{ locationId: string }[]>`select location_id as "locationId" from inbox`;

describe('a booking never waits, and makes nobody wait', { timeout: 90_000 }, () => {
  test('one that stays open holds up no other at its venue, no request, no setting; its events follow its commit', async () => {
    const { coreApp, receiver, start, ledger } = await setCoreAppStage();
    const { api } = await start();
    const locationId = await addVenue(api, receiver.url);
    const [early, booked, requested] = [newEvent(locationId), newEvent(locationId), newEvent(locationId)];
    const open = await begin(coreApp);
    await open.emit(early);

    await book(coreApp, booked);
    await receiver.received(1);
    await handOver(api, requested);
    await receiver.received(2);
    expect((await api.put(`/v1/locations/${locationId}`, { title: 'Renamed' })).status).toBe(200);
    await addEndpoint(api, locationId, `${receiver.url}/late`, { enabled: false });

    await open.end('commit');
    await receiver.received(3);
    await ledger.settled();
    expect(uuidsOf(receiver.requests)).toEqual([booked, requested, early].map(({ uuid }) => uuid));
    expectGapless(receiver.requests);
    expect(await ledger.gaps()).toEqual([]);
  });

  test('while somebody holds the row of its location it commits, other locations are sent, and its own when it is free', async () => {
    const { coreApp, receiver, start, sql, ledger } = await setCoreAppStage();
    const { api } = await start();
    const held = await addVenue(api, `${receiver.url}/held`);
    const free = await addVenue(api, `${receiver.url}/free`);
    const foreign = await begin(sql);
    await foreign.tx`select from locations where id = ${held} for update`;
    for (let count = 1; count <= 5; count += 1) {
      await book(coreApp, [newEvent(held), newEvent(free)]);
      await receiver.received(count);
    }
    expect(await ledger.events(held)).toEqual([]);
    await foreign.end('rollback');
    await until('the inbox is empty', async () => (await inboxOf(sql)).length === 0);
    await ledger.settled();
    expectGapless(receiver.requests);
    expect(await ledger.events(held)).toHaveLength(5);
  });

  test('concurrent ones at one venue, two dispatchers, an API: what committed is sent once, each session in order', async () => {
    const { coreApp, receiver, spawn, ledger, sql } = await setCoreAppStage();
    const [one] = await Promise.all([spawn(), spawn({ ROLE: 'dispatcher' })]);
    const locationIds = [
      await addVenue(one.api, `${receiver.url}/0`),
      await addVenue(one.api, `${receiver.url}/1`),
    ];
    const committed: string[] = [];
    const bookings = Array.from({ length: 16 }, async (_, booking) => {
      for (let round = 0; round < 10; round += 1) {
        const uuid = randomUUID();
        const locationId = locationIds[booking % 8 === 0 ? 1 : 0] ?? '';
        for (const action of ['create', 'delete'] as const) {
          const event = newEvent(locationId, { uuid, action });
          if ((booking + round) % 5 === 4) {
            const open = await begin(coreApp);
            await open.emit(event);
            await open.end('rollback');
          } else {
            await book(coreApp, event);
            committed.push(event.id);
          }
        }
        await handOver(one.api, newEvent(locationId));
      }
    });
    await Promise.all(bookings);
    await until('the inbox is empty', async () => (await inboxOf(sql)).length === 0);
    await ledger.settled();

    expect(await ledger.gaps()).toEqual([]);
    expect(await ledger.unaccounted()).toEqual([]);
    expectCreatedFirst(receiver.requests);
    const logs = await Promise.all(locationIds.map((id) => ledger.events(id)));
    for (const [index, log] of logs.entries()) {
      const received = receiver.requests.filter(({ url }) => url === `/${index}`);
      expect(uuidsOf(received)).toEqual(log.map(({ uuid }) => uuid));
    }
    const stored = logs.flat();
    expect(stored).toHaveLength(committed.length + 160);
    expect(stored.map(({ id }) => id)).toEqual(expect.arrayContaining(committed));
  });
});

/** Expects of every session that it was created before it was deleted. */
function expectCreatedFirst(requests: ReceivedRequest[]): void {
  const all = requests.flatMap(eventsOf);
  const firsts = new Map(all.map(({ uuid }, index) => [uuid, index] as const).toReversed());
  const swapped = all.filter(({ uuid, action }, index) => action === 'create' && firsts.get(uuid) !== index);
  expect(swapped).toEqual([]);
}

/** Milliseconds that the next look would need for an event of which no notification tells, when the one before has arrived. */
const sweepMs = 1000;

describe('as it happens', () => {
  test('an event is sent right after the commit of its booking, not with the next look', async () => {
    const { coreApp, receiver, start } = await setCoreAppStage();
    const { api } = await start();
    const locationId = await addVenue(api, receiver.url);
    const times: number[] = [];
    for (let count = 1; count <= 15; count += 1) {
      await book(coreApp, newEvent(locationId));
      const committedAt = performance.now();
      const requests = await receiver.received(count);
      times.push((requests[count - 1]?.receivedAt ?? Number.POSITIVE_INFINITY) - committedAt);
    }
    expect(times.toSorted((a, b) => a - b)[7]).toBeLessThan(sweepMs / 3);
  });
});

describe('what has committed is accounted for', { timeout: 120_000 }, () => {
  test('when Bellhop is not running: it is sent by the first process that dispatches', async () => {
    const { coreApp, receiver, start, ledger, sql } = await setCoreAppStage();
    const intake = await start({ ROLE: 'api' });
    const locationId = await addVenue(intake.api, receiver.url);
    await intake.stop();
    const events = newEvents(locationId, 3);
    for (const event of events) await book(coreApp, event);
    await start({ ROLE: 'dispatcher' });
    await until('the inbox is empty', async () => (await inboxOf(sql)).length === 0);
    await ledger.settled();
    expect(uuidsOf(receiver.requests)).toEqual(events.map(({ uuid }) => uuid));
    expectGapless(receiver.requests);
  });

  test('when its notification is lost: with the connection, or altogether', async () => {
    const { coreApp, receiver, start, databaseUrl, sql } = await setCoreAppStage();
    const relay = await running(startDatabaseRelay(databaseUrl));
    const { api } = await start({ DATABASE_URL: relay.url });
    const locationId = await addVenue(api, receiver.url);
    await relay.cut();
    await book(coreApp, newEvent(locationId));
    await relay.restore();
    await receiver.received(1);
    await sql`
      insert into inbox (location_id, id, uuid, action, stations, customerid, emitted_at)
      values (${locationId}, ${randomUUID()}, ${randomUUID()}, 'create', 1, 1, now())`;
    await receiver.received(2);
    await book(coreApp, newEvent(locationId));
    await receiver.received(3);
    expectGapless(receiver.requests);
    expect(await inboxOf(sql)).toEqual([]);
  });

  test.each([
    { fate: 'goes on in the database', isLost: false },
    { fate: 'ends in the database', isLost: true },
  ])('when Bellhop is killed in a move that $fate: it is sent once', async ({ isLost }) => {
    const { coreApp, receiver, spawn, ledger, sql } = await setCoreAppStage();
    const killed = await spawn();
    const locationId = await addVenue(killed.api, receiver.url);
    const events = newEvents(locationId, 4);
    await book(coreApp, events.slice(0, 1));
    await receiver.received(1);
    await ledger.settled();
    const foreign = await begin(sql);
    await foreign.tx`lock table events in share mode`;
    await book(coreApp, events.slice(1));
    const backend = await until('the move waits', async () => {
      const [row] = await sql<{ pid: number }[]>`
        select pid from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%with recursive head%'`;
      return row?.pid;
    });
    await killed.end('SIGKILL');
    if (isLost) await sql`select pg_terminate_backend(${backend}, 5000)`;
    await foreign.end('rollback');
    await spawn();
    await until('the inbox is empty', async () => (await inboxOf(sql)).length === 0);
    await ledger.settled();
    expect(uuidsOf(receiver.requests)).toEqual(events.map(({ uuid }) => uuid));
    expectGapless(receiver.requests);
  });

  test('when its location is deleted before its commit, or before it is moved: it is in the log, and nobody is sent it', async () => {
    const { coreApp, receiver, start, ledger, sql } = await setCoreAppStage();
    const { api } = await start({ ROLE: 'api' });
    const locationId = await addVenue(api, receiver.url);
    const [committed, late] = [newEvent(locationId), newEvent(locationId)];
    await book(coreApp, committed);
    const open = await begin(coreApp);
    await open.emit(late);
    expect((await api.delete(`/v1/locations/${locationId}`)).status).toBe(204);
    await open.end('commit');
    await expect(book(coreApp, newEvent(locationId))).rejects.toThrow(`there is no location ${locationId}`);
    await start({ ROLE: 'dispatcher' });
    await until('the inbox is empty', async () => (await inboxOf(sql)).length === 0);
    expect((await ledger.events(locationId)).map(({ id }) => id)).toEqual([committed.id, late.id]);

    await api.put(`/v1/locations/${locationId}`, { title: 'Again' });
    await addEndpoint(api, locationId, receiver.url);
    const next = newEvent(locationId);
    await book(coreApp, next);
    await receiver.received(1);
    expect(uuidsOf(receiver.requests)).toEqual([next.uuid]);
    const { body } = await api.get(`/v1/locations/${locationId}/events?uuid=${late.uuid}`);
    expect(body.items).toMatchObject([
      { sequence: 2, skipped: [{ endpointId: null, reason: 'no_endpoint' }] },
    ]);
    expect(await ledger.gaps()).toEqual([]);
  });

  test('when it waited for days: retention leaves it, it is skipped as expired, and takes no newer event with it', async () => {
    const stage = await setCoreAppStage();
    const { coreApp, receiver, start, ledger, sql } = stage;
    const { api } = await start({ ROLE: 'api' });
    const stale = await addVenue(api, `${receiver.url}/stale`);
    const mixed = await addVenue(api, `${receiver.url}/mixed`);
    await book(coreApp, [...newEvents(stale, 2), newEvent(mixed)]);
    await sql`update inbox set emitted_at = now() - interval '40 days'`;
    await removeOldHistory(await connectTo(stage), { retentionDays: 30, maxAgeHours: 24 });
    expect(await inboxOf(sql)).toHaveLength(3);
    const [fresh, requested] = [newEvent(stale), newEvent(mixed)];
    await book(coreApp, fresh);
    await handOver(api, requested); // is in the log before the old one, which is still in the inbox

    await start({ ROLE: 'dispatcher' });
    await until('the inbox is empty', async () => (await inboxOf(sql)).length === 0);
    await ledger.settled();
    const skips = await sql`select location_id, first_sequence::int, last_sequence::int, reason from skips`;
    expect([...skips]).toEqual([
      { location_id: stale, first_sequence: 1, last_sequence: 2, reason: 'expired' },
    ]);
    expect(uuidsOf(receiver.requests)).toEqual(expect.arrayContaining([fresh.uuid, requested.uuid]));
    expect(await ledger.unaccounted()).toEqual([]);
  });
});

test('an event whose id was there before is stored once: in one call, in two, before or after it came by HTTP', async () => {
  const stage = await setCoreAppStage();
  const { coreApp, start, ledger } = stage;
  const { api } = await start({ ROLE: 'api' });
  const locationId = await addLocation(api);
  const other = await addLocation(api);
  const [requested, booked, both] = newEvents(locationId, 3);
  if (!requested || !booked || !both) throw new Error('There are three.');
  await handOver(api, requested);
  const elsewhere = { ...booked, locationId: other };
  const { events } = await book(coreApp, [booked, booked, requested, elsewhere]);
  expect(events.map(({ id }) => id)).toEqual([booked.id, booked.id, requested.id, booked.id]);
  await book(coreApp, [both, { ...booked, id: booked.id.toUpperCase() }]);
  expect(await moveOnce(await connectTo(stage))).toMatchObject({ events: 6, held: 0 });
  const answer = await handOver(api, [both, newEvent(locationId)]);
  expect(answer.map(({ sequence }) => sequence)).toEqual([3, 4]);
  expect((await ledger.events(locationId)).slice(0, 3).map(({ id }) => id)).toEqual(
    [requested, booked, both].map(({ id }) => id),
  );
  expect(await ledger.events(other)).toHaveLength(1);
  expect(await ledger.gaps()).toEqual([]);
});

test('a backlog of one location and locks on others leave a place for every other location in the next move', async () => {
  const stage = await setCoreAppStage();
  const { coreApp, start, ledger, sql } = stage;
  const { api } = await start({ ROLE: 'api' });
  const held = await Promise.all(Array.from({ length: 25 }, () => addLocation(api)));
  const [large, small] = [await addLocation(api), await addLocation(api)];
  await book(
    coreApp,
    held.map((locationId) => newEvent(locationId)),
  );
  for (let n = 0; n < 3; n += 1) await book(coreApp, newEvents(large, 1000));
  await book(coreApp, newEvent(small));
  const foreign = await begin(sql);
  await foreign.tx`select from locations where id = any(${held}) for update`;
  const db = await connectTo(stage);
  const first = await moveOnce(db);
  expect(first.locationIds.toSorted()).toEqual([large, small].toSorted());
  expect(first.held).toBe(25);
  expect(first.events).toBeLessThan(1000);
  await foreign.end('rollback');
  while ((await moveOnce(db)).events > 0);
  expect(await inboxOf(sql)).toEqual([]);
  expect(await ledger.events(large)).toHaveLength(3000);
  expect(await ledger.gaps()).toEqual([]);
});
