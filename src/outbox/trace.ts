import type { z } from '@hono/zod-openapi';
import { and, eq, gte, lte, or } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { deliveries, endpoints, type skipReasons, type skips } from '../db/schema.ts';
import { maxWindow } from '../events/batch.ts';
import type { loggedEventSchema } from '../events/event.ts';
import { type DeliveryRow, toDelivery } from './delivery.ts';

type Event = z.output<typeof loggedEventSchema>;
type Endpoint = typeof endpoints.$inferSelect;
type Skip = Pick<typeof skips.$inferSelect, 'endpointId' | 'firstSequence' | 'lastSequence' | 'reason'>;
type SkipReason = (typeof skipReasons)[number];

/** What one endpoint has to do with an event. */
type Fate = 'none' | 'delivery' | 'forgotten' | 'pending' | SkipReason;

/**
 * Tells of each event which deliveries carry it, which endpoints were not sent it and why, and where it is still
 * waiting. Every endpoint that the location had when the event was accepted is in exactly one of the three, until
 * retention has taken the delivery; an event accepted while there was none is skipped as `no_endpoint`.
 */
export async function traceEvents(db: Database, locationId: string, traced: Event[]) {
  if (traced.length === 0) return [];
  // Before the others: what its cursors have passed is among them.
  const allEndpoints = await db.select().from(endpoints).where(eq(endpoints.locationId, locationId));
  const [allDeliveries, allSkips] = await Promise.all([
    findDeliveriesOf(db, locationId, traced),
    findSkipsOf(db, locationId, traced),
  ]);
  return traced.map((event) => {
    const carrying = allDeliveries.filter((delivery) => carries(delivery, event));
    const fates = allEndpoints.map((endpoint) => ({
      endpointId: endpoint.id,
      fate: fateOf(event, endpoint, carrying, allSkips),
    }));
    return { ...event, ...summarize(fates), deliveries: carrying.map(toDelivery) };
  });
}

function summarize(fates: { endpointId: string; fate: Fate }[]) {
  const skipped = fates.flatMap(
    ({ endpointId, fate }): { endpointId: string | null; reason: SkipReason }[] =>
      isReason(fate) ? [{ endpointId, reason: fate }] : [],
  );
  const isNobodys = fates.every(({ fate }) => fate === 'none');
  return {
    skipped: isNobodys ? [{ endpointId: null, reason: 'no_endpoint' as const }] : skipped,
    pending: fates.filter(({ fate }) => fate === 'pending').map(({ endpointId }) => ({ endpointId })),
  };
}

function isReason(fate: Fate): fate is SkipReason {
  return fate !== 'none' && fate !== 'delivery' && fate !== 'forgotten' && fate !== 'pending';
}

function fateOf(event: Event, endpoint: Endpoint, carrying: DeliveryRow[], allSkips: Skip[]): Fate {
  if (event.sequence <= endpoint.startSequence) return 'none';
  if (carrying.some((delivery) => delivery.endpointId === endpoint.id && !delivery.resendOf))
    return 'delivery';
  const skip = allSkips.find(
    ({ endpointId, firstSequence, lastSequence }) =>
      endpointId === endpoint.id && firstSequence <= event.sequence && event.sequence <= lastSequence,
  );
  if (skip) return skip.reason;
  if (event.sequence <= endpoint.cursor) return 'forgotten';
  // A deleted endpoint has no part in what came after it. What a paused one misses is written down when it goes on.
  if (endpoint.deletedAt) return 'none';
  return endpoint.enabled ? 'pending' : 'paused';
}

function carries({ firstSequence, lastSequence, actions }: DeliveryRow, event: Event): boolean {
  const isInRange = firstSequence <= event.sequence && event.sequence <= lastSequence;
  return isInRange && (!actions || actions.includes(event.action));
}

async function findDeliveriesOf(db: Database, locationId: string, traced: Event[]): Promise<DeliveryRow[]> {
  return db
    .select()
    .from(deliveries)
    .where(
      and(
        eq(deliveries.locationId, locationId),
        or(
          ...traced.map(({ sequence }) =>
            and(
              lte(deliveries.firstSequence, sequence),
              gte(deliveries.lastSequence, sequence),
              lte(deliveries.lastSequence, sequence + maxWindow),
            ),
          ),
        ),
      ),
    )
    .orderBy(deliveries.id);
}

/** Runs of skipped events never overlap at an endpoint, so the first that ends at or behind an event decides. */
async function findSkipsOf({ $client: sql }: Database, locationId: string, traced: Event[]): Promise<Skip[]> {
  return sql<Skip[]>`
    select s.endpoint_id as "endpointId", s.first_sequence as "firstSequence", s.last_sequence as "lastSequence", s.reason
    from endpoints p
    cross join unnest(${traced.map((event) => event.sequence)}::bigint[]) as t(sequence)
    cross join lateral (
      select *
      from skips s
      where s.location_id = p.location_id and s.endpoint_id = p.id and s.last_sequence >= t.sequence
      order by s.last_sequence
      limit 1
    ) s
    where p.location_id = ${locationId} and s.first_sequence <= t.sequence`;
}
