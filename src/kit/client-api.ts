// Made from docs/openapi.json by `npm run spec`.
import type { CallOptions, Http } from './client-http.ts';

export type SessionEvent = {
  uuid: string;
  action: 'create' | 'delete';
  location: string;
  stations: number;
  customerid: number;
};

export type NoticeMessage = {
  type: 'endpoint.failing' | 'endpoint.disabled' | 'endpoint.recovered';
  /** When it was raised. */
  timestamp: string;
  data: {
    locationId: string;
    /** Its title. */
    location: string;
    endpointId: string;
    /** Of its URL, whose path may hold a secret. */
    host: string;
    description: string;
    /** How far its failing has come; null: disabled or recovered. */
    step: 'first_failures' | 'one_hour' | 'one_day' | 'three_days' | null;
    /** Its first failure without a success since. */
    failingSince: string;
    failuresInARow: number;
    lastReason:
      | 'http_status'
      | 'dns'
      | 'connect'
      | 'tls'
      | 'reset'
      | 'protocol'
      | 'blocked'
      | 'timeout'
      | 'crashed'
      | null;
    lastStatusCode: number | null;
  };
};

export type NewEvent = {
  id?: string | undefined;
  uuid: string;
  action: 'create' | 'delete';
  stations: number;
  customerid: number;
  locationId: string;
};

export type Trigger = {
  data?: string | Record<string, unknown> | unknown[] | undefined;
  headers?: Record<string, string> | undefined;
  queryParams?: Record<string, string | number | boolean> | undefined;
};

export type Step =
  | {
      ref: string;
      /** The registered webhook to trigger. */
      trigger: string;
      data?: string | Record<string, unknown> | unknown[] | undefined;
      headers?: Record<string, string> | undefined;
      queryParams?: Record<string, string | number | boolean> | undefined;
    }
  | {
      ref: string;
      emit: {
        uuid: string;
        action: string;
        stations: number | string;
        customerid: number | string;
      };
    };

export type Problem = {
  title: string;
  status: number;
  detail: string;
  requestId: string;
  errors?:
    | {
        path: string;
        message: string;
      }[]
    | undefined;
};

export type Accepted = {
  /** Events stored by this request. */
  accepted: number;
  /** Events whose id was stored before. */
  duplicates: number;
  events: {
    id: string;
    locationId: string;
    sequence: number;
  }[];
};

export type Location = {
  id: string;
  uuid: string;
  title: string;
  disableFailingAfterHours: number | null;
  /** The sequence of its newest event. */
  lastSequence: number;
  createdAt: string;
  updatedAt: string;
};

export type ListedLocation = Location & {
  /** With `withStats`: deliveries are those that ended in the last 24 hours, without tests. */
  stats?:
    | {
        endpoints: number;
        /** Endpoints whose last delivery did not arrive. */
        failing: number;
        /** Since when the one of them fails that fails for longest; null: none does. */
        failingSince: string | null;
        /** Endpoints that were disabled because they kept failing. */
        disabled: number;
        /** Events not sent yet, over all endpoints. */
        backlog: number;
        lastEventAt: string | null;
        deliveries: number;
        delivered: number;
      }
    | undefined;
};

export type Endpoint = {
  id: string;
  url: string;
  description: string;
  actions: ('create' | 'delete')[];
  enabled: boolean;
  /** Why Bellhop itself disabled it; null: it did not. */
  disabledReason: string | null;
  /** Values are masked. */
  headers: Record<string, string>;
  secretHint: string;
  health: {
    state: 'new' | 'healthy' | 'failing' | 'paused';
    lastDeliveredAt: string | null;
    lastFailedAt: string | null;
    failuresInARow: number;
    /** The first failure since the last success, or since it was enabled; null: none. */
    failingSince: string | null;
    /** How far its failing has come; null: not so far that it is told. */
    step: 'first_failures' | 'one_hour' | 'one_day' | 'three_days' | null;
  };
  createdAt: string;
  updatedAt: string;
};

export type NewEndpoint = {
  url: string;
  description?: string | undefined;
  /** Which events it is sent; null: all. */
  actions?: ('create' | 'delete')[] | null | undefined;
  enabled?: boolean | undefined;
  /** A value of •••••• keeps the one that is stored. */
  headers?: Record<string, unknown> | undefined;
};

export type EndpointChange = {
  url?: string | undefined;
  description?: string | undefined;
  /** Which events it is sent; null: all. */
  actions?: ('create' | 'delete')[] | null | undefined;
  enabled?: boolean | undefined;
  /** A value of •••••• keeps the one that is stored. */
  headers?: Record<string, unknown> | undefined;
};

export type Key = {
  id: string;
  name: string;
  scopes: (
    | 'admin'
    | 'events:write'
    | 'events:read'
    | 'settings:read'
    | 'settings:write'
    | 'webhooks:trigger'
    | 'metrics:read'
  )[];
  locationId: string | null;
  allowedIps: string[] | null;
  /** The last characters of the key. */
  hint: string;
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
};

