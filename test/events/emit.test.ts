import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { withSql } from '../db/dump.ts';
import { connectCoreApp } from '../support/core-app.ts';
import { nameDatabase } from '../support/database.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addLocation, newEvent, newEvents } from '../support/venue.ts';

type Mistake = { path: string; message: string };

let service: TestService;
let owner: postgres.Sql;
beforeAll(async () => {
  // Without a dispatcher: what was handed over stays in the inbox.
  service = await startTestService({ ROLE: 'api' });
  await service.api.put('/v1/locations/kamen-test', { title: 'Kamen Test' });
  owner = postgres(service.databaseUrl, { max: 2, onnotice: () => {} });
});
afterAll(async () => {
  await owner.end();
  await service.stop();
});

/** Calls the function with this JSON text; null: SQL's null. */
async function emit(json: string | null, sql: postgres.Sql | postgres.TransactionSql = owner) {
  const [row] = await sql`select bellhop.emit_session_events(${json}::text::jsonb) as answer`;
  return row?.['answer'];
}

/** What the function says is wrong with this. */
async function mistakesIn(json: string | null): Promise<Mistake[]> {
  const error: unknown = await emit(json).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof postgres.PostgresError))
    throw new Error(`It was not refused: ${json?.slice(0, 200)}`);
  expect(error.code).toBe('22023');
  expect(error.message).toMatch(/^Bellhop refused the events, and stored none: ./);
  return JSON.parse(error.detail ?? '');
}

const stored = () => owner`
  select id, uuid, action, location_id as "locationId", stations, customerid::float8 from inbox order by number`;

describe('an event that does not fit', () => {
  const notUuids = [
    null,
    5,
    {},
    [],
    '',
    'x',
    '41509791-3de8-5bb9-b4fc',
    '41509791-3de8-5bb9-b4fc-a9753da95aag',
    '{41509791-3de8-5bb9-b4fc-a9753da95aad}',
    ' 41509791-3de8-5bb9-b4fc-a9753da95aad',
    '415097913de85bb9b4fca9753da95aad',
    '41509791-3de8-5bb9-b4fc-a9753da95aad\n',
  ];
  it.each([
    ...notUuids.map((value) => ['id', value] as const),
    ...[undefined, ...notUuids].map((value) => ['uuid', value] as const),
    ...[undefined, null, 5, '', 'CREATE', 'update', ['create']].map((value) => ['action', value] as const),
    ...[undefined, null, 0, -1, 1.5, '1', true, [1], {}, 2 ** 31, 1e300].map(
      (value) => ['stations', value] as const,
    ),
    ...[undefined, null, -1, 0.5, '7685', false, [], 2 ** 53, 1e300].map(
      (value) => ['customerid', value] as const,
    ),
    ...[undefined, null, 5, {}, '', 'a b', 'a'.repeat(65), '../x', "a'--", 'Ä', 'a\n', 'nowhere'].map(
      (value) => ['locationId', value] as const,
    ),
  ])(
    'is refused by the API and by the function, alone and among others, in the same words: %s = %j',
    async (member, value) => {
      const bad = { ...newEvent('kamen-test'), [member]: value };
      for (const events of [bad, [newEvent('kamen-test'), bad]]) {
        const { status, body } = await service.api.post('/v1/events', events);
        expect(status).toBe(422);
        const [mistake, ...others] = await mistakesIn(JSON.stringify(events));
        // Of a number that JSON cannot carry exactly, the API says one thing more.
        expect(body.errors).toContainEqual(mistake);
        expect(others).toEqual([]);
      }
      expect(await stored()).toEqual([]);
    },
  );

  it.each(['null', 'true', '5', '"text"', '[]', '[null]', '[[]]', '[1]'])(
    'is refused by both in the same words: %s',
    async (json) => {
      const { body } = await service.api.post('/v1/events', JSON.parse(json));
      expect(await mistakesIn(json)).toEqual(body.errors);
    },
  );

  it('is refused among 1,001, which are too many, and as SQL null', async () => {
    expect(await mistakesIn(JSON.stringify(newEvents('kamen-test', 1001)))).toEqual([
      { path: '', message: 'must hold at most 1000 events' },
    ]);
    expect(await mistakesIn(null)).toEqual([{ path: '', message: 'must be an object: one event' }]);
  });

  it('is told every mistake at once, but no more than 20', async () => {
    const paths = ['uuid', 'action', 'stations', 'customerid', 'locationId'];
    expect((await mistakesIn('{}')).map(({ path }) => path)).toEqual(paths);
    const many = await mistakesIn(JSON.stringify(Array.from({ length: 1000 }, () => ({}))));
    expect(many.map(({ path }) => path)).toEqual(
      [0, 1, 2, 3].flatMap((n) => paths.map((path) => `${n}.${path}`)),
    );
  });

  it('undoes its statement alone when it was called in a savepoint, else the whole booking', async () => {
    const good = newEvent('kamen-test');
    await owner.begin(async (tx) => {
      await emit(JSON.stringify(good), tx);
      await expect(
        tx.savepoint((inner) => emit(JSON.stringify([newEvent('kamen-test'), {}]), inner)),
      ).rejects.toThrow('1.uuid: must be a UUID');
    });
    expect(await stored()).toMatchObject([{ id: good.id }]);
    const whole = owner.begin(async (tx) => {
      await emit(JSON.stringify(newEvent('kamen-test')), tx);
      await emit('{}', tx).catch(() => {});
    });
    await expect(whole).rejects.toThrow('Bellhop refused the events');
    expect(await stored()).toHaveLength(1);
    await owner`delete from inbox`;
  });
});

