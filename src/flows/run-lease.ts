import { and, eq, inArray, lt, notInArray, type SQL, sql } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { runs } from '../db/schema.ts';
import { metrics } from '../metrics.ts';
import type { RunRow } from './run.ts';

/** Milliseconds after which a run whose process no longer renews its lease counts as cut off. */
const leaseMs = 15_000;

/** When a lease ends that begins now, in the database's time. */
export const leaseEnd = sql`now() + make_interval(secs => ${leaseMs / 1000})`;

/**
 * Takes queued runs, oldest first, to be executed by this process alone: at most once, as with deliveries.
 * @param busy locations whose runs wait for a while.
 */
export async function claimRuns(db: Database, limit: number, busy: string[]): Promise<RunRow[]> {
  const next = db
    .select({ id: runs.id })
    .from(runs)
    .where(and(eq(runs.status, 'queued'), notInArray(runs.locationId, busy)))
    .orderBy(runs.createdAt)
    .limit(limit)
    .for('update', { skipLocked: true });
  return db
    .update(runs)
    .set({ status: 'running', startedAt: sql`now()`, leaseUntil: leaseEnd })
    .where(and(inArray(runs.id, next), eq(runs.status, 'queued')))
    .returning();
}

/** Says that these runs are still under way in this process. One that somebody else holds waits for the next time. */
export async function renewLeases(db: Database, ids: string[]): Promise<void> {
  const free = freeOf(db, and(inArray(runs.id, ids), eq(runs.status, 'running')));
  await db.update(runs).set({ leaseUntil: leaseEnd }).where(inArray(runs.id, free));
}

/** Ends runs that a crash cut off: nobody knows how far they came. People may run them again. @returns how many. */
export async function abandonRuns(db: Database): Promise<number> {
  const lost = freeOf(db, and(eq(runs.status, 'running'), lt(runs.leaseUntil, sql`now()`)));
  const abandoned = await db
    .update(runs)
    .set({ status: 'abandoned', endedAt: sql`now()`, leaseUntil: null })
    .where(inArray(runs.id, lost))
    .returning({ id: runs.id });
  metrics.runs.inc('abandoned', abandoned.length);
  return abandoned.length;
}

/** Ends runs that wait, for a database restored from a backup: they were executed after it was made. @returns how many. */
export async function abandonQueuedRuns(db: Database): Promise<number> {
  const abandoned = await db
    .update(runs)
    .set({ status: 'abandoned', endedAt: sql`now()` })
    .where(eq(runs.status, 'queued'))
    .returning({ id: runs.id });
  return abandoned.length;
}

/** Those whose row nobody else holds: so no two statements wait for each other, and none delays the others. */
function freeOf(db: Database, condition: SQL | undefined) {
  return db.select({ id: runs.id }).from(runs).where(condition).for('update', { skipLocked: true });
}
