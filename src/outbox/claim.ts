import type { Database } from '../db/client.ts';
import type { actions } from '../db/schema.ts';
import { batchInSql, bodyOfDeliveryInSql, eventsThatFitInSql } from '../events/batch.ts';

/**
 * What was done for one lane: a delivery to be sent, or null where events were only skipped. `skipped` is how many, all of
 * them as expired, or none.
 */
export type Claim = {
  locationId: string;
  delivery: ClaimedDelivery | null;
  skipped: number;
  areExpired: boolean;
};

/** What one statement claimed. `areMoreFree`: there were more free lanes than it might take. */
export type Claims = { claims: Claim[]; areMoreFree: boolean };

/** What the POST of a claimed delivery needs. Secrets and header values are still encrypted. */
export type ClaimedDelivery = {
  locationId: string;
  id: string;
  endpointId: string;
  url: string;
  headers: Record<string, string>;
  secret: string;
  previousSecret: string | null;
  firstSequence: number;
  lastSequence: number;
  events: number;
  /** Since the oldest of its events was accepted, in the database's time; null for a resend or test. */
  waitedMs: number | null;
  test: boolean;
  /** The actions it carries; null: all. A test carries one sample event of the first. */
  actions: (typeof actions)[number][] | null;
  title: string;
  /** The batch; null for a test. */
  body: string | null;
};

/** What bounds a claim. */
export type ClaimLimits = {
  /** Events in a batch. */
  maxEvents: number;
  /** How long a claimed lane is held, in the database's time. */
  leaseMs: number;
  /** Events older than this are skipped as expired. */
  maxAgeHours: number;
};

/**
 * Claims the next batch of up to `deliveryIds.length` free lanes of the locations, and commits: for each, the cursor has
 * moved, the lease is held and the delivery is on record as `sending`, before anybody sends a byte. A resend or test
 * that waits for its lane goes before new events. Events that are too old or filtered are recorded as skipped.
 *
 * One statement, so that a crash leaves all of it or nothing. Lanes that another process is at are passed over.
 * @param deliveryIds new ids, one for each lane that may be claimed.
 */
