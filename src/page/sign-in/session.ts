import { randomBytes } from 'node:crypto';
import { and, eq, gt, lt } from 'drizzle-orm';
import type { Database } from '../../db/client.ts';
import { sessions } from '../../db/schema.ts';
import type { Transaction } from '../../db/transact.ts';
import { hashOf } from '../../http/token.ts';

/** A sign-in to the page: for whom it acts, and at which location (null: wherever the key may go). */
export type Session = Pick<typeof sessions.$inferSelect, 'hash' | 'kind' | 'keyId' | 'locationId'>;

/** Minutes without a request after which a sign-in ends, and after which it ends in any case. */
const idleMinutes = 120;
const maxMinutes = 12 * 60;

/**
 * Opens a session. `link` is what may open only one.
 * @returns the token for the cookie: 256 random bits, of which only the hash is stored; null when `link` was used before.
 */
export async function openSession(
  tx: Transaction,
  session: Omit<Session, 'hash'> & { link?: string },
): Promise<string | null> {
  const token = randomBytes(32).toString('base64url');
  const stored = await tx
    .insert(sessions)
    .values({
      ...session,
      link: session.link === undefined ? null : hashOf(session.link),
      hash: hashOf(token),
      endsAt: minutesFromNow(maxMinutes),
    })
    .onConflictDoNothing({ target: sessions.link })
    .returning({ hash: sessions.hash });
  return stored.length === 0 ? null : token;
}

/** The session of a token, noted as used (to the minute); null when it has ended. */
export async function findSession(db: Database, token: string): Promise<Session | null> {
  const now = new Date();
  const [session] = await db
    .select()
    .from(sessions)
    .where(
      and(
        eq(sessions.hash, hashOf(token)),
        gt(sessions.endsAt, now),
        gt(sessions.usedAt, minutesFromNow(-idleMinutes)),
      ),
    );
  if (!session) return null;
  await db
    .update(sessions)
    .set({ usedAt: now })
    .where(and(eq(sessions.hash, session.hash), lt(sessions.usedAt, minutesFromNow(-1))));
  return session;
}

/** Ends a session. Its row stays until it is cleared away, so that its link does not open another. */
export async function closeSession(tx: Transaction, { hash }: Session): Promise<void> {
  await tx.update(sessions).set({ endsAt: new Date() }).where(eq(sessions.hash, hash));
}

function minutesFromNow(minutes: number): Date {
  return new Date(Date.now() + minutes * 60_000);
}
