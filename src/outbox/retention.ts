import type { Database } from '../db/client.ts';
import { removeSome } from '../db/some-rows.ts';

/** How long history is kept. Deliveries that may still begin are younger than `maxAgeHours`. */
export type RetentionLimits = { retentionDays: number; maxAgeHours: number };

/** Rows in one statement: it takes milliseconds, and holds up nobody. */
const max = 5000;

/**
 * Removes history that is older than `retentionDays`, a bounded step of each kind: ended deliveries, and events and
 * skips once no delivery of that age can refer to them. An event that an endpoint is still to be sent stays: it leaves
 * after it was sent, or skipped as expired. Rows that somebody else holds are left for the next step.
 * @returns how many rows it removed; 0: all is done.
 */
export async function removeOldHistory({ $client: sql }: Database, limits: RetentionLimits): Promise<number> {
  const deliveriesBefore = sql`now() - make_interval(days => ${limits.retentionDays})`;
  const eventsBefore = sql`${deliveriesBefore} - make_interval(hours => ${limits.maxAgeHours})`;
  const oldDeliveries = sql`created_at < ${deliveriesBefore} and outcome <> 'sending'`;
  const oldEvents = sql`
    accepted_at < ${eventsBefore}
    and not exists (
      select from endpoints p
      where p.location_id = events.location_id and p.enabled and p.deleted_at is null and p.cursor < events.sequence)`;
  const oldSkips = sql`created_at < ${eventsBefore}`;
  const deliveries = await removeSome(sql, { table: 'deliveries', which: oldDeliveries, max });
  const events = await removeSome(sql, { table: 'events', which: oldEvents, max });
  const skips = await removeSome(sql, { table: 'skips', which: oldSkips, max });
  const endpoints = await sql`delete from endpoints where deleted_at < ${eventsBefore}`;
  return deliveries + events + skips + endpoints.count;
}
