import { readFile } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { expectOnceInOrder } from '../support/arrivals.ts';
import { breathe } from '../support/breathe.ts';
import { startReceiver } from '../support/receiver.ts';
import type { ServiceProcess } from '../support/service.ts';
import { running, setStage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addVenue, handOver, newEvent } from '../support/venue.ts';

// Many starts of processes, on a machine that is busy.
vi.setConfig({ testTimeout: 300_000 });

test('every process of both roles is replaced under load: nothing is lost, repeated or out of order', async () => {
  const stage = await setStage();
  const receiver = await running(startReceiver());
  const spawn = (ROLE: string) => stage.spawn({ ROLE });
  const apis = await Promise.all([spawn('api'), spawn('api')]);
  const dispatchers = await Promise.all([spawn('dispatcher'), spawn('dispatcher')]);
  const locationIds = await Promise.all(
    Array.from({ length: 12 }, (_, n) => addVenue(apis[0].api, `${receiver.url}/${n}`)),
  );

  const accepted: string[] = [];
  const state = { isOver: false };
  /** A core app: it takes whichever process answers, and repeats what was refused or not answered, with the same ids. */
  const call = async (caller: number) => {
    for (let turn = caller; !state.isOver; turn += 1) {
      const events = locationIds.map((locationId) => newEvent(locationId));
      while (!(await handOver(apis[turn % 2]?.api ?? apis[0].api, events).catch(() => null))) {
        turn += 1;
        await breathe();
      }
      accepted.push(...events.map(({ id }) => id));
      await breathe();
    }
  };
  const load = [0, 1, 2, 3].map(call);
  const replace = async (processes: ServiceProcess[], n: number, role: string) => {
    const old = processes[n];
    processes[n] = await spawn(role);
    expect(await old?.end('SIGTERM')).toBe(0);
    await receiver.received(receiver.requests.length + 20);
  };
  for (const n of [0, 1]) {
    await replace(dispatchers, n, 'dispatcher');
    await replace(apis, n, 'api');
  }
  state.isOver = true;
  await Promise.all(load);
  await stage.ledger.settled();

  expectOnceInOrder(receiver.requests);
  expect(await stage.ledger.gaps()).toEqual([]);
  expect(await stage.ledger.unaccounted()).toEqual([]);
  const stored = await stage.sql<{ id: string }[]>`select id from events`;
  expect(stored.map(({ id }) => id).toSorted()).toEqual(accepted.toSorted());
});

/** What docs/scaling.md says of each role, by default. */
const documented = await readFile('docs/scaling.md', 'utf8').then((page) =>
  ['all', 'api', 'dispatcher'].map((ROLE) => {
    const [, most] = new RegExp(`\\| \`${ROLE}\` \\| (\\d+) \\|`).exec(page) ?? [];
    return { ROLE, DATABASE_MAX_CONNECTIONS: '', most: Number(most) };
  }),
);

test.each([...documented, { ROLE: 'all', DATABASE_MAX_CONNECTIONS: '6', most: 6 }])(
  'a process of the role $ROLE opens no more connections than $most',
  async ({ most, ...environment }) => {
    const { ROLE } = environment;
    const stage = await setStage();
    const receiver = await running(startReceiver());
    const service = await stage.start(environment);
    const other = ROLE === 'dispatcher' ? await stage.start({ ROLE: 'api' }) : service;
    const locationId = await addVenue(other.api, receiver.url);
    if (other !== service) await other.stop();
    const lock = await stage.sql.reserve();
    await lock`begin`;
    await lock`lock table deliveries, runs, invocations in access exclusive mode`;
    const asked = Array.from({ length: 40 }, (_, n) =>
      n % 2 === 0
        ? service.api.get(`/v1/locations/${locationId}/deliveries`)
        : service.api.post('/v1/events', newEvent(locationId)),
    );
    const connections = async () => {
      const rows = await stage.sql`
        select from pg_stat_activity where datname = current_database() and application_name = 'bellhop'`;
      return rows.length;
    };
    // What waits for the lock holds its connection: all those of the API, or of the chores, and not each of the events.
    const least = ROLE === 'dispatcher' ? 5 : most - 3;
    await until('connections are open', async () => (await connections()) >= least);
    const open = await connections();
    await lock`rollback`;
    lock.release();
    await Promise.all(asked);
    expect(Math.max(open, await connections())).toBeLessThanOrEqual(most);
  },
);
