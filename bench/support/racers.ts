import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { type Process, startNode } from './processes.ts';
import { cpuSeconds } from './cpu.ts';
import type { Range } from './events.ts';
import type { OwnDatabase } from './postgres.ts';
import { adminKey, startService, type Service } from './service.ts';
import type { World } from './world.ts';

/** CPU seconds, of the contestant's processes and of its database server. */
export type Cpu = { own: number; server: number };

/** What an event has cost between two looks, in columns of a table. */
export function cpuPerEvent(before: Cpu, after: Cpu, events: number) {
  const own = ((after.own - before.own) * 1e6) / events;
  const server = ((after.server - before.server) * 1e6) / events;
  return { 'CPU µs/event': own + server, 'of its process': own, 'of its server': server };
}

/** A contestant that drains backlogs. */
export type Racer = {
  /** Stores a backlog, that waits for `release`. */
  store(range: Range): Promise<void>;
  release(): Promise<void>;
  /** Resolves when every outcome is stored. The next backlog may be stored then. */
  settle(): Promise<void>;
  /** Tells what became of events that did not arrive, where that is on record. */
  explain?: () => Promise<string>;
  cpu(): Promise<Cpu>;
  stop(): Promise<void>;
};

/** Starts a contestant by its name. */
export function startRacer(world: World, name: string, eventsPerPost: number): Promise<Racer> {
  if (name !== 'bellhop') return startPeer(world, name, eventsPerPost);
  return startBellhop(world, { BATCH_MAX_EVENTS: String(eventsPerPost) });
}

async function startPeer(world: World, name: string, eventsPerPost: number): Promise<Racer> {
  const peer = await startClient(world, name, { eventsPerPost });
  return {
    async store(range) {
      await peer.ask('store', range);
      await peer.database.tidy();
    },
    release: () => peer.ask('work'),
    settle: () => peer.ask('rest'),
    async cpu() {
      const server = name === 'bullmq' ? world.redis?.cpu() : name === 'limit' ? 0 : world.postgres.cpu();
      return { own: await cpuSeconds(peer.pid), server: (await server) ?? 0 };
    },
    stop: () => peer.stop(),
  };
}

/** The process of a contestant, or of what hands events over to it. */
export type Client = {
  pid: number;
  database: OwnDatabase;
  ask(name: string, argument?: object): Promise<void>;
  process: Process;
  stop(): Promise<void>;
};

/** Starts the process of a contestant, on an empty database. */
export async function startClient(
  world: World,
  name: string,
  { eventsPerPost = 1, intake = 'http://127.0.0.1:1' }: { eventsPerPost?: number; intake?: string },
): Promise<Client> {
  const database = await world.postgres.createDatabase();
  await world.redis?.empty();
  const child = startNode('bench/contestants/contestant-process.ts', { args: [name] });
  const { locations } = world;
  const ask = async (question: string, argument: object = {}) => {
    await child.ask(question, { locations, ...argument }, z.unknown());
  };
  await ask('start', {
    receiver: world.receiver.origin,
    eventsPerPost,
    database: database.pgUrl,
    redis: world.redis?.socket ?? '',
    intake,
    key: adminKey,
  });
  return {
    pid: child.pid,
    database,
    ask,
    process: child,
    async stop() {
      await child.end('SIGKILL');
      await database.drop();
    },
  };
}

/** Bellhop, with what its scenarios look at. `services` are its processes. */
export type Bellhop = Racer & { database: OwnDatabase; services: Service[] };

/**
 * Starts Bellhop on a database with all locations and endpoints.
 * @param prepare changes the database before the start.
 */
export async function startBellhop(
  world: World,
  environment: Record<string, string>,
  { processes = 1, prepare = async () => {} }: { processes?: number; prepare?: Prepare } = {},
): Promise<Bellhop> {
  const database = await world.postgres.createDatabase(world.template);
  await prepare(database);
  const services = await Promise.all(
    Array.from({ length: processes }, () => startService(database.url, environment)),
  );
  return {
    database,
    services,
    ...createBacklog(world, database),
    async cpu() {
      const own = await Promise.all(services.map((service) => service.cpu()));
      return { own: own.reduce((sum, seconds) => sum + seconds, 0), server: await world.postgres.cpu() };
    },
    async stop() {
      await Promise.all(services.map((service) => service.stop()));
      await database.drop();
    },
  };
}

type Prepare = (database: OwnDatabase) => Promise<unknown>;

/** Milliseconds between two looks whether all outcomes are on record. */
const settleMs = 20;

/** Bellhop sends the events up to `last_sequence`: those behind it are there, and wait until it moves. */
function createBacklog({ locations }: World, database: OwnDatabase) {
  const { sql } = database;
  let stored = 0;
  return {
    async store({ first, count }: Range) {
      await sql`
        insert into events (location_id, sequence, id, uuid, action, stations, customerid)
        select 'venue-' || index, ${stored} + n, gen_random_uuid(), gen_random_uuid(), 'create', 1,
          ${first} + (n - 1) * ${locations} + index
        from generate_series(1, ${count / locations}::int) n, generate_series(0, ${locations} - 1) index`;
      stored += count / locations;
      await database.tidy();
    },
    async release() {
      await sql`update locations set last_sequence = ${stored}`;
    },
    async settle() {
      for (;;) {
        const [left] = await sql`select from endpoints where lease_delivery_id is not null limit 1`;
        if (!left) return;
        await wait(settleMs);
      }
    },
    async explain() {
      const counts =
        await sql`select outcome, reason, count(*)::int from deliveries group by 1, 2 order by 1, 2`;
      return `Deliveries: ${JSON.stringify(counts)}`;
    },
  };
}
