import { createRoute, z } from '@hono/zod-openapi';
import { and, desc, eq, isNull, lt } from 'drizzle-orm';
import { v4 as uuidv4 } from 'uuid';
import type { Database } from '../db/client.ts';
import { appWebhooks, locations } from '../db/schema.ts';
import { uuid } from '../events/event.ts';
import { audited } from '../http/audit.ts';
import { type AppEnv, allow } from '../http/authorize.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { invalid, Problem } from '../http/problem.ts';
import { answers, createRouter, problems, takes } from '../http/router.ts';
import { flowName } from './flow.ts';
import { findFlow } from './flows.ts';
import { isShallow, tooDeep } from './nesting.ts';

/** The app webhooks of the location that the caller's key is bound to. */
export function appWebhookRoutes(db: Database) {
  const router = createRouter<AppEnv>();

  router.openapi(create, async (c) => {
    const locationId = boundLocation(c.var.key.locationId);
    const { action, props } = c.req.valid('json');
    const location = await findLocation(db, locationId);
    if (!(await findFlow(db, { locationId, name: action })))
      throw invalid([{ path: 'action', message: `there is no flow named ${action}` }]);
    const made = await audited(db, c.var, async (tx) => {
      const [row] = await tx
        .insert(appWebhooks)
        .values({ locationId, id: uuidv4(), action, props })
        .returning();
      if (!row) throw new Error('The webhook was not stored.');
      return [row, { action: 'app_webhook.created', ...about(row), after: { action, props } }];
    });
    return c.json(toAppWebhook(made, location.number), 200);
  });

  router.openapi(list, async (c) => {
    const locationId = boundLocation(c.var.key.locationId);
    const { limit, cursor } = c.req.valid('query');
    const location = await findLocation(db, locationId);
    const rows = await db
      .select()
      .from(appWebhooks)
      .where(and(eq(appWebhooks.locationId, locationId), cursor ? lt(appWebhooks.id, cursor) : undefined))
      .orderBy(desc(appWebhooks.id))
      .limit(limit + 1);
    const page = toPage(rows, limit, (row) => row.id);
    return c.json({ ...page, items: page.items.map((row) => toAppWebhook(row, location.number)) }, 200);
  });

  router.openapi(remove, async (c) => {
    const locationId = boundLocation(c.var.key.locationId);
    const { webhookUuid } = c.req.valid('param');
    await audited(db, c.var, async (tx) => {
      const [row] = await tx
        .delete(appWebhooks)
        .where(and(eq(appWebhooks.locationId, locationId), eq(appWebhooks.id, webhookUuid)))
        .returning();
      if (!row) throw new Problem(404, 'There is no webhook with this uuid.');
      const { action, props } = row;
      return [null, { action: 'app_webhook.deleted', ...about(row), before: { action, props } }];
    });
    return c.body(null, 204);
  });

  return router;
}

const appWebhookSchema = z
  .object({
    uuid: z.guid(),
    action: flowName,
    props: z.unknown(),
    environment_id: z.int().openapi({ description: "The location's number" }),
    user_id: z.null(),
  })
  .openapi('AppWebhook');

const newAppWebhookSchema = z
  .object({
    action: flowName.openapi({ description: 'The name of the flow to run' }),
    props: z.unknown().refine(isShallow, tooDeep).default({}),
  })
  .openapi('NewAppWebhook');

const create = createRoute({
  method: 'post',
  path: '/app/webhooks',
  summary: 'Make a URL that runs a flow with props; its uuid is the secret',
  middleware: allow('settings:write'),
  request: takes(newAppWebhookSchema),
  responses: { 200: answers('The webhook', appWebhookSchema), ...problems },
});

const list = createRoute({
  method: 'get',
  path: '/app/webhooks',
  summary: 'The app webhooks of the location of the key',
  middleware: allow('settings:read'),
  request: { query: pageQuery.extend({ cursor: uuid.optional() }) },
  responses: { 200: answers('A page of webhooks', pageOf(appWebhookSchema)), ...problems },
});

const remove = createRoute({
  method: 'delete',
  path: '/app/webhooks/{webhookUuid}',
  summary: 'Remove an app webhook',
  middleware: allow('settings:write'),
  request: { params: z.object({ webhookUuid: uuid }) },
  responses: { 204: { description: 'Removed' }, ...problems },
});

/** Which app webhook an entry of the audit log is about: by the beginning of its uuid, which is its secret. */
function about({ locationId, id }: typeof appWebhooks.$inferSelect) {
  return { locationId, target: `${id.slice(0, 8)}…` };
}

function boundLocation(locationId: string | null): string {
  if (locationId === null) throw new Problem(403, 'Use a key that is bound to a location.');
  return locationId;
}

async function findLocation(db: Database, id: string) {
  const [location] = await db
    .select()
    .from(locations)
    .where(and(eq(locations.id, id), isNull(locations.deletedAt)));
  if (!location) throw new Problem(404, 'The location of this key has been deleted.');
  return location;
}

function toAppWebhook({ id, action, props }: typeof appWebhooks.$inferSelect, number: number) {
  return { uuid: id, action, props, environment_id: number, user_id: null };
}