export type NewKey = {
  name: string;
  scopes: (
    | 'admin'
    | 'events:write'
    | 'events:read'
    | 'settings:read'
    | 'settings:write'
    | 'webhooks:trigger'
    | 'metrics:read'
  )[];
  locationId?: string | null | undefined;
  allowedIps?: string[] | null | undefined;
  expiresAt?: string | null | undefined;
};

export type AuditEntry = {
  id: string;
  locationId: string | null;
  actor: {
    /** key: by an API key; page, link: a person at the page; sender: nobody known; service: Bellhop itself. */
    kind: 'key' | 'page' | 'link' | 'sender' | 'service';
    id: string;
    name: string;
  };
  action:
    | 'endpoint.created'
    | 'endpoint.changed'
    | 'endpoint.deleted'
    | 'endpoint.disabled'
    | 'endpoint.secret_rotated'
    | 'endpoint.tested'
    | 'location.created'
    | 'location.changed'
    | 'location.deleted'
    | 'key.created'
    | 'key.revoked'
    | 'key.refused'
    | 'webhook.saved'
    | 'webhook.deleted'
    | 'flow.saved'
    | 'flow.deleted'
    | 'flow.token_rotated'
    | 'app_webhook.created'
    | 'app_webhook.deleted'
    | 'delivery.resent'
    | 'deliveries.resent'
    | 'deliveries.dropped'
    | 'run.rerun'
    | 'session.opened'
    | 'session.closed'
    | 'link.created';
  /** The id of what it was done to. */
  target: string;
  /** As the API answers it, secrets left out; null: nothing. */
  before?: unknown;
  /** As the API answers it, secrets left out; null: nothing. */
  after?: unknown;
  address: string;
  requestId: string;
  at: string;
};

export type Delivery = {
  id: string;
  endpointId: string;
  locationId: string;
  outcome: 'sending' | 'delivered' | 'failed' | 'timed_out' | 'abandoned';
  reason:
    | 'http_status'
    | 'dns'
    | 'connect'
    | 'tls'
    | 'reset'
    | 'protocol'
    | 'blocked'
    | 'timeout'
    | 'crashed'
    | null;
  statusCode: number | null;
  /** From the beginning of the attempt to its outcome. */
  durationMs: number | null;
  /** How many events it carries. */
  events: number;
  firstSequence: number;
  lastSequence: number;
  /** Null while a resend or test waits for its turn. */
  startedAt: string | null;
  endedAt: string | null;
  resendOf: string | null;
  test: boolean;
};

export type Event = {
  id: string;
  locationId: string;
  sequence: number;
  uuid: string;
  action: 'create' | 'delete';
  stations: number;
  customerid: number;
  acceptedAt: string;
};

export type DeliveryInFull = Delivery & {
  url: string;
  /** As sent, custom values masked; null until the outcome is known. */
  requestHeaders: Record<string, string> | null;
  /** The exact body; null when its events have left the log. */
  body: string | null;
  timings: {
    /** When its first event was accepted; null for a test, and when its events have left the log. */
    acceptedAt: string | null;
    createdAt: string;
    /** Until the connection stood, TLS included. */
    connectedMs: number | null;
    /** Until the status code was there. */
    answeredMs: number | null;
  };
};

export type Resends = {
  id: string;
  endpointId: string;
  resends: number;
  events: number;
  /** Resends that nobody has begun to send. */
  waiting: number;
  sending: number;
  delivered: number;
  failed: number;
  timedOut: number;
  abandoned: number;
  /** When the first of them began; null while all wait. */
  startedAt: string | null;
  /** When the last of them ended; null until all have. */
  endedAt: string | null;
};

export type Stats = {
  hours: number;
  deliveries: number;
  delivered: number;
  failed: number;
  timedOut: number;
  abandoned: number;
  /** Of delivered ones, from the beginning of the attempt to the answer. */
  latencyMs: {
    p50: number | null;
    p95: number | null;
    p99: number | null;
  };
  /** Events that endpoints have not been sent yet, over all endpoints. */
  backlog: number;
  endpoints: {
    endpointId: string;
    deliveries: number;
    delivered: number;
    failed: number;
    timedOut: number;
    abandoned: number;
    backlog: number;
    byHour: {
      hour: string;
      deliveries: number;
      delivered: number;
    }[];
  }[];
  byHour: {
    hour: string;
    deliveries: number;
    delivered: number;
    failed: number;
    timedOut: number;
    abandoned: number;
    latencyMs: {
      p50: number | null;
      p95: number | null;
    };
  }[];
  /** Events by what became of them, once for each endpoint; without resends. */
  events: {
    /** Events that the location accepted in these hours. */
    accepted: number;
    delivered: number;
    failed: number;
    timedOut: number;
    abandoned: number;
  };
  /** What went wrong, most events first; at most 20 kinds. */
  failures: {
    endpointId: string;
    outcome: 'failed' | 'timed_out' | 'abandoned';
    reason:
      | 'http_status'
      | 'dns'
      | 'connect'
      | 'tls'
      | 'reset'
      | 'protocol'
      | 'blocked'
      | 'timeout'
      | 'crashed'
      | null;
    statusCode: number | null;
    deliveries: number;
    events: number;
  }[];
  /** When the newest event was accepted, in these hours or before. */
  lastEventAt: string | null;
};

