import { type RouteConfig, z } from '@hono/zod-openapi';
import { and, eq, isNull } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { appWebhooks, locations } from '../db/schema.ts';
import type { CidrList } from '../delivery/url-guard.ts';
import { uuid } from '../events/event.ts';
import type { AppEnv } from '../http/authorize.ts';
import { strictBody } from '../http/body.ts';
import { Problem } from '../http/problem.ts';
import { limitBy, limitByAddress } from '../http/rate-limit.ts';
import { createRouter, problems } from '../http/router.ts';
import { hashOf } from '../http/token.ts';
import { findFlow, findFlowById, mayRun } from './flows.ts';
import { type IncomingOptions, runIncoming } from './incoming.ts';
import { respond } from './respond.ts';

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
    // A path may be long, and is remembered.
    limitBy(perUrl, (c) => hashOf(c.req.path.toLowerCase())),
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
      c.var.requestId,
    );
  });

  router.openAPIRegistry.registerPath(appWebhook);
  router.post('/apps/:appUuid/webhooks/:webhookUuid', async (c) => {
    const path = appWebhookPath.safeParse(c.req.param());
    const webhook = path.success ? await findAppWebhook(db, path.data) : undefined;
    const flow = webhook && (await findFlow(db, { locationId: webhook.locationId, name: webhook.action }));
    if (!flow) throw new Problem(404, 'There is no such app or webhook, or its flow has been deleted.');
    const { id: url, props } = webhook;
    return respond(
      await runIncoming(options, flow, c.req, { source: 'app_webhook', url, props }),
      c.var.requestId,
    );
  });

  return router;
}

const appWebhookPath = z.object({
  appUuid: uuid.openapi({ description: 'The uuid of the location' }),
  webhookUuid: uuid.openapi({ description: 'The uuid of the app webhook: keep it secret' }),
});

/** Whatever a template makes. */
const answer = {
  description: 'What the flow answers. When it is `async`, `{"runId"}`; when it is paused, that it is',
  content: {
    'application/json': { schema: {}, example: { valid: true } },
    'text/plain': { schema: { type: 'string' }, example: 'booked' },
  },
} as const;

const request = {
  headers: z.object({
    'idempotency-key': z.string().min(1).max(255).optional().openapi({
      description: 'A name of the request: repeated within a day, it is answered as the first time',
      example: 'booking-7685',
    }),
  }),
  body: {
    description: 'The event that the templates see: JSON, a form, or text',
    content: {
      'application/json': { schema: {}, example: { company_id: 7685 } },
      'application/x-www-form-urlencoded': { schema: { type: 'object' }, example: { company_id: '7685' } },
      'text/plain': { schema: { type: 'string' }, example: 'hello' },
    },
  },
} as const;

const responses = { 200: answer, default: answer, ...problems(401, 409, 508) };

const flowWebhook: RouteConfig = {
  method: 'post',
  path: '/v1/flow-webhook/{flowId}',
  operationId: 'incoming.runFlow',
  summary: 'Run a flow, from outside: with JSON, a form or text as its event',
  description: 'Without a key; a flow with `auth` `bearer` asks for its own token.',
  security: [{ flowToken: [] }, {}],
  request: { ...request, params: z.object({ flowId: uuid.openapi({ description: 'The id of the flow' }) }) },
  responses,
};

const appWebhook: RouteConfig = {
  method: 'post',
  path: '/apps/{appUuid}/webhooks/{webhookUuid}',
  operationId: 'incoming.runAppWebhook',
  summary: 'Run the flow of an app webhook, from outside',
  security: [],
  request: { ...request, params: appWebhookPath },
  responses,
};

async function findAppWebhook(db: Database, { appUuid, webhookUuid }: z.output<typeof appWebhookPath>) {
  const [found] = await db
    .select({ webhook: appWebhooks })
    .from(locations)
    .innerJoin(appWebhooks, eq(appWebhooks.locationId, locations.id))
    .where(and(eq(locations.uuid, appUuid), isNull(locations.deletedAt), eq(appWebhooks.id, webhookUuid)));
  return found?.webhook;
}
