import { toError } from './client-error.ts';
import type { LoggedEvent } from './receiver-event.ts';

/** What to read, from where, and as whom. */
export type CatchUpOptions = {
  /** Where Bellhop is, e.g. `https://hooks.example.com`. */
  url: string;
  /** An API key with the scope `events:read`, best bound to the location. */
  key: string;
  locationId: string;
  /** The last sequence that is known already. */
  after: number;
  /** The last sequence to read; without it, all there is now. */
  through?: number;
  /** In place of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
};

/** Events of a page: the most that the API has on one. */
const pageSize = 1000;

/**
 * Reads the events of a location from its log, in order, a page at a time: what was missed while a receiver was down. They
 * are all there are, whatever the filter of an endpoint. Ending the loop ends the reading.
 * @throws BellhopError when Bellhop refuses, e.g. 401 for a wrong key, 404 for a location that the key may not see, 429
 * for too many requests. Go on later, after the last event that came.
 * @example for await (const event of catchUp({ url, key, locationId: 'kamen-test', after: 17 })) await handle(event);
 */
export async function* catchUp({ after, ...options }: CatchUpOptions): AsyncGenerator<LoggedEvent, void> {
  const { through = Number.MAX_SAFE_INTEGER } = options;
  for (let last = after; last < through; ) {
    const { items, nextCursor } = await readPage(options, last, Math.min(pageSize, through - last));
    for (const event of items) {
      if (event.sequence > through) return;
      yield event;
      last = event.sequence;
    }
    if (nextCursor === null) return;
  }
}

type Page = { items: LoggedEvent[]; nextCursor: string | null };

async function readPage(options: Omit<CatchUpOptions, 'after'>, after: number, limit: number): Promise<Page> {
  const { url, key, locationId, fetch = globalThis.fetch } = options;
  const response = await fetch(
    `${url.replace(/\/$/, '')}/v1/locations/${encodeURIComponent(locationId)}/events?after=${after}&limit=${limit}`,
    { headers: { authorization: `Bearer ${key}` } },
  );
  if (!response.ok) throw await toError(response);
  const page: unknown = await response.json();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the API's own schema says so
  return page as Page;
}
