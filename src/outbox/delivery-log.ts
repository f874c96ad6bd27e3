import { z } from '@hono/zod-openapi';
import { and, asc, desc, eq, gte, inArray, isNotNull, lt, sql } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { deliveries, events } from '../db/schema.ts';
import { bodyOfDeliveryInSql, maxWindow } from '../events/batch.ts';
import { uuid } from '../events/event.ts';
import { Problem } from '../http/problem.ts';
import { timestamp } from '../http/timestamp.ts';
import { type DeliveryRow, deliveryColumns, outcome } from './delivery.ts';

/** A range of time in a query: `from` is inside, `to` is not. */
export const timeRange = { from: timestamp.optional(), to: timestamp.optional() };

/** What a search of the log may ask for; all of it must hold. */
export const deliveryFilter = z.object({
  endpointId: uuid.optional(),
  outcome: outcome.optional(),
  uuid: uuid.optional().openapi({ description: 'A session id: deliveries that carry an event of it' }),
  ...timeRange,
});

type Search = z.output<typeof deliveryFilter> & {
  /** The id that the last page ended with. */
  cursor?: string | undefined;
  limit: number;
};

/** The deliveries of a location that fit, newest first. */
export async function findDeliveries(
  db: Database,
  locationId: string,
  search: Search,
): Promise<DeliveryRow[]> {
  const { cursor, endpointId, outcome, uuid, from, to, limit } = search;
  return db
    .select()
    .from(deliveries)
    .where(
      and(
        eq(deliveries.locationId, locationId),
        cursor ? lt(deliveries.id, cursor) : undefined,
        endpointId ? eq(deliveries.endpointId, endpointId) : undefined,
        outcome ? eq(deliveries.outcome, outcome) : undefined,
        uuid ? carriesSession(locationId, uuid) : undefined,
        from ? gte(deliveries.createdAt, from) : undefined,
        to ? lt(deliveries.createdAt, to) : undefined,
      ),
    )
    .orderBy(desc(deliveries.id))
    .limit(limit);
}

/** As an array, so that the few events of the session are looked up first, whatever else is asked for. */
function carriesSession(locationId: string, uuid: string) {
  return sql`${deliveries.id} = any(array(
    select d.id
    from events e
    join deliveries d on d.location_id = e.location_id and d.first_sequence <= e.sequence
      and d.last_sequence between e.sequence and e.sequence + ${maxWindow}
      and (d.actions is null or e.action = any(d.actions))
    where e.location_id = ${locationId} and e.uuid = ${uuid}))`;
}

/**
 * One delivery with its body (null for a test, and when its events have left the log) and when the first of its events
 * was accepted (null likewise). @throws Problem when there is none at this location.
 */
export async function readDelivery(db: Database, locationId: string, id: string) {
  const [delivery] = await db
    .select({
      ...deliveryColumns,
      body: sql<string | null>`${sql.raw(bodyOfDeliveryInSql('deliveries'))}`,
      acceptedAt: events.acceptedAt,
    })
    .from(deliveries)
    .leftJoin(
      events,
      and(eq(events.locationId, deliveries.locationId), eq(events.sequence, deliveries.firstSequence)),
    )
    .where(and(eq(deliveries.locationId, locationId), eq(deliveries.id, id)));
  if (!delivery) throw new Problem(404, 'There is no delivery with this id at this location.');
  return delivery;
}

/** The most deliveries that are found again after a stream was cut. */
const maxMissed = 1000;

/** Those of these deliveries that have ended, in the order of their ends. */
export async function findEndedAmong(
  db: Database,
  locationId: string,
  ids: string[],
): Promise<DeliveryRow[]> {
  return db
    .select()
    .from(deliveries)
    .where(
      and(eq(deliveries.locationId, locationId), inArray(deliveries.id, ids), isNotNull(deliveries.endedAt)),
    )
    .orderBy(asc(deliveries.endedAt), asc(deliveries.id));
}

/** The deliveries that ended since, the last {@link maxMissed} of them, in the order of their ends. */
export async function findEndedSince(
  db: Database,
  locationId: string,
  since: Date,
  { endpointId, outcome }: Pick<Search, 'endpointId' | 'outcome'>,
): Promise<DeliveryRow[]> {
  const newestFirst = await db
    .select()
    .from(deliveries)
    .where(
      and(
        eq(deliveries.locationId, locationId),
        gte(deliveries.id, oldestIdAt(since)),
        gte(deliveries.endedAt, since),
        endpointId ? eq(deliveries.endpointId, endpointId) : undefined,
        outcome ? eq(deliveries.outcome, outcome) : undefined,
      ),
    )
    .orderBy(desc(deliveries.endedAt), desc(deliveries.id))
    .limit(maxMissed);
  return newestFirst.toReversed();
}

/** When a delivery ended; undefined when it is not at this location, or has not ended. */
export async function findEndOf(db: Database, locationId: string, id: string): Promise<Date | undefined> {
  const [row] = await db
    .select({ endedAt: deliveries.endedAt })
    .from(deliveries)
    .where(and(eq(deliveries.locationId, locationId), eq(deliveries.id, id)));
  return row?.endedAt ?? undefined;
}

/** An hour, by which clocks may differ, and a resend may have waited for its turn. */
const idMarginMs = 3_600_000;

/** The least id of deliveries that matter from a time on: ids are UUIDs v7, whose first 48 bits are Unix milliseconds. */
export function oldestIdAt(time: Date): string {
  const hex = Math.max(0, time.getTime() - idMarginMs)
    .toString(16)
    .padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}
