import { type RouteConfig, z } from '@hono/zod-openapi';
import { sentEventSchema } from './events/event.ts';
import type { AppEnv } from './http/authorize.ts';
import { complete } from './http/describe.ts';
import { problemSchema } from './http/problem.ts';
import { answers, type createRouter } from './http/router.ts';
import { noticeMessageSchema } from './notices/notice.ts';
import { version } from './version.ts';

/** Adds `/openapi.json`: what the API says of itself, made from the very schemas that check requests. */
export function describe(app: ReturnType<typeof createRouter<AppEnv>>): void {
  const { openAPIRegistry: registry } = app;
  registry.register('Problem', problemSchema);
  for (const [name, description] of Object.entries(credentials))
    registry.registerComponent('securitySchemes', name, { type: 'http', scheme: 'bearer', description });
  registry.registerWebhook(sessionEvents);
  registry.registerWebhook(endpointNotice);
  registry.registerPath(openapi);
  // Made once: it takes as long as ten other requests, and anybody may ask for it.
  let text: string | undefined;
  app.get('/openapi.json', (c) => {
    text ??= JSON.stringify(complete(app.getOpenAPI31Document(about)));
    return c.body(text, 200, { 'content-type': 'application/json' });
  });
}

const credentials = {
  apiKey: 'An API key. Each operation names the scope that it needs; `admin` is good for all.',
  flowToken: 'The token of one flow, shown when the flow is made and when its token is rotated.',
};

const openapi: RouteConfig = {
  method: 'get',
  path: '/openapi.json',
  operationId: 'specification.get',
  summary: 'This description of the API',
  security: [],
  responses: { 200: answers('An OpenAPI 3.1 document', z.record(z.string(), z.unknown())) },
};

const sequences =
  'The first and last sequence of the batch; a jump tells that events were left out on the way';

/** The other direction: what endpoints get. */
const sessionEvents: RouteConfig = {
  method: 'post',
  path: 'sessionEvents',
  operationId: 'sessionEvents',
  summary: 'What an endpoint receives: a batch of session events',
  description:
    'Sent once, with a deadline of 2 seconds; nothing is sent again by itself. The signature is that of [Standard Webhooks](https://www.standardwebhooks.com), made with the secret of the endpoint.',
  security: [],
  request: {
    headers: z.object({
      'webhook-id': z
        .guid()
        .openapi({ description: 'The id of the delivery', example: '01a20523-40cb-706d-b048-683585633a2e' }),
      'webhook-timestamp': z.string().openapi({
        description: 'When it was sent, in seconds since 1970; do not take one that is minutes old',
        example: '1795382526',
      }),
      'webhook-signature': z.string().openapi({
        description: 'One signature, or two with a space between them while a rotation overlaps',
        example: 'v1,6X0FMXGqN7m2xuE0mkLaRe9hT7BC7sToVOEDkjY2RrI=',
      }),
      'bellhop-location': z.string().openapi({
        description: 'The id of the location',
        example: 'kamen-test',
      }),
      'bellhop-sequence': z.string().openapi({ description: sequences, example: '1-1' }),
      'user-agent': z.string().openapi({ description: 'Bellhop and its version', example: 'Bellhop/0.1.0' }),
    }),
    body: {
      required: true,
      content: { 'application/json': { schema: sentEventSchema.array().min(1).max(100) } },
    },
  },
  responses: {
    '2XX': { description: 'Delivered; the body is ignored' },
    default: { description: 'Failed; it stays on record, and can be resent by hand' },
  },
};

/** What the operator gets. */
const endpointNotice: RouteConfig = {
  method: 'post',
  path: 'endpointNotice',
  operationId: 'endpointNotice',
  summary:
    "What the operator's endpoint (OPERATOR_WEBHOOK_URL) receives: a notice of an endpoint that keeps failing",
  description: 'Sent once, and signed as session events are, with OPERATOR_WEBHOOK_SECRET.',
  security: [],
  request: {
    body: { required: true, content: { 'application/json': { schema: noticeMessageSchema } } },
  },
  responses: sessionEvents.responses,
};

const about = {
  openapi: '3.1.0',
  info: {
    title: 'Bellhop',
    version,
    description: `Session events of venues, delivered to their webhook endpoints: at most once, in order, within 2 seconds.

Send \`Authorization: Bearer <API key>\`. A key that is bound to a location sees that location only: for all others it gets the
answers of one that does not exist. Errors are problems (RFC 9457) that say what was expected. Lists come in pages: hand
\`nextCursor\` of one over as \`cursor\` for the next, until it is null. A path answers 405 to methods that it does not
take, naming those that it does in \`allow\`; HEAD is as GET without the body. Members that no schema names are ignored.`,
    license: { name: 'MIT', identifier: 'MIT' },
  },
  servers: [{ url: '/', description: 'The service that you read this from' }],
  tags: [
    { name: 'events', description: 'Session events: handed over by the core app, read by who missed some' },
    { name: 'locations', description: 'Venues, under the ids of the core app' },
    { name: 'endpoints', description: 'Webhook URLs that get the events of a location' },
    { name: 'deliveries', description: 'What was sent to endpoints, and how it ended' },
    { name: 'resends', description: 'Ranges of deliveries that are sent again by hand' },
    { name: 'stats', description: 'How a location is doing' },
    { name: 'webhooks', description: 'Registered webhooks: third parties that apps call by an id' },
    { name: 'invocations', description: 'The record of every trigger of a registered webhook' },
    { name: 'flows', description: 'Steps that an incoming webhook runs' },
    { name: 'templates', description: 'The templates of flows' },
    { name: 'runs', description: 'What each run of a flow did' },
    { name: 'appWebhooks', description: 'URLs that an app makes, each running a flow with props of its own' },
    { name: 'incoming', description: 'The URLs by which outside services run flows' },
    { name: 'notices', description: 'What there was to be told of endpoints that keep failing' },
    { name: 'keys', description: 'API keys' },
    { name: 'portalLinks', description: "Links that open a location's page" },
    { name: 'audit', description: 'Who changed what' },
    { name: 'health', description: 'Whether the service is well' },
    { name: 'metrics', description: 'What a process does, for Prometheus' },
    { name: 'specification', description: 'What the API says of itself' },
  ],
  security: [{ apiKey: [] }],
};
