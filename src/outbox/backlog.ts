import type { Database } from '../db/client.ts';

/** What waits in the whole service, in events, and for how long the oldest has: seconds, null when none does. */
export type Backlog = {
  events: number;
  oldestSeconds: number | null;
  /** Of what transactions of the core app handed over: what is not in the log yet. At most {@link maxCounted} are counted. */
  inboxEvents: number;
  inboxOldestSeconds: number | null;
};

/** The most events of the inbox that are counted: a matter of milliseconds. */
const maxCounted = 100_000;

/**
 * Measures the backlog: one look at every endpoint, as each sweep takes, and at one event of each location that is behind.
 * Endpoints that are paused wait for nothing.
 */
export async function measureBacklog({ $client: sql }: Database): Promise<Backlog> {
  const [backlog] = await sql<[Backlog]>`
    with behind as (
      select p.location_id, min(p.cursor) as cursor, sum(l.last_sequence - p.cursor) as events
      from endpoints p
      join locations l on l.id = p.location_id
      where p.enabled and p.deleted_at is null and p.cursor < l.last_sequence
      group by p.location_id
    ),
    waiting as (
      select coalesce(sum(b.events), 0)::float8 as events, min(e.accepted_at) as oldest_at
      from behind b
      left join events e on e.location_id = b.location_id and e.sequence = b.cursor + 1
    ),
    handed_over as (
      select count(*) as events, min(emitted_at) as oldest_at
      from (select emitted_at from inbox order by location_id, number limit ${maxCounted}) counted
    )
    select w.events, extract(epoch from now() - w.oldest_at)::float8 as "oldestSeconds",
      h.events as "inboxEvents", extract(epoch from now() - h.oldest_at)::float8 as "inboxOldestSeconds"
    from waiting w, handed_over h`;
  return backlog;
}
