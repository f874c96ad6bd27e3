/** What an API answers. `body` is parsed JSON, text where it is CSV or metrics, or undefined when there is none or it is a stream. */
// oxlint-disable-next-line typescript/no-explicit-any -- tests assert on what comes, whatever it is
export type Answer = { status: number; headers: Headers; body: any };

/** A small client of the HTTP API, for tests: it never throws for an error answer. */
export type Api = ReturnType<typeof createApi>;

/**
 * @param key the API key to send; undefined: none.
 * @example const { status, body } = await createApi(url, key).post('/v1/events', event);
 */
export function createApi(url: string, key: string | undefined) {
  async function call(method: string, path: string, body?: unknown): Promise<Answer> {
    const headers = new Headers(key ? { authorization: `Bearer ${key}` } : {});
    if (body !== undefined) headers.set('content-type', 'application/json');
    const request = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const response = await fetch(url + path, request);
    return { status: response.status, headers: response.headers, body: await readBody(response) };
  }
  return {
    url,
    /** The API key that is sent. */
    key,
    /** The same API with another key. */
    as: (otherKey: string | undefined) => createApi(url, otherKey),
    get: (path: string) => call('GET', path),
    put: (path: string, body: unknown) => call('PUT', path, body),
    post: (path: string, body?: unknown) => call('POST', path, body),
    patch: (path: string, body: unknown) => call('PATCH', path, body),
    delete: (path: string) => call('DELETE', path),
  };
}

async function readBody(response: Response): Promise<unknown> {
  const type = response.headers.get('content-type') ?? '';
  if (type === 'text/event-stream') return response.body?.cancel();
  const text = await response.text();
  if (/^text\/(csv|plain)/.test(type)) return text;
  return text === '' ? undefined : JSON.parse(text);
}