export type Notice = NoticeMessage & {
  /** The `webhook-id` of its message. */
  id: string;
  /** How sending it to the operator's endpoint went; null: it was not sent. */
  sent: {
    outcome: 'sending' | 'delivered' | 'failed' | 'timed_out' | 'abandoned';
    reason:
      | 'http_status'
      | 'dns'
      | 'connect'
      | 'tls'
      | 'reset'
      | 'protocol'
      | 'blocked'
      | 'timeout'
      | 'crashed'
      | null;
    statusCode: number | null;
    startedAt: string | null;
    endedAt: string | null;
  } | null;
};

export type Webhook = {
  id: string;
  url: string;
  /** Null: POST when data is sent, else GET. */
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | null;
  /** Values are masked. */
  headers: Record<string, string>;
  queryParams: string[];
  /** base64: `data` is base64, and its bytes are sent. */
  payload_encoding: 'base64' | null;
  /** A JSON Schema (2020-12 or draft-07) that `data` must fit. */
  dataSchema: boolean | Record<string, unknown> | null;
  timeoutMs: number;
  /** Whether invocations keep what was sent and answered, up to 64 KiB each. */
  recordBodies: boolean;
  /** Whether requests are signed by Standard Webhooks, with a secret of their own. */
  sign: boolean;
  createdAt: string;
  updatedAt: string;
};

export type NewWebhook = {
  /** The id of the path, if it is given. */
  id?: string | undefined;
  url: string;
  /** Null: POST when data is sent, else GET. */
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | null | undefined;
  /** Values are hidden from then on; one of •••••• keeps what is stored. An empty value is one that the caller fills in. */
  headers?: Record<string, string> | undefined;
  /** The query parameters that a caller may pass. */
  queryParams?: string[] | undefined;
  /** base64: `data` is base64, and its bytes are sent. */
  payload_encoding?: 'base64' | null | undefined;
  /** A JSON Schema (2020-12 or draft-07) that `data` must fit. */
  dataSchema?: boolean | Record<string, unknown> | null | undefined;
  timeoutMs?: number | undefined;
  /** Whether invocations keep what was sent and answered, up to 64 KiB each. */
  recordBodies?: boolean | undefined;
  /** Whether requests are signed by Standard Webhooks, with a secret of their own. */
  sign?: boolean | undefined;
};

export type TriggerAnswer = {
  referenceId: string;
  /** The third party's status; 0 when no answer came, or it broke off. */
  status: number;
  /** JSON as it is, text as a text, anything else as {contentType, base64}; null: none that could be read. */
  data?: unknown;
  error: boolean;
};

export type Invocation = {
  referenceId: string;
  webhookId: string;
  /** Whose key triggered it. */
  key: {
    id: string;
    name: string;
  };
  outcome: 'sending' | 'answered' | 'failed' | 'timed_out' | 'refused' | 'abandoned';
  reason:
    | 'dns'
    | 'connect'
    | 'tls'
    | 'reset'
    | 'protocol'
    | 'blocked'
    | 'too_large'
    | 'timeout'
    | 'crashed'
    | 'not_registered'
    | 'does_not_fit'
    | 'internal'
    | null;
  /** Why it was refused, in words. */
  detail: string | null;
  /** The third party's status code. */
  status: number | null;
  durationMs: number | null;
  requestBytes: number | null;
  responseBytes: number | null;
  createdAt: string;
  endedAt: string | null;
};

export type InvocationInFull = Invocation & {
  /** In base64 when it is not text. */
  requestBody: string | null;
  responseBody: string | null;
};

export type Flow = {
  id: string;
  name: string;
  status: 'draft' | 'live' | 'paused';
  async: boolean;
  auth: 'bearer' | 'none';
  ref: string;
  steps: Step[];
  response: {
    status: number;
    body: string;
  };
  /** Masked. */
  signingSecret: string | null;
  /** Where outside services trigger it. */
  url: string;
  tokenHint: string | null;
  createdAt: string;
  updatedAt: string;
};

