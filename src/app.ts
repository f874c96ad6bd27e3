import { requestId } from 'hono/request-id';
import type { Database } from './db/client.ts';
import type { Encryption } from './db/encryption.ts';
import type { Sender } from './delivery/attempt.ts';
import type { CidrList } from './delivery/url-guard.ts';
import { describe } from './description.ts';
import type { Accept } from './events/intake-spans.ts';
import { eventRoutes } from './events/routes.ts';
import { appWebhookRoutes, locationAppWebhookRoutes } from './flows/app-webhook-routes.ts';
import { flowRoutes } from './flows/flow-routes.ts';
import { incomingRoutes } from './flows/incoming-routes.ts';
import { runRoutes } from './flows/run-routes.ts';
import type { Runner } from './flows/runner.ts';
import { templatePreviewRoutes } from './flows/template-preview-routes.ts';
import { createCredentials, createKeyFinder } from './http/api-key.ts';
import { type AppEnv, authenticate } from './http/authorize.ts';
import { strictBody } from './http/body.ts';
import { healthRoutes } from './http/health.ts';
import { logRequests } from './http/log-requests.ts';
import { measureRequests } from './http/measure-requests.ts';
import { answerError } from './http/problem.ts';
import { limitByKey } from './http/rate-limit.ts';
import { recordRefusals } from './http/refusals.ts';
import { rememberKeys } from './http/remembered-keys.ts';
import { createRouter } from './http/router.ts';
import { unrouted } from './http/unrouted.ts';
import { noticeRoutes } from './notices/notice-routes.ts';
import { deliveryRoutes } from './outbox/delivery-routes.ts';
import { exportRoutes } from './outbox/export-routes.ts';
import { historyRoutes } from './outbox/history-routes.ts';
import { metricsRoutes } from './outbox/metrics-routes.ts';
import { rangeResendRoutes } from './outbox/range-resend-routes.ts';
import { resendRoutes } from './outbox/resend-routes.ts';
import { statsRoutes } from './outbox/stats-routes.ts';
import { streamRoutes } from './outbox/stream-routes.ts';
import type { Watch } from './outbox/watch.ts';
import { auditRoutes } from './settings/audit-routes.ts';
import { endpointRoutes } from './settings/endpoint-routes.ts';
import { type PageOptions, pageRoutes } from './page/routes.tsx';
import { keyRoutes } from './settings/key-routes.ts';
import { locationRoutes } from './settings/location-routes.ts';
import { portalLinkRoutes } from './settings/portal-link-routes.ts';
import { invocationRoutes } from './webhooks/invocation-routes.ts';
import { webhookRoutes } from './webhooks/webhook-routes.ts';

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
  /** Of one key, but for the intake of events; 0: no limit. */
  requestsPerMinute: number;
  runner: Runner;
  /** Shows deliveries as they end. */
  watch: Watch;
  /** Where people reach Bellhop; undefined: where their request did. */
  publicUrl: string | undefined;
  /** Origins whose pages may show ours in a frame. */
  frameAncestors: string[];
  /** Stores the events of a request. */
  accept: Accept;
  /** Tells the dispatchers that locations have something to send. */
  wake: (locationIds: string[]) => void;
};

/** Bytes of a request. An event is about 200, so 1,000 of them leave ample room. */
const maxBodyBytes = 1024 * 1024;
/** Bytes of a trigger, whose data may be an image in base64. */
const maxTriggerBytes = 10 * 1024 * 1024;

/** The HTTP API and the page: every route of every feature, behind authentication, with one form of error. */
export function createApp(options: AppOptions) {
  const { db, eventsDb, trustProxy, adminKey } = options;
  const app = createBaseApp(options);
  app.route('/', incomingRoutes(options, trustProxy, maxBodyBytes));
  const keys = { findKey: createKeyFinder(eventsDb, adminKey), credentials: createCredentials(db, adminKey) };
  mountApi(app, { ...options, ...keys });
  const call: PageOptions['call'] = async (path, init, env) => app.request(path, init, env);
  app.route('/', pageRoutes({ ...options, ...keys, call }));
  describe(app);
  return app;
}

type App = ReturnType<typeof createBaseApp>;

/** What needs an API key. Middleware counts for the routes that are mounted behind it. */
function mountApi(app: App, options: AppOptions & Pick<PageOptions, 'findKey' | 'credentials'>): void {
  const { db, wake, trustProxy } = options;
  const authenticated = [recordRefusals(db, trustProxy), authenticate(options.findKey, trustProxy)] as const;
  const limited = limitByKey(options.requestsPerMinute);
  app.use('/app/*', ...authenticated, limited, strictBody(maxBodyBytes));
  app.use('/v1/*', ...authenticated);
  app.use('/v1/events', strictBody(maxBodyBytes));
  // Before the limit: a core app may hand over thousands in a second.
  app.route('/', eventRoutes(options.accept, wake));
  app.use('/v1/*', limited);
  app.use('/v1/locations/:id/webhooks/:webhookId/trigger', strictBody(maxTriggerBytes));
  app.use('/v1/*', strictBody(maxBodyBytes));
  mountFeatures(app, options);
}

function mountFeatures(app: App, options: AppOptions & Pick<PageOptions, 'credentials'>): void {
  const { db, encryption, wake, allowCidrs } = options;
  app.route('/', locationRoutes(db));
  app.route('/', endpointRoutes({ db, encryption, allow: allowCidrs }));
  app.route('/', keyRoutes(db));
  app.route('/', portalLinkRoutes(options));
  app.route('/', auditRoutes(db));
  app.route('/', historyRoutes(db));
  // Before those of one delivery, whose id may be any word.
  app.route('/', streamRoutes(db, options.watch));
  app.route('/', exportRoutes(db));
  app.route('/', deliveryRoutes(db));
  // A test waits for the POST before it in its lane, and for its own.
  app.route('/', resendRoutes({ db, wake, waitMs: 2 * options.timeoutMs + 1000 }));
  app.route('/', rangeResendRoutes(db, wake));
  app.route('/', statsRoutes(db));
  app.route('/', noticeRoutes(db));
  app.route('/', webhookRoutes({ db, encryption, allow: allowCidrs }));
  app.route('/', invocationRoutes(options));
  app.route('/', flowRoutes(options));
  app.route('/', runRoutes(options));
  app.route('/', templatePreviewRoutes(db));
  app.route('/', appWebhookRoutes(db));
  app.route('/', locationAppWebhookRoutes(db));
}

type BaseOptions = Pick<AppOptions, 'db' | 'eventsDb' | 'adminKey' | 'trustProxy'>;

/** What a process without the API answers: whether it is well, its metrics, and errors in the one form. */
export function createBaseApp({ db, eventsDb, adminKey, trustProxy }: BaseOptions) {
  const app = createRouter<AppEnv>();
  app.onError(answerError);
  // Not thrown: the log of requests would miss it, whose middleware is the last one before it.
  app.notFound((c) => answerError(unrouted(app.routes, c.req.path), c));
  app.use(requestId(), logRequests, measureRequests);
  app.route('/', healthRoutes(eventsDb));
  const findKey = rememberKeys(createKeyFinder(eventsDb, adminKey));
  app.use('/metrics', recordRefusals(db, trustProxy), authenticate(findKey, trustProxy));
  app.route('/', metricsRoutes(db, eventsDb));
  return app;
}
