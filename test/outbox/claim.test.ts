import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Database } from '../../src/db/client.ts';
import { claim } from '../../src/outbox/claim.ts';
import { connectTo, setStage } from '../support/stage.ts';

const limits = { maxEvents: 100, leaseMs: 5000, maxAgeHours: 24 };

/** A location with one event that each of its endpoints is still to be sent. */
async function addBacklog({ $client: sql }: Database, locationId: string, endpoints: number): Promise<void> {
  await sql`insert into locations (id, title, last_sequence) values (${locationId}, '', 1)`;
  await sql`
    insert into events (location_id, sequence, id, uuid, action, stations, customerid)
    values (${locationId}, 1, gen_random_uuid(), gen_random_uuid(), 'create', 1, 1)`;
  await sql`
    insert into endpoints (location_id, id, url, start_sequence, cursor, secret, secret_hint)
    select ${locationId}, gen_random_uuid(), 'https://example.com', 0, 0, '', ''
    from generate_series(1, ${endpoints})`;
}

const claimLanes = (db: Database, locationIds: string[], lanes: number) =>
  claim(
    db,
    locationIds,
    Array.from({ length: lanes }, () => randomUUID()),
    limits,
  );

test('a claim takes as many lanes as it may, and says whether more are free', async () => {
  const db = await connectTo(await setStage());
  await addBacklog(db, 'kamen-test', 3);
  await addBacklog(db, 'berlin-mitte', 1);
  const both = ['kamen-test', 'berlin-mitte'];
  const first = await claimLanes(db, both, 3);
  expect([first.claims.length, first.areMoreFree]).toEqual([3, true]);
  const second = await claimLanes(db, both, 1);
  expect([second.claims.length, second.areMoreFree]).toEqual([1, false]);
  expect(new Set([...first.claims, ...second.claims].map(({ delivery }) => delivery?.endpointId)).size).toBe(
    4,
  );
  expect(await claimLanes(db, both, 5)).toEqual({ claims: [], areMoreFree: false });
});

test('a secret that ends while a claim begins is not signed with any more', async () => {
  const db = await connectTo(await setStage());
  const { $client: sql } = db;
  await addBacklog(db, 'kamen-test', 1);
  // What the claim sees was changed after its own beginning, as when it is held up in between.
  await sql`begin`;
  await sql`update endpoints set previous_secret = 'old', previous_secret_until = clock_timestamp()`;
  const { claims } = await claimLanes(db, ['kamen-test'], 1);
  await sql`commit`;
  expect(claims).toMatchObject([{ delivery: { previousSecret: null } }]);
});
