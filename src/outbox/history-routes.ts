import { createRoute, z } from '@hono/zod-openapi';
import { and, asc, eq, gt } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { events, skipReasons } from '../db/schema.ts';
import { loggedEventSchema, uuid } from '../events/event.ts';
import { allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { answers, createRouter } from '../http/router.ts';
import { deliverySchema } from './delivery.ts';
import { traceEvents } from './trace.ts';

/** The log of a location: what an integration missed, and what became of one session's events. */
export function historyRoutes(db: Database) {
  const router = createRouter<LocationEnv>();
  return router.openapi(createRoute({ ...history, ...allowAtLocation(db, 'events:read') }), async (c) => {
    const { uuid, after, cursor, limit } = c.req.valid('query');
    const locationId = c.var.location.id;
    const rows = await findEvents(db, { locationId, uuid, after: cursor ?? after, limit: limit + 1 });
    const page = toPage(rows, limit, (row) => String(row.sequence));
    const items = page.items.map(toEvent);
    return c.json({ ...page, items: uuid ? await traceEvents(db, locationId, items) : items }, 200);
  });
}

const sequence = z.coerce
  .number('must be a sequence')
  .int('must be a whole number')
  .min(0, 'must be at least 0')
  .max(Number.MAX_SAFE_INTEGER, 'must be a sequence')
  // Not null as well, which a query cannot hold.
  .openapi({ type: 'integer', example: 17 });

/** An event of the log; with its story when one session was asked for. */
export const tracedEventSchema = loggedEventSchema.extend({
  deliveries: z
    .array(deliverySchema)
    .optional()
    .openapi({ description: 'With `uuid`: the deliveries that carry this event' }),
  skipped: z
    .array(z.object({ endpointId: uuid.nullable(), reason: z.enum(skipReasons) }))
    .optional()
    .openapi({ description: 'With `uuid`: the endpoints that are not sent this event, and why' }),
  pending: z
    .array(z.object({ endpointId: uuid }))
    .optional()
    .openapi({ description: 'With `uuid`: the endpoints that are still to be sent this event' }),
});

const history = {
  method: 'get',
  path: '/v1/locations/{id}/events',
  operationId: 'events.list',
  summary:
    'The events of a location in sequence order: from a sequence on, or those of one session with their story',
  request: {
    params: locationPath,
    query: pageQuery.extend({
      after: sequence.default(0).openapi({ description: 'The last sequence that is known already' }),
      cursor: sequence.optional(),
      uuid: uuid.optional().openapi({ description: 'A session id' }),
    }),
  },
  responses: { 200: answers('A page of events', pageOf(tracedEventSchema)) },
} as const;

type Search = { locationId: string; uuid: string | undefined; after: number; limit: number };
type EventRow = typeof events.$inferSelect;

async function findEvents(db: Database, { locationId, uuid, after, limit }: Search): Promise<EventRow[]> {
  return db
    .select()
    .from(events)
    .where(
      and(
        eq(events.locationId, locationId),
        gt(events.sequence, after),
        uuid ? eq(events.uuid, uuid) : undefined,
      ),
    )
    .orderBy(asc(events.sequence))
    .limit(limit);
}

function toEvent({ id, locationId, sequence, uuid, action, stations, customerid, acceptedAt }: EventRow) {
  return {
    id,
    locationId,
    sequence,
    uuid,
    action,
    stations,
    customerid,
    acceptedAt: acceptedAt.toISOString(),
  };
}
