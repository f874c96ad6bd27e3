import { createRoute, z } from '@hono/zod-openapi';
import { and, desc, eq, isNull, lt } from 'drizzle-orm';
import { v4 as uuidv4 } from 'uuid';
import type { Database } from '../db/client.ts';
import { appWebhooks, locations } from '../db/schema.ts';
import { uuid } from '../events/event.ts';
import { audited, type Doing } from '../http/audit.ts';
import { allow, allowAtLocation, type AppEnv, type LocationEnv, locationPath } from '../http/authorize.ts';
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
    const location = await findLocation(db, boundLocation(c.var.key.locationId));
    return c.json(await listAppWebhooks(db, location, c.req.valid('query')), 200);
  });

  router.openapi(remove, async (c) => {
    const locationId = boundLocation(c.var.key.locationId);
    await removeAppWebhook(db, c.var, locationId, c.req.valid('param').webhookUuid);
    return c.body(null, 204);
  });

  return router;
}

/** The app webhooks of a location, for whoever keeps its settings. */
export function locationAppWebhookRoutes(db: Database) {
  const router = createRouter<LocationEnv>();
  const mayRead = allowAtLocation(db, 'settings:read');
  const mayWrite = allowAtLocation(db, 'settings:write');

  router.openapi(createRoute({ ...listAtLocation, ...mayRead }), async (c) =>
    c.json(await listAppWebhooks(db, c.var.location, c.req.valid('query')), 200),
  );

  router.openapi(createRoute({ ...removeAtLocation, ...mayWrite }), async (c) => {
    await removeAppWebhook(db, c.var, c.var.location.id, c.req.valid('param').webhookUuid);
    return c.body(null, 204);
  });

  return router;
}

/** An app webhook as it is answered. */
export const appWebhookSchema = z
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

const listQuery = pageQuery.extend({
  cursor: uuid.optional(),
  action: flowName.optional().openapi({ description: 'Only those of the flow with this name' }),
});
const page = answers('A page of webhooks', pageOf(appWebhookSchema));
const webhookPath = z.object({ webhookUuid: uuid });

const create = createRoute({
  method: 'post',
  path: '/app/webhooks',
  operationId: 'appWebhooks.create',
  summary: 'Make a URL that runs a flow with props; its uuid is the secret',
  ...allow('settings:write'),
  request: takes(newAppWebhookSchema),
  responses: { 200: answers('The webhook', appWebhookSchema), ...problems(404) },
});

const list = createRoute({
  method: 'get',
  path: '/app/webhooks',
  operationId: 'appWebhooks.list',
  summary: 'The app webhooks of the location of the key',
  ...allow('settings:read'),
  request: { query: listQuery },
  responses: { 200: page, ...problems(404) },
});

const remove = createRoute({
  method: 'delete',
  path: '/app/webhooks/{webhookUuid}',
  operationId: 'appWebhooks.delete',
  summary: 'Remove an app webhook',
  ...allow('settings:write'),
  request: { params: webhookPath },
  responses: { 204: { description: 'Removed' } },
});

const listAtLocation = {
  method: 'get',
  path: '/v1/locations/{id}/app-webhooks',
  operationId: 'appWebhooks.listAtLocation',
  summary: 'The app webhooks of a location',
  request: { params: locationPath, query: listQuery },
  responses: { 200: page },
} as const;

const removeAtLocation = {
  method: 'delete',
  path: '/v1/locations/{id}/app-webhooks/{webhookUuid}',
  operationId: 'appWebhooks.deleteAtLocation',
  summary: 'Remove an app webhook of a location',
  request: { params: locationPath.extend(webhookPath.shape) },
  responses: { 204: { description: 'Removed' } },
} as const;

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

type Numbered = { id: string; number: number };

async function listAppWebhooks(
  db: Database,
  location: Numbered,
  { limit, cursor, action }: z.output<typeof listQuery>,
) {
  const rows = await db
    .select()
    .from(appWebhooks)
    .where(
      and(
        eq(appWebhooks.locationId, location.id),
        cursor ? lt(appWebhooks.id, cursor) : undefined,
        action ? eq(appWebhooks.action, action) : undefined,
      ),
    )
    .orderBy(desc(appWebhooks.id))
    .limit(limit + 1);
  const { items, nextCursor } = toPage(rows, limit, (row) => row.id);
  return { items: items.map((row) => toAppWebhook(row, location.number)), nextCursor };
}

async function removeAppWebhook(db: Database, doing: Doing, locationId: string, id: string): Promise<void> {
  await audited(db, doing, async (tx) => {
    const [row] = await tx
      .delete(appWebhooks)
      .where(and(eq(appWebhooks.locationId, locationId), eq(appWebhooks.id, id)))
      .returning();
    if (!row) throw new Problem(404, 'There is no webhook with this uuid.');
    const { action, props } = row;
    return [null, { action: 'app_webhook.deleted', ...about(row), before: { action, props } }];
  });
}

/** Which app webhook an entry of the audit log is about: by the beginning of its uuid, which is its secret. */
function about({ locationId, id }: typeof appWebhooks.$inferSelect) {
  return { locationId, target: `${id.slice(0, 8)}…` };
}

function toAppWebhook({ id, action, props }: typeof appWebhooks.$inferSelect, number: number) {
  return { uuid: id, action, props, environment_id: number, user_id: null };
}
