import { existsSync } from 'node:fs';
import { Pool } from 'undici';
import { locationIdOf } from './events.ts';
import { startPostgres } from './postgres.ts';
import { startReceiver } from './receiver.ts';
import { startRedis } from './redis.ts';
import { adminKey, startService } from './service.ts';

/** What all contestants share, and how large everything is. */
export type World = Awaited<ReturnType<typeof createWorld>>;

/** How often, how large, with how many locations, each with an endpoint, and whether peers take part. */
export type Size = { repeat: number; scale: number; locations: number; withPeers: boolean };

/** Starts PostgreSQL, the receiver, and Redis where it is installed; makes the database that every Bellhop starts from. */
export async function createWorld(size: Size, stops: Stops) {
  const postgres = await startPostgres();
  stops.push(() => postgres.stop());
  const receiver = await startReceiver();
  stops.push(() => receiver.stop());
  const redis = size.withPeers && isInstalled('bullmq') ? await startRedis() : null;
  if (redis) stops.push(() => redis.stop());
  const database = await postgres.createDatabase();
  await addVenues(database.url, receiver.origin, size.locations);
  await database.release();
  return {
    ...size,
    postgres,
    receiver,
    redis,
    /** The name of a database with all locations and endpoints. */
    template: database.name,
    /** The peers that can take part here. */
    peers: peers.filter((name) => size.withPeers && isInstalled(name) && (name !== 'bullmq' || redis)),
    /** A number of events in this size: a multiple of the locations. */
    events: (full: number) => Math.ceil((full * size.scale) / size.locations) * size.locations,
  };
}

/** What is to be done at the end, from the last to the first. */
export type Stops = (() => Promise<unknown>)[];

/** All peers, by the names of their packages. */
export const peers = ['pg-boss', 'graphile-worker', 'graphile-worker-0.17', 'bullmq'];

function isInstalled(name: string): boolean {
  return existsSync(new URL(`../node_modules/${name}`, import.meta.url));
}

/** Requests at once that set up locations and endpoints. */
const settingUp = 16;

async function addVenues(databaseUrl: string, receiver: string, locations: number): Promise<void> {
  const service = await startService(databaseUrl, { ROLE: 'api' });
  const pool = new Pool(service.url, { connections: settingUp });
  let next = 0;

  async function call(method: 'PUT' | 'POST', path: string, body: object): Promise<void> {
    const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
    const answer = await pool.request({ method, path, headers, body: JSON.stringify(body) });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path} answered ${answer.statusCode}: ${text}`);
  }

  async function addNext(): Promise<void> {
    while (next < locations) {
      const id = locationIdOf(next);
      next += 1;
      await call('PUT', `/v1/locations/${id}`, { title: 'Kamen Test' });
      await call('POST', `/v1/locations/${id}/endpoints`, { url: `${receiver}/ok/${id}` });
    }
  }

  try {
    await Promise.all(Array.from({ length: settingUp }, addNext));
  } finally {
    await pool.destroy();
    await service.stop();
  }
}
