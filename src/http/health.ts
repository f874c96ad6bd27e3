import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../db/client.ts';
import { Problem } from './problem.ts';
import { answers, createRouter, problems } from './router.ts';

/** Milliseconds that the database may take to say it is there. */
const patienceMs = 2000;

/**
 * `/healthz`: the process answers. `/readyz`: the database does too. Both without a key, so that whoever floods them must
 * not cost more than one query at a time.
 */
export function healthRoutes(db: Database) {
  let looking: Promise<boolean> | null = null;
  return createRouter()
    .openapi(live, (c) => c.json({ status: 'ok' as const }, 200))
    .openapi(ready, async (c) => {
      looking ??= isThere(db).finally(() => {
        looking = null;
      });
      if (!(await looking)) throw new Problem(503, 'The database does not answer.');
      return c.json({ status: 'ready' as const }, 200);
    });
}

const live = createRoute({
  method: 'get',
  path: '/healthz',
  operationId: 'health.live',
  summary: 'Whether the process answers',
  security: [],
  responses: { 200: answers('It does', z.object({ status: z.literal('ok') })) },
});

const ready = createRoute({
  method: 'get',
  path: '/readyz',
  operationId: 'health.ready',
  summary: 'Whether the database answers too',
  security: [],
  responses: { 200: answers('It does', z.object({ status: z.literal('ready') })), ...problems(503) },
});

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
