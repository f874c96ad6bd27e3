import { createRoute, z } from '@hono/zod-openapi';
import { and, asc, eq, gt, ilike, isNull, or } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { apiKeys, appWebhooks, flows, locations, webhooks } from '../db/schema.ts';
import { locationId } from '../events/event.ts';
import {
  type AppEnv,
  allow,
  allowAtLocation,
  type Location,
  type LocationEnv,
  maySee,
  unknownLocation,
} from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { invalid } from '../http/problem.ts';
import { answers, createRouter, problems, takes } from '../http/router.ts';
import { text } from '../http/text.ts';
import { readLocationStats } from '../outbox/location-stats.ts';
import { deleteEndpoints } from './endpoints.ts';

/** The venues: made and renamed by the core app, under its own ids. */
export function locationRoutes(db: Database) {
  const router = createRouter<AppEnv & LocationEnv>();

  router.openapi(put, async (c) => {
    const id = parseId(c.req.valid('param').id);
    if (!maySee(c.var.key, id)) throw unknownLocation();
    return c.json(toLocation(await putLocation(db, id, c.req.valid('json').title)), 200);
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

  router.openapi(createRoute({ ...read, middleware: allowAtLocation(db, 'settings:read') }), async (c) =>
    c.json(toLocation(c.var.location), 200),
  );

  router.openapi(createRoute({ ...remove, middleware: allowAtLocation(db, 'settings:write') }), async (c) => {
    await deleteLocation(db, c.var.location.id);
    return c.body(null, 204);
  });

  return router;
}

/** Characters: long enough for any venue's name, short enough for batches of 100. */
const maxTitleLength = 500;

const title = text(1, maxTitleLength).openapi({ example: 'Kamen Test' });
const path = z.object({ id: locationId });

/** A location as it is answered. */
export const locationSchema = z
  .object({
    id: locationId,
    uuid: z.guid(),
    title,
    lastSequence: z.int().openapi({ description: 'The sequence of its newest event' }),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .openapi('Location');

const listedLocationSchema = locationSchema
  .extend({
    stats: z
      .object({
        endpoints: z.int(),
        failing: z.int().openapi({ description: 'Endpoints whose last delivery did not arrive' }),
        backlog: z.int().openapi({ description: 'Events not sent yet, over all endpoints' }),
        lastEventAt: z.iso.datetime().nullable(),
        deliveries: z.int(),
        delivered: z.int(),
      })
      .optional()
      .openapi({ description: 'With `withStats`: deliveries are those of 24 hours, without tests' }),
  })
  .openapi('ListedLocation');

const put = createRoute({
  method: 'put',
  path: '/v1/locations/{id}',
  summary: 'Make a location, or change its title',
  middleware: allow('settings:write'),
  request: { params: z.object({ id: z.string() }), ...takes(z.object({ title })) },
  responses: { 200: answers('The location', locationSchema), ...problems },
});

const list = createRoute({
  method: 'get',
  path: '/v1/locations',
  summary: 'The locations, by id',
  middleware: allow('settings:read'),
  request: {
    query: pageQuery.extend({
      cursor: locationId.optional(),
      q: text(0, maxTitleLength)
        .optional()
        .openapi({ description: 'Part of an id or title, in upper or lower case' }),
      withStats: z.enum(['true', 'false'], 'must be true or false').optional(),
    }),
  },
  responses: { 200: answers('A page of locations', pageOf(listedLocationSchema)), ...problems },
});

const read = {
  method: 'get',
  path: '/v1/locations/{id}',
  summary: 'A location',
  request: { params: path },
  responses: { 200: answers('The location', locationSchema), ...problems },
} as const;

const remove = {
  method: 'delete',
  path: '/v1/locations/{id}',
  summary: 'Delete a location with its endpoints, webhooks, flows and keys',
  description:
    'Its log is kept until retention takes it. A location that is made again under the same id goes on with its sequence.',
  request: { params: path },
  responses: { 204: { description: 'Deleted' }, ...problems },
} as const;

function toLocation({ id, uuid, title, lastSequence, createdAt, updatedAt }: Location) {
  return {
    id,
    uuid,
    title,
    lastSequence,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}

/** Elsewhere an id that cannot be is one that is not there; here somebody is about to choose it. */
function parseId(id: string): string {
  const result = locationId.safeParse(id);
  if (!result.success) throw invalid([{ path: 'id', message: result.error.issues[0]?.message ?? '' }]);
  return result.data;
}

async function putLocation(db: Database, id: string, title: string): Promise<Location> {
  const [location] = await db
    .insert(locations)
    .values({ id, title })
    .onConflictDoUpdate({ target: locations.id, set: { title, updatedAt: new Date(), deletedAt: null } })
    .returning();
  if (!location) throw new Error('The location was not stored.');
  return location;
}

type Search = { onlyId: string | null; cursor: string | undefined; q: string | undefined; limit: number };

async function findLocations(db: Database, { onlyId, cursor, q, limit }: Search) {
  // In a pattern, % and _ stand for others.
  const pattern = q && `%${q.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  return db
    .select()
    .from(locations)
    .where(
      and(
        isNull(locations.deletedAt),
        onlyId ? eq(locations.id, onlyId) : undefined,
        cursor ? gt(locations.id, cursor) : undefined,
        pattern ? or(ilike(locations.id, pattern), ilike(locations.title, pattern)) : undefined,
      ),
    )
    .orderBy(asc(locations.id))
    .limit(limit);
}

async function deleteLocation(db: Database, id: string): Promise<void> {
  await db.transaction(async (tx) => {
    // The location's row first, so that nothing is accepted or made between its end and that of what it holds.
    await tx.update(locations).set({ deletedAt: new Date() }).where(eq(locations.id, id));
    await deleteEndpoints(tx, id);
    for (const table of [webhooks, flows, appWebhooks, apiKeys])
      await tx.delete(table).where(eq(table.locationId, id));
  });
}
