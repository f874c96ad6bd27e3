import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { describe, expect, it, onTestFinished } from 'vitest';
import { emitSessionEvents } from '../../src/kit/emit.ts';
import { uuidsOf } from '../support/arrivals.ts';
import { connectCoreApp } from '../support/core-app.ts';
import { startReceiver } from '../support/receiver.ts';
import { running, setStage } from '../support/stage.ts';
import { addVenue, newEvent, newEvents } from '../support/venue.ts';

/** Rolls a transaction back. */
class Undone extends Error {}

type Work = (tx: Parameters<typeof emitSessionEvents>[0]) => Promise<unknown>;

/**
 * node-postgres is not installed: this has the part of its client that is used, over postgres.js. A parameter is sent
 * as text, rows come in `rows`.
 */
async function inNodePostgresTransaction(sql: postgres.Sql, work: Work): Promise<void> {
  const connection = await sql.reserve();
  const client = {
    async query(text: string, values: string[] = []) {
      return { rows: [...(await connection.unsafe(text, values))] };
    },
    escapeLiteral: () => '',
  };
  await client.query('BEGIN');
  try {
    await work(client);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    connection.release();
  }
}

const drivers: { name: string; transact: (sql: postgres.Sql, work: Work) => Promise<unknown> }[] = [
  { name: 'postgres.js', transact: (sql, work) => sql.begin(work) },
  { name: 'drizzle', transact: (sql, work) => drizzle(sql).transaction(work) },
  { name: 'a stand-in for node-postgres', transact: inNodePostgresTransaction },
];

describe.each(drivers)('in a transaction of $name', ({ transact }) => {
  it('events are sent if and only if it commits', async () => {
    const stage = await setStage();
    const coreApp = await connectCoreApp(stage.databaseUrl);
    const { api } = await stage.start();
    const receiver = await running(startReceiver());
    const locationId = await addVenue(api, receiver.url);
    const [undone, one, ...more] = newEvents(locationId, 4);
    if (!undone || !one) throw new Error('There are four.');

    const undoing = transact(coreApp, async (tx) => {
      await emitSessionEvents(tx, undone);
      throw new Undone();
    });
    await expect(undoing).rejects.toThrow(Undone);
    await transact(coreApp, async (tx) => {
      expect(await emitSessionEvents(tx, one)).toEqual({ events: [{ id: one.id, locationId }] });
      expect(await emitSessionEvents(tx, more)).toEqual({
        events: more.map(({ id }) => ({ id, locationId })),
      });
    });
    await receiver.received(1);
    await stage.ledger.settled();
    expect(uuidsOf(receiver.requests)).toEqual([one, ...more].map(({ uuid }) => uuid));
    expect(await stage.sql`select from inbox`).toHaveLength(0);
  });

  it('text of any kind reaches the function as it is, and what does not fit is named', async () => {
    const stage = await setStage();
    const coreApp = await connectCoreApp(stage.databaseUrl);
    const { api } = await stage.start({ ROLE: 'api' });
    const locationId = await addVenue(api, 'https://example.com/');
    const note = `'"\\ $1 $$ ?|:x \r\n ÄÖ 🎮 ';drop table inbox;--`;
    const noted = { ...newEvent(locationId), note };
    await transact(coreApp, (tx) => emitSessionEvents(tx, noted));
    const refused = transact(coreApp, (tx) =>
      emitSessionEvents(tx, [noted, { ...newEvent(note), stations: 0 }]),
    );
    // drizzle says which query failed, and has the driver's error as its cause
    const error = await refused.catch((thrown: Error) => thrown.cause ?? thrown);
    expect(error).toMatchObject({
      code: '22023',
      message:
        'Bellhop refused the events, and stored none: 1.stations: must be at least 1; 1.locationId: must be 1 to 64 of the characters A-Z a-z 0-9 _ -',
    });
    expect(await stage.sql`select from inbox`).toHaveLength(1);
  });
});

it('what is no transaction is refused, by the compiler too, and nothing is stored', async () => {
  const stage = await setStage();
  const { api } = await stage.start({ ROLE: 'api' });
  const event = newEvent(await addVenue(api, 'https://example.com/'));
  const expected = 'Expected a transaction of postgres.js, drizzle or node-postgres';
  // @ts-expect-error -- each query of it may go to another connection
  await expect(emitSessionEvents(stage.sql, event)).rejects.toThrow(expected);
  // @ts-expect-error -- the same in drizzle
  await expect(emitSessionEvents(drizzle(stage.sql), event)).rejects.toThrow(expected);
  const pool = { query: () => Promise.resolve({ rows: [] }), totalCount: 1 };
  // @ts-expect-error -- and in node-postgres
  await expect(emitSessionEvents(pool, event)).rejects.toThrow(expected);
  expect(await stage.sql`select from inbox`).toHaveLength(0);
});

it('postgres.js with options of its own for names and JSON makes no difference', async () => {
  const stage = await setStage();
  const { api } = await stage.start({ ROLE: 'api' });
  const event = newEvent(await addVenue(api, 'https://example.com/'));
  const json = { to: 3802, from: [3802], serialize: () => 'x', parse: () => 'x' };
  const sql = postgres(stage.databaseUrl, {
    max: 1,
    transform: postgres.camel,
    types: { json },
    prepare: false,
  });
  onTestFinished(() => sql.end());
  expect(await sql.begin((tx) => emitSessionEvents(tx, event))).toMatchObject({ events: [{ id: event.id }] });
});
