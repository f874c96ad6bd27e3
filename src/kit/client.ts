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

/** What Bellhop says of a request that it refused, such as a trigger: nothing was sent to anybody. */
export class BellhopError extends Error {
  override name = 'BellhopError';
  /** The HTTP status of the refusal, e.g. 404: no such webhook, 422: what was handed over does not fit. */
  readonly status: number;
  readonly requestId: string;
  /** What is wrong with which member, for a 422. */
  readonly errors: { path: string; message: string }[];

  constructor(problem: {
    status: number;
    detail: string;
    requestId: string;
    errors?: BellhopError['errors'];
  }) {
    super(problem.detail);
    this.status = problem.status;
    this.requestId = problem.requestId;
    this.errors = problem.errors ?? [];
  }
}

/** Where Bellhop is, and as whom to talk to it. */
export type ClientOptions = {
  /** E.g. `https://hooks.example.com`. */
  url: string;
  /** An API key with the scope `webhooks:trigger`. */
  key: string;
  locationId: string;
  /** In place of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
};

/**
 * A client of Bellhop for one location. It has no dependencies and runs wherever `fetch` is.
 * @example
 * const api = createClient({ url: 'https://hooks.example.com', key, locationId: 'kamen-test' });
 * const { status, data, error } = await api.webhooks.trigger('get-randomapi', {}, {}, { pageNum: 2 });
 */
export function createClient({ url, key, locationId, fetch = globalThis.fetch }: ClientOptions) {
  async function post(path: string, body: unknown): Promise<unknown> {
    const response = await fetch(
      `${url.replace(/\/$/, '')}/v1/locations/${encodeURIComponent(locationId)}/${path}`,
      {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      },
    );
    if (!response.ok) throw await toError(response);
    return response.json();
  }

  return {
    webhooks: {
      /**
       * Triggers a registered webhook: one request, never repeated. Resolves whatever the third party answers, also when it
       * cannot be contacted.
       * @param data a text, an object or a list; base64 where the registration says so.
       * @param headers headers of the caller; those of the registration cannot be replaced.
       * @param queryParams of those that the registration names.
       * @throws BellhopError when nothing was sent: no such webhook, or what was handed over does not fit it.
       */
      async trigger<Data = unknown>(
        webhookId: string,
        data?: string | object,
        headers?: Record<string, string>,
        queryParams?: Record<string, string | number | boolean>,
      ): Promise<TriggerResult<Data>> {
        const path = `webhooks/${encodeURIComponent(webhookId)}/trigger`;
        const result = await post(path, { data, headers, queryParams });
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the API's own schema says so; `Data` is the caller's
        return result as TriggerResult<Data>;
      },
    },
  };
}

/** Reads the refusal in an answer that is not a 2xx. One that is not of Bellhop, such as a proxy's, has no `requestId`. */
export async function toError(response: Response): Promise<BellhopError> {
  const body: unknown = await response.json().catch(() => null);
  const { status } = response;
  if (!isProblem(body))
    return new BellhopError({ status, detail: `Bellhop answered ${status}.`, requestId: '' });
  return new BellhopError({ ...body, status });
}

type Problem = { detail: string; requestId: string; errors?: BellhopError['errors'] };

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'detail' in body && 'requestId' in body;
}
