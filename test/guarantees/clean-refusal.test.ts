import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Api } from '../support/api.ts';
import { expectGapless, uuidsOf } from '../support/arrivals.ts';
import { startReceiver } from '../support/receiver.ts';
import { adminKey } from '../support/service.ts';
import { running, setStage, type Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addLocation, addVenue, handOver, type HandedEvent, newEvent, newEvents } from '../support/venue.ts';

async function count({ sql }: Stage): Promise<{ events: number; sequences: number }> {
  const [row] = await sql<{ events: number; sequences: number }[]>`
    select (select count(*)::int from events) as events, (select sum(last_sequence)::int from locations) as sequences`;
  return row ?? { events: -1, sequences: -1 };
}

/** Sends a request to hand over events, and hangs up without waiting for its answer. */
async function handOverAndHangUp(url: string, events: HandedEvent[], sentPart = 1): Promise<void> {
  const body = JSON.stringify(events);
  const head = [
    'POST /v1/events HTTP/1.1',
    'host: bellhop',
    `authorization: Bearer ${adminKey}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
  ];
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  const text = `${head.join('\r\n')}\r\n\r\n${body.slice(0, body.length * sentPart)}`;
  await new Promise((resolve) => socket.write(text, resolve));
  socket.destroy();
}

/** Waits until a process waits in the database, in the middle of storing events, for one that the test stores too. */
async function storingBackend({ sql }: Stage): Promise<number> {
  return until('the events wait to be stored', async () => {
    const [row] = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%locked as (%'`;
    return row?.pid;
  });
}

async function post(api: Api, events: unknown): Promise<number> {
  return (await api.post('/v1/events', events)).status;
}

