import type postgres from 'postgres';
import { expect, test, vi } from 'vitest';
import { removeOldRuns } from '../../src/flows/run.ts';
import { removeOldHistory } from '../../src/outbox/retention.ts';
import { removeOldInvocations } from '../../src/webhooks/invocation.ts';
import { endedRuns, makeFlow, registerWebhook } from '../flows/flow.ts';
import { expectGapless, uuidsOf } from '../support/arrivals.ts';
import { partitionByLocation } from '../support/partition.ts';
import { startReceiver } from '../support/receiver.ts';
import type { TestService } from '../support/service.ts';
import { connectTo, running, setStage } from '../support/stage.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent, newEvents } from '../support/venue.ts';

// A machine that is busy.
vi.setConfig({ testTimeout: 300_000 });

/** What grows with the events. */
const tables = ['events', 'deliveries', 'skips', 'invocations', 'runs'];

test('partitioning moves every row and keeps every key, index and right; once more it changes nothing', async () => {
  const stage = await setStage();
  const service = await stage.start();
  const receiver = await running(startReceiver());
  await useEverything(service, receiver.url);
  await stage.ledger.settled();
  await service.stop();
  await stage.sql.unsafe('grant select, delete on deliveries to pg_monitor; grant insert on skips to public');
  const before = await describe(stage.sql);
  await partitionByLocation(stage.sql);
  expect(await describe(stage.sql)).toEqual(before);
  expect(await partitionsOf(stage.sql)).toHaveLength(16 * tables.length);
  await partitionByLocation(stage.sql);
  expect(await describe(stage.sql)).toEqual(before);
  expect(await partitionsOf(stage.sql)).toHaveLength(16 * tables.length);
});

test('on partitions everything works as before: what is sent, in order, shown, resent and removed', async () => {
  const stage = await setStage();
  await partitionByLocation(stage.sql);
  const service = await stage.start();
  const receiver = await running(startReceiver());
  const paths = await Promise.all(Array.from({ length: 6 }, () => useEverything(service, receiver.url)));
  await stage.ledger.settled();
  expect(await stage.ledger.gaps()).toEqual([]);
  expect(await stage.ledger.unaccounted()).toEqual([]);

  const { api } = service;
  const locationId = await addVenue(api, `${receiver.url}/resent`);
  const events = newEvents(locationId, 3);
  const accepted = await handOver(api, events);
  expect(await handOver(api, events)).toEqual(accepted);
  await stage.ledger.settled();
  const lane = () => receiver.requests.filter(({ url }) => url === '/resent');
  expectGapless(lane());
  expect(uuidsOf(lane())).toEqual(events.map(({ uuid }) => uuid));
  const [delivery] = await stage.ledger.deliveries(locationId);
  const resent = await api.post(`/v1/locations/${locationId}/deliveries/${delivery?.id}/resend`);
  expect([201, 202]).toContain(resent.status);
  await stage.ledger.settled();
  expect(lane().at(-1)?.body).toBe(lane()[0]?.body);
  const { body: trace } = await api.get(`/v1/locations/${locationId}/events?uuid=${events[0]?.uuid}`);
  expect(trace.items[0].deliveries).toHaveLength(2);
  const { body: stats } = await api.get(`/v1/locations/${locationId}/stats?hours=24`);
  expect(stats).toMatchObject({ deliveries: 2, delivered: 2, backlog: 0 });

  const kept = await describe(stage.sql);
  await age(stage.sql, paths);
  const db = await connectTo(stage);
  while ((await removeOldHistory(db, { retentionDays: 30, maxAgeHours: 24 })) > 0);
  while ((await removeOldInvocations(db, 30)) + (await removeOldRuns(db, 30)) > 0);
  const isLeft = (row: string) => row.includes(locationId);
  expect(await describe(stage.sql)).toEqual({
    ...kept,
    rows: kept.rows.map((rows) => rows.filter(isLeft)),
  });
});

/** A location where events are sent, filtered and had no endpoint, a webhook is triggered, and a flow runs. @returns its id. */
async function useEverything(service: TestService, url: string): Promise<string> {
  const { api } = service;
  const locationId = await addLocation(api);
  await handOver(api, newEvent(locationId));
  await addEndpoint(api, locationId, `${url}/${locationId}`, { actions: ['create'] });
  await handOver(api, [newEvent(locationId), newEvent(locationId, { action: 'delete' })]);
  await registerWebhook(api, locationId, 'note', { url, method: 'POST' });
  const flow = { steps: [{ ref: 'res1', trigger: 'note', data: {} }], response: { status: 200, body: '{}' } };
  const made = await makeFlow(service, flow, { locationId, name: 'voucher' });
  await made.send({});
  await endedRuns(made, 1);
  return locationId;
}

/** Rows, keys, indexes and rights of the tables, in no order that matters. */
async function describe(sql: postgres.Sql) {
  const rows = await Promise.all(
    tables.map(async (table) => {
      const all = await sql<{ row: string }[]>`select t::text as row from ${sql(table)} t`;
      return all.map(({ row }) => row).toSorted();
    }),
  );
  const indexes = await sql<{ name: string; indexdef: string }[]>`
    select indexname as name, indexdef from pg_indexes where tablename = any(${tables}) order by 1`;
  const keys = await sql`
    select conname, pg_get_constraintdef(oid)
    from pg_constraint
    where conrelid = any(${tables}::regclass[]) and contype = 'p'
    order by 1`;
  const rights = await sql`
    select table_name, grantee, privilege_type
    from information_schema.role_table_grants
    where table_name = any(${tables})
    order by 1, 2, 3`;
  return {
    rows,
    indexes: indexes.map(({ indexdef }) => indexdef.replace(' ON ONLY ', ' ON ')),
    keys: [...keys],
    rights: [...rights],
  };
}

function partitionsOf(sql: postgres.Sql) {
  return sql`select from pg_inherits where inhparent = any(${tables}::regclass[])`;
}

/** Lets everything of these locations be as old as retention wants it. */
async function age(sql: postgres.Sql, locationIds: string[]): Promise<void> {
  for (const table of tables) {
    const time = table === 'events' ? 'accepted_at' : 'created_at';
    await sql`
      update ${sql(table)} set ${sql(time)} = now() - interval '40 days' where location_id = any(${locationIds})`;
  }
}
