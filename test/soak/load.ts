import { setTimeout as delay } from 'node:timers/promises';
import { type AcceptedEvent, type HandedEvent, newEvent } from '../support/venue.ts';
import type { Api } from '../support/api.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** A request of the load: its events, and what was answered, or null when no answer ever said that it was accepted. */
export type Handed = { events: HandedEvent[]; answer: AcceptedEvent[] | null };

/** How often a request is repeated that was not accepted, and milliseconds until it is. */
const tries = 3;
const retryMs = 150;
/** Milliseconds that a caller waits for an answer, as real ones do. */
const patienceMs = 8000;

/** One caller that hands over events of changing locations, one request after the other, until `isOver`. */
export async function handOverUntil(
  isOver: () => boolean,
  world: World,
  random: Random,
  { locationIds, handed }: { locationIds: string[]; handed: Handed[] },
): Promise<void> {
  while (!isOver()) {
    const named = Array.from({ length: random.between(1, 3) }, () => random.pick(locationIds));
    const events = named.flatMap((locationId) =>
      Array.from({ length: random.between(1, random.chance(0.05) ? 200 : 4) }, () =>
        newEvent(locationId, { action: random.pick(['create', 'delete']) }),
      ),
    );
    const request: Handed = { events, answer: null };
    handed.push(request);
    for (let attempt = 1; attempt <= tries && request.answer === null; attempt += 1) {
      request.answer = await handOver(world, random, events);
      if (request.answer === null) await delay(retryMs);
    }
    await delay(random.between(0, 30));
  }
}

async function handOver(
  world: World,
  random: Random,
  events: HandedEvent[],
): Promise<AcceptedEvent[] | null> {
  const api = pickApi(world, random);
  if (!api) return null;
  const posted = api.post('/v1/events', events).catch(() => null);
  const answer = await Promise.race([posted, delay(patienceMs, null, { ref: false })]);
  return answer?.status === 202 ? answer.body.events : null;
}

/** The API of a process that runs now; null: none does. */
export function pickApi(world: World, random: Random): Api | null {
  const running = world.slots.flatMap(({ role, process }) =>
    role === 'api' && process ? [process.api] : [],
  );
  return running.length === 0 ? null : random.pick(running);
}
