import { createRoute, z } from '@hono/zod-openapi';
import { and, asc, eq, gt } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import type { Encryption } from '../db/encryption.ts';
import { webhooks } from '../db/schema.ts';
import { type CidrList, judgeUrl } from '../delivery/url-guard.ts';
import { audited } from '../http/audit.ts';
import { allowAtLocation, type LocationEnv, locationPath } from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { invalid, refusedUrl } from '../http/problem.ts';
import { answers, createRouter, takes } from '../http/router.ts';
import { newWebhookSchema, toWebhook, webhookId, webhookSchema } from './registration.ts';
import { findWebhook, isWebhook, putWebhook, unknownWebhook } from './webhooks.ts';

/** What the registration routes work with. */
export type WebhookOptions = { db: Database; encryption: Encryption; allow: CidrList };

/** The registered webhooks of a location. Hidden values can be written, never read. */
export function webhookRoutes({ db, encryption, allow }: WebhookOptions) {
  const router = createRouter<LocationEnv>();
  const mayRead = allowAtLocation(db, 'settings:read');
  const mayWrite = allowAtLocation(db, 'settings:write');

  router.openapi(createRoute({ ...put, ...mayWrite }), async (c) => {
    const { webhookId } = c.req.valid('param');
    const registration = c.req.valid('json');
    if (registration.id !== undefined && registration.id !== webhookId)
      throw invalid([{ path: 'id', message: `must be the id of the path, ${webhookId}` }]);
    const judged = judgeUrl(registration.url, allow);
    if (!judged.ok) throw refusedUrl(judged.message);
    const key = { locationId: c.var.location.id, webhookId };
    const { row, secret } = await audited(db, c.var, async (tx) => {
      const put = await putWebhook(tx, encryption, key, { ...registration, url: judged.url.href });
      const shown = { before: put.before && toWebhook(put.before), after: toWebhook(put.row) };
      return [put, { action: 'webhook.saved', locationId: key.locationId, target: webhookId, ...shown }];
    });
    return c.json({ ...toWebhook(row), ...(secret && { secret }), warnings: judged.warnings }, 200);
  });

  router.openapi(createRoute({ ...list, ...mayRead }), async (c) => {
    const { limit, cursor } = c.req.valid('query');
    const rows = await findWebhooks(db, c.var.location.id, cursor, limit + 1);
    const page = toPage(rows, limit, (row) => row.id);
    return c.json({ ...page, items: page.items.map(toWebhook) }, 200);
  });

  router.openapi(createRoute({ ...read, ...mayRead }), async (c) => {
    const row = await findWebhook(db, { locationId: c.var.location.id, ...c.req.valid('param') });
    if (!row) throw unknownWebhook();
    return c.json(toWebhook(row), 200);
  });

  router.openapi(createRoute({ ...remove, ...mayWrite }), async (c) => {
    const key = { locationId: c.var.location.id, ...c.req.valid('param') };
    await audited(db, c.var, async (tx) => {
      const [row] = await tx.delete(webhooks).where(isWebhook(key)).returning();
      if (!row) throw unknownWebhook();
      const { locationId, id: target } = row;
      return [null, { action: 'webhook.deleted', locationId, target, before: toWebhook(row) }];
    });
    return c.body(null, 204);
  });

  return router;
}

const webhookPath = locationPath.extend({ webhookId });

const put = {
  method: 'put',
  path: '/v1/locations/{id}/webhooks/{webhookId}',
  operationId: 'webhooks.put',
  summary: 'Register a third-party webhook, or replace its registration',
  request: { params: webhookPath, ...takes(newWebhookSchema) },
  responses: {
    200: answers(
      'The registration',
      webhookSchema.extend({
        secret: z
          .string()
          .optional()
          .openapi({ description: 'Of a signed webhook: shown now and never again' }),
        warnings: z.array(z.string()),
      }),
    ),
  },
} as const;

const list = {
  method: 'get',
  path: '/v1/locations/{id}/webhooks',
  operationId: 'webhooks.list',
  summary: 'The registered webhooks of a location, by id',
  request: {
    params: locationPath,
    query: pageQuery.extend({ cursor: webhookId.optional() }),
  },
  responses: { 200: answers('A page of registrations', pageOf(webhookSchema)) },
} as const;

const read = {
  method: 'get',
  path: '/v1/locations/{id}/webhooks/{webhookId}',
  operationId: 'webhooks.get',
  summary: 'A registered webhook',
  request: { params: webhookPath },
  responses: { 200: answers('The registration', webhookSchema) },
} as const;

const remove = {
  method: 'delete',
  path: '/v1/locations/{id}/webhooks/{webhookId}',
  operationId: 'webhooks.delete',
  summary: 'Remove a registered webhook; its invocations stay on record',
  request: { params: webhookPath },
  responses: { 204: { description: 'Removed' } },
} as const;

async function findWebhooks(db: Database, locationId: string, cursor: string | undefined, limit: number) {
  return db
    .select()
    .from(webhooks)
    .where(and(eq(webhooks.locationId, locationId), cursor ? gt(webhooks.id, cursor) : undefined))
    .orderBy(asc(webhooks.id))
    .limit(limit);
}
