import type { Database } from '../db/client.ts';

/** By how much the sequences of each location jump: more than any venue has events between a backup and its restore. */
const jump = 1_000_000;

/** What was not sent, because it may have been sent before the database was restored. */
export type PassedOver = { locations: number; endpoints: number; waiting: number };

/**
 * Makes sure that a database restored from a backup sends nothing of what it holds, for it was sent, or given up, after
 * the backup was made: cursors move to the end of their logs, with what they pass over on record as skipped (`paused`),
 * and resends and tests that wait are dropped. Sequences jump, so that none is given a second time, to another event.
 *
 * Only while no service runs on the database. Doing it again does no harm.
 */
export async function passOverRestored({ $client: sql }: Database): Promise<PassedOver> {
  const [passedOver] = await sql<[PassedOver]>`
    with jumped as (
      update locations l
      set last_sequence = l.last_sequence + ${jump}
      returning l.id, l.last_sequence, l.last_sequence - ${jump} as restored_sequence
    ),
    skipped as (
      insert into skips (location_id, endpoint_id, first_sequence, last_sequence, reason)
      select p.location_id, p.id, p.cursor + 1, j.restored_sequence, 'paused'
      from endpoints p
      join jumped j on j.id = p.location_id
      where p.deleted_at is null and p.cursor < j.restored_sequence
    ),
    moved as (
      update endpoints p
      set cursor = j.last_sequence
      from jumped j
      where p.location_id = j.id and p.deleted_at is null
      returning p.id
    ),
    dropped as (
      delete from deliveries
      where started_at is null
      returning id
    )
    select (select count(*) from jumped) as locations, (select count(*) from moved) as endpoints,
      (select count(*) from dropped) as waiting`;
  return passedOver;
}
