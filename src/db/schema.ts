import { sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import {
  bigint,
  boolean,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';

/**
 * Every table on one page. Each key begins with the location, so that no row of one venue can collide with
 * another's and the tables can be distributed by location. There are no foreign keys: a location's row is the
 * one lock that accepting takes, and a key check would take it a second time for every event.
 */

export const actions = ['create', 'delete'] as const;
export const outcomes = ['sending', 'delivered', 'failed', 'timed_out', 'abandoned'] as const;
export const reasons = [
  'http_status',
  'dns',
  'connect',
  'tls',
  'reset',
  'protocol',
  'blocked',
  'timeout',
  'crashed',
] as const;
export const skipReasons = ['paused', 'filtered', 'no_endpoint', 'expired'] as const;
export const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export const invocationOutcomes = [
  'sending',
  'answered',
  'failed',
  'timed_out',
  'refused',
  'abandoned',
] as const;
export const invocationReasons = [
  'dns',
  'connect',
  'tls',
  'reset',
  'protocol',
  'blocked',
  'too_large',
  'timeout',
  'crashed',
  'not_registered',
  'does_not_fit',
  'internal',
] as const;
/** What a notice tells of an endpoint: how far its failing has come, that it was disabled for it, or delivers again. */
export const noticeSteps = [
  'first_failures',
  'one_hour',
  'one_day',
  'three_days',
  'disabled',
  'recovered',
] as const;
export const flowStatuses = ['draft', 'live', 'paused'] as const;
export const runStatuses = ['queued', 'running', 'succeeded', 'failed', 'abandoned'] as const;
export const runSources = ['flow_webhook', 'app_webhook', 'rerun'] as const;
export const scopes = [
  'admin',
  'events:write',
  'events:read',
  'settings:read',
  'settings:write',
  'webhooks:trigger',
  'metrics:read',
] as const;

export const sessionKinds = ['key', 'link'] as const;
export const actorKinds = ['key', 'page', 'link', 'sender', 'service'] as const;

/** A JSON Schema, as it was given. */
type JsonSchema = boolean | Record<string, unknown>;

const at = (name: string) => timestamp(name, { withTimezone: true });
/** Rows are stored in the order of their age, so a BRIN index of a few pages finds the oldest for retention. */
const byAge = (name: string) => ({
  on: (column: PgColumn) => index(name).using('brin', column).with({ autosummarize: true }),
});
const sequence = (name: string) => bigint(name, { mode: 'number' });

/**
 * A row is a venue. `last_sequence` is the sequence of its newest event. An endpoint that has failed for
 * `disable_failing_after_hours` is disabled; null: none ever is. A deleted one keeps its log until retention takes it.
 */
export const locations = pgTable(
  'locations',
  {
    id: text().primaryKey(),
    uuid: uuid().notNull().defaultRandom(),
    number: integer().notNull().generatedAlwaysAsIdentity(),
    title: text().notNull(),
    lastSequence: sequence('last_sequence').notNull().default(0),
    disableFailingAfterHours: integer('disable_failing_after_hours'),
    createdAt: at('created_at').notNull().defaultNow(),
    updatedAt: at('updated_at').notNull().defaultNow(),
    deletedAt: at('deleted_at'),
  },
  (t) => [index('locations_uuid').on(t.uuid)],
);

/** A row is one session change, immutable. `id` is the caller's, `uuid` the session's. */
export const events = pgTable(
  'events',
  {
    locationId: text('location_id').notNull(),
    sequence: sequence('sequence').notNull(),
    id: uuid().notNull(),
    uuid: uuid().notNull(),
    action: text({ enum: actions }).notNull(),
    stations: integer().notNull(),
    customerid: bigint({ mode: 'number' }).notNull(),
    acceptedAt: at('accepted_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.locationId, t.sequence] }),
    uniqueIndex('events_id').on(t.locationId, t.id),
    index('events_uuid').on(t.locationId, t.uuid),
    byAge('events_accepted_at').on(t.acceptedAt),
  ],
);

/**
 * A row is a run of events of a location that one request handed over, and the `traceparent` of the span of that. Written
 * only while spans are sent to a collector.
 */
export const intakeSpans = pgTable(
  'intake_spans',
  {
    locationId: text('location_id').notNull(),
    firstSequence: sequence('first_sequence').notNull(),
    lastSequence: sequence('last_sequence').notNull(),
    traceparent: text().notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.locationId, t.lastSequence] }),
    byAge('intake_spans_created_at').on(t.createdAt),
  ],
);

