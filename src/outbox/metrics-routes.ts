import { setTimeout as delay } from 'node:timers/promises';
import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../db/client.ts';
import { type AppEnv, allowWholeService } from '../http/authorize.ts';
import { isThere } from '../http/health.ts';
import { createRouter, problems } from '../http/router.ts';
import { logger } from '../logger.ts';
import { metrics, showMetrics } from '../metrics.ts';
import { type Backlog, measureBacklog } from './backlog.ts';

const read = createRoute({
  method: 'get',
  path: '/metrics',
  operationId: 'metrics.read',
  summary: 'The metrics of this process, and the backlog of the whole service, for Prometheus',
  ...allowWholeService('metrics:read'),
  responses: {
    200: { description: 'Text format 0.0.4', content: { 'text/plain': { schema: z.string() } } },
    ...problems(404),
  },
});

/** Milliseconds for which what the database said counts as known, and that a scrape waits for it to say it again. */
const freshMs = 5000;
const patienceMs = 2500;

/**
 * `/metrics`. However often it is read, the database is asked once in a while.
 * @param eventsDb the connections whose way it tells of.
 */
export function metricsRoutes(db: Database, eventsDb: Database) {
  const looks = [onceInAWhile(() => lookForDatabase(eventsDb)), onceInAWhile(() => lookForBacklog(db))];
  return createRouter<AppEnv>().openapi(read, async (c) => {
    await Promise.race([
      Promise.all(looks.map((look) => look())),
      delay(patienceMs, undefined, { ref: false }),
    ]);
    const { text, contentType } = await showMetrics();
    return c.text(text, 200, { 'content-type': contentType });
  });
}

/** One look at a time, and none while the last one is fresh. */
function onceInAWhile(look: () => Promise<void>): () => Promise<void> {
  let looking: Promise<void> | null = null;
  let freshUntil = 0;
  return async () => {
    if (performance.now() < freshUntil) return;
    looking ??= look().finally(() => {
      looking = null;
      freshUntil = performance.now() + freshMs;
    });
    await looking;
  };
}

async function lookForDatabase(eventsDb: Database): Promise<void> {
  metrics.databaseUp.set((await isThere(eventsDb)) ? 1 : 0);
}

async function lookForBacklog(db: Database): Promise<void> {
  try {
    showBacklog(await measureBacklog(db));
  } catch (error) {
    logger.warn({ err: error }, 'backlog not measured');
    hideBacklog();
  }
}

function showBacklog({ events, oldestSeconds, inboxEvents, inboxOldestSeconds }: Backlog): void {
  metrics.backlogEvents.set(events);
  metrics.backlogSeconds.set(oldestSeconds ?? 0);
  metrics.inboxEvents.set(inboxEvents);
  metrics.inboxSeconds.set(inboxOldestSeconds ?? 0);
}

/** What is not known is left out: old numbers would look like new ones. */
function hideBacklog(): void {
  const { backlogEvents, backlogSeconds, inboxEvents, inboxSeconds } = metrics;
  for (const gauge of [backlogEvents, backlogSeconds, inboxEvents, inboxSeconds]) gauge.remove();
}