describe('clean refusal', { timeout: 90_000 }, () => {
  test('a request with one mistake among many good events stores nothing', async () => {
    const stage = await setStage();
    const { api } = await stage.start();
    const locationId = await addLocation(api);
    const good = newEvents(locationId, 300);
    const bad: unknown[] = [
      newEvent('nowhere'),
      { ...newEvent(locationId), stations: 0 },
      { ...newEvent(locationId), customerid: 2 ** 53 },
      { ...newEvent(locationId), uuid: 'x' },
      { ...newEvent(locationId), id: null },
      { ...newEvent(locationId), action: 'update' },
      null,
      [],
    ];
    for (const event of bad) {
      expect(await post(api, event)).toBe(422);
      expect(await post(api, [...good.slice(0, 150), event, ...good.slice(150)])).toBe(422);
    }
    expect(await post(api, newEvents(locationId, 1001))).toBe(422);
    expect(await post(api, [])).toBe(422);
    expect(await post(api, [{ ...newEvent(locationId), more: 'x'.repeat(2 ** 20) }])).toBe(413);
    expect(await post(api.as(undefined), good)).toBe(401);
    expect(await count(stage)).toEqual({ events: 0, sequences: 0 });
  });

  test('a refused request takes none of those down that share its statement', async () => {
    const stage = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await stage.start();
    const locationId = await addVenue(api, receiver.url);
    const statuses = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        post(api, n % 3 === 0 ? [newEvent(locationId), newEvent('nowhere')] : newEvents(locationId, 2)),
      ),
    );
    expect(statuses.filter((status) => status === 422)).toHaveLength(20);
    expect(statuses.filter((status) => status === 202)).toHaveLength(40);
    expect(await count(stage)).toEqual({ events: 80, sequences: 80 });
    await stage.ledger.settled();
    expectGapless(receiver.requests);
  });

  test('the same ids, repeated in one request, in others and through two processes at the same time, are stored once', async () => {
    const stage = await setStage();
    const [one, other] = await Promise.all([stage.spawn(), stage.spawn()]);
    const receiver = await running(startReceiver());
    const locationIds = await Promise.all([1, 2, 3].map((n) => addVenue(one.api, `${receiver.url}/${n}`)));
    const events = locationIds.flatMap((locationId) => newEvents(locationId, 40));
    const shifted = [...events.slice(60), ...events.slice(0, 60)];
    const requests = Array.from({ length: 12 }, (_, n) => {
      const { api } = n % 2 === 0 ? one : other;
      if (n % 3 === 0) return handOver(api, [...events, ...events]);
      return handOver(api, n % 3 === 1 ? events : shifted);
    });
    const sequences = new Map<string, Set<number>>();
    for (const answer of await Promise.all(requests))
      for (const { id, sequence } of answer)
        sequences.set(id, (sequences.get(id) ?? new Set()).add(sequence));
    expect([...sequences.values()].map((seen) => seen.size)).toEqual(Array(events.length).fill(1));
    expect(await count(stage)).toEqual({ events: 120, sequences: 120 });
    const again = await other.api.post('/v1/events', events);
    expect(again.body).toMatchObject({ accepted: 0, duplicates: 120 });
    await stage.ledger.settled();
    expect(uuidsOf(receiver.requests).toSorted()).toEqual(events.map(({ uuid }) => uuid).toSorted());
  });

  test('a caller that hangs up before its answer stored all or nothing, and repeating completes it', async () => {
    const stage = await setStage();
    const { api, url } = await stage.start();
    const locationId = await addLocation(api);
    for (let round = 1; round <= 10; round += 1) {
      const events = newEvents(locationId, 100);
      await handOverAndHangUp(url, events);
      const { body } = await api.post('/v1/events', events);
      expect([0, 100]).toContain(body.duplicates);
      expect(body.accepted + body.duplicates).toBe(100);
      expect(await count(stage)).toEqual({ events: 100 * round, sequences: 100 * round });
    }
    expect(await stage.ledger.gaps()).toEqual([]);
  });

  test('a caller that hangs up in the middle of its request stored nothing', async () => {
    const stage = await setStage();
    const { api, url } = await stage.start();
    const locationId = await addLocation(api);
    for (const sentPart of [0, 0.5, 0.999])
      await handOverAndHangUp(url, newEvents(locationId, 100), sentPart);
    await handOver(api, newEvent(locationId));
    expect(await count(stage)).toEqual({ events: 1, sequences: 1 });
  });

  test.each([
    { fate: 'goes on in the database', isLost: false, answer: { accepted: 0, duplicates: 50 } },
    { fate: 'ends in the database', isLost: true, answer: { accepted: 50, duplicates: 0 } },
  ])(
    'a process that is killed while its statement $fate stored all or nothing',
    async ({ isLost, answer }) => {
      const stage = await setStage();
      const receiver = await running(startReceiver());
      const killed = await stage.spawn();
      const locationId = await addVenue(killed.api, receiver.url);
      // Few: an answer that fills PostgreSQL's buffer would be noticed to go nowhere before the commit.
      const events = newEvents(locationId, 50);
      const other = await stage.sql.reserve();
      await other`begin`;
      await other`
        insert into events (location_id, sequence, id, uuid, action, stations, customerid)
        values (${locationId}, 1000, ${events[25]?.id ?? ''}, ${events[25]?.uuid ?? ''}, 'create', 1, 7685)`;
      const unanswered = handOver(killed.api, events);
      unanswered.catch(() => {}); // it is expected below
      const backend = await storingBackend(stage);
      await killed.end('SIGKILL');
      await expect(unanswered).rejects.toThrow('fetch failed');
      if (isLost) await stage.sql`select pg_terminate_backend(${backend}, 5000)`;
      await other`rollback`;
      other.release();
      const { api } = await stage.spawn();
      const repeated = await api.post('/v1/events', events);
      expect(repeated.body).toMatchObject(answer);
      await stage.ledger.settled();
      expect(uuidsOf(receiver.requests)).toEqual(events.map(({ uuid }) => uuid));
      expectGapless(receiver.requests);
    },
  );
});
