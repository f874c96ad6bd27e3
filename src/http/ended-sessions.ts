import type { Database } from '../db/client.ts';

/** Rows in one statement, so that it holds up nobody. */
const maxRemoved = 5000;

/**
 * Removes sign-ins that ended a day ago, a bounded step. Until then the page can say that a session is over.
 * @returns how many.
 */
export async function removeEndedSessions({ $client: sql }: Database): Promise<number> {
  const removed = await sql`
    delete from sessions
    where hash = any(array(
      select hash
      from sessions
      where ends_at < now() - interval '1 day'
      limit ${maxRemoved}
      for update skip locked))`;
  return removed.count;
}

/** Ends every sign-in, for a database restored from a backup: some had ended by hand since. @returns how many. */
export async function endSessions({ $client: sql }: Database): Promise<number> {
  const ended = await sql`delete from sessions`;
  return ended.count;
}
