import { createRoute, type z } from '@hono/zod-openapi';
import { and, desc, eq, lt } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { notices } from '../db/schema.ts';
import { uuid } from '../events/event.ts';
import { type AppEnv, allow, allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { answers, createRouter } from '../http/router.ts';
import { noticeSchema, toNotice } from './notice.ts';

/** What there was to be told of endpoints that keep failing: of a location, or of all that a key may see. */
export function noticeRoutes(db: Database) {
  const router = createRouter<AppEnv & LocationEnv>();
  router.openapi(createRoute({ ...ofAll, ...allow('events:read') }), async (c) =>
    c.json(await readPage(db, c.var.key.locationId, c.req.valid('query')), 200),
  );
  router.openapi(createRoute({ ...ofLocation, ...allowAtLocation(db, 'events:read') }), async (c) =>
    c.json(await readPage(db, c.var.location.id, c.req.valid('query')), 200),
  );
  return router;
}

const query = pageQuery.extend({ cursor: uuid.optional() });
const page = { 200: answers('A page of notices', pageOf(noticeSchema)) };

const ofAll = {
  method: 'get',
  path: '/v1/notices',
  operationId: 'notices.listAll',
  summary: 'Notices of endpoints that keep failing, newest first, of all locations that the key may see',
  request: { query },
  responses: page,
} as const;

const ofLocation = {
  method: 'get',
  path: '/v1/locations/{id}/notices',
  operationId: 'notices.list',
  summary: 'Notices of endpoints of a location that keep failing, newest first',
  request: { params: locationPath, query },
  responses: page,
} as const;

async function readPage(db: Database, locationId: string | null, { cursor, limit }: z.output<typeof query>) {
  const rows = await db
    .select()
    .from(notices)
    .where(
      and(
        locationId === null ? undefined : eq(notices.locationId, locationId),
        cursor ? lt(notices.id, cursor) : undefined,
      ),
    )
    .orderBy(desc(notices.id))
    .limit(limit + 1);
  const found = toPage(rows, limit, (row) => row.id);
  return { ...found, items: found.items.map(toNotice) };
}
