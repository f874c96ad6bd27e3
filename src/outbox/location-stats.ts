import type { Database } from '../db/client.ts';
import { oldestIdAt } from './delivery-log.ts';
import { hourMs } from './stats.ts';

/** How a location is doing, in a line. Deliveries are those of the last 24 hours, without tests. */
export type LocationStats = {
  endpoints: number;
  /** Enabled endpoints whose last delivery did not arrive. */
  failing: number;
  /** Since when the one of them fails that fails for longest, in ISO 8601; null: none does. */
  failingSince: string | null;
  /** Endpoints that were disabled because they kept failing. */
  disabled: number;
  /** Events that endpoints have not been sent yet, over all endpoints. */
  backlog: number;
  /** ISO 8601; null: no event is in the log. */
  lastEventAt: string | null;
  deliveries: number;
  delivered: number;
};

/** Tells of many locations how they are doing, by id. */
export async function readLocationStats(
  { $client: sql }: Database,
  locationIds: string[],
): Promise<Map<string, LocationStats>> {
  const dayAgo = new Date(Date.now() - 24 * hourMs);
  const rows = await sql<Row[]>`
    select l.id, e.endpoints, e.failing, e.disabled, e.backlog, d.deliveries, d.delivered,
      extract(epoch from newest.accepted_at)::float8 as "lastEventAtSeconds",
      extract(epoch from e.failing_since)::float8 as "failingSinceSeconds"
    from locations l
    cross join lateral (
      select count(*)::int as endpoints,
        (count(*) filter (where p.enabled and p.failures_in_a_row > 0))::int as failing,
        min(p.failing_since) filter (where p.enabled) as failing_since,
        count(p.disabled_reason)::int as disabled,
        coalesce(sum(l.last_sequence - p.cursor) filter (where p.enabled), 0)::float8 as backlog
      from endpoints p
      where p.location_id = l.id and p.deleted_at is null
    ) e
    cross join lateral (
      select count(*)::int as deliveries, (count(*) filter (where outcome = 'delivered'))::int as delivered
      from deliveries d
      where d.location_id = l.id and d.id >= ${oldestIdAt(dayAgo)} and d.created_at >= ${dayAgo.toISOString()}
        and not d.test and d.outcome <> 'sending'
    ) d
    left join lateral (
      select accepted_at from events where location_id = l.id order by sequence desc limit 1
    ) newest on true
    where l.id = any(${locationIds})`;
  return new Map(
    rows.map(({ id, lastEventAtSeconds, failingSinceSeconds, ...stats }) => [
      id,
      { ...stats, lastEventAt: toTime(lastEventAtSeconds), failingSince: toTime(failingSinceSeconds) },
    ]),
  );
}

type Row = Omit<LocationStats, 'lastEventAt' | 'failingSince'> & {
  id: string;
  lastEventAtSeconds: number | null;
  failingSinceSeconds: number | null;
};

function toTime(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1000).toISOString();
}
