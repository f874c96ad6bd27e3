import { expect, test } from 'vitest';
import { removeEndedSessions } from '../../src/http/ended-sessions.ts';
import { removeOldHistory } from '../../src/outbox/retention.ts';
import { expectGapless, uuidsOf } from '../support/arrivals.ts';
import { startReceiver } from '../support/receiver.ts';
import { connectTo, running, setStage } from '../support/stage.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent, newEvents } from '../support/venue.ts';

const limits = { retentionDays: 30, maxAgeHours: 24 };

test('old history leaves; what is younger, or still to be sent, stays', async () => {
  const stage = await setStage();
  const { api } = await stage.start();
  const receiver = await running(startReceiver());
  const locationId = await addLocation(api);
  await addEndpoint(api, locationId, receiver.url);
  await handOver(api, newEvents(locationId, 3));
  await stage.ledger.settled();
  await stage.sql`update deliveries set created_at = now() - interval '30 days 1 hour'`;
  await stage.sql`update events set accepted_at = now() - interval '31 days 1 hour' where sequence <= 2`;
  const db = await connectTo(stage);

  await stage.sql`update endpoints set cursor = 1, lease_delivery_id = gen_random_uuid(), lease_until = now() + interval '1 hour'`;
  expect(await removeOldHistory(db, limits)).toBeGreaterThanOrEqual(2);
  expect(await stage.ledger.deliveries(locationId)).toEqual([]);
  expect((await stage.ledger.events(locationId)).map(({ sequence }) => sequence)).toEqual([2, 3]);

  await stage.sql`update endpoints set cursor = 3, lease_delivery_id = null, lease_until = null`;
  expect(await removeOldHistory(db, limits)).toBe(1);
  expect((await stage.ledger.events(locationId)).map(({ sequence }) => sequence)).toEqual([3]);
  expect(await removeOldHistory(db, limits)).toBe(0);
});

test('much old history leaves in bounded steps, while events go on being accepted and sent', async () => {
  const stage = await setStage();
  const { sql } = stage;
  const { api } = await stage.start();
  const receiver = await running(startReceiver());
  const old = await addVenue(api, `${receiver.url}/old`);
  const busy = await addVenue(api, `${receiver.url}/busy`);
  const count = 22_000;
  await sql`
    insert into events (location_id, sequence, id, uuid, action, stations, customerid, accepted_at)
    select ${old}, n, gen_random_uuid(), gen_random_uuid(), 'create', 1, 1, now() - interval '40 days'
    from generate_series(1, ${count}) n`;
  await sql`update locations set last_sequence = ${count} where id = ${old}`;
  await sql`
    insert into deliveries
      (location_id, id, endpoint_id, first_sequence, last_sequence, events, title, url, outcome, created_at, started_at, ended_at)
    select ${old}, gen_random_uuid(), p.id, n, n, 1, '', '', 'delivered', t, t, t
    from generate_series(1, ${count}) n, endpoints p, lateral (select now() - interval '40 days' as t) t
    where p.location_id = ${old}`;
  await sql`update endpoints set cursor = ${count} where location_id = ${old}`;

  const db = await connectTo(stage);
  const steps: number[] = [];
  const foreign = await sql.reserve();
  await foreign`begin`;
  // Somebody reads one of the oldest rows with a lock: the steps go around it, and wait for nobody.
  await foreign`select from deliveries where location_id = ${old} and last_sequence = 1 for update`;
  do {
    await Promise.all([
      removeOldHistory(db, limits).then((removed) => steps.push(removed)),
      handOver(api, newEvent(busy)),
    ]);
    await receiver.received(steps.length);
  } while (steps.at(-1) !== 0);
  await foreign`rollback`;
  foreign.release();

  expect(Math.max(...steps)).toBeLessThanOrEqual(3 * 5000);
  expect(steps.length).toBeGreaterThanOrEqual(5);
  expect(await stage.ledger.deliveries(old)).toHaveLength(1);
  expect(await stage.ledger.events(old)).toEqual([]);
  await stage.ledger.settled();
  expect(uuidsOf(receiver.requests)).toHaveLength(steps.length);
  expectGapless(receiver.requests);
  // The sequence goes on where it was.
  expect(await handOver(api, newEvent(old))).toMatchObject([{ sequence: count + 1 }]);
});

test('an event that was not sent in time for retention becomes expired before it leaves', async () => {
  const stage = await setStage();
  const { sql } = stage;
  const intake = await stage.start({ ROLE: 'api' });
  const receiver = await running(startReceiver());
  const locationId = await addLocation(intake.api);
  const endpoint = await addEndpoint(intake.api, locationId, receiver.url);
  await handOver(intake.api, newEvents(locationId, 3));
  await sql`update events set accepted_at = now() - interval '40 days'`;
  const db = await connectTo(stage);
  expect(await removeOldHistory(db, limits)).toBe(0);
  expect(await stage.ledger.events(locationId)).toHaveLength(3);

  await stage.start({ ROLE: 'dispatcher' });
  await stage.ledger.settled();
  const skips = await sql`select endpoint_id, first_sequence::int, last_sequence::int, reason from skips`;
  expect([...skips]).toEqual([
    { endpoint_id: endpoint.id, first_sequence: 1, last_sequence: 3, reason: 'expired' },
  ]);
  expect(await removeOldHistory(db, limits)).toBeLessThanOrEqual(3); // the dispatcher removes too
  expect(await stage.ledger.events(locationId)).toEqual([]);
  expect(receiver.requests).toEqual([]);
});

test('an event whose delivery has left is not said to be pending', async () => {
  const stage = await setStage();
  const { api } = await stage.start();
  const receiver = await running(startReceiver());
  const locationId = await addVenue(api, receiver.url);
  const event = newEvent(locationId);
  await handOver(api, event);
  await stage.ledger.settled();
  await stage.sql`update deliveries set created_at = now() - interval '31 days'`;
  await removeOldHistory(await connectTo(stage), limits);
  const { body } = await api.get(`/v1/locations/${locationId}/events?uuid=${event.uuid}`);
  expect(body.items[0]).toMatchObject({ deliveries: [], skipped: [], pending: [] });
});

test('sign-ins leave a day after they ended', async () => {
  const stage = await setStage();
  await stage.sql`
    insert into sessions (hash, kind, key_id, ends_at)
    select 'session ' || hours, 'key', 'environment', now() - make_interval(hours => hours)
    from unnest(array[-1, 23, 25, 100]) hours`;
  const db = await connectTo(stage);
  expect(await removeEndedSessions(db)).toBe(2);
  expect(await removeEndedSessions(db)).toBe(0);
  const left = await stage.sql`select hash from sessions order by ends_at`;
  expect(left.map(({ hash }) => hash)).toEqual(['session 23', 'session -1']);
});
