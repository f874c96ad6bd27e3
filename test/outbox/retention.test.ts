import { expect, test } from 'vitest';
import { connect } from '../../src/db/client.ts';
import { removeOldHistory } from '../../src/outbox/retention.ts';
import { startReceiver } from '../support/receiver.ts';
import { running, setStage } from '../support/stage.ts';
import { addEndpoint, addLocation, handOver, newEvents } from '../support/venue.ts';

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
  const db = connect(stage.databaseUrl, { max: 1 });
  await running(Promise.resolve({ stop: () => db.$client.end() }));

  await stage.sql`update endpoints set cursor = 1, lease_delivery_id = gen_random_uuid(), lease_until = now() + interval '1 hour'`;
  expect(await removeOldHistory(db, limits)).toBeGreaterThanOrEqual(2);
  expect(await stage.ledger.deliveries(locationId)).toEqual([]);
  expect((await stage.ledger.events(locationId)).map(({ sequence }) => sequence)).toEqual([2, 3]);

  await stage.sql`update endpoints set cursor = 3, lease_delivery_id = null, lease_until = null`;
  expect(await removeOldHistory(db, limits)).toBe(1);
  expect((await stage.ledger.events(locationId)).map(({ sequence }) => sequence)).toEqual([3]);
  expect(await removeOldHistory(db, limits)).toBe(0);
});