export type NewFlow = {
  status?: 'draft' | 'live' | 'paused' | undefined;
  async?: boolean | undefined;
  auth?: 'bearer' | 'none' | undefined;
  ref?: string | undefined;
  steps?: Step[] | undefined;
  response?:
    | {
        status?: number | undefined;
        /** A template. One that begins with { or [ claims to be JSON. */
        body?: string | undefined;
      }
    | undefined;
  /** Of a sender that signs by Standard Webhooks; •••••• keeps the one that is stored. */
  signingSecret?: string | null | undefined;
};

export type FlowStatus = {
  status: 'draft' | 'live' | 'paused';
};

export type Run = {
  id: string;
  flow: {
    id: string;
    name: string;
  };
  source: 'flow_webhook' | 'app_webhook' | 'rerun';
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'abandoned';
  responseStatus: number | null;
  error: {
    where: string;
    message: string;
    /** In the template. */
    line: number | null;
  } | null;
  rerunOf: string | null;
  createdAt: string;
  startedAt: string | null;
  endedAt: string | null;
};

export type RunInFull = Run & {
  input: {
    event?: unknown;
    props?: unknown;
  };
  steps: {
    ref: string;
    /** What its templates became; header values are masked. */
    input?: unknown;
    result?: unknown;
    durationMs: number;
  }[];
  response: {
    status: number;
    type: string;
    body: string;
  } | null;
};

export type TemplatePreview = {
  text: string | null;
  error: {
    message: string;
    /** Counted from 1. */
    line: number | null;
  } | null;
};

export type NewTemplatePreview = {
  template: string;
  /** The name of the event, beside `event`. */
  ref?: string | undefined;
  event?: unknown;
  props?: unknown;
  /** What earlier steps came to, by their refs. */
  results?: Record<string, unknown> | undefined;
};

export type AppWebhook = {
  uuid: string;
  action: string;
  props?: unknown;
  /** The location's number. */
  environment_id: number;
  user_id: null;
};

export type NewAppWebhook = {
  /** The name of the flow to run. */
  action: string;
  props?: unknown;
};

