import { createRoute, type RouteConfig, z } from '@hono/zod-openapi';
import { and, desc, eq, isNull, lt } from 'drizzle-orm';
import { v4 as uuidv4 } from 'uuid';
import type { Database } from '../db/client.ts';
import { appWebhooks, locations } from '../db/schema.ts';
import type { CidrList } from '../delivery/url-guard.ts';
import { uuid } from '../events/event.ts';
import { type AppEnv, allow } from '../http/authorize.ts';
import { strictBody } from '../http/body.ts';
import { pageOf, pageQuery, toPage } from '../http/page.ts';
import { invalid, Problem } from '../http/problem.ts';
import { limitBy, limitByAddress } from '../http/rate-limit.ts';
import { answers, createRouter, problems, takes } from '../http/router.ts';
import { flowName } from './flow.ts';
import { findFlow, findFlowById, mayRun } from './flows.ts';
import { type IncomingOptions, runIncoming } from './incoming.ts';
import { respond } from './respond.ts';
import { isShallow, tooDeep } from './nesting.ts';

const windowMs = 5 * 60_000;
/** Requests of one address, over all flows of all locations. */
const perAddress = { requests: 300, windowMs };
/** Requests of one URL, from all addresses. */
const perUrl = { requests: 3000, windowMs };

/** The URLs by which outside services run flows. They need no API key: a token, or the URL itself, is the secret. */
export function incomingRoutes(options: IncomingOptions, trustProxy: CidrList, maxBodyBytes: number) {
  const { db } = options;
  const router = createRouter<AppEnv>();
  const limits = [
    limitByAddress(perAddress, trustProxy),
    limitBy(perUrl, (c) => c.req.path.toLowerCase()),
  ] as const;
  router.use('/v1/flow-webhook/*', ...limits, strictBody(maxBodyBytes));
  router.use('/apps/*', ...limits, strictBody(maxBodyBytes));

  router.openAPIRegistry.registerPath(flowWebhook);
  router.post('/v1/flow-webhook/:flowId', async (c) => {
    const flowId = uuid.safeParse(c.req.param('flowId'));
    const flow = flowId.success ? await findFlowById(db, flowId.data) : undefined;
    if (!mayRun(flow, c.req.header('authorization')))
      throw new Problem(401, 'Send the token of this flow: `Authorization: Bearer <token>`.', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    return respond(
      await runIncoming(options, flow, c.req, { source: 'flow_webhook', url: flow.id, props: {} }),
    );
  });

  router.openAPIRegistry.registerPath(appWebhook);
  router.post('/apps/:appUuid/webhooks/:webhookUuid', async (c) => {
    const path = appWebhookPath.safeParse(c.req.param());
    const webhook = path.success ? await findAppWebhook(db, path.data) : undefined;
    const flow = webhook && (await findFlow(db, { locationId: webhook.locationId, name: webhook.action }));
    if (!flow) throw new Problem(404, 'There is no such app or webhook, or its flow has been deleted.');
    const { id: url, props } = webhook;
    return respond(await runIncoming(options, flow, c.req, { source: 'app_webhook', url, props }));
  });

  return router;
}

/** The app webhooks of the location that the caller's key is bound to. */
export function appWebhookRoutes(db: Database) {
  const router = createRouter<AppEnv>();

  router.openapi(create, async (c) => {
    const locationId = boundLocation(c.var.key.locationId);
    const { action, props } = c.req.valid('json');
    const location = await findLocation(db, locationId);
    if (!(await findFlow(db, { locationId, name: action })))
      throw invalid([{ path: 'action', message: `there is no flow named ${action}` }]);
    const [row] = await db
      .insert(appWebhooks)
      .values({ locationId, id: uuidv4(), action, props })
      .returning();
    if (!row) throw new Error('The webhook was not stored.');
    return c.json(toAppWebhook(row, location.number), 200);
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
    const deleted = await db
      .delete(appWebhooks)
      .where(
        and(eq(appWebhooks.locationId, locationId), eq(appWebhooks.id, c.req.valid('param').webhookUuid)),
      )
      .returning({ id: appWebhooks.id });
    if (deleted.length === 0) throw new Problem(404, 'There is no webhook with this uuid.');
    return c.body(null, 204);
  });

  return router;
}

const anyAnswer = { default: { description: 'What the flow answers, or a problem' } };
const appWebhookPath = z.object({ appUuid: uuid, webhookUuid: uuid });

const flowWebhook: RouteConfig = {
  method: 'post',
  path: '/v1/flow-webhook/{flowId}',
  summary: 'Run a flow, from outside: with JSON, a form or text as its event',
  request: { params: z.object({ flowId: uuid }) },
  responses: anyAnswer,
};

const appWebhook: RouteConfig = {
  method: 'post',
  path: '/apps/{appUuid}/webhooks/{webhookUuid}',
  summary: 'Run the flow of an app webhook, from outside',
  security: [],
  request: { params: appWebhookPath },
  responses: anyAnswer,
};

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

async function findAppWebhook(db: Database, { appUuid, webhookUuid }: z.output<typeof appWebhookPath>) {
  const [found] = await db
    .select({ webhook: appWebhooks })
    .from(locations)
    .innerJoin(appWebhooks, eq(appWebhooks.locationId, locations.id))
    .where(and(eq(locations.uuid, appUuid), isNull(locations.deletedAt), eq(appWebhooks.id, webhookUuid)));
  return found?.webhook;
}

function toAppWebhook({ id, action, props }: typeof appWebhooks.$inferSelect, number: number) {
  return { uuid: id, action, props, environment_id: number, user_id: null };
}
