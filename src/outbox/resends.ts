import { sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { actions, endpoints } from '../db/schema.ts';
import type { Transaction } from '../db/transact.ts';

export type Endpoint = typeof endpoints.$inferSelect;
type Action = (typeof actions)[number];

/**
 * Puts a test in the lane of an endpoint. The endpoint's row is held until the commit: whoever deletes it waits, and then sees what it has to drop.
 * @returns the id of the delivery; undefined when the endpoint has just been deleted.
 */
export async function insertTest(
  tx: Transaction,
  endpoint: Endpoint,
  title: string,
  action: Action,
): Promise<string | undefined> {
  const [row] = await tx.execute<{ id: string }>(sql`
    insert into deliveries
      (location_id, id, endpoint_id, first_sequence, last_sequence, events, actions, title, url, test)
    select p.location_id, ${uuidv7()}::uuid, p.id, 0, 0, 1, array[${action}], ${title}, p.url, true
    from endpoints p
    where p.location_id = ${endpoint.locationId} and p.id = ${endpoint.id} and p.deleted_at is null
    for share
    returning id`);
  return row?.id;
}

/**
 * Puts resends in the lane of an endpoint: the same events as they were sent then: same range, same filter, same title. Sent in the order of `originalIds`. The
 * endpoint's row is held as for a test.
 * @returns the ids of the deliveries; none when the endpoint has just been deleted.
 */
export async function insertResends(
  tx: Transaction,
  endpoint: Endpoint,
  originalIds: string[],
): Promise<string[]> {
  const resends = originalIds.map((originalId) => ({ id: uuidv7(), originalId }));
  const rows = await tx.execute<{ id: string }>(sql`
    insert into deliveries
      (location_id, id, endpoint_id, first_sequence, last_sequence, events, actions, title, url, resend_of)
    select d.location_id, r.id, d.endpoint_id, d.first_sequence, d.last_sequence, d.events, d.actions, d.title,
      p.url, d.id
    from json_to_recordset(${JSON.stringify(resends)}::text::json) as r(id uuid, "originalId" uuid)
    join deliveries d on d.location_id = ${endpoint.locationId} and d.id = r."originalId"
    join endpoints p on p.location_id = d.location_id and p.id = ${endpoint.id} and p.deleted_at is null
    for share of p
    returning id`);
  return rows.map((row) => row.id);
}
