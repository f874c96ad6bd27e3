import { setTimeout as delay } from 'node:timers/promises';
import type postgres from 'postgres';
import { until } from '../support/until.ts';
import { pickApi } from './load.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** What goes wrong, or is done by people, and how likely beside the others. It is over when it resolves. */
type Fault = { name: string; weight: number; run: (world: World, random: Random) => Promise<unknown> };

const faults: Fault[] = [
  {
    name: 'a process is killed',
    weight: 6,
    run: (world, random) => random.pick(world.slots).restart('SIGKILL'),
  },
  {
    name: 'a process is told to stop',
    weight: 4,
    run: (world, random) => random.pick(world.slots).restart('SIGTERM'),
  },
  { name: 'a process is paused', weight: 5, run: pause },
  { name: 'the database cannot be reached', weight: 3, run: cut },
  { name: 'the database says nothing', weight: 3, run: stall },
  { name: 'the database is slow', weight: 3, run: slowDown },
  { name: 'the database is restarted', weight: 2, run: (world, random) => restart(world, random, 'stop') },
  { name: 'the database is killed', weight: 1, run: (world, random) => restart(world, random, 'kill') },
  { name: 'connections end', weight: 4, run: endConnections },
  { name: 'an answer of the database is lost', weight: 5, run: loseNext },
  { name: 'the disk is full', weight: 2, run: fillDisk },
  { name: 'a location is held', weight: 4, run: (world, random) => hold(world, random, 'locations') },
  { name: 'an endpoint is held', weight: 3, run: (world, random) => hold(world, random, 'endpoints') },
  { name: 'a table is held', weight: 1, run: (world, random) => hold(world, random, 'table') },
  { name: 'settings are changed', weight: 6, run: changeSettings },
];

const lots = faults.flatMap((fault) => Array<Fault>(fault.weight).fill(fault));

/** Lets one thing after the other go wrong, up to two at once, until `isOver`. @returns how often each did. */
export async function disturbUntil(isOver: () => boolean, world: World, random: Random) {
  const counts = new Map<string, number>();
  const running = new Set<Promise<unknown>>();
  while (!isOver()) {
    const fault = random.pick(lots);
    counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
    // What is done to a database that is away fails, and that is all.
    const under = fault
      .run(world, random)
      .catch(() => {})
      .finally(() => running.delete(under));
    running.add(under);
    if (running.size >= 2) await Promise.race(running);
    await delay(random.between(100, 900));
  }
  await world.heal();
  await Promise.all(running);
  return counts;
}

async function pause(world: World, random: Random): Promise<void> {
  const { process } = random.pick(world.slots);
  process?.child.kill('SIGSTOP');
  // Half of the time for longer than a lease.
  await delay(random.chance(0.5) ? random.between(50, 1500) : random.between(5000, 7000));
  process?.child.kill('SIGCONT');
}

async function cut({ relay }: World, random: Random): Promise<void> {
  await relay.cut();
  await delay(random.between(50, random.chance(0.2) ? 7000 : 1500));
  await relay.restore();
}

async function stall({ relay }: World, random: Random): Promise<void> {
  relay.stall();
  await delay(random.between(50, random.chance(0.2) ? 7000 : 1500));
  relay.flow();
}

async function slowDown({ relay }: World, random: Random): Promise<void> {
  relay.slowDown(random.between(5, 150));
  await delay(random.between(500, 3000));
  relay.slowDown(0);
}

async function restart({ database, relay }: World, random: Random, how: 'stop' | 'kill'): Promise<void> {
  const downMs = random.between(0, 2000);
  await database.restart(how, relay, () => delay(downMs));
}

async function endConnections({ database }: World, random: Random): Promise<void> {
  await database.sql()`
    select pg_terminate_backend(pid)
    from pg_stat_activity
    where application_name = 'bellhop' and random() < ${random.pick([0.2, 0.5, 1])}::float8`;
}

/** Of a claim, an intake, a recording: whatever names a location next. */
async function loseNext({ relay }: World, random: Random): Promise<void> {
  const lost = relay.loseNext('venue-', random.pick(['request', 'answer'] as const));
  await Promise.race([lost, delay(2000)]);
}

/** What PostgreSQL says when it cannot extend a file. */
async function fillDisk({ database }: World, random: Random): Promise<void> {
  const sql = database.sql();
  const table = random.pick(['events', 'deliveries', 'endpoints']);
  await sql`
    create or replace function refuse() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`;
  await sql`create trigger full_disk before insert or update on ${sql(table)} for each statement execute function refuse()`;
  try {
    await delay(random.between(200, random.chance(0.2) ? 7000 : 2000));
  } finally {
    // However often it takes: the database may be away just now, and the disk would stay full for ever.
    await until('there is room again', () => makeRoom(database.sql(), table).catch(() => false));
  }
}

async function makeRoom(sql: postgres.Sql, table: string): Promise<true> {
  await sql`drop trigger if exists full_disk on ${sql(table)}`;
  return true;
}

/** A transaction of somebody else that takes its time. */
async function hold({ database }: World, random: Random, what: 'locations' | 'endpoints' | 'table') {
  const ms = random.between(100, what === 'table' ? 1500 : 7000);
  await database.sql().begin(async (sql) => {
    if (what === 'table')
      await sql`lock table ${sql(random.pick(['events', 'deliveries']))} in exclusive mode`;
    else await sql`select from ${sql(what)} order by random() limit ${random.between(1, 2)} for update`;
    await delay(ms);
  });
}

/** What people do meanwhile. */
async function changeSettings(world: World, random: Random): Promise<void> {
  const api = pickApi(world, random);
  const [endpoint] = await world.database.sql()<{ locationId: string; id: string; url: string }[]>`
    select location_id as "locationId", id, url
    from endpoints
    where deleted_at is null
    order by random()
    limit 1`;
  if (!api || !endpoint) return;
  const path = `/v1/locations/${endpoint.locationId}`;
  const range = { from: '2000-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z', outcomes: ['abandoned'] };
  const changes = [
    () => api.patch(`${path}/endpoints/${endpoint.id}`, { enabled: false }),
    () => api.patch(`${path}/endpoints/${endpoint.id}`, { enabled: true }),
    () => api.patch(`${path}/endpoints/${endpoint.id}`, { actions: ['create'] }),
    () => api.patch(`${path}/endpoints/${endpoint.id}`, { actions: null }),
    () => api.post(`${path}/endpoints/${endpoint.id}/rotate-secret`),
    () => api.post(`${path}/endpoints/${endpoint.id}/resend`, range),
    () => api.post(`${path}/endpoints/${endpoint.id}/test`),
    () => api.put(path, { title: `Title ${random.between(1, 1000)}` }),
    async () => {
      const added = await api.post(`${path}/endpoints`, { url: `${endpoint.url}-${random.between(1, 1e9)}` });
      if (added.status === 201) await api.delete(`${path}/endpoints/${endpoint.id}`);
    },
  ];
  await random.pick(changes)();
}
