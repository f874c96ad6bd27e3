import { Hono } from 'hono';
import type { Database } from '../db/client.ts';
import { Problem } from './problem.ts';

/** Milliseconds that the database may take to say it is there. */
const patienceMs = 2000;

/** `/healthz`: the process answers. `/readyz`: the database does too. Both without a key. */
export function healthRoutes({ $client: sql }: Database) {
  return new Hono()
    .get('/healthz', (c) => c.json({ status: 'ok' }))
    .get('/readyz', async (c) => {
      const answered = await Promise.race([
        sql`select 1`.then(
          () => true,
          () => false,
        ),
        new Promise<boolean>((resolve) => setTimeout(resolve, patienceMs, false).unref()),
      ]);
      if (!answered) throw new Problem(503, 'The database does not answer.');
      return c.json({ status: 'ready' });
    });
}
