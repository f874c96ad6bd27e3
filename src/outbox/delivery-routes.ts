import { createRoute, z } from '@hono/zod-openapi';
import { and, desc, eq, gte, lt, sql } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { deliveries } from '../db/schema.ts';
import { bodyOfDeliveryInSql } from '../events/batch.ts';
import { uuid } from '../events/event.ts';
import { allowAtLocation, type LocationEnv } from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { Problem } from '../http/problem.ts';
import { answers, createRouter, problems } from '../http/router.ts';
import { timestamp } from '../http/timestamp.ts';
import {
  type DeliveryRow,
  deliveryColumns,
  deliverySchema,
  fullDeliverySchema,
  outcome,
  toDelivery,
} from './delivery.ts';
import { sampleBatch } from './request.ts';

/** The log of deliveries: a list, and one in full. */
export function deliveryRoutes(db: Database) {
  const mayRead = allowAtLocation(db, 'events:read');
  const router = createRouter<LocationEnv>();

  router.openapi(createRoute({ ...list, middleware: mayRead }), async (c) => {
    const { limit, ...filter } = c.req.valid('query');
    const rows = await findDeliveries(db, c.var.location.id, filter, limit + 1);
    const page = toPage(rows, limit, (row) => row.id);
    return c.json({ ...page, items: page.items.map(toDelivery) }, 200);
  });

  router.openapi(createRoute({ ...read, middleware: mayRead }), async (c) => {
    const delivery = await readDelivery(db, c.var.location.id, c.req.valid('param').deliveryId);
    return c.json(toFullDelivery(delivery), 200);
  });

  return router;
}

/** A range of time in a query: `from` is inside, `to` is not. */
export const timeRange = { from: timestamp.optional(), to: timestamp.optional() };

const filterQuery = pageQuery.extend({
  cursor: uuid.optional(),
  endpointId: uuid.optional(),
  outcome: outcome.optional(),
  ...timeRange,
});

/** The path of one delivery. */
export const deliveryPath = z.object({ id: z.string(), deliveryId: uuid });

const list = {
  method: 'get',
  path: '/v1/locations/{id}/deliveries',
  summary: 'The deliveries of a location, newest first',
  request: { params: z.object({ id: z.string() }), query: filterQuery },
  responses: { 200: answers('A page of deliveries', pageOf(deliverySchema)), ...problems },
} as const;

const read = {
  method: 'get',
  path: '/v1/locations/{id}/deliveries/{deliveryId}',
  summary: 'One delivery in full',
  request: { params: deliveryPath },
  responses: { 200: answers('The delivery', fullDeliverySchema), ...problems },
} as const;

type Filter = Omit<z.output<typeof filterQuery>, 'limit'>;

async function findDeliveries(db: Database, locationId: string, filter: Filter, limit: number) {
  const { cursor, endpointId, outcome, from, to } = filter;
  return db
    .select()
    .from(deliveries)
    .where(
      and(
        eq(deliveries.locationId, locationId),
        cursor ? lt(deliveries.id, cursor) : undefined,
        endpointId ? eq(deliveries.endpointId, endpointId) : undefined,
        outcome ? eq(deliveries.outcome, outcome) : undefined,
        from ? gte(deliveries.createdAt, from) : undefined,
        to ? lt(deliveries.createdAt, to) : undefined,
      ),
    )
    .orderBy(desc(deliveries.id))
    .limit(limit);
}

/** One delivery with its body (null for a test, and when its events have left the log). @throws Problem when there is none at this location. */
export async function readDelivery(db: Database, locationId: string, id: string) {
  const [delivery] = await db
    .select({ ...deliveryColumns, body: sql<string | null>`${sql.raw(bodyOfDeliveryInSql('deliveries'))}` })
    .from(deliveries)
    .where(and(eq(deliveries.locationId, locationId), eq(deliveries.id, id)));
  if (!delivery) throw new Problem(404, 'There is no delivery with this id at this location.');
  return delivery;
}

function toFullDelivery(row: DeliveryRow & { body: string | null }): z.input<typeof fullDeliverySchema> {
  const { url, requestHeaders, createdAt, connectedMs, durationMs, statusCode } = row;
  return {
    ...toDelivery(row),
    url,
    requestHeaders,
    body: row.test ? sampleBatch(row) : row.body,
    timings: {
      createdAt: createdAt.toISOString(),
      connectedMs,
      answeredMs: statusCode === null ? null : durationMs,
    },
  };
}
