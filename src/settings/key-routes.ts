import { createRoute, z } from '@hono/zod-openapi';
import { and, desc, eq, isNull, lt } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { Database } from '../db/client.ts';
import { apiKeys, locations, scopes } from '../db/schema.ts';
import { parseCidrs } from '../delivery/url-guard.ts';
import { locationId, uuid } from '../events/event.ts';
import { type ApiKey, createApiKey } from '../http/api-key.ts';
import { type AppEnv, allow, maySee } from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { invalid, Problem } from '../http/problem.ts';
import { answers, createRouter, problems, takes } from '../http/router.ts';
import { text } from '../http/text.ts';
import { timestamp } from '../http/timestamp.ts';

/** API keys. A key that is bound to a location sees and makes only keys of that location. */
export function keyRoutes(db: Database) {
  const router = createRouter<AppEnv>();

  router.openapi(create, async (c) => {
    const wanted = c.req.valid('json');
    const locationId = wanted.locationId ?? c.var.key.locationId;
    if (locationId !== null) await requireLocation(db, c.var.key, locationId);
    const { key, hash, hint } = createApiKey();
    const [row] = await db
      .insert(apiKeys)
      .values({ ...wanted, id: uuidv7(), hash, hint, locationId })
      .returning();
    if (!row) throw new Error('The key was not stored.');
    return c.json({ ...toKey(row), key }, 201);
  });

  router.openapi(list, async (c) => {
    const { limit, ...search } = c.req.valid('query');
    const rows = await findKeys(db, c.var.key, { ...search, limit: limit + 1 });
    const page = toPage(rows, limit, (row) => row.id);
    return c.json({ ...page, items: page.items.map(toKey) }, 200);
  });

  router.openapi(remove, async (c) => {
    const deleted = await db
      .delete(apiKeys)
      .where(and(eq(apiKeys.id, c.req.valid('param').id), isVisibleTo(c.var.key)))
      .returning({ id: apiKeys.id });
    if (deleted.length === 0) throw new Problem(404, 'There is no API key with this id.');
    return c.body(null, 204);
  });

  return router;
}

const scope = z.enum(scopes, `must be one of ${scopes.join(', ')}`);

const addressRange = z.string('must be a text').refine((range) => {
  try {
    return parseCidrs(range).length === 1;
  } catch {
    return false;
  }
}, 'must be an IP address or a range like 198.51.100.0/24');

/** Scopes in a list, repeated ones included. */
const maxScopes = 100;

const newKeySchema = z
  .object({
    name: text(1, 100).openapi({ example: 'Core app' }),
    scopes: z
      .array(scope, 'must be a list of scopes')
      .min(1, 'must name at least one scope')
      .max(maxScopes, `must name at most ${maxScopes} scopes`)
      .transform((list) => scopes.filter((name) => list.includes(name))),
    locationId: locationId.nullable().default(null),
    allowedIps: z
      .array(addressRange)
      .min(1, 'must name at least one address; leave it out to allow all')
      .max(100, 'must name at most 100 ranges')
      .nullable()
      .default(null)
      .openapi({ example: ['198.51.100.0/24'] }),
    expiresAt: timestamp
      .refine((time) => time > new Date(), 'must be in the future')
      .nullable()
      .default(null),
  })
  .openapi('NewKey');

const time = z.iso.datetime().nullable();

const keySchema = z
  .object({
    id: uuid,
    name: z.string(),
    scopes: z.array(scope),
    locationId: locationId.nullable(),
    allowedIps: z.array(z.string()).nullable(),
    hint: z.string().openapi({ description: 'The last characters of the key' }),
    createdAt: z.iso.datetime(),
    expiresAt: time,
    lastUsedAt: time,
  })
  .openapi('Key');

const create = createRoute({
  method: 'post',
  path: '/v1/keys',
  summary: 'Make an API key',
  middleware: allow('admin'),
  request: takes(newKeySchema),
  responses: {
    201: answers(
      'The key, shown now and never again',
      keySchema.extend({ key: z.string().openapi({ example: 'bellhop_…' }) }),
    ),
    ...problems,
  },
});

const list = createRoute({
  method: 'get',
  path: '/v1/keys',
  summary: 'The API keys, newest first',
  middleware: allow('admin'),
  request: {
    query: pageQuery.extend({
      cursor: uuid.optional(),
      locationId: locationId.optional().openapi({ description: 'Only keys that are bound to this location' }),
    }),
  },
  responses: { 200: answers('A page of keys', pageOf(keySchema)), ...problems },
});

const remove = createRoute({
  method: 'delete',
  path: '/v1/keys/{id}',
  summary: 'Revoke an API key; it stops at once',
  middleware: allow('admin'),
  request: { params: z.object({ id: uuid }) },
  responses: { 204: { description: 'Revoked' }, ...problems },
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
  const [location] = maySee(key, id)
    ? await db
        .select()
        .from(locations)
        .where(and(eq(locations.id, id), isNull(locations.deletedAt)))
    : [];
  if (!location) throw invalid([{ path: 'locationId', message: `there is no location ${id}` }]);
}
