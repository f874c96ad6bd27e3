import type { Database } from '../db/client.ts';
import type { outcomes, reasons } from '../db/schema.ts';
import { oldestIdAt } from './delivery-log.ts';

type Outcome = (typeof outcomes)[number];

/** The deliveries of a location in a span of time: whole hours in UTC, the last of them the current one. */
export type Span = { locationId: string; from: Date; hours: number };

/** How many deliveries there were of one outcome, at one endpoint, in one hour of the span (0: the first). */
export type Tally = {
  endpointId: string;
  hour: number;
  outcome: Outcome;
  deliveries: number;
  /** The events that they carried for the first time: resends left out. */
  events: number;
};

/** How long deliveries took, in milliseconds: in an hour of the span, or in all of it (null). */
export type Latency = { hour: number | null; percentiles: [p50: number, p95: number, p99: number] };

/** Milliseconds of an hour. */
export const hourMs = 3_600_000;

/** The most kinds of failures that are told: who has more has seen enough. */
const maxFailures = 20;

/** @returns the span of so many hours that ends with the current one. */
export function spanUntilNow(locationId: string, hours: number): Span {
  const thisHour = Math.floor(Date.now() / hourMs);
  return { locationId, from: new Date((thisHour - hours + 1) * hourMs), hours };
}

/** Counts the deliveries of a span. Tests are left out. */
export async function tally({ $client: sql }: Database, span: Span): Promise<Tally[]> {
  return sql<Tally[]>`
    select endpoint_id as "endpointId", ${sql.unsafe(hourInSql)} as hour, outcome, count(*)::int as deliveries,
      coalesce(sum(events) filter (where resend_of is null), 0)::int as events
    from deliveries, (select ${span.from.toISOString()}::timestamptz as since) span
    where ${inSpan(sql, span)}
    group by 1, 2, 3`;
}

/** Measures the delivered ones, in all and by hour. Tests are left out. */
export async function measureLatency({ $client: sql }: Database, span: Span): Promise<Latency[]> {
  return sql<Latency[]>`
    select hour, percentile_disc(array[0.5, 0.95, 0.99]) within group (order by duration_ms) as percentiles
    from (
      select ${sql.unsafe(hourInSql)} as hour, duration_ms
      from deliveries, (select ${span.from.toISOString()}::timestamptz as since) span
      where ${inSpan(sql, span)} and outcome = 'delivered' and duration_ms is not null
    ) delivered
    group by grouping sets ((), (hour))
    having count(*) > 0`;
}

/** What went wrong in a span, alike failures together, those that cost the most events first. */
export async function findFailures({ $client: sql }: Database, span: Span) {
  return sql<Failure[]>`
    select endpoint_id as "endpointId", outcome, reason, status_code as "statusCode", count(*)::int as deliveries,
      sum(events)::int as events
    from deliveries
    where ${inSpan(sql, span)} and outcome in ('failed', 'timed_out', 'abandoned')
    group by 1, 2, 3, 4
    order by events desc, deliveries desc, "endpointId", outcome, reason, "statusCode"
    limit ${maxFailures}`;
}

type Failure = {
  endpointId: string;
  outcome: 'failed' | 'timed_out' | 'abandoned';
  reason: (typeof reasons)[number] | null;
  statusCode: number | null;
  deliveries: number;
  events: number;
};

/** How many events a location accepted in a span, and when it accepted its newest (null: none is in the log). */
export async function readEventCounts({ $client: sql }: Database, { locationId, from }: Span) {
  const [row] = await sql<{ accepted: number; lastEventAtSeconds: number | null }[]>`
    select
      (select count(*)::int
        from events
        where location_id = ${locationId} and accepted_at >= ${from.toISOString()}) as accepted,
      (select extract(epoch from accepted_at)::float8
        from events
        where location_id = ${locationId}
        order by sequence desc
        limit 1) as "lastEventAtSeconds"`;
  const seconds = row?.lastEventAtSeconds ?? null;
  return {
    accepted: row?.accepted ?? 0,
    lastEventAt: seconds === null ? null : new Date(seconds * 1000).toISOString(),
  };
}

/** The endpoints of a location, oldest first, with the events that each has not been sent yet. */
export async function measureBacklogs({ $client: sql }: Database, locationId: string) {
  return sql<{ endpointId: string; backlog: number }[]>`
    select p.id as "endpointId", case when p.enabled then l.last_sequence - p.cursor else 0 end as backlog
    from endpoints p
    join locations l on l.id = p.location_id
    where p.location_id = ${locationId} and p.deleted_at is null
    order by p.created_at, p.id`;
}

const hourInSql = `floor(extract(epoch from created_at - since) / 3600)::int`;

/** The ids narrow down what is read to the span, for they sort by age; the rows' own time, the database's, decides. */
function inSpan(sql: Database['$client'], { locationId, from, hours }: Span) {
  const until = new Date(from.getTime() + hours * hourMs);
  return sql`location_id = ${locationId} and id >= ${oldestIdAt(from)}
    and created_at >= ${from.toISOString()} and created_at < ${until.toISOString()} and not test`;
}
