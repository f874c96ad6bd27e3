import { createRoute, z } from '@hono/zod-openapi';
import { and, desc, eq, isNull, lt } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import type { Encryption } from '../db/encryption.ts';
import { endpoints } from '../db/schema.ts';
import { type CidrList, judgeUrl } from '../delivery/url-guard.ts';
import { uuid } from '../events/event.ts';
import { audited } from '../http/audit.ts';
import { allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { refusedUrl } from '../http/problem.ts';
import { rotationSchema } from '../http/rotation.ts';
import { answers, createRouter, mayTake, takes } from '../http/router.ts';
import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoints,
  isEndpoint,
  lockEndpoint,
  rotateSecret,
  unknownEndpoint,
} from './endpoints.ts';
import {
  endpointChangeSchema,
  type EndpointRow,
  endpointSchema,
  newEndpointSchema,
  toEndpoint,
} from './endpoint.ts';

/** What the endpoint routes work with. */
export type EndpointOptions = { db: Database; encryption: Encryption; allow: CidrList };

/** The webhook URLs of a location, and their secrets. */
export function endpointRoutes({ db, encryption, allow }: EndpointOptions) {
  const router = createRouter<LocationEnv>();
  const mayRead = allowAtLocation(db, 'settings:read');
  const mayWrite = allowAtLocation(db, 'settings:write');

  router.openapi(createRoute({ ...create, ...mayWrite }), async (c) => {
    const settings = c.req.valid('json');
    const { href, warnings } = judge(settings.url, allow);
    const { row, secret } = await audited(db, c.var, async (tx) => {
      const created = await createEndpoint(tx, encryption, c.var.location.id, { ...settings, url: href });
      const after = toEndpoint(created.row);
      return [created, { action: 'endpoint.created', ...about(created.row), after }];
    });
    return c.json({ ...toEndpoint(row), secret, warnings }, 201);
  });

  router.openapi(createRoute({ ...list, ...mayRead }), async (c) => {
    const { limit, cursor } = c.req.valid('query');
    const rows = await findEndpoints(db, c.var.location.id, cursor, limit + 1);
    const page = toPage(rows, limit, (row) => row.id);
    return c.json({ ...page, items: page.items.map(toEndpoint) }, 200);
  });

  router.openapi(createRoute({ ...read, ...mayRead }), async (c) => {
    const { endpointId } = c.req.valid('param');
    const [row] = await db
      .select()
      .from(endpoints)
      .where(isEndpoint({ locationId: c.var.location.id, endpointId }));
    if (!row) throw unknownEndpoint();
    return c.json(toEndpoint(row), 200);
  });

  router.openapi(createRoute({ ...change, ...mayWrite }), async (c) => {
    const wanted = c.req.valid('json');
    const judged = wanted.url === undefined ? undefined : judge(wanted.url, allow);
    const url = judged && { url: judged.href };
    const endpoint = { locationId: c.var.location.id, ...c.req.valid('param') };
    const changed = await audited(db, c.var, async (tx) => {
      const before = await lockEndpoint(tx, endpoint);
      const after = toEndpoint(await changeEndpoint(tx, encryption, before, { ...wanted, ...url }));
      return [after, { action: 'endpoint.changed', ...about(before), before: toEndpoint(before), after }];
    });
    return c.json({ ...changed, warnings: judged?.warnings ?? [] }, 200);
  });

  router.openapi(createRoute({ ...remove, ...mayWrite }), async (c) => {
    const endpoint = { locationId: c.var.location.id, ...c.req.valid('param') };
    await audited(db, c.var, async (tx) => {
      const before = await lockEndpoint(tx, endpoint);
      await deleteEndpoints(tx, before.locationId, before.id);
      return [null, { action: 'endpoint.deleted', ...about(before), before: toEndpoint(before) }];
    });
    return c.body(null, 204);
  });

  router.openapi(createRoute({ ...rotate, ...mayWrite }), async (c) => {
    const { overlapHours } = rotationSchema.parse(c.req.valid('json'));
    const endpoint = { locationId: c.var.location.id, ...c.req.valid('param') };
    const { row, secret } = await audited(db, c.var, async (tx) => {
      const before = await lockEndpoint(tx, endpoint);
      const rotated = await rotateSecret(tx, encryption, before, overlapHours);
      const shown = { before: toEndpoint(before), after: toEndpoint(rotated.row) };
      return [rotated, { action: 'endpoint.secret_rotated', ...about(before), ...shown }];
    });
    return c.json(
      { ...toEndpoint(row), secret, previousSecretUntil: row.previousSecretUntil?.toISOString() ?? null },
      200,
    );
  });

  return router;
}