describe('events that fit', () => {
  it('are stored as the API would, up to the largest and smallest numbers, and members that are not named are ignored', async () => {
    const events = [
      { stations: 1, customerid: 0, extra: { __proto__: 1, sequence: 5 } },
      {
        stations: 2_147_483_647,
        customerid: Number.MAX_SAFE_INTEGER,
        uuid: '41509791-3DE8-5BB9-B4FC-A9753DA95AAD',
      },
      { uuid: '00000000-0000-0000-0000-000000000000', action: 'delete' as const, locationId: 'kamen-test' },
    ].map((more) => ({ ...newEvent('kamen-test'), ...more }));
    expect(await emit(JSON.stringify(events))).toEqual({
      events: events.map(({ id }) => ({ id, locationId: 'kamen-test' })),
    });
    const [first, second, third] = events;
    expect([...(await stored())]).toEqual(
      [{ ...first, extra: undefined }, { ...second, uuid: second?.uuid.toLowerCase() }, third].map((event) =>
        JSON.parse(JSON.stringify(event)),
      ),
    );
    await owner`delete from inbox`;
  });

  it('may be one, with an id made for it, and 1,000, answered in their order', async () => {
    const { id, ...event } = newEvent('kamen-test');
    const one = await emit(JSON.stringify(event));
    expect(one).toEqual({
      events: [{ id: expect.stringMatching(/^[0-9a-f-]{36}$/), locationId: 'kamen-test' }],
    });
    expect(one.events[0].id).not.toBe(id);
    const many = newEvents('kamen-test', 1000);
    const answer = await emit(JSON.stringify(many));
    expect(answer.events.map((emitted: { id: string }) => emitted.id)).toEqual(many.map((given) => given.id));
    expect((await stored()).slice(1).map((row) => row['id'])).toEqual(many.map((given) => given.id));
    await owner`delete from inbox`;
  });

  it.each(['repeatable read', 'serializable'])(
    'are taken by bookings at the same time that are %s, while the API appends and changes the location',
    async (isolation) => {
      const location = await addLocation(service.api);
      await Promise.all(
        Array.from({ length: 10 }, async (_, n) => {
          const sql = postgres(service.databaseUrl, { max: 1 });
          await sql.begin(`isolation level ${isolation}`, async (tx) => {
            await tx`select from pg_class limit 1`;
            await service.api.post('/v1/events', newEvent(location));
            await service.api.put(`/v1/locations/${location}`, { title: `${n}` });
            await emit(JSON.stringify(newEvent(location)), tx);
          });
          await sql.end();
        }),
      );
      expect(await stored()).toHaveLength(10);
      await owner`delete from inbox`;
    },
  );
});

