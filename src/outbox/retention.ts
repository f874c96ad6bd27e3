import type { Database } from '../db/client.ts';

/** How long history is kept. Deliveries that may still begin are younger than `maxAgeHours`. */
export type RetentionLimits = { retentionDays: number; maxAgeHours: number };

/** Rows in one statement: it takes milliseconds, and holds up nobody. */
const maxRows = 5000;
/**
 * Removes history that is older than `retentionDays`, a bounded step of each kind: ended deliveries, and events and
 * skips once no delivery of that age can refer to them. An event that an endpoint is still to be sent stays: it leaves
 * after it was sent, or skipped as expired. Rows that somebody else holds are left for the next step.
 * @returns how many rows it removed; 0: all is done.
 */
export async function removeOldHistory({ $client: sql }: Database, limits: RetentionLimits): Promise<number> {
  const deliveriesBefore = sql`now() - make_interval(days => ${limits.retentionDays})`;
  const eventsBefore = sql`${deliveriesBefore} - make_interval(hours => ${limits.maxAgeHours})`;
  const results = [
    await sql`
      delete from deliveries
      where ctid = any(array(
        select ctid
        from deliveries
        where created_at < ${deliveriesBefore} and outcome <> 'sending'
        limit ${maxRows}
        for update skip locked))`,
    await sql`
      delete from events
      where ctid = any(array(
        select e.ctid
        from events e
        where e.accepted_at < ${eventsBefore}
          and not exists (
            select from endpoints p
            where p.location_id = e.location_id and p.enabled and p.deleted_at is null and p.cursor < e.sequence)
        limit ${maxRows}
        for update skip locked))`,
    await sql`
      delete from skips
      where ctid = any(array(
        select ctid from skips where created_at < ${eventsBefore} limit ${maxRows} for update skip locked))`,
    await sql`delete from endpoints where deleted_at < ${eventsBefore}`,
  ];
  return results.reduce((sum, result) => sum + result.count, 0);
}
