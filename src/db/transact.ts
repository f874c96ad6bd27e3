import { sql } from 'drizzle-orm';
import type { Database } from './client.ts';

/** A transaction: the query builder, whose statements are committed together or not at all. */
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0];

/**
 * Runs statements in one transaction. The driver would run what follows the loss of its connection on another one,
 * by itself and outside of any transaction: here it throws instead.
 * @param work throws to undo everything.
 * @example await transact(db, async (tx) => { await tx.insert(a).values(x); await tx.insert(b).values(y); });
 */
export async function transact<Result>(
  db: Database,
  work: (tx: Transaction) => Promise<Result>,
): Promise<Result> {
  let isOver = false;
  try {
    return await db.transaction((tx) =>
      work(
        new Proxy(tx, {
          get(target, name): unknown {
            if (isOver) throw new Error('The transaction has ended: its connection was lost.');
            return Reflect.get(target, name);
          },
        }),
      ),
    );
  } finally {
    isOver = true;
  }
}

/**
 * Lets transactions that may make something of the same name go one after the other, to the end of this one: a row that
 * is not there yet cannot be locked, so each of two would take itself for the first.
 * @example await takeTurns(tx, 'webhook', locationId, webhookId);
 */
export async function takeTurns(tx: Transaction, ...name: string[]): Promise<void> {
  await tx.execute(
    sql`select pg_advisory_xact_lock(hashtextextended(${JSON.stringify(name)}, ${turnsLock}))`,
  );
}

/** Sets our names apart from those of other applications on the same database; any number. */
const turnsLock = 7_235_641_210;
