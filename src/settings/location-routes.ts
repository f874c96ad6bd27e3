import { createRoute, z } from '@hono/zod-openapi';
import { and, asc, eq, gt, isNull } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { apiKeys, appWebhooks, flows, locations, webhooks } from '../db/schema.ts';
import { type Transaction } from '../db/transact.ts';
import { locationId } from '../events/event.ts';
import { audited } from '../http/audit.ts';
import {
  type AppEnv,
  allow,
  allowAtLocation,
  type Location,
  type LocationEnv,
  requireSight,
  unknownLocation,
} from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { invalid } from '../http/problem.ts';
import { answers, createRouter, problems, takes } from '../http/router.ts';
import { text } from '../http/text.ts';
import { deleteEndpoints } from './endpoints.ts';

/** The venues: made and renamed by the core app, under its own ids. */
export function locationRoutes(db: Database) {
  const router = createRouter<AppEnv & LocationEnv>();

  router.openapi(put, async (c) => {
    const id = parseId(c.req.valid('param').id);
    requireSight(c.var.key, id);
    const location = await audited(db, c.var, async (tx) => {
      const { before, after } = await putLocation(tx, id, c.req.valid('json').title);
      const action = before ? 'location.changed' : 'location.created';
      const entry = { action, locationId: id, target: id, before, after } as const;
      return [after, before === after ? null : entry];
    });
    return c.json(location, 200);
  });

  router.openapi(list, async (c) => {
    const { limit, cursor } = c.req.valid('query');
    const rows = await findLocations(db, c.var.key.locationId, cursor, limit + 1);
    const page = toPage(rows, limit, (row) => row.id);
    return c.json({ ...page, items: page.items.map(toLocation) }, 200);
  });

  router.openapi(createRoute({ ...read, middleware: allowAtLocation(db, 'settings:read') }), async (c) =>
    c.json(toLocation(c.var.location), 200),
  );

  router.openapi(createRoute({ ...remove, middleware: allowAtLocation(db, 'settings:write') }), async (c) => {
    const { id } = c.var.location;
    await audited(db, c.var, async (tx) => {
      const before = await deleteLocation(tx, id);
      return [null, { action: 'location.deleted', locationId: id, target: id, before }];
    });
    return c.body(null, 204);
  });

  return router;
}

/** Characters: long enough for any venue's name, short enough for batches of 100. */
const maxTitleLength = 500;

const title = text(1, maxTitleLength).openapi({ example: 'Kamen Test' });
const path = z.object({ id: locationId });

const locationSchema = z
  .object({
    id: locationId,
    uuid: z.guid(),
    title,
    lastSequence: z.int().openapi({ description: 'The sequence of its newest event' }),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .openapi('Location');

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
  request: { query: pageQuery.extend({ cursor: locationId.optional() }) },
  responses: { 200: answers('A page of locations', pageOf(locationSchema)), ...problems },
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

function toLocation({
  id,
  uuid,
  title,
  lastSequence,
  createdAt,
  updatedAt,
}: Location): z.input<typeof locationSchema> {
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

type LocationAnswer = z.input<typeof locationSchema>;

/**
 * @returns the location before (null: it was not there) and after: the same object when nothing had to be changed, so
 * that a core app may put all of its locations as often as it likes.
 */
async function putLocation(
  tx: Transaction,
  id: string,
  title: string,
): Promise<{ before: LocationAnswer | null; after: LocationAnswer }> {
  const [found] = await tx.select().from(locations).where(eq(locations.id, id)).for('update');
  const before = found && !found.deletedAt ? toLocation(found) : null;
  if (before?.title === title) return { before, after: before };
  const [after] = found
    ? await tx
        .update(locations)
        .set({ title, updatedAt: new Date(), deletedAt: null })
        .where(eq(locations.id, id))
        .returning()
    : await tx.insert(locations).values({ id, title }).onConflictDoNothing().returning();
  // Of two that make it at once, one finds that of the other.
  return after ? { before, after: toLocation(after) } : putLocation(tx, id, title);
}

async function findLocations(db: Database, onlyId: string | null, cursor: string | undefined, limit: number) {
  return db
    .select()
    .from(locations)
    .where(
      and(
        isNull(locations.deletedAt),
        onlyId ? eq(locations.id, onlyId) : undefined,
        cursor ? gt(locations.id, cursor) : undefined,
      ),
    )
    .orderBy(asc(locations.id))
    .limit(limit);
}

/** @returns the location, and the ids of what was deleted with it: the log tells how each of them was made. */
async function deleteLocation(tx: Transaction, id: string) {
  // The location's row first, so that nothing is accepted or made between its end and that of what it holds.
  const [location] = await tx
    .update(locations)
    .set({ deletedAt: new Date() })
    .where(and(eq(locations.id, id), isNull(locations.deletedAt)))
    .returning();
  if (!location) throw unknownLocation();
  const endpoints = await deleteEndpoints(tx, id);
  const gone = {
    webhooks: await tx.delete(webhooks).where(eq(webhooks.locationId, id)).returning({ id: webhooks.id }),
    flows: await tx.delete(flows).where(eq(flows.locationId, id)).returning({ id: flows.name }),
    keys: await tx.delete(apiKeys).where(eq(apiKeys.locationId, id)).returning({ id: apiKeys.id }),
  };
  // Counted, for their ids are secrets.
  const { count } = await tx.delete(appWebhooks).where(eq(appWebhooks.locationId, id));
  return {
    ...toLocation(location),
    endpoints,
    webhooks: idsOf(gone.webhooks),
    flows: idsOf(gone.flows),
    keys: idsOf(gone.keys),
    appWebhooks: count,
  };
}

const idsOf = (rows: { id: string }[]) => rows.map(({ id }) => id);
