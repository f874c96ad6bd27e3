import { and, eq, isNull, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { Encryption } from '../db/encryption.ts';
import { endpoints, locations } from '../db/schema.ts';
import { ownerOf } from '../db/sealed.ts';
import type { Transaction } from '../db/transact.ts';
import { createSecret } from '../delivery/signature.ts';
import { sealHeaders } from '../http/custom-headers.ts';
import { unknownLocation } from '../http/authorize.ts';
import { Problem } from '../http/problem.ts';
import { metrics } from '../metrics.ts';
import type { EndpointChange, EndpointRow, NewEndpoint } from './endpoint.ts';

/** Which endpoint: ids of ours are only ever looked up within a location. */
export type EndpointKey = { locationId: string; endpointId: string };

/** The condition that selects an endpoint which has not been deleted. */
export function isEndpoint({ locationId, endpointId }: EndpointKey) {
  return and(eq(endpoints.locationId, locationId), eq(endpoints.id, endpointId), isNull(endpoints.deletedAt));
}

/** The answer for an endpoint that is not at this location. */
export function unknownEndpoint(): Problem {
  return new Problem(404, 'There is no endpoint with this id at this location.');
}

/** An endpoint that is about to be changed, held until then. @throws Problem when there is none. */
export async function lockEndpoint(tx: Transaction, endpoint: EndpointKey): Promise<EndpointRow> {
  const [row] = await tx.select().from(endpoints).where(isEndpoint(endpoint)).for('update');
  if (!row) throw unknownEndpoint();
  return row;
}

/** Makes an endpoint that gets the events accepted from now on. `secret` is to be shown once. */
export async function createEndpoint(
  tx: Transaction,
  encryption: Encryption,
  locationId: string,
  { headers, ...settings }: NewEndpoint,
): Promise<{ row: EndpointRow; secret: string }> {
  const endpointId = uuidv7();
  const secret = createSecret();
  // Held until the endpoint is there, so that the location is not deleted meanwhile without it.
  const [location] = await tx
    .select()
    .from(locations)
    .where(and(eq(locations.id, locationId), isNull(locations.deletedAt)))
    .for('share');
  if (!location) throw unknownLocation();
  const [row] = await tx
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
  if (!row) throw new Error('The endpoint was not stored.');
  return { row, secret };
}

/**
 * Gives an endpoint a new secret; deliveries carry both signatures for `overlapHours`. A rotation within the overlap
 * of another ends that one: at most two secrets are valid.
 * @param endpoint held by {@link lockEndpoint}.
 * @returns the changed row and the secret, to be shown once.
 */
export async function rotateSecret(
  tx: Transaction,
  encryption: Encryption,
  endpoint: EndpointRow,
  overlapHours: number,
): Promise<{ row: EndpointRow; secret: string }> {
  const secret = createSecret();
  const key = keyOf(endpoint);
  const [row] = await tx
    .update(endpoints)
    .set({
      ...sealSecret(encryption, key, secret),
      previousSecret: sql`secret`,
      previousSecretUntil: sql`now() + make_interval(hours => ${overlapHours})`,
      updatedAt: sql`now()`,
    })
    .where(isEndpoint(key))
    .returning();
  if (!row) throw new Error('The endpoint was not changed.');
  return { row, secret };
}

/**
 * Changes an endpoint. One that goes on after a pause gets the events accepted from now on; what it missed is written
 * down as skipped.
 * @param before the endpoint, held by {@link lockEndpoint}.
 * @returns the changed row.
 */
export async function changeEndpoint(
  tx: Transaction,
  encryption: Encryption,
  before: EndpointRow,
  { headers, ...change }: EndpointChange,
): Promise<EndpointRow> {
  const key = keyOf(before);
  const isResumed = change.enabled && !before.enabled;
  if (isResumed) await skipPaused(tx, key);
  // What it does after a pause is judged anew.
  const fresh = isResumed && { failingSince: null, disabledReason: null };
  const sealed = headers && { headers: sealHeaders(headers, before.headers, sealFor(encryption, key)) };
  const [after] = await tx
    .update(endpoints)
    .set({ ...change, ...fresh, ...sealed, updatedAt: new Date() })
    .where(isEndpoint(key))
    .returning();
  if (!after) throw new Error('The endpoint was not changed.');
  return after;
}

function keyOf({ locationId, id }: EndpointRow): EndpointKey {
  return { locationId, endpointId: id };
}

/** Everything between the cursor and now was accepted while the endpoint was paused, or waited when it was. */
async function skipPaused(tx: Transaction, { locationId, endpointId }: EndpointKey): Promise<void> {
  const resumed = await tx.execute<{ skipped: number }>(sql`
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
    where p.location_id = r.location_id and p.id = r.id
    returning r.last_sequence - r.cursor as skipped`);
  for (const { skipped } of resumed) metrics.eventsSkipped.inc('paused', skipped);
}

/**
 * Deletes one endpoint of a location, or all of them. What they were still to be sent is skipped as `no_endpoint`,
 * what they missed in a pause as `paused`; resends that wait are dropped, secrets are erased; the rest of the row stays
 * for the log.
 * @returns the ids of those deleted.
 */
export async function deleteEndpoints(
  tx: Transaction,
  locationId: string,
  endpointId: string | null = null,
): Promise<string[]> {
  // Waits for tests and resends that are just being stored, so that the next statement sees them.
  await tx.execute(sql`
    select from endpoints p
    where p.location_id = ${locationId}
      and (${endpointId}::uuid is null or p.id = ${endpointId}::uuid)
    order by p.id
    for update`);
  const deleted = await tx.execute<Deleted>(sql`
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
    returning p.id, g.enabled, greatest(g.last_sequence - g.cursor, 0) as skipped`);
  return deleted.map(countSkipped);
}

type Deleted = { id: string; enabled: boolean; skipped: number };

function countSkipped({ id, enabled, skipped }: Deleted): string {
  metrics.eventsSkipped.inc(enabled ? 'no_endpoint' : 'paused', skipped);
  return id;
}

/** A secret as it is stored: encrypted, with its last characters to recognise it by. */
function sealSecret(encryption: Encryption, endpoint: EndpointKey, secret: string) {
  return { secret: sealFor(encryption, endpoint)(secret), secretHint: `…${secret.slice(-5)}` };
}

function sealFor(encryption: Encryption, { locationId, endpointId }: EndpointKey) {
  return (value: string) => encryption.seal(value, ownerOf('endpoint', locationId, endpointId));
}