const endpointPath = locationPath.extend({ endpointId: uuid });
const secret = z.string().openapi({ description: 'Shown now and never again', example: 'whsec_…' });
const warnings = z.array(z.string()).openapi({ description: 'What is allowed, but should be better' });

const create = {
  method: 'post',
  path: '/v1/locations/{id}/endpoints',
  operationId: 'endpoints.create',
  summary: 'Add an endpoint; it gets the events accepted from now on',
  request: { params: locationPath, ...takes(newEndpointSchema) },
  responses: {
    201: answers('The endpoint and its secret', endpointSchema.extend({ secret, warnings })),
  },
} as const;

const list = {
  method: 'get',
  path: '/v1/locations/{id}/endpoints',
  operationId: 'endpoints.list',
  summary: 'The endpoints of a location, newest first',
  request: { params: locationPath, query: pageQuery.extend({ cursor: uuid.optional() }) },
  responses: { 200: answers('A page of endpoints', pageOf(endpointSchema)) },
} as const;

const read = {
  method: 'get',
  path: '/v1/locations/{id}/endpoints/{endpointId}',
  operationId: 'endpoints.get',
  summary: 'An endpoint',
  request: { params: endpointPath },
  responses: { 200: answers('The endpoint', endpointSchema) },
} as const;

const change = {
  method: 'patch',
  path: '/v1/locations/{id}/endpoints/{endpointId}',
  operationId: 'endpoints.change',
  summary: 'Change an endpoint; a re-enabled one gets the events accepted from then on',
  request: { params: endpointPath, ...takes(endpointChangeSchema) },
  responses: { 200: answers('The endpoint', endpointSchema.extend({ warnings })) },
} as const;

const remove = {
  method: 'delete',
  path: '/v1/locations/{id}/endpoints/{endpointId}',
  operationId: 'endpoints.delete',
  summary: 'Delete an endpoint; what it was still to be sent is skipped',
  request: { params: endpointPath },
  responses: { 204: { description: 'Deleted' } },
} as const;

const rotate = {
  method: 'post',
  path: '/v1/locations/{id}/endpoints/{endpointId}/rotate-secret',
  operationId: 'endpoints.rotateSecret',
  summary: 'Make a new secret; deliveries carry both signatures while they overlap',
  request: { params: endpointPath, ...mayTake(rotationSchema) },
  responses: {
    200: answers(
      'The endpoint and its new secret',
      endpointSchema.extend({ secret, previousSecretUntil: z.iso.datetime().nullable() }),
    ),
  },
} as const;

function judge(url: string, allow: CidrList): { href: string; warnings: string[] } {
  const judged = judgeUrl(url, allow);
  if (!judged.ok) throw refusedUrl(judged.message);
  return { href: judged.url.href, warnings: judged.warnings };
}

/** Which endpoint an entry of the audit log is about. */
const about = ({ locationId, id }: EndpointRow) => ({ locationId, target: id });

async function findEndpoints(db: Database, locationId: string, cursor: string | undefined, limit: number) {
  return db
    .select()
    .from(endpoints)
    .where(
      and(
        eq(endpoints.locationId, locationId),
        isNull(endpoints.deletedAt),
        cursor ? lt(endpoints.id, cursor) : undefined,
      ),
    )
    .orderBy(desc(endpoints.id))
    .limit(limit);
}
