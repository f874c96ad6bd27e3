import type { Database } from '../db/client.ts';
import type { Listen } from '../db/listen.ts';

const channel = 'bellhop_wake';

/** Location ids in one notification: PostgreSQL takes 8000 bytes, and an id has at most 64. */
const maxIds = 100;

/** Tells the dispatchers of other processes that these locations may have something to send. */
export async function notifyDispatchers({ $client: sql }: Database, locationIds: string[]): Promise<void> {
  for (let start = 0; start < locationIds.length; start += maxIds)
    await sql.notify(channel, locationIds.slice(start, start + maxIds).join(','));
}

/** Calls `wake` for every notification. */
export async function listenForWakeUps(listen: Listen, wake: (locationIds: string[]) => void): Promise<void> {
  await listen(channel, (payload) => wake(payload.split(',')));
}
