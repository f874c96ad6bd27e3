import type { Database } from '../db/client.ts';
import type { Listen } from '../db/listen.ts';

/** A delivery that has ended. */
export type Ended = { locationId: string; id: string };

/** Who watches tells it here, so that dispatchers speak only of what somebody hears. */
const watchChannel = 'bellhop_watch';
const endedChannel = 'bellhop_ended';

/** Ids in one notification: PostgreSQL takes 8000 bytes; a location's id has at most 64, a delivery's 36. */
const maxIds = 100;

/** Tells all dispatchers that somebody watches these locations. @returns the database's time. */
export async function announceWatch({ $client: sql }: Database, locationIds: string[]): Promise<Date> {
  const [row] = await sql<{ seconds: number }[]>`
    select extract(epoch from now())::float8 as seconds, count(pg_notify(${watchChannel}, payload))
    from unnest(${inPieces(locationIds)}::text[]) as p(payload)`;
  return new Date((row?.seconds ?? 0) * 1000);
}

/** Calls `note` with the locations that somebody watches, whenever they are announced. */
export async function listenForWatches(listen: Listen, note: (locationIds: string[]) => void): Promise<void> {
  await listen(watchChannel, (payload) => note(payload.split(',')));
}

/** Tells those who watch that deliveries have ended. */
export async function notifyEnded({ $client: sql }: Database, ended: Ended[]): Promise<void> {
  const locationIds = [...new Set(ended.map(({ locationId }) => locationId))];
  const payloads = locationIds.flatMap((locationId) => {
    const ids = ended.filter((one) => one.locationId === locationId).map(({ id }) => id);
    return inPieces(ids).map((piece) => `${locationId}:${piece}`);
  });
  await sql`select pg_notify(${endedChannel}, payload) from unnest(${payloads}::text[]) as p(payload)`;
}

/**
 * Calls `hear` with what has ended.
 * @param listening called whenever listening begins: what ended before went unheard.
 */
export async function listenForEnded(
  listen: Listen,
  hear: (locationId: string, ids: string[]) => void,
  listening: () => void,
): Promise<void> {
  const onPayload = (payload: string) => {
    const [locationId = '', ids = ''] = payload.split(':');
    hear(locationId, ids.split(','));
  };
  await listen(endedChannel, onPayload, listening);
}

function inPieces(ids: string[]): string[] {
  const pieces: string[] = [];
  for (let start = 0; start < ids.length; start += maxIds)
    pieces.push(ids.slice(start, start + maxIds).join(','));
  return pieces;
}
