import { and, eq, getTableColumns, gte, isNull, sql } from 'drizzle-orm';
import type { Database } from '../db/client.ts';
import { audit, endpoints, locations } from '../db/schema.ts';
import { transact } from '../db/transact.ts';
import { type Act, toAuditRow } from '../http/audit.ts';
import { minFailures } from '../outbox/failing.ts';
import { toEndpoint } from '../settings/endpoint.ts';

/** Endpoints that one transaction disables. */
const maxDisabled = 20;

const byBellhop: Act = { actor: { kind: 'service', id: '', name: 'Bellhop' }, address: '', requestId: '' };

/**
 * Disables the endpoints that fail for longer than their location has chosen, each with its entry in the audit log. One
 * that has not failed in the last hour is left alone: a choice that is made later is about failures from then on.
 * @returns how many.
 */
export async function disableFailing(db: Database): Promise<number> {
  return transact(db, async (tx) => {
    const failing = await tx
      .select({ ...getTableColumns(endpoints), hours: locations.disableFailingAfterHours })
      .from(endpoints)
      .innerJoin(locations, eq(locations.id, endpoints.locationId))
      .where(
        and(
          isNull(endpoints.deletedAt),
          endpoints.enabled,
          gte(endpoints.failuresInARow, minFailures),
          sql`${endpoints.lastFailedAt} >= ${endpoints.failingSince} + make_interval(hours => ${locations.disableFailingAfterHours})`,
          sql`${endpoints.lastFailedAt} > now() - interval '1 hour'`,
        ),
      )
      .limit(maxDisabled)
      .for('update', { of: endpoints, skipLocked: true });
    for (const { hours, ...before } of failing) {
      const disabledReason = `It failed for ${hours === 1 ? 'an hour' : `${hours} hours`} without a success: this location has chosen that webhooks are then disabled. Enable it again when it is repaired.`;
      const [after] = await tx
        .update(endpoints)
        .set({ enabled: false, disabledReason, updatedAt: new Date() })
        .where(and(eq(endpoints.locationId, before.locationId), eq(endpoints.id, before.id)))
        .returning();
      if (!after) throw new Error('The endpoint was not disabled.');
      const entry = { before: toEndpoint(before), after: toEndpoint(after) };
      await tx.insert(audit).values(
        toAuditRow(byBellhop, {
          action: 'endpoint.disabled',
          locationId: before.locationId,
          target: before.id,
          ...entry,
        }),
      );
    }
    return failing.length;
  });
}
