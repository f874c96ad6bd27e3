import { createApi, type NewEvent } from './client-api.ts';
import { BellhopError, isPassing } from './client-error.ts';
import { type CallOptions, type ClientOptions, Http } from './client-http.ts';

export type * from './client-api.ts';
export { BellhopError } from './client-error.ts';
export type { CallOptions, ClientOptions, Page, Pages } from './client-http.ts';

/** What a third party answered through a registered webhook. */
export type TriggerResult<Data = unknown> = {
  /** The invocation's id, under which its record can be found. */
  referenceId: string;
  /** The third party's status code; 0 when no answer came, or it broke off. */
  status: number;
  /** JSON as it is, text as a text, anything else as `{ contentType, base64 }`; null when there is none to read. */
  data: Data;
  /** Whether the third party answered with another status than 2xx, not in time, or not at all. */
  error: boolean;
};

/** A client of Bellhop: a method for every operation of the API. */
export type Client = ReturnType<typeof createMethods> & {
  /** The same client for another location. */
  at(locationId: string): Client;
};

/**
 * A client of Bellhop, for one location or for none. It has no dependencies and runs wherever `fetch` is. Its methods are
 * named as the operations of the specification. They throw a {@link BellhopError} for what Bellhop refuses, and what
 * `fetch` throws when there is no answer, or none in time.
 * @example
 * const api = createClient({ url: 'https://hooks.example.com', key, locationId: 'kamen-test' });
 * const { status, data, error } = await api.webhooks.trigger('get-randomapi', {}, {}, { pageNum: 2 });
 * for await (const delivery of api.deliveries.list({ outcome: 'failed' })) console.log(delivery.reason);
 */
export function createClient(options: ClientOptions): Client {
  return {
    ...createMethods(new Http(options)),
    at: (locationId) => createClient({ ...options, locationId }),
  };
}

/** Those of the specification, but for two that do more than it can tell. */
function createMethods(http: Http) {
  const api = createApi(http);
  return {
    ...api,
    events: {
      ...api.events,
      /**
       * Hands over session events: one, or an array of up to 1,000; needs the scope `events:write`. All or nothing is stored.
       * Events without an `id` get one, so that what was not answered can be repeated without harm: up to twice.
       */
      handOver: (events: NewEvent | NewEvent[], calling?: CallOptions) => {
        const named = Array.isArray(events) ? events.map(withId) : withId(events);
        return repeat(() => api.events.handOver(named, calling), calling?.signal);
      },
    },
    webhooks: {
      ...api.webhooks,
      /**
       * Triggers a registered webhook: one request, never repeated. Resolves whatever the third party answers, also when it
       * cannot be contacted. Needs the scope `webhooks:trigger`.
       * @param data a text, an object or a list; base64 where the registration says so.
       * @param headers headers of the caller; those of the registration cannot be replaced.
       * @param queryParams of those that the registration names.
       * @throws BellhopError when nothing was sent: no such webhook, or what was handed over does not fit it.
       */
      trigger: <Data = unknown>(
        webhookId: string,
        data?: string | object,
        headers?: Record<string, string>,
        queryParams?: Record<string, string | number | boolean>,
      ) =>
        http.json<TriggerResult<Data>>(
          'POST /v1/locations/{id}/webhooks/{webhookId}/trigger',
          [http.locationId, webhookId],
          { body: { data, headers, queryParams } },
        ),
    },
  };
}

const withId = (event: NewEvent): NewEvent => ({ ...event, id: event.id ?? crypto.randomUUID() });

/** How often something is tried in all, and the milliseconds between two tries, unless Bellhop says when. */
const maxTries = 3;
const pauseMs = 500;

async function repeat<Result>(send: () => Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await send();
    } catch (error) {
      if (tries === maxTries || signal?.aborted || !isPassing(error)) throw error;
      const seconds = error instanceof BellhopError ? error.retryAfterSeconds : undefined;
      await new Promise((resolve) => setTimeout(resolve, seconds === undefined ? pauseMs : seconds * 1000));
    }
  }
}
