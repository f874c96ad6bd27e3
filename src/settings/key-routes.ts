import { createRoute, z } from '@hono/zod-openapi';
import { and, desc, eq, isNull, lt } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { Database } from '../db/client.ts';
import { apiKeys, locations } from '../db/schema.ts';
import { locationId, uuid } from '../events/event.ts';
import { type ApiKey, createApiKey } from '../http/api-key.ts';
import { audited } from '../http/audit.ts';
import { type AppEnv, allow, maySee } from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { invalid, Problem } from '../http/problem.ts';
import { answers, createRouter, takes } from '../http/router.ts';
import { keySchema, newKeySchema } from './key.ts';

/** API keys. A key that is bound to a location sees and makes only keys of that location. */
export function keyRoutes(db: Database) {
  const router = createRouter<AppEnv>();

  router.openapi(create, async (c) => {
    const wanted = c.req.valid('json');
    const locationId = wanted.locationId ?? c.var.key.locationId;
    if (locationId !== null) await requireLocation(db, c.var.key, locationId);
    const { key, hash, hint } = createApiKey();
    const made = await audited(db, c.var, async (tx) => {
      const [row] = await tx
        .insert(apiKeys)
        .values({ ...wanted, id: uuidv7(), hash, hint, locationId })
        .returning();
      if (!row) throw new Error('The key was not stored.');
      const after = toKey(row);
      return [after, { action: 'key.created', locationId, target: row.id, after }];
    });
    return c.json({ ...made, key }, 201);
  });

  router.openapi(list, async (c) => {
    const { limit, ...search } = c.req.valid('query');
    const rows = await findKeys(db, c.var.key, { ...search, limit: limit + 1 });
    const page = toPage(rows, limit, (row) => row.id);
    return c.json({ ...page, items: page.items.map(toKey) }, 200);
  });

  router.openapi(remove, async (c) => {
    const { id } = c.req.valid('param');
    await audited(db, c.var, async (tx) => {
      const [row] = await tx
        .delete(apiKeys)
        .where(and(eq(apiKeys.id, id), isVisibleTo(c.var.key)))
        .returning();
      if (!row) throw new Problem(404, 'There is no API key with this id.');
      const { locationId } = row;
      return [null, { action: 'key.revoked', locationId, target: id, before: toKey(row) }];
    });
    return c.body(null, 204);
  });

  return router;
}

const create = createRoute({
  method: 'post',
  path: '/v1/keys',
  operationId: 'keys.create',
  summary: 'Make an API key',
  ...allow('admin'),
  request: takes(newKeySchema),
  responses: {
    201: answers(
      'The key, shown now and never again',
      keySchema.extend({ key: z.string().openapi({ example: 'bellhop_…' }) }),
    ),
  },
});

const list = createRoute({
  method: 'get',
  path: '/v1/keys',
  operationId: 'keys.list',
  summary: 'The API keys, newest first',
  ...allow('admin'),
  request: {
    query: pageQuery.extend({
      cursor: uuid.optional(),
      locationId: locationId.optional().openapi({ description: 'Only keys that are bound to this location' }),
    }),
  },
  responses: { 200: answers('A page of keys', pageOf(keySchema)) },
});

const remove = createRoute({
  method: 'delete',
  path: '/v1/keys/{id}',
  operationId: 'keys.revoke',
  summary: 'Revoke an API key; it stops at once',
  ...allow('admin'),
  request: { params: z.object({ id: uuid }) },
  responses: { 204: { description: 'Revoked' } },
});

type KeyRow = typeof apiKeys.$inferSelect;

function toKey({
  id,
  name,
  scopes,
  locationId,
  allowedIps,
  hint,
  ...times
}: KeyRow): z.input<typeof keySchema> {
  return {
    id,
    name,
    scopes,
    locationId,
    allowedIps,
    hint,
    createdAt: times.createdAt.toISOString(),
    expiresAt: times.expiresAt?.toISOString() ?? null,
    lastUsedAt: times.lastUsedAt?.toISOString() ?? null,
  };
}

function isVisibleTo({ locationId }: ApiKey) {
  return locationId === null ? undefined : eq(apiKeys.locationId, locationId);
}

type Search = { cursor?: string | undefined; locationId?: string | undefined; limit: number };

async function findKeys(db: Database, key: ApiKey, { cursor, locationId, limit }: Search) {
  return db
    .select()
    .from(apiKeys)
    .where(
      and(
        isVisibleTo(key),
        cursor ? lt(apiKeys.id, cursor) : undefined,
        locationId ? eq(apiKeys.locationId, locationId) : undefined,
      ),
    )
    .orderBy(desc(apiKeys.id))
    .limit(limit);
}

async function requireLocation(db: Database, key: ApiKey, id: string): Promise<void> {
  const mistake = { path: 'locationId', message: `there is no location ${id}` };
  if (!maySee(key, id)) throw invalid([mistake], { reason: 'location', key });
  const [location] = await db
    .select()
    .from(locations)
    .where(and(eq(locations.id, id), isNull(locations.deletedAt)));
  if (!location) throw invalid([mistake]);
}
