import { v7 as uuidv7 } from 'uuid';
import type { Database } from '../db/client.ts';
import { audit } from '../db/schema.ts';
import { type Transaction, transact } from '../db/transact.ts';
import type { Caller } from './authorize.ts';

/** What people and keys do, or are refused, that is put on record. */
export const auditActions = [
  'endpoint.created',
  'endpoint.changed',
  'endpoint.deleted',
  'endpoint.disabled',
  'endpoint.secret_rotated',
  'endpoint.tested',
  'location.created',
  'location.changed',
  'location.deleted',
  'key.created',
  'key.revoked',
  'key.refused',
  'webhook.saved',
  'webhook.deleted',
  'flow.saved',
  'flow.deleted',
  'flow.token_rotated',
  'app_webhook.created',
  'app_webhook.deleted',
  'delivery.resent',
  'deliveries.resent',
  'deliveries.dropped',
  'run.rerun',
  'session.opened',
  'session.closed',
  'link.created',
] as const;

/**
 * What was done: to the thing with the id `target`, at a location or (null) at none. `before` and `after` are as the
 * API answers them, without secrets: nothing of it can be taken back.
 */
export type AuditEntry = {
  action: (typeof auditActions)[number];
  locationId: string | null;
  target: string;
  before?: unknown;
  after?: unknown;
};

/** Who did it, from where, in which request: `c.var` of a handler. */
export type Doing = { caller: Pick<Caller, 'kind' | 'key' | 'address'>; requestId: string };

/**
 * Changes something and puts on record what was done, in one transaction: neither is ever there without the other.
 * @param change returns its result and the entry; null: nothing was changed. It throws to change nothing.
 * @returns the result, after the commit.
 * @example
 * const row = await audited(db, c.var, async (tx) => {
 *   const row = await createThing(tx, settings);
 *   return [row, { action: 'endpoint.created', locationId, target: row.id, after: toThing(row) }];
 * });
 */
export async function audited<Result>(
  db: Database,
  doing: Doing,
  change: (tx: Transaction) => Promise<[Result, AuditEntry | null]>,
): Promise<Result> {
  return transact(db, async (tx) => {
    const [result, entry] = await change(tx);
    if (entry) await tx.insert(audit).values(toAuditRow(actOf(doing), entry));
    return result;
  });
}

/** Who did something, from where. */
export type Act = {
  actor: { kind: (typeof audit.$inferSelect)['actorKind']; id: string; name: string };
  address: string;
  requestId: string;
};

function actOf({ caller: { kind, key, address }, requestId }: Doing): Act {
  return { actor: { kind, id: key.id, name: key.name }, address, requestId };
}

/** An entry as it is stored. Its id sorts by time, and its time is that of its id. */
export function toAuditRow(
  { actor, ...act }: Act,
  { locationId, ...entry }: AuditEntry,
): typeof audit.$inferInsert {
  const id = uuidv7();
  return {
    ...entry,
    ...act,
    id,
    createdAt: new Date(Number.parseInt(id.replace('-', '').slice(0, 12), 16)),
    locationId: locationId ?? '',
    actorKind: actor.kind,
    actorId: actor.id,
    actorName: actor.name,
  };
}