/** Every operation of the API. */
export function createApi(http: Http) {
  return {
    health: {
      /** Whether the process answers. */
      live: (options?: CallOptions) =>
        http.json<{
          status: 'ok';
        }>('GET /healthz', [], {}, options),
      /** Whether the database answers too. */
      ready: (options?: CallOptions) =>
        http.json<{
          status: 'ready';
        }>('GET /readyz', [], {}, options),
    },
    metrics: {
      /** The metrics of this process, and the backlog of the whole service, for Prometheus. Needs the scope `metrics:read`. */
      read: (options?: CallOptions) => http.response('GET /metrics', [], {}, options),
    },
    incoming: {
      /** Run a flow, from outside: with JSON, a form or text as its event. Without a key; a flow with `auth` `bearer` asks for its own token. */
      runFlow: (flowId: string, body?: unknown, options?: CallOptions) =>
        http.response('POST /v1/flow-webhook/{flowId}', [flowId], { body }, options),
      /** Run the flow of an app webhook, from outside. */
      runAppWebhook: (appUuid: string, webhookUuid: string, body?: unknown, options?: CallOptions) =>
        http.response(
          'POST /apps/{appUuid}/webhooks/{webhookUuid}',
          [appUuid, webhookUuid],
          { body },
          options,
        ),
    },
    events: {
      /** Hand over session events: one, or an array of up to 1,000. Answered after the commit, all or nothing. Repeating an event with the same `id` stores it once, so a request whose answer was lost can be repeated as it is. Needs the scope `events:write`. */
      handOver: (body: NewEvent | NewEvent[], options?: CallOptions) =>
        http.json<Accepted>('POST /v1/events', [], { body }, options),
      /** The events of a location in sequence order: from a sequence on, or those of one session with their story. Needs the scope `events:read`. */
      list: (
        query?: {
          limit?: number | undefined;
          cursor?: number | undefined;
          /** The last sequence that is known already. */
          after?: number | undefined;
          /** A session id. */
          uuid?: string | undefined;
        },
        options?: CallOptions,
      ) =>
        http.pages<
          Event & {
            /** With `uuid`: the deliveries that carry this event. */
            deliveries?: Delivery[] | undefined;
            /** With `uuid`: the endpoints that are not sent this event, and why. */
            skipped?:
              | {
                  endpointId: string | null;
                  reason: 'paused' | 'filtered' | 'no_endpoint' | 'expired';
                }[]
              | undefined;
            /** With `uuid`: the endpoints that are still to be sent this event. */
            pending?:
              | {
                  endpointId: string;
                }[]
              | undefined;
          }
        >('GET /v1/locations/{id}/events', [http.locationId], { query }, options),
    },
    locations: {
      /** Make a location, or change its settings. Needs the scope `settings:write`. */
      put: (
        id: string,
        body: {
          title: string;
          /** An endpoint that fails for so many hours without a success is disabled; null: never, as at first. Left out, it stays as it is. */
          disableFailingAfterHours?: number | null | undefined;
        },
        options?: CallOptions,
      ) => http.json<Location>('PUT /v1/locations/{id}', [id], { body }, options),
      /** A location. Needs the scope `settings:read`. */
      get: (id: string, options?: CallOptions) =>
        http.json<Location>('GET /v1/locations/{id}', [id], {}, options),
      /** Delete a location with its endpoints, webhooks, flows and keys. Its log is kept until retention takes it. A location that is made again under the same id goes on with its sequence. Needs the scope `settings:write`. */
      delete: (id: string, options?: CallOptions) =>
        http.nothing('DELETE /v1/locations/{id}', [id], {}, options),
      /** The locations, by id. Needs the scope `settings:read`. */
      list: (
        query?: {
          limit?: number | undefined;
          cursor?: string | undefined;
          /** Part of an id or title, in upper or lower case. */
          q?: string | undefined;
          withStats?: 'true' | 'false' | undefined;
        },
        options?: CallOptions,
      ) => http.pages<ListedLocation>('GET /v1/locations', [], { query }, options),
    },
    endpoints: {
      /** Add an endpoint; it gets the events accepted from now on. Needs the scope `settings:write`. */
      create: (body: NewEndpoint, options?: CallOptions) =>
        http.json<
          Endpoint & {
            /** Shown now and never again. */
            secret: string;
            /** What is allowed, but should be better. */
            warnings: string[];
          }
        >('POST /v1/locations/{id}/endpoints', [http.locationId], { body }, options),
      /** The endpoints of a location, newest first. Needs the scope `settings:read`. */
      list: (
        query?: {
          limit?: number | undefined;
          cursor?: string | undefined;
        },
        options?: CallOptions,
      ) => http.pages<Endpoint>('GET /v1/locations/{id}/endpoints', [http.locationId], { query }, options),
      /** An endpoint. Needs the scope `settings:read`. */
      get: (endpointId: string, options?: CallOptions) =>
        http.json<Endpoint>(
          'GET /v1/locations/{id}/endpoints/{endpointId}',
          [http.locationId, endpointId],
          {},
          options,
        ),
      /** Change an endpoint; a re-enabled one gets the events accepted from then on. Needs the scope `settings:write`. */
      change: (endpointId: string, body: EndpointChange, options?: CallOptions) =>
        http.json<
          Endpoint & {
            /** What is allowed, but should be better. */
            warnings: string[];
          }
        >(
          'PATCH /v1/locations/{id}/endpoints/{endpointId}',
          [http.locationId, endpointId],
          { body },
          options,
        ),
      /** Delete an endpoint; what it was still to be sent is skipped. Needs the scope `settings:write`. */
      delete: (endpointId: string, options?: CallOptions) =>
        http.nothing(
          'DELETE /v1/locations/{id}/endpoints/{endpointId}',
          [http.locationId, endpointId],
          {},
          options,
        ),
      /** Make a new secret; deliveries carry both signatures while they overlap. Needs the scope `settings:write`. */
      rotateSecret: (
        endpointId: string,
        body?: {
          /** How long the old one stays valid beside the new one. */
          overlapHours?: number | undefined;
        },
        options?: CallOptions,
      ) =>
        http.json<
          Endpoint & {
            /** Shown now and never again. */
            secret: string;
            previousSecretUntil: string | null;
          }
        >(
          'POST /v1/locations/{id}/endpoints/{endpointId}/rotate-secret',
          [http.locationId, endpointId],
          { body },
          options,
        ),
      /** Send a sample event on the real path, and tell how it went. Needs the scope `settings:write`. */
      test: (
        endpointId: string,
        body?: {
          action?: 'create' | 'delete' | undefined;
        },
        options?: CallOptions,
      ) =>
        http.json<Delivery>(
          'POST /v1/locations/{id}/endpoints/{endpointId}/test',
          [http.locationId, endpointId],
          { body },
          options,
        ),
      /** Resend the deliveries that began in a range of time, oldest first. Tests and resends of the range are left out; without `outcomes`, every ended delivery is resent. At most 10000 at once. Needs the scope `settings:write`. */
      resend: (
        endpointId: string,
        body: {
          from: string;
          to: string;
          outcomes?: ('delivered' | 'failed' | 'timed_out' | 'abandoned')[] | undefined;
          /** Only tell what would be resent. */
          dryRun?: boolean | undefined;
        },
        options?: CallOptions,
      ) =>
        http.json<
          | {
              resends: number;
              events: number;
            }
          | {
              id: string | null;
              resends: number;
            }
        >(
          'POST /v1/locations/{id}/endpoints/{endpointId}/resend',
          [http.locationId, endpointId],
          { body },
          options,
        ),
    },
    keys: {
      /** Make an API key. Needs the scope `admin`. */
      create: (body: NewKey, options?: CallOptions) =>
        http.json<
          Key & {
            key: string;
          }
        >('POST /v1/keys', [], { body }, options),
      /** The API keys, newest first. Needs the scope `admin`. */
      list: (
        query?: {
          limit?: number | undefined;
          cursor?: string | undefined;
          /** Only keys that are bound to this location. */
          locationId?: string | undefined;
        },
        options?: CallOptions,
      ) => http.pages<Key>('GET /v1/keys', [], { query }, options),
      /** Revoke an API key; it stops at once. Needs the scope `admin`. */
      revoke: (id: string, options?: CallOptions) => http.nothing('DELETE /v1/keys/{id}', [id], {}, options),
    },
    portalLinks: {
      /** Make a short-lived link to the location's settings page. Whoever follows it may do at this location what the key may that made it, from any address, until they sign out, the key is revoked, or half a day has passed. Needs the scope `settings:write`. */
      create: (
        body?: {
          /** How long the link opens the page. */
          ttlMinutes?: number | undefined;
        },
        options?: CallOptions,
      ) =>
        http.json<{
          url: string;
          expiresAt: string;
        }>('POST /v1/locations/{id}/portal-links', [http.locationId], { body }, options),
    },
    audit: {
      /** Who changed what, when, from where, newest first. Entries are written with the change that they tell of, and are never changed or removed. Needs the scope `admin`. */
      list: (
        query?: {
          limit?: number | undefined;
          cursor?: string | undefined;
          locationId?: string | undefined;
          action?:
            | 'endpoint.created'
            | 'endpoint.changed'
            | 'endpoint.deleted'
            | 'endpoint.disabled'
            | 'endpoint.secret_rotated'
            | 'endpoint.tested'
            | 'location.created'
            | 'location.changed'
            | 'location.deleted'
            | 'key.created'
            | 'key.revoked'
            | 'key.refused'
            | 'webhook.saved'
            | 'webhook.deleted'
            | 'flow.saved'
            | 'flow.deleted'
            | 'flow.token_rotated'
            | 'app_webhook.created'
            | 'app_webhook.deleted'
            | 'delivery.resent'
            | 'deliveries.resent'
            | 'deliveries.dropped'
            | 'run.rerun'
            | 'session.opened'
            | 'session.closed'
            | 'link.created'
            | undefined;
          /** The id of the API key; `environment` is the one of BELLHOP_ADMIN_KEY. */
          actorId?: string | undefined;
          from?: string | undefined;
          to?: string | undefined;
        },
        options?: CallOptions,
      ) => http.pages<AuditEntry>('GET /v1/audit', [], { query }, options),
    },
    deliveries: {
      /** Each delivery as it ends, as server-sent events. Events are named `delivery`; their id is the id of the delivery, their data the delivery as in lists. A comment every 15 seconds shows that the stream is still there. With `Last-Event-ID`, at most 1,000 deliveries that ended since that one come first; over a reconnect the same one may come twice. A reader that does not read is hung up on. Needs the scope `events:read`. */
      stream: (
        query?: {
          endpointId?: string | undefined;
          outcome?: 'sending' | 'delivered' | 'failed' | 'timed_out' | 'abandoned' | undefined;
        },
        options?: CallOptions & { lastEventId?: string | undefined },
      ) =>
        http.stream<Delivery>(
          'GET /v1/locations/{id}/deliveries/stream',
          [http.locationId],
          { query },
          options,
        ),
      /** The deliveries of a location as CSV, newest first. RFC 4180, with a header row. A cell that a spreadsheet would take for a formula begins with an apostrophe. Needs the scope `events:read`. */
      export: (
        query?: {
          endpointId?: string | undefined;
          outcome?: 'sending' | 'delivered' | 'failed' | 'timed_out' | 'abandoned' | undefined;
          /** A session id: deliveries that carry an event of it. */
          uuid?: string | undefined;
          from?: string | undefined;
          to?: string | undefined;
        },
        options?: CallOptions,
      ) => http.response('GET /v1/locations/{id}/deliveries/export', [http.locationId], { query }, options),
      /** The deliveries of a location, newest first. Needs the scope `events:read`. */
      list: (
        query?: {
          limit?: number | undefined;
          cursor?: string | undefined;
          endpointId?: string | undefined;
          outcome?: 'sending' | 'delivered' | 'failed' | 'timed_out' | 'abandoned' | undefined;
          /** A session id: deliveries that carry an event of it. */
          uuid?: string | undefined;
          from?: string | undefined;
          to?: string | undefined;
        },
        options?: CallOptions,
      ) => http.pages<Delivery>('GET /v1/locations/{id}/deliveries', [http.locationId], { query }, options),
      /** One delivery in full. Needs the scope `events:read`. */
      get: (deliveryId: string, options?: CallOptions) =>
        http.json<DeliveryInFull>(
          'GET /v1/locations/{id}/deliveries/{deliveryId}',
          [http.locationId, deliveryId],
          {},
          options,
        ),
      /** Send the same events to the same endpoint once more. Needs the scope `settings:write`. */
      resend: (deliveryId: string, options?: CallOptions) =>
        http.json<Delivery>(
          'POST /v1/locations/{id}/deliveries/{deliveryId}/resend',
          [http.locationId, deliveryId],
          {},
          options,
        ),
    },
    resends: {
      /** How the resends of a range stand. Needs the scope `events:read`. */
      get: (resendId: string, options?: CallOptions) =>
        http.json<Resends>(
          'GET /v1/locations/{id}/resends/{resendId}',
          [http.locationId, resendId],
          {},
          options,
        ),
      /** Drop the resends of a range that still wait for their turn. What has begun goes on, and stays on record. Needs the scope `settings:write`. */
      drop: (resendId: string, options?: CallOptions) =>
        http.json<{
          dropped: number;
        }>('DELETE /v1/locations/{id}/resends/{resendId}', [http.locationId, resendId], {}, options),
    },
    stats: {
      /** Outcomes, latency and backlog of a location. Needs the scope `events:read`. */
      get: (
        query?: {
          hours?: number | undefined;
        },
        options?: CallOptions,
      ) => http.json<Stats>('GET /v1/locations/{id}/stats', [http.locationId], { query }, options),
    },
    notices: {
      /** Notices of endpoints that keep failing, newest first, of all locations that the key may see. Needs the scope `events:read`. */
      listAll: (
        query?: {
          limit?: number | undefined;
          cursor?: string | undefined;
        },
        options?: CallOptions,
      ) => http.pages<Notice>('GET /v1/notices', [], { query }, options),
      /** Notices of endpoints of a location that keep failing, newest first. Needs the scope `events:read`. */
      list: (
        query?: {
          limit?: number | undefined;
          cursor?: string | undefined;
        },
        options?: CallOptions,
      ) => http.pages<Notice>('GET /v1/locations/{id}/notices', [http.locationId], { query }, options),
    },
    webhooks: {
      /** Register a third-party webhook, or replace its registration. Needs the scope `settings:write`. */
      put: (webhookId: string, body: NewWebhook, options?: CallOptions) =>
        http.json<
          Webhook & {
            /** Of a signed webhook: shown now and never again. */
            secret?: string | undefined;
            warnings: string[];
          }
        >('PUT /v1/locations/{id}/webhooks/{webhookId}', [http.locationId, webhookId], { body }, options),
      /** A registered webhook. Needs the scope `settings:read`. */
      get: (webhookId: string, options?: CallOptions) =>
        http.json<Webhook>(
          'GET /v1/locations/{id}/webhooks/{webhookId}',
          [http.locationId, webhookId],
          {},
          options,
        ),
      /** Remove a registered webhook; its invocations stay on record. Needs the scope `settings:write`. */
      delete: (webhookId: string, options?: CallOptions) =>
        http.nothing(
          'DELETE /v1/locations/{id}/webhooks/{webhookId}',
          [http.locationId, webhookId],
          {},
          options,
        ),
      /** The registered webhooks of a location, by id. Needs the scope `settings:read`. */
      list: (
        query?: {
          limit?: number | undefined;
          cursor?: string | undefined;
        },
        options?: CallOptions,
      ) => http.pages<Webhook>('GET /v1/locations/{id}/webhooks', [http.locationId], { query }, options),
      /** Trigger a registered webhook. Answers 200 whether the third party succeeds, fails, or cannot be contacted (`status` 0, `error` true). One attempt, never repeated. The body may have up to 10 MiB. Needs the scope `webhooks:trigger`. */
      trigger: (webhookId: string, body?: Trigger, options?: CallOptions) =>
        http.json<TriggerAnswer>(
          'POST /v1/locations/{id}/webhooks/{webhookId}/trigger',
          [http.locationId, webhookId],
          { body },
          options,
        ),
    },
    invocations: {
      /** The invocations of a webhook, newest first. Needs the scope `settings:read`. */
      list: (
        webhookId: string,
        query?: {
          limit?: number | undefined;
          cursor?: string | undefined;
        },
        options?: CallOptions,
      ) =>
        http.pages<Invocation>(
          'GET /v1/locations/{id}/webhooks/{webhookId}/invocations',
          [http.locationId, webhookId],
          { query },
          options,
        ),
      /** One invocation in full. Needs the scope `settings:read`. */
      get: (referenceId: string, options?: CallOptions) =>
        http.json<InvocationInFull>(
          'GET /v1/locations/{id}/invocations/{referenceId}',
          [http.locationId, referenceId],
          {},
          options,
        ),
    },
    flows: {
      /** Make a flow, or replace it; every template and every webhook it names is checked. Needs the scope `settings:write`. */
      put: (name: string, body: NewFlow, options?: CallOptions) =>
        http.json<
          Flow & {
            /** Shown now and never again. */
            token?: string | undefined;
          }
        >('PUT /v1/locations/{id}/flows/{name}', [http.locationId, name], { body }, options),
      /** A flow. Needs the scope `settings:read`. */
      get: (name: string, options?: CallOptions) =>
        http.json<Flow>('GET /v1/locations/{id}/flows/{name}', [http.locationId, name], {}, options),
      /** Pause a flow, or let it go on; it is not checked anew, so that a broken one can be paused. Needs the scope `settings:write`. */
      change: (name: string, body: FlowStatus, options?: CallOptions) =>
        http.json<Flow>('PATCH /v1/locations/{id}/flows/{name}', [http.locationId, name], { body }, options),
      /** Delete a flow; its runs stay on record. Needs the scope `settings:write`. */
      delete: (name: string, options?: CallOptions) =>
        http.nothing('DELETE /v1/locations/{id}/flows/{name}', [http.locationId, name], {}, options),
      /** The flows of a location, by name. Needs the scope `settings:read`. */
      list: (
        query?: {
          limit?: number | undefined;
          cursor?: string | undefined;
        },
        options?: CallOptions,
      ) => http.pages<Flow>('GET /v1/locations/{id}/flows', [http.locationId], { query }, options),
      /** Make a new token for the URL of a flow. Needs the scope `settings:write`. */
      rotateToken: (
        name: string,
        body?: {
          /** How long the old one stays valid beside the new one. */
          overlapHours?: number | undefined;
        },
        options?: CallOptions,
      ) =>
        http.json<
          Flow & {
            /** Shown now and never again. */
            token: string;
          }
        >('POST /v1/locations/{id}/flows/{name}/rotate-token', [http.locationId, name], { body }, options),
    },
    runs: {
      /** The runs of a location, newest first. Needs the scope `settings:read`. */
      list: (
        query?: {
          limit?: number | undefined;
          cursor?: string | undefined;
          flow?: string | undefined;
          status?: 'queued' | 'running' | 'succeeded' | 'failed' | 'abandoned' | undefined;
        },
        options?: CallOptions,
      ) => http.pages<Run>('GET /v1/locations/{id}/runs', [http.locationId], { query }, options),
      /** One run in full: its input, the result of each step, its response or error. Needs the scope `settings:read`. */
      get: (runId: string, options?: CallOptions) =>
        http.json<RunInFull>('GET /v1/locations/{id}/runs/{runId}', [http.locationId, runId], {}, options),
      /** Run the flow once more, as it is now, on the same input. Needs the scope `settings:write`. */
      rerun: (runId: string, options?: CallOptions) =>
        http.json<Run>('POST /v1/locations/{id}/runs/{runId}/rerun', [http.locationId, runId], {}, options),
    },
    templates: {
      /** What a template becomes on sample data; nothing is stored or sent. Needs the scope `settings:write`. */
      preview: (body: NewTemplatePreview, options?: CallOptions) =>
        http.json<TemplatePreview>(
          'POST /v1/locations/{id}/template-preview',
          [http.locationId],
          { body },
          options,
        ),
    },
    appWebhooks: {
      /** Make a URL that runs a flow with props; its uuid is the secret. Needs the scope `settings:write`. */
      create: (body: NewAppWebhook, options?: CallOptions) =>
        http.json<AppWebhook>('POST /app/webhooks', [], { body }, options),
      /** The app webhooks of the location of the key. Needs the scope `settings:read`. */
      list: (
        query?: {
          limit?: number | undefined;
          cursor?: string | undefined;
          /** Only those of the flow with this name. */
          action?: string | undefined;
        },
        options?: CallOptions,
      ) => http.pages<AppWebhook>('GET /app/webhooks', [], { query }, options),
      /** Remove an app webhook. Needs the scope `settings:write`. */
      delete: (webhookUuid: string, options?: CallOptions) =>
        http.nothing('DELETE /app/webhooks/{webhookUuid}', [webhookUuid], {}, options),
      /** The app webhooks of a location. Needs the scope `settings:read`. */
      listAtLocation: (
        query?: {
          limit?: number | undefined;
          cursor?: string | undefined;
          /** Only those of the flow with this name. */
          action?: string | undefined;
        },
        options?: CallOptions,
      ) =>
        http.pages<AppWebhook>('GET /v1/locations/{id}/app-webhooks', [http.locationId], { query }, options),
      /** Remove an app webhook of a location. Needs the scope `settings:write`. */
      deleteAtLocation: (webhookUuid: string, options?: CallOptions) =>
        http.nothing(
          'DELETE /v1/locations/{id}/app-webhooks/{webhookUuid}',
          [http.locationId, webhookUuid],
          {},
          options,
        ),
    },
    specification: {
      /** This description of the API. */
      get: (options?: CallOptions) =>
        http.json<Record<string, unknown>>('GET /openapi.json', [], {}, options),
    },
  };
}