/**
 * A row is an event that a transaction of the core app has handed over, until it is moved to its location's log: then it
 * gets its sequence. `number` is the order in which the rows were written.
 */
export const inbox = pgTable(
  'inbox',
  {
    locationId: text('location_id').notNull(),
    number: bigint({ mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    id: uuid().notNull(),
    uuid: uuid().notNull(),
    action: text({ enum: actions }).notNull(),
    stations: integer().notNull(),
    customerid: bigint({ mode: 'number' }).notNull(),
    emittedAt: at('emitted_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.locationId, t.number] })],
);

/**
 * A row is a webhook URL of a location. It has been sent, or skipped, everything up to `cursor`, and had no part in
 * what is at or before `start_sequence`. `lease_*` name the one delivery that holds its lane and until when.
 * `secret` and the values of `headers` are encrypted. `failing_since` is the first failure since the last success, or
 * since a pause; `disabled_reason` is why Bellhop itself disabled it. A deleted one stays, emptied, so that the log can name it.
 */
export const endpoints = pgTable(
  'endpoints',
  {
    locationId: text('location_id').notNull(),
    id: uuid().notNull(),
    url: text().notNull(),
    description: text().notNull().default(''),
    actions: text({ enum: actions }).array(),
    enabled: boolean().notNull().default(true),
    headers: jsonb().$type<Record<string, string>>().notNull().default({}),
    secret: text().notNull(),
    secretHint: text('secret_hint').notNull(),
    previousSecret: text('previous_secret'),
    previousSecretUntil: at('previous_secret_until'),
    startSequence: sequence('start_sequence').notNull(),
    cursor: sequence('cursor').notNull(),
    leaseDeliveryId: uuid('lease_delivery_id'),
    leaseUntil: at('lease_until'),
    lastDeliveredAt: at('last_delivered_at'),
    lastFailedAt: at('last_failed_at'),
    failuresInARow: integer('failures_in_a_row').notNull().default(0),
    failingSince: at('failing_since'),
    disabledReason: text('disabled_reason'),
    createdAt: at('created_at').notNull().defaultNow(),
    updatedAt: at('updated_at').notNull().defaultNow(),
    deletedAt: at('deleted_at'),
  },
  (t) => [primaryKey({ columns: [t.locationId, t.id] })],
);

/**
 * A row is one batch sent to one endpoint, once. Its `id` is a UUID v7, so that ids sort by age. It carries the events
 * from `first_sequence` to `last_sequence` whose action is in `actions` (null: all). A resend or test that waits for
 * its lane has no `started_at` yet; `range_id` is common to the resends of one range. `request_headers` are those sent ones that do not follow from the row, custom values masked; known once it has ended.
 */
export const deliveries = pgTable(
  'deliveries',
  {
    locationId: text('location_id').notNull(),
    id: uuid().notNull(),
    endpointId: uuid('endpoint_id').notNull(),
    firstSequence: sequence('first_sequence').notNull(),
    lastSequence: sequence('last_sequence').notNull(),
    events: integer().notNull(),
    actions: text({ enum: actions }).array(),
    title: text().notNull(),
    url: text().notNull(),
    outcome: text({ enum: outcomes }).notNull().default('sending'),
    reason: text({ enum: reasons }),
    statusCode: integer('status_code'),
    connectedMs: integer('connected_ms'),
    durationMs: integer('duration_ms'),
    requestHeaders: json('request_headers').$type<Record<string, string>>(),
    resendOf: uuid('resend_of'),
    rangeId: uuid('range_id'),
    test: boolean().notNull().default(false),
    createdAt: at('created_at').notNull().defaultNow(),
    startedAt: at('started_at'),
    endedAt: at('ended_at'),
  },
  (t) => [
    primaryKey({ columns: [t.locationId, t.id] }),
    index('deliveries_last_sequence').on(t.locationId, t.lastSequence),
    byAge('deliveries_created_at').on(t.createdAt),
    index('deliveries_waiting').on(t.locationId, t.endpointId, t.id).where(sql`started_at is null`),
    index('deliveries_range').on(t.locationId, t.rangeId).where(sql`range_id is not null`),
  ],
);

/** A row is a run of events that an endpoint was not sent, and why. Events of the run that a delivery carries were sent. */
export const skips = pgTable(
  'skips',
  {
    locationId: text('location_id').notNull(),
    endpointId: uuid('endpoint_id').notNull(),
    firstSequence: sequence('first_sequence').notNull(),
    lastSequence: sequence('last_sequence').notNull(),
    reason: text({ enum: skipReasons }).notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.locationId, t.endpointId, t.lastSequence] }),
    byAge('skips_created_at').on(t.createdAt),
  ],
);

/**
 * A row is something to be told of an endpoint that fails, `failing_since` a time: each step once. What is told is as it
 * was then. `outcome` null: the operator's endpoint has not been sent it; otherwise how that went, once.
 */
export const notices = pgTable(
  'notices',
  {
    locationId: text('location_id').notNull(),
    id: uuid().notNull(),
    title: text().notNull(),
    endpointId: uuid('endpoint_id').notNull(),
    host: text().notNull(),
    description: text().notNull(),
    step: text({ enum: noticeSteps }).notNull(),
    failingSince: at('failing_since').notNull(),
    failuresInARow: integer('failures_in_a_row').notNull(),
    lastReason: text('last_reason', { enum: reasons }),
    lastStatusCode: integer('last_status_code'),
    outcome: text({ enum: outcomes }),
    reason: text({ enum: reasons }),
    statusCode: integer('status_code'),
    createdAt: at('created_at').notNull().defaultNow(),
    startedAt: at('started_at'),
    endedAt: at('ended_at'),
  },
  (t) => [
    primaryKey({ columns: [t.locationId, t.id] }),
    uniqueIndex('notices_step').on(t.locationId, t.endpointId, t.failingSince, t.step),
    index('notices_id').on(t.id),
  ],
);

/**
 * A row is a third-party request that apps trigger by its `id`. A value of `headers` is encrypted; an empty one is
 * filled in by the caller. `method` null: POST with data, GET without. `secret`, when there is one, signs the request.
 */
export const webhooks = pgTable(
  'webhooks',
  {
    locationId: text('location_id').notNull(),
    id: text().notNull(),
    url: text().notNull(),
    method: text({ enum: methods }),
    headers: jsonb().$type<Record<string, string>>().notNull(),
    queryParams: text('query_params').array().notNull(),
    payloadEncoding: text('payload_encoding', { enum: ['base64'] }),
    dataSchema: json('data_schema').$type<JsonSchema>(),
    timeoutMs: integer('timeout_ms').notNull(),
    recordBodies: boolean('record_bodies').notNull(),
    secret: text(),
    createdAt: at('created_at').notNull().defaultNow(),
    updatedAt: at('updated_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.locationId, t.id] })],
);

/**
 * A row is one trigger of a registered webhook, written before the request goes out. `id` is its `referenceId`, a UUID v7.
 * `refused`: nothing was sent, `reason` and `detail` say why.
 */
export const invocations = pgTable(
  'invocations',
  {
    locationId: text('location_id').notNull(),
    id: uuid().notNull(),
    webhookId: text('webhook_id').notNull(),
    keyId: text('key_id').notNull(),
    keyName: text('key_name').notNull(),
    outcome: text({ enum: invocationOutcomes }).notNull(),
    reason: text({ enum: invocationReasons }),
    detail: text(),
    statusCode: integer('status_code'),
    durationMs: integer('duration_ms'),
    requestBytes: integer('request_bytes'),
    responseBytes: integer('response_bytes'),
    requestBody: text('request_body'),
    responseBody: text('response_body'),
    createdAt: at('created_at').notNull().defaultNow(),
    endedAt: at('ended_at'),
  },
  (t) => [
    primaryKey({ columns: [t.locationId, t.id] }),
    index('invocations_webhook').on(t.locationId, t.webhookId, t.id),
    byAge('invocations_created_at').on(t.createdAt),
  ],
);

/**
 * A row is a flow: steps that an incoming webhook runs. `id` is the name of its URL. The token is known by its SHA-256;
 * `signing_secret` verifies senders that sign, and is encrypted.
 */
export const flows = pgTable(
  'flows',
  {
    locationId: text('location_id').notNull(),
    name: text().notNull(),
    id: uuid().notNull(),
    status: text({ enum: flowStatuses }).notNull(),
    async: boolean().notNull(),
    auth: text({ enum: ['bearer', 'none'] }).notNull(),
    ref: text().notNull(),
    steps: json().$type<unknown>().notNull(),
    response: json().$type<unknown>().notNull(),
    signingSecret: text('signing_secret'),
    tokenHash: text('token_hash').notNull(),
    tokenHint: text('token_hint').notNull(),
    previousTokenHash: text('previous_token_hash'),
    previousTokenUntil: at('previous_token_until'),
    createdAt: at('created_at').notNull().defaultNow(),
    updatedAt: at('updated_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.locationId, t.name] }), index('flows_id').on(t.id)],
);

/** A row is a URL of an app, whose uuid is its secret, and which runs the flow named by `action` with `props`. */
export const appWebhooks = pgTable(
  'app_webhooks',
  {
    locationId: text('location_id').notNull(),
    id: uuid().notNull(),
    action: text().notNull(),
    props: json().$type<unknown>().notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.locationId, t.id] })],
);

/**
 * A row is one execution of a flow. A `running` one whose lease has run out is `abandoned`. `idempotency_key` is what
 * the sender calls the request; no two runs of a flow have the same. `chain` are the marks of the flows that led to it.
 */
export const runs = pgTable(
  'runs',
  {
    locationId: text('location_id').notNull(),
    id: uuid().notNull(),
    flowId: uuid('flow_id').notNull(),
    flowName: text('flow_name').notNull(),
    source: text({ enum: runSources }).notNull(),
    status: text({ enum: runStatuses }).notNull(),
    input: json().$type<unknown>().notNull(),
    chain: text().array().notNull(),
    steps: json().$type<unknown>(),
    responseStatus: integer('response_status'),
    responseType: text('response_type'),
    responseBody: text('response_body'),
    error: json().$type<unknown>(),
    idempotencyKey: text('idempotency_key'),
    rerunOf: uuid('rerun_of'),
    createdAt: at('created_at').notNull().defaultNow(),
    startedAt: at('started_at'),
    leaseUntil: at('lease_until'),
    endedAt: at('ended_at'),
  },
  (t) => [
    primaryKey({ columns: [t.locationId, t.id] }),
    uniqueIndex('runs_idempotency_key')
      .on(t.locationId, t.flowId, t.idempotencyKey)
      .where(sql`idempotency_key is not null`),
    index('runs_open').on(t.createdAt).where(sql`status in ('queued', 'running')`),
    byAge('runs_created_at').on(t.createdAt),
  ],
);

/** A row is an API key, known by the SHA-256 of its text. Bound to one location, or to none. */
export const apiKeys = pgTable(
  'api_keys',
  {
    id: uuid().primaryKey(),
    name: text().notNull(),
    hash: text().notNull(),
    hint: text().notNull(),
    scopes: text({ enum: scopes }).array().notNull(),
    locationId: text('location_id'),
    allowedIps: text('allowed_ips').array(),
    createdAt: at('created_at').notNull().defaultNow(),
    expiresAt: at('expires_at'),
    lastUsedAt: at('last_used_at'),
  },
  (t) => [uniqueIndex('api_keys_hash').on(t.hash)],
);

/**
 * A row is a sign-in to the page, known by the SHA-256 of its cookie. It acts as the API key `key_id`, at one location
 * when `location_id` is set. `link` is the hash of the link that opened it, when that link opens only once.
 */
export const sessions = pgTable(
  'sessions',
  {
    hash: text().primaryKey(),
    kind: text({ enum: sessionKinds }).notNull(),
    keyId: text('key_id').notNull(),
    locationId: text('location_id'),
    link: text(),
    createdAt: at('created_at').notNull().defaultNow(),
    usedAt: at('used_at').notNull().defaultNow(),
    endsAt: at('ends_at').notNull(),
  },
  (t) => [uniqueIndex('sessions_link').on(t.link), index('sessions_ends_at').on(t.endsAt)],
);

/**
 * A row is something that a person or a key did, or was refused: written once, never changed. `location_id` is empty
 * when it was about no location. `before` and `after` are as the API answers them, secrets masked.
 */
export const audit = pgTable(
  'audit',
  {
    locationId: text('location_id').notNull(),
    id: uuid().notNull(),
    actorKind: text('actor_kind', { enum: actorKinds }).notNull(),
    actorId: text('actor_id').notNull(),
    actorName: text('actor_name').notNull(),
    action: text().notNull(),
    target: text().notNull(),
    before: json().$type<unknown>(),
    after: json().$type<unknown>(),
    address: text().notNull(),
    requestId: text('request_id').notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.locationId, t.id] }), index('audit_id').on(t.id)],
);
