import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../src/db/client.ts';
import { analyzeOutgrown } from '../../src/db/statistics.ts';
import { createLog } from '../../src/events/log.ts';
import { partitionByLocation } from '../support/partition.ts';
import { connectTo, setStage } from '../support/stage.ts';

const locationId = 'kamen-test';
let db: Database;
let sql: postgres.Sql;

/** One connection, so that all of a test is planned on it. */
beforeEach(async () => {
  db = await connectTo(await setStage());
  sql = db.$client;
  await sql`insert into locations (id, title) values (${locationId}, 'Kamen Test')`;
});

/** Stores events beside the intake, as another process would. */
async function fill(count: number): Promise<void> {
  await sql`
    insert into events (location_id, sequence, id, uuid, action, stations, customerid)
    select ${locationId}, last_sequence + n, gen_random_uuid(), gen_random_uuid(), 'create', 1, 1
    from locations, generate_series(1, ${count}) n`;
  await sql`update locations set last_sequence = last_sequence + ${count}`;
}

/** Rows of `events` that the connection has read one after the other since it was asked last. */
async function readWhole(): Promise<number> {
  await sql`select pg_stat_force_next_flush()`;
  const [row] = await sql`
    select sum(seq_tup_read)::int as rows
    from pg_stat_user_tables
    where relname like 'events%'`;
  await sql`select pg_stat_reset()`;
  return row?.['rows'];
}

const accept = (log: ReturnType<typeof createLog>) =>
  log([{ id: randomUUID(), uuid: randomUUID(), action: 'create', locationId, stations: 1, customerid: 1 }]);

test('a plan from when the log was empty is not kept while the log grows', async () => {
  await sql`vacuum analyze events`;
  const log = createLog(db);
  for (let n = 0; n < 12; n += 1) await accept(log);
  await fill(20_000);
  await readWhole();
  await accept(log);
  expect(await readWhole()).toBeGreaterThan(20_000);

  expect(await analyzeOutgrown(db)).toBe(1);
  await readWhole();
  await accept(log);
  expect(await readWhole()).toBe(0);
  expect(await analyzeOutgrown(db)).toBe(0);
});

test('tables that have not grown fourfold are left alone, and small ones', async () => {
  await fill(100);
  expect(await analyzeOutgrown(db)).toBe(0);
  await fill(4000);
  expect(await analyzeOutgrown(db)).toBe(1);
  await fill(8000);
  expect(await analyzeOutgrown(db)).toBe(0);
  await fill(8000);
  expect(await analyzeOutgrown(db)).toBe(1);
});

test('partitions are looked at one by one', async () => {
  await partitionByLocation(sql);
  await fill(10_000);
  expect(await analyzeOutgrown(db)).toBe(1);
  expect(await analyzeOutgrown(db)).toBe(0);
});

test('tables that the role may not maintain are left to the server', async () => {
  await fill(10_000);
  const role = `bellhop_test_${randomUUID().slice(0, 8)}`;
  await sql.unsafe(`create role ${role}; grant select on all tables in schema public to ${role}`);
  await sql.unsafe(`set role ${role}`);
  expect(await analyzeOutgrown(db)).toBe(0);
  await sql.unsafe(`reset role; grant maintain on all tables in schema public to ${role}; set role ${role}`);
  expect(await analyzeOutgrown(db)).toBe(1);
  await sql.unsafe(`reset role; drop owned by ${role}; drop role ${role}`);
});