describe('a role with nothing but the right to call it', () => {
  it('hands over, and can neither read nor change anything, nor call anything else', async () => {
    const coreApp = await connectCoreApp(service.databaseUrl);
    await emit(JSON.stringify(newEvent('kamen-test')), coreApp);
    expect(await stored()).toHaveLength(1);
    const tables = await owner<{ name: string }[]>`
      select format('%I.%I', schemaname, tablename) as name
      from pg_tables where schemaname in ('public', 'drizzle', 'bellhop')`;
    expect(tables.map(({ name }) => name)).toContain('public.inbox');
    for (const statement of [
      ...tables.flatMap(({ name }) => [
        `select from ${name}`,
        `delete from ${name}`,
        `insert into ${name} default values`,
      ]),
      `select nextval('inbox_number_seq')`,
      `select bellhop.mistakes_in_events('[]')`,
      `select bellhop.mistake_in_uuid('""')`,
      'create table bellhop.x ()',
    ])
      await expect(coreApp.unsafe(statement)).rejects.toThrow(/permission denied/);
    await owner`delete from inbox`;
  });

  it('cannot put tables, types or functions of its own in front, whose code would run with the rights of the owner', async () => {
    const coreApp = await connectCoreApp(service.databaseUrl);
    const refused = emit(JSON.stringify(newEvent('nowhere')), coreApp);
    await expect(refused).rejects.toThrow('there is no location nowhere');
    const session = await coreApp.reserve();
    await session`create temp table locations as select 'nowhere'::text as id, null::timestamptz as deleted_at`;
    await session`create temp table inbox (like pg_class)`;
    await session`
      create function pg_temp.jsonb_typeof(jsonb) returns text language sql as $$ select 'object' $$`;
    await session`set search_path = pg_temp, pg_catalog`;
    await expect(emit(JSON.stringify(newEvent('nowhere')), session)).rejects.toThrow(
      'there is no location nowhere',
    );
    await emit(JSON.stringify(newEvent('kamen-test')), session);
    session.release();
    expect(await stored()).toHaveLength(1);
    await owner`delete from inbox`;
  });

  it('is needed: whoever was not granted it cannot call it', async () => {
    const coreApp = await connectCoreApp(service.databaseUrl);
    const { user } = coreApp.options;
    await owner.unsafe(`revoke execute on function bellhop.emit_session_events(jsonb) from ${user}`);
    await expect(emit('{}', coreApp)).rejects.toThrow('permission denied for function');
  });
});

it("works with the tables in a schema of their own, beside the core app's tables of the same names", async () => {
  const name = `bellhop_test_${randomBytes(6).toString('hex')}`;
  const superuser = nameDatabase(service.databaseUrl, name);
  await owner.unsafe(`create database ${name} template template0 encoding 'UTF8' locale 'C'`);
  onTestFinished(async () => {
    await owner.unsafe(`drop database ${name} with (force)`);
    await owner.unsafe(`drop role ${name}`);
  });
  // Does what the documentation says.
  const [, setUp = ''] = /```text\n([^]*?)```/.exec(await readFile('docs/core-app.md', 'utf8')) ?? [];
  await withSql(superuser, async (sql) => {
    await sql`create table locations (); create table events (); create table sessions ()`.simple();
    await sql.unsafe(
      setUp
        .replaceAll(/(role|authorization|to) bellhop/g, `$1 ${name}`)
        .replace('database core', `database ${name}`),
    );
  });
  const url = new URL(superuser);
  url.username = name;
  url.password = '...';
  const own = await running(startTestService({ DATABASE_URL: url.href }));
  const locationId = await addLocation(own.api);
  await emit(JSON.stringify(newEvent(locationId)), await connectCoreApp(superuser));
  const moved = await until('it is in the log', async () => {
    const { body } = await own.api.get(`/v1/locations/${locationId}/events`);
    return body.items.length > 0 && body.items;
  });
  expect(moved).toMatchObject([{ sequence: 1 }]);
});
