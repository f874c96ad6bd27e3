import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { expectGapless, expectOnceInOrder, uuidsOf } from '../support/arrivals.ts';
import { breathe } from '../support/breathe.ts';
import { startDatabaseRelay } from '../support/database-relay.ts';
import { createLedger } from '../support/ledger.ts';
import { startOwnPostgres } from '../support/own-postgres.ts';
import { startReceiver } from '../support/receiver.ts';
import { spawnService, testEnvironment } from '../support/service.ts';
import { running, setStage, type Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import {
  addEndpoint,
  addLocation,
  addVenue,
  type HandedEvent,
  handOver,
  newEvent,
  newEvents,
} from '../support/venue.ts';

/** Refuses every write to a table, as a full disk does. */
async function fillDisk({ sql }: Stage, table: string): Promise<() => Promise<unknown>> {
  await sql`
    create or replace function refuse() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`;
  await sql`
    create trigger full_disk before insert or update on ${sql(table)} for each statement execute function refuse()`;
  return () => sql`drop trigger full_disk on ${sql(table)}`;
}

/** Everything was accepted once, sent once and in order, and is accounted for. */
async function expectKept(
  { ledger }: Stage,
  requests: Parameters<typeof expectOnceInOrder>[0],
): Promise<void> {
  await ledger.settled();
  expectOnceInOrder(requests);
  expect(await ledger.unaccounted()).toEqual([]);
  expect(await ledger.gaps()).toEqual([]);
}

describe('a fault of the database', { timeout: 120_000 }, () => {
  test.each(['request', 'answer'] as const)(
    'an intake whose %s is lost: 503, and repeating it stores it once',
    async (what) => {
      const stage = await setStage();
      const relay = await running(startDatabaseRelay(stage.databaseUrl));
      const receiver = await running(startReceiver());
      const { api } = await stage.start({ DATABASE_URL: relay.url });
      const locationId = await addVenue(api, receiver.url);
      await handOver(api, newEvent(locationId));
      const events = newEvents(locationId, 5);
      const lost = relay.loseNext(events[2]?.id ?? '', what);
      expect((await api.post('/v1/events', events)).status).toBe(503);
      await lost;
      const stored = (await stage.ledger.events(locationId)).length - 1;
      expect(stored).toBe(what === 'answer' ? 5 : 0);
      expect((await api.post('/v1/events', events)).body).toMatchObject({ duplicates: stored });
      await expectKept(stage, receiver.requests);
      expect(uuidsOf(receiver.requests).slice(1)).toEqual(events.map(({ uuid }) => uuid));
    },
  );

  test.each(['request', 'answer'] as const)(
    'a claim whose %s is lost is sent once, or abandoned, and the lane goes on',
    async (what) => {
      const stage = await setStage();
      const relay = await running(startDatabaseRelay(stage.databaseUrl));
      const receiver = await running(startReceiver());
      const { api } = await stage.start({ ROLE: 'api' });
      await stage.start({ ROLE: 'dispatcher', DATABASE_URL: relay.url });
      const locationId = await addVenue(api, receiver.url);
      const lost = relay.loseNext(`{"${locationId}"}`, what);
      const [first, next] = [newEvent(locationId), newEvent(locationId)];
      await handOver(api, first);
      await lost;
      await handOver(api, next);
      await expectKept(stage, receiver.requests);
      const [delivery] = await stage.ledger.deliveries(locationId);
      expect(delivery?.outcome).toBe(what === 'answer' ? 'abandoned' : 'delivered');
      const expected = what === 'answer' ? [next] : [first, next];
      expect(uuidsOf(receiver.requests)).toEqual(expected.map(({ uuid }) => uuid));
    },
  );

  test.each(['request', 'answer'] as const)(
    'a recording whose %s is lost is repeated, and the POST is not',
    async (what) => {
      const stage = await setStage();
      const relay = await running(startDatabaseRelay(stage.databaseUrl));
      const receiver = await running(startReceiver());
      const { api } = await stage.start({ ROLE: 'api' });
      await stage.start({ ROLE: 'dispatcher', DATABASE_URL: relay.url });
      const locationId = await addLocation(api);
      const endpoint = await addEndpoint(api, locationId, receiver.url);
      const losing: Promise<void>[] = [];
      receiver.answerWith((_request, response) => {
        losing.push(relay.loseNext(`"endpointId":"${endpoint.id}"`, what));
        response.writeHead(204).end();
      });
      await handOver(api, newEvent(locationId));
      expect(await stage.ledger.ended(locationId, 1)).toMatchObject([{ outcome: 'delivered' }]);
      await Promise.all(losing);
      expect(receiver.requests).toHaveLength(1);
      await expectKept(stage, receiver.requests);
    },
  );

  test('away for longer than a lease while POSTs are in flight: their outcomes are recorded as they were', async () => {
    const stage = await setStage();
    const relay = await running(startDatabaseRelay(stage.databaseUrl));
    const receiver = await running(startReceiver());
    const { api } = await stage.start({ DATABASE_URL: relay.url });
    const locationIds = await Promise.all([1, 2, 3].map((n) => addVenue(api, `${receiver.url}/${n}`)));
    const cut: Promise<void>[] = [];
    receiver.answerWith((_request, response) => {
      if (receiver.requests.length === 3) cut.push(relay.cut());
      response.writeHead(204).end();
    });
    await handOver(
      api,
      locationIds.map((locationId) => newEvent(locationId)),
    ).catch(() => {});
    await receiver.received(3);
    await Promise.all(cut);
    await until('the leases have run out', async () => {
      const rows = await stage.sql`select from endpoints where lease_until > now()`;
      return rows.length === 0;
    });
    await relay.restore();
    await expectKept(stage, receiver.requests);
    const outcomes = (await stage.ledger.deliveries()).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['delivered', 'delivered', 'delivered']);
  });

  test.each(['events', 'deliveries', 'endpoints'])(
    'a full disk, seen at the table %s: what cannot be stored is refused, and everything goes on when there is room',
    async (table) => {
      const stage = await setStage();
      const receiver = await running(startReceiver());
      const service = await stage.spawn();
      const locationId = await addVenue(service.api, receiver.url);
      await handOver(service.api, newEvent(locationId));
      await stage.ledger.settled();
      const makeRoom = await fillDisk(stage, table);
      const events = newEvents(locationId, 3);
      const { status } = await service.api.post('/v1/events', events);
      expect(status).toBe(table === 'events' ? 503 : 202);
      await until('it has failed, again and again', async () => {
        const failed = service.log.filter((line) => line.includes('No space left on device'));
        if (table === 'events') await service.api.post('/v1/events', events);
        return failed.length >= 3;
      });
      await makeRoom();
      expect((await service.api.post('/v1/events', events)).status).toBe(202);
      await expectKept(stage, receiver.requests);
      expect(uuidsOf(receiver.requests).slice(1)).toEqual(events.map(({ uuid }) => uuid));
      expect(service.child.exitCode).toBe(null);
    },
  );

  test('a database that says nothing for a while, and one that is slow: events wait, and arrive once or are abandoned', async () => {
    const stage = await setStage();
    const relay = await running(startDatabaseRelay(stage.databaseUrl));
    const receiver = await running(startReceiver());
    const service = await stage.spawn({ DATABASE_URL: relay.url });
    const locationId = await addVenue(service.api, receiver.url);
    await handOver(service.api, newEvent(locationId));
    relay.stall();
    const waiting = handOver(service.api, newEvents(locationId, 3));
    expect((await service.api.get('/readyz')).status).toBe(503);
    expect((await service.api.get('/healthz')).status).toBe(200);
    relay.flow();
    await waiting;
    relay.slowDown(100);
    for (let count = 1; count <= 3; count += 1) await handOver(service.api, newEvent(locationId));
    relay.slowDown(0);
    await expectKept(stage, receiver.requests);
    // A claim whose answer came too late for its lease was not sent any more.
    const deliveries = await stage.ledger.deliveries();
    const abandoned = deliveries.filter(({ outcome }) => outcome === 'abandoned');
    const lost = abandoned.reduce((sum, { events }) => sum + events, 0);
    expect(uuidsOf(receiver.requests)).toHaveLength(7 - lost);
    expect(service.child.exitCode).toBe(null);
  });

  test('connections that end while they are being made, again and again, end no process', async () => {
    const stage = await setStage();
    const relay = await running(startDatabaseRelay(stage.databaseUrl));
    const receiver = await running(startReceiver());
    const service = await stage.spawn({ DATABASE_URL: relay.url });
    const locationId = await addVenue(service.api, receiver.url);
    relay.slowDown(5);
    for (let round = 1; round <= 40; round += 1) {
      await service.api.post('/v1/events', newEvent(locationId));
      await stage.sql`
        select pg_terminate_backend(pid)
        from pg_stat_activity
        where datname = current_database() and application_name = 'bellhop'`;
    }
    relay.slowDown(0);
    await until('it accepts again', async () => {
      const { status } = await service.api.post('/v1/events', newEvent(locationId));
      return status === 202;
    });
    await expectKept(stage, receiver.requests);
    expect(service.log.filter((line) => line.includes('Bellhop cannot go on'))).toEqual([]);
    // Connections that were lost in the middle of a query do not keep it from stopping.
    expect(await service.end('SIGTERM')).toBe(0);
  });

  test('a connection that ends in the middle of a change of settings ends no process, and changes nothing', async () => {
    const stage = await setStage();
    const relay = await running(startDatabaseRelay(stage.databaseUrl));
    const service = await stage.spawn({ DATABASE_URL: relay.url });
    const endpoint = await addEndpoint(service.api, await addLocation(service.api), 'https://example.com/');
    for (let round = 1; round <= 3; round += 1) {
      const foreign = await stage.sql.reserve();
      await foreign`begin`;
      await foreign`select from endpoints for update`;
      const change = service.api.patch(endpoint.path, { description: 'changed' });
      await until('the change waits', async () => {
        const [row] = await stage.sql`
          select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
        return row !== undefined;
      });
      await relay.cut();
      expect((await change).status).toBe(503);
      await relay.restore();
      await foreign`rollback`;
      foreign.release();
      const read = await until('it can be read', async () => {
        const answer = await service.api.get(endpoint.path);
        return answer.status === 200 && answer;
      });
      expect(read.body.description).toBe('');
    }
    expect(service.child.exitCode).toBe(null);
  });

  test.each(['stop', 'kill'] as const)(
    'PostgreSQL ends by a %s while events are accepted and delivered, and starts again: nothing is lost or doubled',
    async (how) => {
      const folder = await mkdtemp(join(tmpdir(), 'bellhop-restart-'));
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      const database = await running(startOwnPostgres(folder));
      const relay = await running(startDatabaseRelay(database.url()));
      const receiver = await running(startReceiver());
      const service = await spawnService(testEnvironment(relay.url));
      onTestFinished(async () => {
        await service.end('SIGKILL');
      });
      const locationId = await addVenue(service.api, receiver.url);
      const accepted = new Set<string>();
      const state = { isOver: false };
      const post = async (event: HandedEvent) => {
        const { status } = await service.api.post('/v1/events', event);
        if (status === 202) accepted.add(event.uuid);
        return status;
      };
      const load = Array.from({ length: 4 }, async () => {
        while (!state.isOver) {
          await post(newEvent(locationId));
          await breathe();
        }
      });
      await receiver.received(10);
      await database.restart(how, relay, () =>
        until('it is refused', async () => (await post(newEvent(locationId))) === 503),
      );
      const before = accepted.size;
      await until('it accepts again', async () => accepted.size > before + 10);
      state.isOver = true;
      await Promise.all(load);
      const ledger = createLedger(database.sql());
      await ledger.settled();
      expectOnceInOrder(receiver.requests);
      expect(await ledger.unaccounted()).toEqual([]);
      expect(await ledger.gaps()).toEqual([]);
      // What was in flight is abandoned when its record was lost with the server; everything else was received.
      const abandoned = (await ledger.deliveries()).filter(({ outcome }) => outcome === 'abandoned');
      const lost = abandoned.reduce((sum, { events }) => sum + events, 0);
      const received = new Set(uuidsOf(receiver.requests));
      expect([...accepted].filter((uuid) => !received.has(uuid)).length).toBeLessThanOrEqual(lost);
      const stored = new Set((await ledger.events(locationId)).map(({ uuid }) => uuid));
      expect([...accepted].filter((uuid) => !stored.has(uuid))).toEqual([]);
      expect(await service.end('SIGTERM')).toBe(0);
    },
  );

  test('timeouts and isolation that the database prescribes are not ours: everything works as before', async () => {
    const stage = await setStage();
    const [row] = await stage.sql<{ name: string }[]>`select current_database() as name`;
    for (const setting of [
      "statement_timeout = '1ms'",
      "lock_timeout = '1ms'",
      "default_transaction_isolation = 'serializable'",
    ])
      await stage.sql.unsafe(`alter database ${row?.name ?? ''} set ${setting}`);
    const receiver = await running(startReceiver());
    const { api } = await stage.start();
    const locationIds = await Promise.all([1, 2, 3].map((n) => addVenue(api, `${receiver.url}/${n}`)));
    const answers = Array.from({ length: 30 }, () =>
      handOver(
        api,
        locationIds.map((locationId) => newEvent(locationId)),
      ),
    );
    await Promise.all(answers);
    await expectKept(stage, receiver.requests);
    expectGapless(receiver.requests);
    expect(uuidsOf(receiver.requests)).toHaveLength(90);
  });
});
