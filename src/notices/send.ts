import { and, eq, getTableColumns, sql } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { notices } from '../db/schema.ts';
import type { Sender } from '../delivery/attempt.ts';
import { startStopwatch } from '../delivery/deadline.ts';
import { sign } from '../delivery/signature.ts';
import { logger } from '../logger.ts';
import { version } from '../version.ts';
import { type NoticeRow, toMessage } from './notice.ts';

/** Where the operator wants notices sent, and the secret that signs them. */
export type Operator = { url: string; secret: string };

/** Notices that are in flight at once in a process. */
const maxSent = 20;
/** Seconds after which a notice that is being sent counts as abandoned; a process that is paused begins none after half of them. */
const leaseSeconds = 60;

/**
 * Sends what was raised in the last hour to the operator's endpoint, once: claimed before the first byte, and not again
 * whatever happens. What is older is news no more, for example when an endpoint is configured later.
 * @returns how many it sent.
 */
export async function sendNotices(db: Database, sender: Sender, operator: Operator): Promise<number> {
  const elapsedMs = startStopwatch();
  const claimed = await claimNotices(db);
  await Promise.all(
    claimed.map(async (notice) => {
      if (elapsedMs() > (leaseSeconds * 1000) / 2) throw new Error('The notice was claimed too long ago.');
      const { url } = operator;
      const request = {
        lane: `notice ${notice.id}`,
        url,
        method: 'POST',
        ...toRequest(notice, operator),
      } as const;
      const { outcome, reason, statusCode } = await sender.attempt(request);
      const { id, locationId } = notice;
      const fields = { noticeId: id, locationId, outcome, reason, statusCode };
      if (outcome === 'delivered') logger.info(fields, 'notice sent');
      else logger.warn(fields, 'notice not delivered');
      await db
        .update(notices)
        .set({ outcome, reason, statusCode, endedAt: sql`now()` })
        .where(and(eq(notices.locationId, locationId), eq(notices.id, id), eq(notices.outcome, 'sending')));
    }),
  );
  return claimed.length;
}

/** Ends the sending of notices that a crash cut off: nobody knows whether they arrived. @returns how many. */
export async function abandonNotices({ $client: sql }: Database): Promise<number> {
  const abandoned = await sql`
    update notices
    set outcome = 'abandoned', reason = 'crashed', ended_at = now()
    where outcome = 'sending' and started_at < now() - make_interval(secs => ${leaseSeconds})`;
  return abandoned.count;
}

async function claimNotices(db: Database): Promise<NoticeRow[]> {
  const waiting = db
    .select({ locationId: notices.locationId, id: notices.id })
    .from(notices)
    .where(sql`${notices.outcome} is null and ${notices.createdAt} > now() - interval '1 hour'`)
    .orderBy(notices.id)
    .limit(maxSent)
    .for('update', { skipLocked: true });
  return db
    .update(notices)
    .set({ outcome: 'sending', startedAt: sql`now()` })
    .where(sql`(${notices.locationId}, ${notices.id}) in ${waiting}`)
    .returning(getTableColumns(notices));
}

function toRequest(notice: NoticeRow, { secret }: Operator) {
  const { id } = notice;
  const body = JSON.stringify(toMessage(notice));
  const timestamp = Math.floor(Date.now() / 1000);
  return {
    headers: {
      'content-type': 'application/json',
      'user-agent': `Bellhop/${version}`,
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign({ secrets: [secret], id, timestamp, body }),
    },
    body,
  };
}
