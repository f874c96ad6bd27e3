import { Pool } from 'undici';
import type { Event } from '../support/events.ts';
import { type Contestant, createPost, postsInFlight, type Settings } from './contestant.ts';

/** What no contestant can exceed: the same POSTs from memory, and an intake that only reads and answers. */
export async function createLimit(settings: Settings): Promise<Contestant> {
  const post = createPost(settings);
  let waiting: Event[] = [];
  let next = 0;

  async function postNext(): Promise<void> {
    while (next < waiting.length) {
      const events = waiting.slice(next, next + settings.eventsPerPost);
      next += settings.eventsPerPost;
      await post(events);
    }
  }

  return {
    async store(events) {
      waiting = events;
      next = 0;
    },
    accept: createHandOver(settings),
    async work() {
      const posting = Promise.all(Array.from({ length: postsInFlight }, postNext));
      return () => posting;
    },
  };
}

/** Hands events over by HTTP, a request each. */
export function createHandOver({ intake, key }: Settings): (event: Event) => Promise<void> {
  const pool = new Pool(intake, { connections: postsInFlight });
  return async ({ uuid, action, locationId, stations, customerid }) => {
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path: '/v1/events',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ uuid, action, locationId, stations, customerid }),
    });
    if (statusCode !== 202) throw new Error(`The intake answered ${statusCode}: ${await body.text()}`);
    await body.dump();
  };
}
