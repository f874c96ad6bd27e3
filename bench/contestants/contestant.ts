import { Pool } from 'undici';
import { z } from 'zod';
import { bodyOf, type Event } from '../support/events.ts';

/** What a contestant is told at its start. */
export const settingsSchema = z.object({
  /** Where the receiver is. */
  receiver: z.string(),
  /** Events of a POST. */
  eventsPerPost: z.int(),
  /** PostgreSQL, for node-postgres. */
  database: z.string(),
  /** The socket of Redis. */
  redis: z.string(),
  /** Where events are handed over by HTTP, and the key for it. */
  intake: z.string(),
  key: z.string(),
});
export type Settings = z.output<typeof settingsSchema>;

/** What keeps and delivers events, in a process of its own. Each is set up as its documentation advises for throughput. */
export type Contestant = {
  /** Stores many events, that are not delivered before `work`. */
  store(events: Event[]): Promise<unknown>;
  /** Hands one event over; resolves when it is stored. */
  accept(event: Event): Promise<unknown>;
  /** Delivers what is stored, and what comes. @returns what ends this, when the outcomes of all POSTs are stored. */
  work(): Promise<() => Promise<unknown>>;
};

/** POSTs in flight: more make neither the limit nor a peer faster here. */
export const postsInFlight = 64;

/** The one client of all contestants but Bellhop: undici, on connections that stay open. */
export function createPost({ receiver }: Settings): (events: Event[]) => Promise<void> {
  const pool = new Pool(receiver, { connections: postsInFlight });
  return async (events) => {
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path: `/ok/${events[0]?.locationId}`,
      headers: { 'content-type': 'application/json' },
      body: bodyOf(events),
    });
    await body.dump();
    if (statusCode !== 204) throw new Error(`The receiver answered ${statusCode}.`);
  };
}

/** Milliseconds that a POST waits for its last events: only the last ones of all wait so long. */
const gatherMs = 10;

/** POSTs events together, `eventsPerPost` of them, for contestants that hand them out one by one. */
export function createGatheredPost(settings: Settings): (event: Event) => Promise<void> {
  const post = createPost(settings);
  const { eventsPerPost } = settings;
  if (eventsPerPost === 1) return (event) => post([event]);
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout;

  async function flush(): Promise<void> {
    clearTimeout(timer);
    const batch = waiting;
    waiting = [];
    try {
      await post(batch.map(({ event }) => event));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return (event) =>
    new Promise((resolve, reject) => {
      waiting.push({ event, resolve, reject });
      if (waiting.length === 1) timer = setTimeout(() => void flush(), gatherMs);
      if (waiting.length === eventsPerPost) void flush();
    });
}

type Waiting = { event: Event; resolve: () => void; reject: (error: unknown) => void };
