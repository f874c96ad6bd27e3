import type postgres from 'postgres';
import { until } from './until.ts';

/** A delivery as its table holds it. */
export type LedgerDelivery = {
  locationId: string;
  id: string;
  endpointId: string;
  firstSequence: number;
  lastSequence: number;
  events: number;
  outcome: string;
  reason: string | null;
  statusCode: number | null;
  durationMs: number | null;
  startedAt: Date | null;
  endedAt: Date | null;
  resendOf: string | null;
};

/** What became of every event, read straight from the tables: the truth that answers of the API are measured by. */
export type Ledger = ReturnType<typeof createLedger>;

export function createLedger(sql: postgres.Sql) {
  const deliveries = (locationId: string | null = null) => sql<LedgerDelivery[]>`
    select location_id as "locationId", id, endpoint_id as "endpointId", first_sequence::int as "firstSequence",
      last_sequence::int as "lastSequence", events, outcome, reason, status_code as "statusCode",
      duration_ms as "durationMs", started_at as "startedAt", ended_at as "endedAt", resend_of as "resendOf"
    from deliveries
    where ${locationId}::text is null or location_id = ${locationId}
    order by location_id, id`;

  return {
    deliveries,

    /** Waits until nothing is in flight and nothing waits at an endpoint that takes events. */
    settled: () =>
      until('every event has ended', async () => {
        const [waiting] = await sql`
          select from endpoints p
          join locations l on l.id = p.location_id
          where p.deleted_at is null
            and (p.lease_delivery_id is not null or (p.enabled and p.cursor < l.last_sequence))
          union all
          select from deliveries where outcome = 'sending'`;
        return waiting === undefined;
      }),

    /** Waits until so many deliveries of a location have ended. @returns all of its deliveries. */
    ended: (locationId: string, count: number) =>
      until(`${count} deliveries have ended`, async () => {
        const all = await deliveries(locationId);
        return all.filter((delivery) => delivery.endedAt !== null).length >= count && all;
      }),

    /** The events of a location, in sequence order. */
    events: (locationId: string) => sql<{ id: string; uuid: string; sequence: number }[]>`
      select id, uuid, sequence::int from events where location_id = ${locationId} order by sequence`,

    /** Events that do not have exactly one delivery or one reason at each endpoint that their location had then. */
    unaccounted: () => sql`
      select e.location_id, e.sequence, p.id as endpoint_id, d.count as deliveries, s.count as skips
      from events e
      join endpoints p on p.location_id = e.location_id and p.start_sequence < e.sequence
        and (p.deleted_at is null or e.sequence <= p.cursor)
      cross join lateral (
        select count(*)::int
        from deliveries d
        where d.location_id = e.location_id and d.endpoint_id = p.id and d.outcome <> 'sending'
          and d.resend_of is null and not d.test
          and d.last_sequence between e.sequence and e.sequence + 100 and d.first_sequence <= e.sequence
          and (d.actions is null or e.action = any(d.actions))
      ) d
      cross join lateral (
        select count(*)::int
        from skips s
        where s.location_id = e.location_id and s.endpoint_id = p.id
          and e.sequence between s.first_sequence and s.last_sequence
      ) s
      where case when d.count = 0 then s.count else d.count end <> 1
      order by 1, 2, 3`,

    /** Locations whose sequences are not exactly 1, 2, 3 ... up to the one they have counted. */
    gaps: () => sql`
      select l.id, l.last_sequence, count(e.sequence)
      from locations l
      left join events e on e.location_id = l.id
      group by l.id
      having count(e.sequence) <> l.last_sequence or max(e.sequence) <> l.last_sequence or min(e.sequence) <> 1`,
  };
}
