import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect, type Database, disconnect } from '../../src/db/client.ts';
import { claim } from '../../src/outbox/claim.ts';
import { createTestDatabase } from '../support/database.ts';

const limits = { maxEvents: 100, leaseMs: 5000, maxAgeHours: 24 };
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Database;

beforeEach(async () => {
  database = await createTestDatabase();
  db = connect(database.url, { max: 1 });
});
afterEach(async () => {
  await disconnect(db);
  await database.drop();
});

/** A location with one event that each of its endpoints is still to be sent. */
async function addBacklog(locationId: string, endpoints: number): Promise<void> {
  const { $client: sql } = db;
  await sql`insert into locations (id, title, last_sequence) values (${locationId}, '', 1)`;
  await sql`
    insert into events (location_id, sequence, id, uuid, action, stations, customerid)
    values (${locationId}, 1, gen_random_uuid(), gen_random_uuid(), 'create', 1, 1)`;
  await sql`
    insert into endpoints (location_id, id, url, start_sequence, cursor, secret, secret_hint)
    select ${locationId}, gen_random_uuid(), 'https://example.com', 0, 0, '', ''
    from generate_series(1, ${endpoints})`;
}

const claimLanes = (locationIds: string[], lanes: number) =>
  claim(
    db,
    locationIds,
    Array.from({ length: lanes }, () => randomUUID()),
    limits,
  );

test('a claim takes as many lanes as it may, and says whether more are free', async () => {
  await addBacklog('kamen-test', 3);
  await addBacklog('berlin-mitte', 1);
  const both = ['kamen-test', 'berlin-mitte'];
  const first = await claimLanes(both, 3);
  expect([first.claims.length, first.areMoreFree]).toEqual([3, true]);
  const second = await claimLanes(both, 1);
  expect([second.claims.length, second.areMoreFree]).toEqual([1, false]);
  expect(new Set([...first.claims, ...second.claims].map(({ delivery }) => delivery?.endpointId)).size).toBe(
    4,
  );
  expect(await claimLanes(both, 5)).toEqual({ claims: [], areMoreFree: false });
});
