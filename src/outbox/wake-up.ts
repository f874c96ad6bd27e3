import type { Database } from '../db/client.ts';
import { gather } from '../db/gather.ts';
import type { Listen } from '../db/listen.ts';
import { logger } from '../logger.ts';
import { notOverdue } from '../overdue.ts';

const channel = 'bellhop_wake';

/** Location ids in one notification: PostgreSQL takes 8000 bytes, and an id has at most 64. */
const maxIds = 100;

/** Location ids in one round. What waits for it was accepted already, and so is bounded. */
const limits = {
  size: (ids: string[]) => ids.length,
  maxFlush: 10_000,
  maxWaiting: Number.POSITIVE_INFINITY,
};

/**
 * The way to the dispatchers of other processes: the function it returns tells them that these locations may have
 * something to send. What is told while a notification is under way goes together in the next one. One that is lost costs
 * a second: the sweep of every dispatcher finds what it was about.
 * @example const notify = createNotifier(db); notify(['kamen-test']);
 */
export function createNotifier(db: Database): (locationIds: string[]) => void {
  const notifyTogether = gather(async (calls: string[][]) => {
    const locationIds = [...new Set(calls.flat())];
    await notOverdue(notifyDispatchers(db, locationIds)).catch((error: unknown) => {
      logger.warn({ err: error, locations: locationIds.length }, 'dispatchers not notified');
    });
    return calls.map(() => true);
  }, limits);
  return (locationIds) => void notifyTogether(locationIds);
}

async function notifyDispatchers({ $client: sql }: Database, locationIds: string[]): Promise<void> {
  for (let start = 0; start < locationIds.length; start += maxIds)
    await sql.notify(channel, locationIds.slice(start, start + maxIds).join(','));
}

/** Calls `wake` for every notification. */
export async function listenForWakeUps(listen: Listen, wake: (locationIds: string[]) => void): Promise<void> {
  await listen(channel, (payload) => wake(payload.split(',')));
}
