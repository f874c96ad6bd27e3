import { toError } from './client-error.ts';
import { listen } from './client-stream.ts';

/** Where Bellhop is, and as whom to talk to it. */
export type ClientOptions = {
  /** E.g. `https://hooks.example.com`. */
  url: string;
  /** An API key; each method names the scope that it needs. */
  key: string;
  /** The location that methods are about; it can be left out by who uses none of these, or `at` alone. */
  locationId?: string;
  /** In place of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
};

/** What a single call may be told besides. */
export type CallOptions = {
  /** Breaks the call off. */
  signal?: AbortSignal | undefined;
  /** Milliseconds after which a call is given up that was not answered; 60,000 if left out. */
  timeoutMs?: number | undefined;
  /** Headers to send besides, such as `idempotency-key`, or in place of others. */
  headers?: Record<string, string> | undefined;
};

/** A page of a list. `nextCursor` leads to the next; null: this is the last. */
export type Page<Item> = { items: Item[]; nextCursor: string | null };

/** A list that comes in pages: `for await` reads item after item, `page()` one page. */
export type Pages<Item> = AsyncIterable<Item> & {
  /** The page that the query asks for, or with a cursor the one that it leads to. */
  page(cursor?: string): Promise<Page<Item>>;
};

/** What a call consists of. */
type Parts = { query?: object | undefined; body?: unknown };

/** Longer than the longest answer that waits for others, which is that of a trigger. */
const defaultTimeoutMs = 60_000;

/** Makes requests as one caller, about one location. An operation is written as in the specification: `GET /v1/keys`. */
export class Http {
  readonly locationId: string | undefined;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.locationId = options.locationId;
  }

  /** A call that is answered with JSON. */
  json<Answer>(operation: string, ids: Ids, parts: Parts, options: CallOptions = {}): Promise<Answer> {
    return within(options, async (signal) => {
      const response = await this.#send(operation, ids, parts, { ...options, signal });
      const answer: unknown = await response.json();
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the specification says so, and the service keeps to it
      return answer as Answer;
    });
  }

  /** A call that is answered with nothing. */
  async nothing(operation: string, ids: Ids, parts: Parts, options: CallOptions = {}): Promise<void> {
    await this.response(operation, ids, parts, options);
  }

  /** A call whose answer is read by whoever made it. The time is over once its head is there. */
  response(operation: string, ids: Ids, parts: Parts, options: CallOptions = {}): Promise<Response> {
    return within(options, (signal) => this.#send(operation, ids, parts, { ...options, signal }));
  }

  pages<Item>(operation: string, ids: Ids, { query }: Parts, options?: CallOptions): Pages<Item> {
    const page = (cursor?: string) =>
      this.json<Page<Item>>(operation, ids, { query: { ...query, ...(cursor && { cursor }) } }, options);
    return { page, [Symbol.asyncIterator]: () => itemsOf(page) };
  }

  /** Server-sent events, for as long as they are read. */
  stream<Item>(
    operation: string,
    ids: Ids,
    { query }: Parts,
    options: CallOptions & { lastEventId?: string | undefined } = {},
  ): AsyncGenerator<Item, void> {
    return listen<Item>(
      ({ signal, headers }) =>
        this.response(
          operation,
          ids,
          { query },
          { ...options, signal, headers: { ...options.headers, ...headers } },
        ),
      options,
    );
  }

  async #send(
    operation: string,
    ids: Ids,
    { query = {}, body }: Parts,
    { signal, headers }: CallOptions,
  ): Promise<Response> {
    const { url, key, fetch = globalThis.fetch } = this.#options;
    const [method = '', path = ''] = operation.split(' ');
    const response = await fetch(`${url.replace(/\/$/, '')}${fill(path, ids)}${searchOf(query)}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    if (!response.ok) throw await toError(response);
    return response;
  }
}

type Ids = readonly (string | undefined)[];

async function* itemsOf<Item>(page: Pages<Item>['page']): AsyncGenerator<Item, void> {
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await page(cursor);
    yield* items;
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
}

/** Puts ids into a path, in their order. URLs take `.` and `..` for steps between folders, however they are written. */
function fill(path: string, ids: Ids): string {
  const left = [...ids];
  return path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
    const id = left.shift();
    if (id === undefined)
      throw new TypeError('Say which location: `createClient({ url, key, locationId })`.');
    if (id === '.' || id === '..') throw new TypeError(`There is no ${name} with the id ${id}.`);
    return encodeURIComponent(id);
  });
}

function searchOf(query: object): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  return search.size === 0 ? '' : `?${search.toString()}`;
}

async function within<Result>(
  { signal, timeoutMs = defaultTimeoutMs }: CallOptions,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const deadline = new AbortController();
  const giveUp = () =>
    deadline.abort(new DOMException(`Bellhop did not answer within ${timeoutMs} ms.`, 'TimeoutError'));
  const timer = setTimeout(giveUp, timeoutMs);
  try {
    return await work(signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal);
  } finally {
    clearTimeout(timer);
  }
}
