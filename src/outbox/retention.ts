import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../db/client.ts';
import { logger } from '../logger.ts';

/** How long history is kept. Deliveries that may still begin are younger than `maxAgeHours`. */
export type RetentionLimits = { retentionDays: number; maxAgeHours: number };

/** Rows in one statement: it takes milliseconds, and holds up nobody. */
const maxRows = 5000;
/** Milliseconds between two statements while there is more to remove, and between two rounds. */
const pauseMs = 100;
const roundMs = 60 * 60 * 1000;

/**
 * Removes history that is older than `retentionDays`, a bounded step of each kind: ended deliveries, and events and
 * skips once no delivery of that age can refer to them. An event that an endpoint is still to be sent stays: it leaves
 * after it was sent, or skipped as expired.
 * @returns how many rows it removed; 0: all is done.
 */
export async function removeOldOnce({ $client: sql }: Database, limits: RetentionLimits): Promise<number> {
  const deliveriesBefore = sql`now() - make_interval(days => ${limits.retentionDays})`;
  const eventsBefore = sql`${deliveriesBefore} - make_interval(hours => ${limits.maxAgeHours})`;
  const results = [
    await sql`
      delete from deliveries
      where ctid = any(array(
        select ctid
        from deliveries
        where created_at < ${deliveriesBefore} and outcome <> 'sending'
        limit ${maxRows}))`,
    await sql`
      delete from events
      where ctid = any(array(
        select e.ctid
        from events e
        where e.accepted_at < ${eventsBefore}
          and not exists (
            select from endpoints p
            where p.location_id = e.location_id and p.enabled and p.deleted_at is null and p.cursor < e.sequence)
        limit ${maxRows}))`,
    await sql`
      delete from skips
      where ctid = any(array(select ctid from skips where created_at < ${eventsBefore} limit ${maxRows}))`,
    await sql`delete from endpoints where deleted_at < ${eventsBefore}`,
  ];
  return results.reduce((sum, result) => sum + result.count, 0);
}

/** Removes old history now and every hour. @returns a function that ends it. */
export function startRetention(db: Database, limits: RetentionLimits): () => Promise<void> {
  const stopping = new AbortController();
  const running = run(db, limits, stopping.signal);
  return async () => {
    stopping.abort();
    await running;
  };
}

async function run(db: Database, limits: RetentionLimits, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const removed = await removeOldOnce(db, limits).catch((error: unknown) => {
      logger.error({ err: error }, 'old history not removed; trying again in an hour');
      return 0;
    });
    await delay(removed > 0 ? pauseMs : roundMs, undefined, { signal }).catch(() => {});
  }
}
