import { createRoute, z } from '@hono/zod-openapi';
import type { Database } from '../db/client.ts';
import { locationId } from '../events/event.ts';
import { audited } from '../http/audit.ts';
import {
  type AppEnv,
  allow,
  allowAtLocation,
  type LocationEnv,
  requireSight,
  locationPath,
} from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { invalid } from '../http/problem.ts';
import { answers, createRouter, takes } from '../http/router.ts';
import { text } from '../http/text.ts';
import { readLocationStats } from '../outbox/location-stats.ts';
import {
  listedLocationSchema,
  locationSchema,
  locationSettingsSchema,
  maxTitleLength,
  toLocation,
} from './location.ts';
import { deleteLocation, findLocations, putLocation } from './locations.ts';

/** The venues: made and renamed by the core app, under its own ids. */
export function locationRoutes(db: Database) {
  const router = createRouter<AppEnv & LocationEnv>();

  router.openapi(put, async (c) => {
    const id = parseId(c.req.valid('param').id);
    requireSight(c.var.key, id);
    const location = await audited(db, c.var, async (tx) => {
      const { before, after } = await putLocation(tx, id, c.req.valid('json'));
      const action = before ? 'location.changed' : 'location.created';
      const entry = { action, locationId: id, target: id, before, after } as const;
      return [after, before === after ? null : entry];
    });
    return c.json(location, 200);
  });

  router.openapi(list, async (c) => {
    const { limit, cursor, q, withStats } = c.req.valid('query');
    const rows = await findLocations(db, { onlyId: c.var.key.locationId, cursor, q, limit: limit + 1 });
    const page = toPage(rows, limit, (row) => row.id);
    const items = page.items.map(toLocation);
    if (withStats !== 'true') return c.json({ ...page, items }, 200);
    const ids = items.map(({ id }) => id);
    const stats = await readLocationStats(db, ids);
    return c.json({ ...page, items: items.map((item) => ({ ...item, stats: stats.get(item.id) })) }, 200);
  });

  router.openapi(createRoute({ ...read, ...allowAtLocation(db, 'settings:read') }), async (c) =>
    c.json(toLocation(c.var.location), 200),
  );

  router.openapi(createRoute({ ...remove, ...allowAtLocation(db, 'settings:write') }), async (c) => {
    const { id } = c.var.location;
    await audited(db, c.var, async (tx) => {
      const before = await deleteLocation(tx, id);
      return [null, { action: 'location.deleted', locationId: id, target: id, before }];
    });
    return c.body(null, 204);
  });

  return router;
}

const put = createRoute({
  method: 'put',
  path: '/v1/locations/{id}',
  operationId: 'locations.put',
  summary: 'Make a location, or change its settings',
  ...allow('settings:write'),
  request: { params: locationPath, ...takes(locationSettingsSchema) },
  responses: { 200: answers('The location', locationSchema) },
});

const list = createRoute({
  method: 'get',
  path: '/v1/locations',
  operationId: 'locations.list',
  summary: 'The locations, by id',
  ...allow('settings:read'),
  request: {
    query: pageQuery.extend({
      cursor: locationId.optional(),
      q: text(0, maxTitleLength)
        .optional()
        .openapi({ description: 'Part of an id or title, in upper or lower case' }),
      withStats: z.enum(['true', 'false'], 'must be true or false').optional(),
    }),
  },
  responses: { 200: answers('A page of locations', pageOf(listedLocationSchema)) },
});

const read = {
  method: 'get',
  path: '/v1/locations/{id}',
  operationId: 'locations.get',
  summary: 'A location',
  request: { params: locationPath },
  responses: { 200: answers('The location', locationSchema) },
} as const;

const remove = {
  method: 'delete',
  path: '/v1/locations/{id}',
  operationId: 'locations.delete',
  summary: 'Delete a location with its endpoints, webhooks, flows and keys',
  description:
    'Its log is kept until retention takes it. A location that is made again under the same id goes on with its sequence.',
  request: { params: locationPath },
  responses: { 204: { description: 'Deleted' } },
} as const;

/** Elsewhere an id that cannot be is one that is not there; here somebody is about to choose it. */
function parseId(id: string): string {
  const result = locationId.safeParse(id);
  if (!result.success) throw invalid([{ path: 'id', message: result.error.issues[0]?.message ?? '' }]);
  return result.data;
}
