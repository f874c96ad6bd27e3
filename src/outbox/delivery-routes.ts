import { createRoute, type z } from '@hono/zod-openapi';
import type { Database } from '../db/client.ts';
import { uuid } from '../events/event.ts';
import { allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { answers, createRouter } from '../http/router.ts';
import { deliverySchema, fullDeliverySchema, toDelivery } from './delivery.ts';
import { deliveryFilter, findDeliveries, readDelivery } from './delivery-log.ts';
import { rowHeaders, sampleBatch } from './request.ts';

/** The log of deliveries: a list, and one in full. */
export function deliveryRoutes(db: Database) {
  const mayRead = allowAtLocation(db, 'events:read');
  const router = createRouter<LocationEnv>();

  router.openapi(createRoute({ ...list, ...mayRead }), async (c) => {
    const { limit, ...search } = c.req.valid('query');
    const rows = await findDeliveries(db, c.var.location.id, { ...search, limit: limit + 1 });
    const page = toPage(rows, limit, (row) => row.id);
    return c.json({ ...page, items: page.items.map(toDelivery) }, 200);
  });

  router.openapi(createRoute({ ...read, ...mayRead }), async (c) => {
    const delivery = await readDelivery(db, c.var.location.id, c.req.valid('param').deliveryId);
    return c.json(toFullDelivery(delivery), 200);
  });

  return router;
}

/** The path of one delivery. */
export const deliveryPath = locationPath.extend({ deliveryId: uuid });

const list = {
  method: 'get',
  path: '/v1/locations/{id}/deliveries',
  operationId: 'deliveries.list',
  summary: 'The deliveries of a location, newest first',
  request: {
    params: locationPath,
    query: pageQuery.extend({ cursor: uuid.optional(), ...deliveryFilter.shape }),
  },
  responses: { 200: answers('A page of deliveries', pageOf(deliverySchema)) },
} as const;

const read = {
  method: 'get',
  path: '/v1/locations/{id}/deliveries/{deliveryId}',
  operationId: 'deliveries.get',
  summary: 'One delivery in full',
  request: { params: deliveryPath },
  responses: { 200: answers('The delivery', fullDeliverySchema) },
} as const;

type DeliveryRowInFull = Awaited<ReturnType<typeof readDelivery>>;

function toFullDelivery(row: DeliveryRowInFull): z.input<typeof fullDeliverySchema> {
  const { url, requestHeaders, createdAt, acceptedAt, connectedMs, durationMs, statusCode } = row;
  return {
    ...toDelivery(row),
    url,
    requestHeaders: requestHeaders && { ...requestHeaders, ...rowHeaders(row) },
    body: row.test ? sampleBatch(row) : row.body,
    timings: {
      acceptedAt: acceptedAt?.toISOString() ?? null,
      createdAt: createdAt.toISOString(),
      connectedMs,
      answeredMs: statusCode === null ? null : durationMs,
    },
  };
}
