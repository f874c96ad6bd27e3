import { and, eq, isNull, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { Database } from '../db/client.ts';
import type { Encryption } from '../db/encryption.ts';
import { endpoints, locations } from '../db/schema.ts';
import { createSecret } from '../delivery/signature.ts';
import { sealHeaders } from '../http/custom-headers.ts';
import { unknownLocation } from '../http/authorize.ts';
import { endpointOwner } from '../outbox/request.ts';
import type { EndpointChange, EndpointRow, NewEndpoint } from './endpoint.ts';

/** Which endpoint: ids of ours are only ever looked up within a location. */
export type EndpointKey = { locationId: string; endpointId: string };
type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0];

/** The condition that selects an endpoint which has not been deleted. */
export function isEndpoint({ locationId, endpointId }: EndpointKey) {
  return and(eq(endpoints.locationId, locationId), eq(endpoints.id, endpointId), isNull(endpoints.deletedAt));
}

/** Makes an endpoint that gets the events accepted from now on. `secret` is to be shown once. */
export async function createEndpoint(
  db: Database,
  encryption: Encryption,
  locationId: string,
  { headers, ...settings }: NewEndpoint,
): Promise<{ row: EndpointRow; secret: string }> {
  const endpointId = uuidv7();
  const secret = createSecret();
  const row = await db.transaction(async (tx) => {
    // Held until the endpoint is there, so that the location is not deleted meanwhile without it.
    const [location] = await tx
      .select()
      .from(locations)
      .where(and(eq(locations.id, locationId), isNull(locations.deletedAt)))
      .for('share');
    if (!location) throw unknownLocation();
    const [inserted] = await tx
      .insert(endpoints)
      .values({
        ...settings,
        ...sealSecret(encryption, { locationId, endpointId }, secret),
        headers: sealHeaders(headers, {}, sealFor(encryption, { locationId, endpointId })),
        id: endpointId,
        locationId,
        startSequence: location.lastSequence,
        cursor: location.lastSequence,
      })
      .returning();
    return inserted;
  });
  if (!row) throw new Error('The endpoint was not stored.');
  return { row, secret };
}

/**
 * Gives an endpoint a new secret; deliveries carry both signatures for `overlapHours`. A rotation within the overlap
 * of another ends that one: at most two secrets are valid.
 * @returns the changed row and the secret, to be shown once; undefined when there is no such endpoint.
 */
export async function rotateSecret(
  db: Database,
  encryption: Encryption,
  endpoint: EndpointKey,
  overlapHours: number,
): Promise<{ row: EndpointRow; secret: string } | undefined> {
  const secret = createSecret();
  const [row] = await db
    .update(endpoints)
    .set({
      ...sealSecret(encryption, endpoint, secret),
      previousSecret: sql`secret`,
      previousSecretUntil: sql`now() + make_interval(hours => ${overlapHours})`,
      updatedAt: sql`now()`,
    })
    .where(isEndpoint(endpoint))
    .returning();
  return row && { row, secret };
}

/**
 * Changes an endpoint. One that goes on after a pause gets the events accepted from now on; what it missed is written
 * down as skipped.
 * @returns the changed row, or undefined when there is no such endpoint.
 */
export async function changeEndpoint(
  db: Database,
  encryption: Encryption,
  endpoint: EndpointKey,
  { headers, ...change }: EndpointChange,
): Promise<EndpointRow | undefined> {
  return db.transaction(async (tx) => {
    const [before] = await tx.select().from(endpoints).where(isEndpoint(endpoint)).for('update');
    if (!before) return undefined;
    if (change.enabled && !before.enabled) await skipPaused(tx, endpoint);
    const sealed = headers && {
      headers: sealHeaders(headers, before.headers, sealFor(encryption, endpoint)),
    };
    const [after] = await tx
      .update(endpoints)
      .set({ ...change, ...sealed, updatedAt: new Date() })
      .where(isEndpoint(endpoint))
      .returning();
    return after;
  });
}

/** Everything between the cursor and now was accepted while the endpoint was paused, or waited when it was. */
async function skipPaused(tx: Transaction, { locationId, endpointId }: EndpointKey): Promise<void> {
  await tx.execute(sql`
    with resumed as (
      select p.location_id, p.id, p.cursor, l.last_sequence
      from endpoints p
      join locations l on l.id = p.location_id
      where p.location_id = ${locationId} and p.id = ${endpointId} and p.cursor < l.last_sequence
    ),
    skipped as (
      insert into skips (location_id, endpoint_id, first_sequence, last_sequence, reason)
      select location_id, id, cursor + 1, last_sequence, 'paused'
      from resumed
    )
    update endpoints p
    set cursor = r.last_sequence
    from resumed r
    where p.location_id = r.location_id and p.id = r.id`);
}

/**
 * Deletes one endpoint of a location, or all of them. What they were still to be sent is skipped as `no_endpoint`,
 * what they missed in a pause as `paused`; resends that wait are dropped, secrets are erased; the rest of the row stays
 * for the log.
 * @returns how many were deleted.
 */
export async function deleteEndpoints(
  tx: Transaction,
  locationId: string,
  endpointId: string | null = null,
): Promise<number> {
  // Waits for tests and resends that are just being stored, so that the next statement sees them.
  await tx.execute(sql`
    select from endpoints p
    where p.location_id = ${locationId}
      and (${endpointId}::uuid is null or p.id = ${endpointId}::uuid)
    order by p.id
    for update`);
  const deleted = await tx.execute(sql`
    with gone as (
      select p.location_id, p.id, p.cursor, p.enabled, l.last_sequence
      from endpoints p
      join locations l on l.id = p.location_id
      where p.location_id = ${locationId}
        and (${endpointId}::uuid is null or p.id = ${endpointId}::uuid)
        and p.deleted_at is null
    ),
    skipped as (
      insert into skips (location_id, endpoint_id, first_sequence, last_sequence, reason)
      select location_id, id, cursor + 1, last_sequence, case when enabled then 'no_endpoint' else 'paused' end
      from gone
      where cursor < last_sequence
    ),
    dropped as (
      delete from deliveries d
      using gone g
      where d.location_id = g.location_id and d.endpoint_id = g.id and d.started_at is null
    )
    update endpoints p
    set deleted_at = now(), enabled = false, secret = '', previous_secret = null, headers = '{}',
      cursor = greatest(p.cursor, g.last_sequence)
    from gone g
    where p.location_id = g.location_id and p.id = g.id
    returning p.id`);
  return deleted.length;
}

/** A secret as it is stored: encrypted, with its last characters to recognise it by. */
function sealSecret(encryption: Encryption, endpoint: EndpointKey, secret: string) {
  return { secret: sealFor(encryption, endpoint)(secret), secretHint: `…${secret.slice(-5)}` };
}

function sealFor(encryption: Encryption, { locationId, endpointId }: EndpointKey) {
  return (value: string) => encryption.seal(value, endpointOwner(locationId, endpointId));
}