export async function claim(
  { $client: sql }: Database,
  locationIds: string[],
  deliveryIds: string[],
  { maxEvents, leaseMs, maxAgeHours }: ClaimLimits,
): Promise<Claims> {
  const rows = await sql<ClaimedRow[]>`
    -- One more than may be claimed: so that it is known whether more are free.
    with free as (
      select p.location_id, p.id as endpoint_id, p.cursor, p.actions, p.url, p.headers, p.secret,
        case when p.previous_secret_until > clock_timestamp() then p.previous_secret end as previous_secret,
        l.last_sequence, l.title, to_json(l.title)::text as title_json, waiting.id as waiting_id
      from endpoints p
      join locations l on l.id = p.location_id
      left join lateral (
        select d.id
        from deliveries d
        where d.location_id = p.location_id and d.endpoint_id = p.id and d.started_at is null
        order by d.id
        limit 1
      ) waiting on true
      where p.location_id = any(${locationIds})
        and p.deleted_at is null
        and p.lease_delivery_id is null
        and (waiting.id is not null or (p.enabled and p.cursor < l.last_sequence))
      limit ${deliveryIds.length + 1}
      for update of p skip locked
    ),
    lane as (
      select *
      from (select *, (${deliveryIds}::uuid[])[row_number() over ()] as new_id from free) numbered
      where new_id is not null
    ),
    -- The next events of each lane. A window that holds expired ones ends at the last of them and is skipped whole.
    outbox as (
      select f.location_id, f.endpoint_id, f.cursor, f.actions, f.title, f.url, f.headers, f.secret, f.previous_secret, f.new_id, e.*,
        coalesce(e.expired_through, e.through) as new_cursor, e.expired_through is null and e.events > 0 as sends
      from lane f
      cross join lateral (
        select max(e.sequence) as through,
          max(e.sequence) filter (where e.accepted_at < now() - make_interval(hours => ${maxAgeHours})) as expired_through,
          count(*) as scanned,
          count(*) filter (where e.wanted) as events,
          min(e.sequence) filter (where e.wanted) as first_sequence,
          max(e.sequence) filter (where e.wanted) as last_sequence,
          min(e.accepted_at) filter (where e.wanted) as accepted_at,
          ${sql.unsafe(batchInSql('f.title_json', 'filter (where e.wanted)'))} as body
        from (
          select e.*, f.actions is null or e.action = any(f.actions) as wanted
          from events e
          where e.location_id = f.location_id and e.sequence > f.cursor and e.sequence <= f.last_sequence
          order by e.sequence
          limit least(${maxEvents}, ${sql.unsafe(eventsThatFitInSql('f.title_json'))})
        ) e
      ) e
      where f.waiting_id is null and e.through is not null
    ),
    skipped as (
      insert into skips (location_id, endpoint_id, first_sequence, last_sequence, reason)
      select location_id, endpoint_id, cursor + 1, new_cursor,
        case when expired_through is null then 'filtered' else 'expired' end
      from outbox
      where expired_through is not null or events < scanned
    ),
    batched as (
      insert into deliveries
        (location_id, id, endpoint_id, first_sequence, last_sequence, events, actions, title, url, started_at)
      select location_id, new_id, endpoint_id, first_sequence, last_sequence, events, actions, title, url, now()
      from outbox
      where sends
    ),
    begun as (
      update deliveries d
      set started_at = now(), url = f.url
      from lane f
      where d.location_id = f.location_id and d.id = f.waiting_id and d.started_at is null
      returning d.*, f.headers, f.secret, f.previous_secret
    ),
    claimed as (
      select location_id, endpoint_id, case when sends then new_id end as delivery_id, new_cursor,
        first_sequence, last_sequence, title, body, actions, false as test, accepted_at,
        case when sends then events else 0 end as events,
        new_cursor - cursor - case when sends then events else 0 end as skipped, expired_through is not null as are_expired,
        url, headers, secret, previous_secret
      from outbox
      union all
      select location_id, endpoint_id, id, null, first_sequence, last_sequence, title, ${sql.unsafe(bodyOfDeliveryInSql('begun'))},
        actions, test, null, events, 0, false, url, headers, secret, previous_secret
      from begun
    ),
    moved as (
      update endpoints p
      set cursor = coalesce(c.new_cursor, p.cursor), lease_delivery_id = c.delivery_id,
        lease_until = case when c.delivery_id is not null then now() + make_interval(secs => ${leaseMs / 1000}) end
      from claimed c
      where p.location_id = c.location_id and p.id = c.endpoint_id
    )
    select location_id as "locationId", endpoint_id as "endpointId", delivery_id as id,
      first_sequence as "firstSequence", last_sequence as "lastSequence", title, body,
      actions, test, events, skipped, are_expired as "areExpired",
      (extract(epoch from now() - accepted_at) * 1000)::float8 as "waitedMs",
      url, headers, secret, previous_secret as "previousSecret",
      (select count(*) from free) > ${deliveryIds.length} as "areMoreFree"
    from claimed`;
  return { claims: rows.map(toClaim), areMoreFree: rows[0]?.areMoreFree ?? false };
}

function toClaim({ id, skipped, areExpired, ...row }: ClaimedRow): Claim {
  const delivery = id === null ? null : { id, ...row };
  return { locationId: row.locationId, delivery, skipped, areExpired };
}

type ClaimedRow = Omit<ClaimedDelivery, 'id'> &
  Pick<Claim, 'skipped' | 'areExpired'> &
  Pick<Claims, 'areMoreFree'> & { id: string | null };

/** Finds locations with a free lane that has something to send. The safety net under every wake-up. */
export async function findDueLocations({ $client: sql }: Database, max: number): Promise<string[]> {
  const rows = await sql<{ locationId: string }[]>`
    select distinct p.location_id as "locationId"
    from endpoints p
    join locations l on l.id = p.location_id
    where p.deleted_at is null
      and p.lease_delivery_id is null
      and ((p.enabled and p.cursor < l.last_sequence)
        or exists (
          select from deliveries d
          where d.location_id = p.location_id and d.endpoint_id = p.id and d.started_at is null))
    limit ${max}`;
  return rows.map((row) => row.locationId);
}
