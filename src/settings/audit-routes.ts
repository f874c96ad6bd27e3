import { createRoute, z } from '@hono/zod-openapi';
import { and, desc, eq, gte, lt } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { Database } from '../db/client.ts';
import { actorKinds, audit } from '../db/schema.ts';
import { locationId, uuid } from '../events/event.ts';
import { auditActions } from '../http/audit.ts';
import { type AppEnv, allow, maySee } from '../http/authorize.ts';
import type { ApiKey } from '../http/api-key.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { answers, createRouter } from '../http/router.ts';
import { timestamp } from '../http/timestamp.ts';

/** The audit log. A key that is bound to a location sees what was done at that location. */
export function auditRoutes(db: Database) {
  const router = createRouter<AppEnv>();
  return router.openapi(list, async (c) => {
    const { limit, ...filter } = c.req.valid('query');
    const rows = await findEntries(db, c.var.key, filter, limit + 1);
    const page = toPage(rows, limit, (row) => row.id);
    return c.json({ ...page, items: page.items.map(toEntry) }, 200);
  });
}

const auditAction = z.enum(auditActions, `must be one of ${auditActions.join(', ')}`);

const filterQuery = pageQuery.extend({
  cursor: uuid.optional(),
  locationId: locationId.optional(),
  action: auditAction.optional(),
  actorId: z
    .union([uuid, z.literal('environment')], 'must be the id of a key, or "environment"')
    .optional()
    .openapi({ description: 'The id of the API key; `environment` is the one of BELLHOP_ADMIN_KEY' }),
  from: timestamp.optional(),
  to: timestamp.optional(),
});

const shown = z.unknown().openapi({ description: 'As the API answers it, secrets left out; null: nothing' });

/** An entry as it is answered. */
export const auditEntrySchema = z
  .object({
    id: uuid,
    locationId: locationId.nullable(),
    actor: z.object({
      kind: z.enum(actorKinds).openapi({
        description:
          'key: by an API key; page, link: a person at the page; sender: nobody known; service: Bellhop itself',
      }),
      id: z.string(),
      name: z.string(),
    }),
    action: auditAction,
    target: z.string().openapi({ description: 'The id of what it was done to' }),
    before: shown,
    after: shown,
    address: z.string().openapi({ example: '198.51.100.7' }),
    requestId: z.string(),
    at: z.iso.datetime(),
  })
  .openapi('AuditEntry');

const list = createRoute({
  method: 'get',
  path: '/v1/audit',
  operationId: 'audit.list',
  summary: 'Who changed what, when, from where, newest first',
  description: 'Entries are written with the change that they tell of, and are never changed or removed.',
  ...allow('admin'),
  request: { query: filterQuery },
  responses: { 200: answers('A page of entries', pageOf(auditEntrySchema)) },
});

type Filter = Omit<z.output<typeof filterQuery>, 'limit'>;

async function findEntries(db: Database, key: ApiKey, filter: Filter, limit: number) {
  const { cursor, action, actorId, from, to } = filter;
  const locationId = filter.locationId ?? key.locationId;
  if (locationId !== null && !maySee(key, locationId)) return [];
  return db
    .select()
    .from(audit)
    .where(
      and(
        locationId === null ? undefined : eq(audit.locationId, locationId),
        cursor ? lt(audit.id, cursor) : undefined,
        action ? eq(audit.action, action) : undefined,
        actorId ? eq(audit.actorId, actorId) : undefined,
        from ? gte(audit.id, firstIdOf(from)) : undefined,
        to ? lt(audit.id, firstIdOf(to)) : undefined,
      ),
    )
    .orderBy(desc(audit.id))
    .limit(limit);
}

/** The least id that an entry of this time can have: ids are in an index, times are not. */
function firstIdOf(time: Date): string {
  return uuidv7({ msecs: Math.max(0, time.getTime()), seq: 0, random: new Uint8Array(16) });
}

function toEntry(row: typeof audit.$inferSelect): z.input<typeof auditEntrySchema> {
  const { id, before, after, target, address, requestId } = row;
  return {
    id,
    locationId: row.locationId || null,
    actor: { kind: row.actorKind, id: row.actorId, name: row.actorName },
    action: auditAction.parse(row.action),
    target,
    before,
    after,
    address,
    requestId,
    at: row.createdAt.toISOString(),
  };
}
