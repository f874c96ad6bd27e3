import { isDeepStrictEqual } from 'node:util';
import type { z } from '@hono/zod-openapi';
import { and, asc, eq, gt, ilike, isNull, or } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { apiKeys, appWebhooks, flows, locations, webhooks } from '../db/schema.ts';
import type { Transaction } from '../db/transact.ts';
import { unknownLocation } from '../http/authorize.ts';
import { deleteEndpoints } from './endpoints.ts';
import { type LocationSettings, type locationSchema, toLocation } from './location.ts';

type LocationAnswer = z.input<typeof locationSchema>;

/**
 * Makes a location, or changes its settings.
 * @returns the location before (null: it was not there) and after: the same object when nothing had to be changed, so
 * that a core app may put all of its locations as often as it likes.
 */
export async function putLocation(
  tx: Transaction,
  id: string,
  wanted: LocationSettings,
): Promise<{ before: LocationAnswer | null; after: LocationAnswer }> {
  const [found] = await tx.select().from(locations).where(eq(locations.id, id)).for('update');
  const before = found && !found.deletedAt ? toLocation(found) : null;
  const settings = { disableFailingAfterHours: before?.disableFailingAfterHours ?? null, ...wanted };
  if (before && isDeepStrictEqual({ ...before, ...settings }, before)) return { before, after: before };
  const [after] = found
    ? await tx
        .update(locations)
        .set({ ...settings, updatedAt: new Date(), deletedAt: null })
        .where(eq(locations.id, id))
        .returning()
    : await tx
        .insert(locations)
        .values({ id, ...settings })
        .onConflictDoNothing()
        .returning();
  // Of two that make it at once, one finds that of the other.
  return after ? { before, after: toLocation(after) } : putLocation(tx, id, wanted);
}

type Search = { onlyId: string | null; cursor: string | undefined; q: string | undefined; limit: number };

/** At most `limit` locations behind `cursor`, in the order of their ids. */
export async function findLocations(db: Database, { onlyId, cursor, q, limit }: Search) {
  // In a pattern, % and _ stand for others.
  const pattern = q && `%${q.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  return db
    .select()
    .from(locations)
    .where(
      and(
        isNull(locations.deletedAt),
        onlyId ? eq(locations.id, onlyId) : undefined,
        cursor ? gt(locations.id, cursor) : undefined,
        pattern ? or(ilike(locations.id, pattern), ilike(locations.title, pattern)) : undefined,
      ),
    )
    .orderBy(asc(locations.id))
    .limit(limit);
}

/**
 * Deletes a location with what it holds.
 * @returns the location, and the ids of what was deleted with it: the log tells how each of them was made.
 * @throws Problem when it is not there.
 */
export async function deleteLocation(tx: Transaction, id: string) {
  // The location's row first, so that nothing is accepted or made between its end and that of what it holds.
  const [location] = await tx
    .update(locations)
    .set({ deletedAt: new Date() })
    .where(and(eq(locations.id, id), isNull(locations.deletedAt)))
    .returning();
  if (!location) throw unknownLocation();
  const endpoints = await deleteEndpoints(tx, id);
  const gone = {
    webhooks: await tx.delete(webhooks).where(eq(webhooks.locationId, id)).returning({ id: webhooks.id }),
    flows: await tx.delete(flows).where(eq(flows.locationId, id)).returning({ id: flows.name }),
    keys: await tx.delete(apiKeys).where(eq(apiKeys.locationId, id)).returning({ id: apiKeys.id }),
  };
  // Counted, for their ids are secrets.
  const { count } = await tx.delete(appWebhooks).where(eq(appWebhooks.locationId, id));
  return {
    ...toLocation(location),
    endpoints,
    webhooks: idsOf(gone.webhooks),
    flows: idsOf(gone.flows),
    keys: idsOf(gone.keys),
    appWebhooks: count,
  };
}

const idsOf = (rows: { id: string }[]) => rows.map(({ id }) => id);
