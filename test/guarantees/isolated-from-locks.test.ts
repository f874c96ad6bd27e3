import type postgres from 'postgres';
import { describe, expect, test } from 'vitest';
import { expectGapless, uuidsOf } from '../support/arrivals.ts';
import { startReceiver } from '../support/receiver.ts';
import { running, setStage, type Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent, newEvents } from '../support/venue.ts';

/** A transaction of somebody else, which holds what it locks until it is ended. */
async function beginForeign({ sql }: Stage): Promise<{ tx: postgres.Sql; end: () => Promise<void> }> {
  const tx = await sql.reserve();
  await tx`begin`;
  return {
    tx,
    async end() {
      await tx`rollback`;
      tx.release();
    },
  };
}

describe('isolated from locks of others', { timeout: 90_000 }, () => {
  test('a location that a foreign transaction holds is waited for, in order, and delays no other', async () => {
    const stage = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await stage.start();
    const held = await addVenue(api, `${receiver.url}/held`);
    const free = await addVenue(api, `${receiver.url}/free`);
    const foreign = await beginForeign(stage);
    await foreign.tx`select from locations where id = ${held} for update`;

    const waiting = newEvents(held, 20);
    const answers: Promise<unknown>[] = [];
    for (const [index, event] of waiting.entries()) {
      answers.push(handOver(api, index % 5 === 0 ? [newEvent(free), event] : event));
      await handOver(api, newEvent(free)); // answered, while those before it still wait
    }
    await receiver.received(1);
    expect(await stage.ledger.events(held)).toEqual([]);
    expect(await stage.ledger.events(free)).toHaveLength(20);

    await foreign.end();
    await Promise.all(answers);
    await stage.ledger.settled();
    expect((await stage.ledger.events(held)).map(({ uuid }) => uuid)).toEqual(
      waiting.map(({ uuid }) => uuid),
    );
    expect(await stage.ledger.events(free)).toHaveLength(24);
    expectGapless(receiver.requests);
    expect(await stage.ledger.unaccounted()).toEqual([]);
    expect(await stage.ledger.gaps()).toEqual([]);
  });

  test('more events than may wait for a held location are refused, and those of others are accepted', async () => {
    const stage = await setStage();
    const { api } = await stage.start();
    const [held, free] = [await addLocation(api), await addLocation(api)];
    const foreign = await beginForeign(stage);
    await foreign.tx`select from locations where id = ${held} for update`;
    const answers = Array.from({ length: 12 }, () => api.post('/v1/events', newEvents(held, 1000)));
    const refused = await Promise.race(answers);
    expect(refused.status).toBe(503);
    expect(refused.body.detail).toContain('Nothing was stored');
    await handOver(api, newEvents(free, 1000));
    await foreign.end();
    const accepted = (await Promise.all(answers)).filter(({ status }) => status === 202);
    expect(await stage.ledger.events(held)).toHaveLength(accepted.length * 1000);
    expect(accepted.length).toBeGreaterThanOrEqual(5);
    expect(await stage.ledger.gaps()).toEqual([]);
  });

  test('a location that is held for too long is told so, and nothing of the request is stored', async () => {
    const stage = await setStage();
    const { api } = await stage.start();
    const [held, free] = [await addLocation(api), await addLocation(api)];
    const foreign = await beginForeign(stage);
    await foreign.tx`select from locations where id = ${held} for update`;
    const { status, body, headers } = await api.post('/v1/events', [newEvent(free), newEvent(held)]);
    expect(status).toBe(503);
    expect(headers.get('retry-after')).toBe('1');
    expect(body.detail).toContain(held);
    await foreign.end();
    expect(await stage.ledger.events(held)).toEqual([]);
    expect(await stage.ledger.events(free)).toEqual([]);
    await handOver(api, newEvent(held));
  });

  test('a location that is deleted while requests wait for it is unknown to them', async () => {
    const stage = await setStage();
    const { api } = await stage.start();
    const held = await addLocation(api);
    const foreign = await beginForeign(stage);
    await foreign.tx`select from locations where id = ${held} for share`;
    const deletion = api.delete(`/v1/locations/${held}`);
    await until('the deletion waits', async () => {
      const [row] = await stage.sql`
        select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      return row !== undefined;
    });
    const answer = api.post('/v1/events', newEvent(held));
    await foreign.end();
    expect((await deletion).status).toBe(204);
    expect([202, 422]).toContain((await answer).status);
    expect((await api.post('/v1/events', newEvent(held))).status).toBe(422);
  });

  test('an endpoint whose row is held keeps its own lane waiting, and no other outcome from being recorded', async () => {
    const stage = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await stage.start();
    const locationId = await addLocation(api);
    const held = await addEndpoint(api, locationId, `${receiver.url}/held`);
    await addEndpoint(api, locationId, `${receiver.url}/free`);
    const foreign = await beginForeign(stage);
    receiver.answerWith(async (request, response) => {
      if (request.url === '/held' && receiver.requests.length <= 2)
        await foreign.tx`select from endpoints where id = ${held.id} for update`;
      response.writeHead(204).end();
    });
    const first = newEvent(locationId);
    await handOver(api, first);
    for (let count = 3; count <= 7; count += 1) {
      await receiver.received(count - 1);
      await handOver(api, newEvent(locationId));
    }
    await receiver.received(7);
    expect(uuidsOf(receiver.requests.filter(({ url }) => url === '/held'))).toEqual([first.uuid]);
    await foreign.end();
    await stage.ledger.settled();
    expectGapless(receiver.requests);
    expect((await stage.ledger.deliveries()).map(({ outcome }) => outcome)).not.toContain('abandoned');
    expect(await stage.ledger.unaccounted()).toEqual([]);
  });

  test('settings that wait for a lock, as many as there are connections, delay no event', async () => {
    const stage = await setStage();
    const receiver = await running(startReceiver());
    const { api } = await stage.start({ DATABASE_MAX_CONNECTIONS: '15' });
    const held = await addEndpoint(api, await addLocation(api), receiver.url);
    const free = await addVenue(api, receiver.url);
    const foreign = await beginForeign(stage);
    await foreign.tx`select from endpoints where id = ${held.id} for update`;
    const changes = Array.from({ length: 30 }, (_, n) => api.patch(held.path, { description: `${n}` }));
    await until('all connections wait', async () => {
      const rows = await stage.sql`
        select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      return rows.length >= 10;
    });
    for (let count = 1; count <= 5; count += 1) {
      await handOver(api, newEvent(free));
      await receiver.received(count);
    }
    const waiting = await stage.sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    expect(waiting.length).toBeGreaterThanOrEqual(10);
    await foreign.end();
    expect((await Promise.all(changes)).map(({ status }) => status)).toEqual(Array(30).fill(200));
  });

  test('a setting that waits for a lock for too long is told to come again, and has changed nothing', async () => {
    const stage = await setStage();
    const { api } = await stage.start();
    const endpoint = await addEndpoint(api, await addLocation(api), 'https://example.com/');
    const foreign = await beginForeign(stage);
    await foreign.tx`select from endpoints where id = ${endpoint.id} for update`;
    const { status } = await api.patch(endpoint.path, { description: 'changed' });
    expect(status).toBe(503);
    await foreign.end();
    expect((await api.get(endpoint.path)).body.description).toBe('');
  });

  test('an API key whose row is held still opens, and so does every other', async () => {
    const stage = await setStage();
    const { api } = await stage.start();
    const make = () => api.post('/v1/keys', { name: 'Core app', scopes: ['admin'] });
    const [held, free] = [(await make()).body, (await make()).body];
    const foreign = await beginForeign(stage);
    await foreign.tx`select from api_keys where id = ${held.id} for update`;
    const answers = [held.key, free.key].map((key) => api.as(key).get('/v1/locations'));
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    await foreign.end();
  });
});
