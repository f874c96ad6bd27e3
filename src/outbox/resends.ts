import { and, asc, eq, gte, inArray, isNull, lt, ne, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { Database } from '../db/client.ts';
import type { Transaction } from '../db/transact.ts';
import { type actions, deliveries, endpoints, type outcomes } from '../db/schema.ts';

/** An endpoint's row. */
export type Endpoint = typeof endpoints.$inferSelect;
type Action = (typeof actions)[number];
type Range = { from: Date; to: Date; outcomes?: (typeof outcomes)[number][] | undefined };

/** Which endpoint an entry of the audit log is about. */
export const about = ({ locationId, id }: Endpoint) => ({ locationId, target: id });

/** An endpoint that is there; undefined when it is not, or has been deleted. */
export async function findEndpoint(
  db: Database,
  locationId: string,
  id: string,
): Promise<Endpoint | undefined> {
  const [endpoint] = await db
    .select()
    .from(endpoints)
    .where(and(eq(endpoints.locationId, locationId), eq(endpoints.id, id), isNull(endpoints.deletedAt)));
  return endpoint;
}

/** At most `limit` ended deliveries of a range of time that are neither tests nor resends, oldest first. */
export async function findOriginals(
  db: Database,
  endpoint: Endpoint,
  { from, to, outcomes }: Range,
  limit: number,
): Promise<{ id: string; events: number }[]> {
  return db
    .select({ id: deliveries.id, events: deliveries.events })
    .from(deliveries)
    .where(
      and(
        eq(deliveries.locationId, endpoint.locationId),
        eq(deliveries.endpointId, endpoint.id),
        gte(deliveries.createdAt, from),
        lt(deliveries.createdAt, to),
        outcomes ? inArray(deliveries.outcome, outcomes) : ne(deliveries.outcome, 'sending'),
        isNull(deliveries.resendOf),
        eq(deliveries.test, false),
      ),
    )
    .orderBy(asc(deliveries.id))
    .limit(limit);
}

/**
 * The endpoint's row is held until the commit: whoever deletes it waits, and then sees what it has to drop.
 * @returns the id of the delivery; undefined when the endpoint has just been deleted.
 */
export async function insertTest(
  tx: Transaction,
  endpoint: Endpoint,
  title: string,
  action: Action,
): Promise<string | undefined> {
  const [row] = await tx.execute<{ id: string }>(sql`
    insert into deliveries
      (location_id, id, endpoint_id, first_sequence, last_sequence, events, actions, title, url, test)
    select p.location_id, ${uuidv7()}::uuid, p.id, 0, 0, 1, array[${action}], ${title}, p.url, true
    from endpoints p
    where p.location_id = ${endpoint.locationId} and p.id = ${endpoint.id} and p.deleted_at is null
    for share
    returning id`);
  return row?.id;
}

/**
 * The same events as they were sent then: same range, same filter, same title. Sent in the order of `originalIds`. The
 * endpoint's row is held as for a test.
 * @param rangeId common to the resends of one range; null for a resend by itself.
 * @returns the ids of the deliveries; none when the endpoint has just been deleted.
 */
export async function insertResends(
  tx: Transaction,
  endpoint: Endpoint,
  originalIds: string[],
  rangeId: string | null = null,
): Promise<string[]> {
  const resends = originalIds.map((originalId) => ({ id: uuidv7(), originalId }));
  const rows = await tx.execute<{ id: string }>(sql`
    insert into deliveries
      (location_id, id, endpoint_id, first_sequence, last_sequence, events, actions, title, url, resend_of, range_id)
    select d.location_id, r.id, d.endpoint_id, d.first_sequence, d.last_sequence, d.events, d.actions, d.title,
      p.url, d.id, ${rangeId}::uuid
    from json_to_recordset(${JSON.stringify(resends)}::text::json) as r(id uuid, "originalId" uuid)
    join deliveries d on d.location_id = ${endpoint.locationId} and d.id = r."originalId"
    join endpoints p on p.location_id = d.location_id and p.id = ${endpoint.id} and p.deleted_at is null
    for share of p
    returning id`);
  return rows.map((row) => row.id);
}

/** How the resends of a range stand. Times are Unix seconds. Undefined when none is on record. */
export async function readResends({ $client: sql }: Database, locationId: string, rangeId: string) {
  const [resends] = await sql<Resends[]>`
    select endpoint_id as "endpointId", count(*)::int as resends, sum(events)::int as events,
      (count(*) filter (where started_at is null))::int as waiting,
      (count(*) filter (where outcome = 'sending' and started_at is not null))::int as sending,
      (count(*) filter (where outcome = 'delivered'))::int as delivered,
      (count(*) filter (where outcome = 'failed'))::int as failed,
      (count(*) filter (where outcome = 'timed_out'))::int as "timedOut",
      (count(*) filter (where outcome = 'abandoned'))::int as abandoned,
      extract(epoch from min(started_at))::float8 as "startedAtSeconds",
      case when count(*) = count(ended_at) then extract(epoch from max(ended_at))::float8 end as "endedAtSeconds"
    from deliveries
    where location_id = ${locationId} and range_id = ${rangeId}
    group by endpoint_id`;
  return resends;
}

type Resends = {
  endpointId: string;
  resends: number;
  events: number;
  waiting: number;
  sending: number;
  delivered: number;
  failed: number;
  timedOut: number;
  abandoned: number;
  startedAtSeconds: number | null;
  endedAtSeconds: number | null;
};

/**
 * Drops the resends of a range that nobody has begun to send.
 * @returns how many those were; null when no resend of the range was on record.
 */
export async function dropWaiting(
  tx: Transaction,
  locationId: string,
  rangeId: string,
): Promise<number | null> {
  const [row] = await tx.execute<{ known: boolean; dropped: number }>(sql`
    with dropped as (
      delete from deliveries
      where location_id = ${locationId} and range_id = ${rangeId} and started_at is null
      returning id
    )
    select exists (select from deliveries where location_id = ${locationId} and range_id = ${rangeId}) as known,
      (select count(*)::int from dropped) as dropped`);
  return row?.known ? row.dropped : null;
}
