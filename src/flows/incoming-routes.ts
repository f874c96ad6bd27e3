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
import { createRouter } from '../http/router.ts';
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

async function findAppWebhook(db: Database, { appUuid, webhookUuid }: z.output<typeof appWebhookPath>) {
  const [found] = await db
    .select({ webhook: appWebhooks })
    .from(locations)
    .innerJoin(appWebhooks, eq(appWebhooks.locationId, locations.id))
    .where(and(eq(locations.uuid, appUuid), isNull(locations.deletedAt), eq(appWebhooks.id, webhookUuid)));
  return found?.webhook;
}
