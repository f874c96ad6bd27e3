import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { expectGapless, expectOnceInOrder, uuidsOf } from '../support/arrivals.ts';
import { breathe } from '../support/breathe.ts';
import { pgbouncerFile, startPgbouncer } from '../support/pgbouncer.ts';
import { startReceiver } from '../support/receiver.ts';
import { run } from '../support/run.ts';
import { type ServiceProcess, spawnService, testEnvironment } from '../support/service.ts';
import { running, setStage, type Stage } from '../support/stage.ts';
import { addVenue, handOver, newEvent } from '../support/venue.ts';

// Several processes on a machine that is busy.
vi.setConfig({ testTimeout: 300_000 });

const settings = ['statement_timeout', 'lock_timeout', 'default_transaction_isolation'];

describe.skipIf(!pgbouncerFile)('behind pgbouncer that pools by transaction', () => {
  test('a start says which settings the role lacks, and works when it has them', async () => {
    const stage = await setStage();
    const proxy = await running(startPgbouncer(stage.databaseUrl));
    const environment = { DATABASE_URL: proxy.url, DATABASE_DIRECT_URL: stage.databaseUrl };
    const refused = await stage.spawn(environment).then(
      () => '',
      (error: unknown) => String(error),
    );
    const remedies = remediesIn(refused);
    expect(remedies).toHaveLength(2);
    for (const remedy of remedies) await stage.sql.unsafe(remedy);
    await proxy.restart();
    await stage.spawn(environment);
  });

  test.each([
    { how: 'refuses our settings', ignores: [] },
    { how: 'drops our settings in silence', ignores: settings },
  ])('one that $how and that nobody told of is noticed, also by `npm run migrate`', async ({ ignores }) => {
    const stage = await setStage();
    const proxy = await running(startPgbouncer(stage.databaseUrl, { ignores }));
    const advice = expect.stringContaining('Set DATABASE_DIRECT_URL as well');
    expect(await run('dist/main.js', testEnvironment(proxy.url, { LOG_LEVEL: 'info' }))).toEqual({
      code: 1,
      said: advice,
    });
    await stage.sql`drop table bellhop.migrations`;
    expect(await run('bin/bellhop.js', { DATABASE_URL: proxy.url }, ['migrate'])).toEqual({
      code: 1,
      said: advice,
    });
  });

  test('four processes share five connections: everything arrives once, in order, whatever is killed', async () => {
    const { stage, proxy, api, dispatcher } = await setUp('direct');
    const apis = await Promise.all([api(), api()]);
    const dispatchers = await Promise.all([dispatcher(), dispatcher()]);
    const receiver = await running(startReceiver());
    const locationIds = await Promise.all(
      Array.from({ length: 20 }, (_, n) => addVenue(apis[0].api, `${receiver.url}/${n}`)),
    );

    const accepted: string[] = [];
    const state = { isOver: false };
    const load = [...apis, ...apis].map(async ({ api: caller }) => {
      while (!state.isOver) {
        const events = locationIds.map((locationId) => newEvent(locationId));
        const answer = await handOver(caller, events).catch(() => null);
        if (answer) accepted.push(...events.map(({ uuid }) => uuid));
        await breathe();
      }
    });
    const disturbances = [
      () => proxy.restart(),
      async () => {
        await dispatchers[0].end('SIGKILL');
        dispatchers[0] = await dispatcher();
      },
      () => proxy.restart(),
    ];
    for (const disturb of disturbances) {
      await receiver.received(receiver.requests.length + 100);
      await disturb();
    }
    await receiver.received(receiver.requests.length + 100);
    const connections = await stage.sql<{ state: string; query: string }[]>`
      select query from pg_stat_activity
      where datname = current_database() and application_name = 'bellhop'`;
    state.isOver = true;
    await Promise.all(load);
    await stage.ledger.settled();

    const listening = connections.filter(({ query }) => query.startsWith('listen'));
    expect(listening).toHaveLength(4);
    expect(connections.length - listening.length).toBeLessThanOrEqual(5);
    expectOnceInOrder(receiver.requests);
    expect(await stage.ledger.gaps()).toEqual([]);
    expect(await stage.ledger.unaccounted()).toEqual([]);
    const stored = new Set((await stage.sql`select uuid from events`).map(({ uuid }) => String(uuid)));
    expect(accepted.filter((uuid) => !stored.has(uuid))).toEqual([]);
    const stopped = await Promise.all([...apis, ...dispatchers].map((process) => process.end('SIGTERM')));
    expect(stopped).toEqual([0, 0, 0, 0]);
  });

  test('without a way past it nothing is heard, and everything arrives by looking', async () => {
    const { stage, api, dispatcher } = await setUp('none');
    const [intake] = await Promise.all([api(), dispatcher()]);
    const receiver = await running(startReceiver());
    const locationId = await addVenue(intake.api, receiver.url);
    const events = Array.from({ length: 5 }, () => newEvent(locationId));
    for (const [n, event] of events.entries()) {
      await handOver(intake.api, event);
      await receiver.received(n + 1);
    }
    expectGapless(receiver.requests);
    expect(uuidsOf(receiver.requests)).toEqual(events.map(({ uuid }) => uuid));
    const [{ count }] = await stage.sql<[{ count: number }]>`
      select count(*)::int from pg_stat_activity where query like 'listen%' and datname = current_database()`;
    expect(count).toBe(0);
  });

  test('without a way past it a database that is behind is left as it is', async () => {
    const { stage, environment } = await setUp('none');
    await stage.sql`drop table bellhop.migrations`;
    const { code, said } = await run('dist/main.js', environment);
    expect([code, said]).toEqual([
      1,
      expect.stringContaining('run `npm run migrate` with the DATABASE_URL of'),
    ]);
    expect(await stage.sql`select to_regclass('bellhop.migrations') as log`).toEqual([{ log: null }]);
  });
});

/** A proxy in front of a database whose role has the settings that it needs. */
async function setUp(way: 'direct' | 'none') {
  const stage = await setStage();
  const proxy = await running(startPgbouncer(stage.databaseUrl));
  for (const setting of ["statement_timeout = '30000'", "lock_timeout = '5000'"])
    await stage.sql.unsafe(`alter role current_user in database ${await nameOf(stage)} set ${setting}`);
  await proxy.restart();
  const environment = testEnvironment(proxy.url, {
    DATABASE_DIRECT_URL: way === 'direct' ? stage.databaseUrl : 'none',
  });
  const start = async (ROLE: string): Promise<ServiceProcess> => {
    const service = await spawnService({ ...environment, ROLE });
    onTestFinished(async () => {
      await service.end('SIGKILL');
    });
    return service;
  };
  return {
    stage,
    proxy,
    environment: { ...environment, LOG_LEVEL: 'info' },
    api: () => start('api'),
    dispatcher: () => start('dispatcher'),
  };
}

async function nameOf({ sql }: Stage): Promise<string> {
  const [{ name }] = await sql<[{ name: string }]>`select current_database() as name`;
  return name;
}

function remediesIn(text: string): string[] {
  // The log escapes line breaks, and has the message twice.
  return [...new Set(text.replaceAll('\\n', '\n').match(/alter role [^\n]*;/g))];
}
