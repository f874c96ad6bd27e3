import { Hono } from 'hono';
import type { Database } from '../db/client.ts';
import { Problem } from './problem.ts';

/** Milliseconds that the database may take to say it is there. */
const patienceMs = 2000;

/**
 * `/healthz`: the process answers. `/readyz`: the database does too. Both without a key, so that whoever floods them must
 * not cost more than one query at a time.
 */
export function healthRoutes(db: Database) {
  let looking: Promise<boolean> | null = null;
  return new Hono()
    .get('/healthz', (c) => c.json({ status: 'ok' }))
    .get('/readyz', async (c) => {
      looking ??= isThere(db).finally(() => {
        looking = null;
      });
      if (!(await looking)) throw new Problem(503, 'The database does not answer.');
      return c.json({ status: 'ready' });
    });
}

/** Whether the database answers now; false when it takes its time. */
export function isThere({ $client: sql }: Database): Promise<boolean> {
  return Promise.race([
    sql`select 1`.then(
      () => true,
      () => false,
    ),
    new Promise<boolean>((resolve) => setTimeout(resolve, patienceMs, false).unref()),
  ]);
}
