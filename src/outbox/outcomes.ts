import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../db/client.ts';
import { gather } from '../db/gather.ts';
import type { AttemptResult } from '../delivery/attempt.ts';
import { logger } from '../logger.ts';
import { notOverdue } from '../overdue.ts';
import type { Ended } from './ended.ts';

/** How a delivery ended, to be recorded. */
type Ending = AttemptResult & {
  locationId: string;
  endpointId: string;
  id: string;
  requestHeaders: Record<string, string>;
};

/** Milliseconds between two tries to record while the database is away, or while somebody else holds the endpoint's row. */
const retryMs = 250;
const heldMs = 20;

/** Resolves once an ending is committed and its lane is free. */
export type Recorder = (ending: Ending) => Promise<void>;

/**
 * The way outcomes get on record; endings that come together share one statement. It is repeated for as long as the
 * database is away. Repeating changes nothing that is there already: only a delivery that is still `sending` ends, and
 * only the lane it holds is freed. An endpoint whose row somebody else holds delays its own endings only.
 * @param tell is told of what has been recorded.
 */
export function createRecorder(db: Database, tell: (ended: Ended[]) => void): Recorder {
  const record = async (endings: Ending[]) => {
    const areRecorded = await recordUntilAnswered(db, endings);
    tell(endings.filter((_ending, n) => areRecorded[n]));
    return areRecorded;
  };
  const recordTogether = gather(record, {
    maxFlush: 1000,
    maxWaiting: Number.POSITIVE_INFINITY, // the deliveries in flight are bounded already
  });
  return async (ending) => {
    while (!(await recordTogether(ending))) await delay(heldMs);
  };
}

/** @returns of each ending whether it is on record; those of held endpoints are not. */
async function recordUntilAnswered(db: Database, endings: Ending[]): Promise<boolean[]> {
  for (;;) {
    try {
      const held = await notOverdue(recordFree(db, endings));
      return endings.map((ending) => !held.has(ending.id));
    } catch (error) {
      logger.error({ err: error, deliveries: endings.length }, 'outcomes not recorded yet');
      await delay(retryMs);
    }
  }
}

/**
 * Endpoints first, then their deliveries, like everyone who changes both, and without waiting for a lock: so that no two
 * statements wait for each other. `lateral`, and the locations named once more, keep plans from reading all endpoints.
 * @returns the ids of those whose endpoint is held.
 */
async function recordFree({ $client: sql }: Database, endings: Ending[]): Promise<Set<string>> {
  const locationIds = [...new Set(endings.map((ending) => ending.locationId))];
  const rows = await sql<{ id: string }[]>`
    with ending as (
      select * from json_to_recordset(${JSON.stringify(endings)}::text::json) as x(
        "locationId" text, "endpointId" uuid, id uuid, outcome text, reason text, "statusCode" int,
        "connectedMs" int, "durationMs" int, "requestHeaders" json)
    ),
    locked as (
      select p.location_id, p.id
      from (select distinct "locationId", "endpointId" from ending) e
      cross join lateral (
        select p.location_id, p.id
        from endpoints p
        where p.location_id = e."locationId" and p.id = e."endpointId"
        for update skip locked
      ) p
    ),
    held as (
      select e.id
      from ending e
      where ("locationId", "endpointId") not in (select location_id, id from locked)
        and exists (select from endpoints p where p.location_id = e."locationId" and p.id = e."endpointId")
    ),
    recorded as (
      update deliveries d
      set outcome = e.outcome, reason = e.reason, status_code = e."statusCode", connected_ms = e."connectedMs",
        duration_ms = e."durationMs", request_headers = e."requestHeaders", ended_at = now()
      from ending e
      where d.location_id = e."locationId" and d.id = e.id and d.outcome = 'sending'
        and e.id not in (select id from held)
    ),
    freed as (
      update endpoints p
      set lease_delivery_id = null, lease_until = null,
        last_delivered_at = case when e.outcome = 'delivered' then now() else p.last_delivered_at end,
        last_failed_at = case when e.outcome = 'delivered' then p.last_failed_at else now() end,
        failures_in_a_row = case when e.outcome = 'delivered' then 0 else p.failures_in_a_row + 1 end,
        failing_since = case when e.outcome = 'delivered' then null else coalesce(p.failing_since, now()) end
      from ending e
      where p.location_id = e."locationId" and p.id = e."endpointId" and p.lease_delivery_id = e.id
        and p.location_id = any(${locationIds})
        and e.id not in (select id from held)
    )
    select id from held`;
  return new Set(rows.map((row) => row.id));
}

/**
 * Ends deliveries whose lease has run out, because the process that sent them died or was paused: nobody knows whether
 * the POST arrived, so they are `abandoned`, never sent again by themselves, and their lanes go on with the next events.
 * @param ownIds deliveries of which this process knows how they end.
 * @returns those deliveries.
 */
export async function abandonOnce(
  { $client: sql }: Database,
  maxLanes: number,
  ownIds: string[],
): Promise<Ended[]> {
  return sql<Ended[]>`
    with lost as (
      select location_id, id, lease_delivery_id
      from endpoints
      where lease_until < now() and lease_delivery_id <> all(${ownIds}::uuid[])
      limit ${maxLanes}
      for update skip locked
    ),
    abandoned as (
      update deliveries d
      set outcome = 'abandoned', reason = 'crashed', ended_at = now()
      from lost l
      where d.location_id = l.location_id and d.id = l.lease_delivery_id and d.outcome = 'sending'
    )
    update endpoints p
    set lease_delivery_id = null, lease_until = null, last_failed_at = now(),
      failures_in_a_row = failures_in_a_row + 1, failing_since = coalesce(failing_since, now())
    from lost l
    where p.location_id = l.location_id and p.id = l.id
    returning l.location_id as "locationId", l.lease_delivery_id as id`;
}
