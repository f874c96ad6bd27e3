import { requestId } from 'hono/request-id';
import type { Database } from './db/client.ts';
import type { Encryption } from './db/encryption.ts';
import type { Sender } from './delivery/attempt.ts';
import type { CidrList } from './delivery/url-guard.ts';
import { sentEventSchema } from './events/event.ts';
import type { NewEvent } from './events/event.ts';
import type { Acceptance } from './events/log.ts';
import { eventRoutes } from './events/routes.ts';
import { flowRoutes } from './flows/flow-routes.ts';
import { appWebhookRoutes, incomingRoutes } from './flows/incoming-routes.ts';
import { runRoutes } from './flows/run-routes.ts';
import type { Runner } from './flows/runner.ts';
import { createKeyFinder } from './http/api-key.ts';
import { type AppEnv, authenticate } from './http/authorize.ts';
import { strictBody } from './http/body.ts';
import { healthRoutes } from './http/health.ts';
import { logRequests } from './http/log-requests.ts';
import { answerError } from './http/problem.ts';
import { createRouter } from './http/router.ts';
import { unrouted } from './http/unrouted.ts';
import { deliveryRoutes } from './outbox/delivery-routes.ts';
import { historyRoutes } from './outbox/history-routes.ts';
import { resendRoutes } from './outbox/resend-routes.ts';
import { statsRoutes } from './outbox/stats-routes.ts';
import { endpointRoutes } from './settings/endpoint-routes.ts';
import { keyRoutes } from './settings/key-routes.ts';
import { locationRoutes } from './settings/location-routes.ts';
import { invocationRoutes } from './webhooks/invocation-routes.ts';
import { webhookRoutes } from './webhooks/webhook-routes.ts';
import { version } from './version.ts';

/** What the HTTP API works with. */
export type AppOptions = {
  db: Database;
  /** The connections of events' own way. */
  eventsDb: Database;
  encryption: Encryption;
  sender: Sender;
  adminKey: string | undefined;
  trustProxy: CidrList;
  allowCidrs: CidrList;
  timeoutMs: number;
  runner: Runner;
  /** Stores the events of a request. */
  accept: (events: NewEvent[]) => Promise<Acceptance>;
  /** Tells the dispatchers that locations have something to send. */
  wake: (locationIds: string[]) => void;
};

/** Bytes of a request. An event is about 200, so 1,000 of them leave ample room. */
const maxBodyBytes = 1024 * 1024;
/** Bytes of a trigger, whose data may be an image in base64. */
const maxTriggerBytes = 10 * 1024 * 1024;

/** The HTTP API: every route of every feature, behind authentication, with one form of error. */
export function createApp(options: AppOptions) {
  const { db, encryption, wake, allowCidrs } = options;
  const app = createHealthApp(options.eventsDb);
  app.route('/', incomingRoutes(options, options.trustProxy, maxBodyBytes));
  const authenticated = authenticate(createKeyFinder(options.eventsDb, options.adminKey), options.trustProxy);
  app.use('/app/*', authenticated, strictBody(maxBodyBytes));
  app.use('/v1/*', authenticated);
  app.use('/v1/locations/:id/webhooks/:webhookId/trigger', strictBody(maxTriggerBytes));
  app.use('/v1/*', strictBody(maxBodyBytes));
  app.route('/', eventRoutes(options.accept, wake));
  app.route('/', locationRoutes(db));
  app.route('/', endpointRoutes({ db, encryption, allow: allowCidrs }));
  app.route('/', keyRoutes(db));
  app.route('/', historyRoutes(db));
  app.route('/', deliveryRoutes(db));
  // A test waits for the POST before it in its lane, and for its own.
  app.route('/', resendRoutes({ db, wake, waitMs: 2 * options.timeoutMs + 1000 }));
  app.route('/', statsRoutes(db));
  app.route('/', webhookRoutes({ db, encryption, allow: allowCidrs }));
  app.route('/', invocationRoutes(options));
  app.route('/', flowRoutes(options));
  app.route('/', runRoutes(options));
  app.route('/', appWebhookRoutes(db));

  return describe(app);
}

/** What a process without the API answers: whether it is well, and errors in the one form. */
export function createHealthApp(db: Database) {
  const app = createRouter<AppEnv>();
  app.onError(answerError);
  app.notFound((c) => {
    throw unrouted(app.routes, c.req.path);
  });
  app.use(requestId(), logRequests);
  app.route('/', healthRoutes(db));
  return app;
}

/** Adds `/openapi.json`, made from the very schemas that check requests. */
function describe(app: ReturnType<typeof createRouter<AppEnv>>) {
  app.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', { type: 'http', scheme: 'bearer' });
  app.openAPIRegistry.registerWebhook({
    method: 'post',
    path: 'sessionEvents',
    summary: 'What an endpoint receives: a batch of session events',
    request: {
      body: { content: { 'application/json': { schema: sentEventSchema.array().min(1).max(100) } } },
    },
    responses: { 200: { description: 'Any 2xx counts as delivered; the body is ignored' } },
  });
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'Bellhop',
      version,
      description: 'Session events of venues, delivered to their webhook endpoints.',
      license: { name: 'MIT' },
    },
    security: [{ apiKey: [] }],
  });
  return app;
}
