import { v7 as uuidv7 } from 'uuid';
import type { Database } from '../db/client.ts';
import { logger } from '../logger.ts';
import { failingSteps } from '../outbox/failing.ts';

/** Notices of one statement. */
const maxRaised = 200;

/**
 * Raises a notice for every endpoint that has come to a further step of failing, was disabled for it, or delivers again
 * after a notice; each once in a spell of failing, for which the unique key answers. Of steps that are passed at
 * once, the furthest counts. An endpoint that fails and recovers by turns raises its first failures once an hour.
 * @returns how many it raised.
 */
export async function raiseNotices({ $client: sql }: Database): Promise<number> {
  const ids = Array.from({ length: maxRaised }, () => uuidv7());
  const raised = await sql`
    with due as (
      select *, row_number() over () as place
      from (${failing(sql)} union all ${recovered(sql)}) d
      where d.step is not null
        and not exists (
          select from notices n
          where n.location_id = d.location_id and n.endpoint_id = d.endpoint_id and n.step = d.step
            and (n.failing_since = d.failing_since
              or d.step = 'first_failures' and n.created_at > now() - interval '1 hour'))
      limit ${maxRaised}
    )
    insert into notices (location_id, id, title, endpoint_id, host, description, step, failing_since, failures_in_a_row,
      last_reason, last_status_code)
    select d.location_id, (${ids}::uuid[])[d.place], l.title, d.endpoint_id, substring(p.url from '//([^/?#]*)'),
      p.description, d.step, d.failing_since, p.failures_in_a_row, failure.reason, failure.status_code
    from due d
    join locations l on l.id = d.location_id
    join endpoints p on p.location_id = d.location_id and p.id = d.endpoint_id
    left join lateral (
      select f.reason, f.status_code
      from deliveries f
      where f.location_id = d.location_id and f.endpoint_id = d.endpoint_id
        and f.outcome in ('failed', 'timed_out', 'abandoned')
      order by f.id desc
      limit 1
    ) failure on d.step <> 'recovered'
    on conflict do nothing
    returning location_id as "locationId", endpoint_id as "endpointId", step`;
  for (const { locationId, endpointId, step } of raised)
    logger.warn({ locationId, endpointId, step }, 'notice raised');
  return raised.length;
}

/** The endpoints that fail, each with the furthest step it has come to; null: none, or it has not failed in the last hour. */
function failing(sql: Database['$client']) {
  return sql`
    select p.location_id, p.id as endpoint_id, p.failing_since,
      case when p.disabled_reason is not null then 'disabled' else (
        select s.step
        from json_to_recordset(${JSON.stringify(failingSteps)}::text::json) as s(step text, failures int, hours int)
        where p.enabled and p.failures_in_a_row >= s.failures
          and p.last_failed_at >= p.failing_since + make_interval(hours => s.hours)
          and p.last_failed_at > now() - interval '1 hour'
        order by s.hours desc
        limit 1
      ) end as step
    from endpoints p
    where p.failing_since is not null and p.deleted_at is null`;
}

/** The endpoints that deliver again, whose last notice says otherwise. */
function recovered(sql: Database['$client']) {
  return sql`
    select p.location_id, p.id, last.failing_since, 'recovered'
    from endpoints p
    cross join lateral (
      select n.step, n.failing_since
      from notices n
      where n.location_id = p.location_id and n.endpoint_id = p.id
      order by n.failing_since desc, n.created_at desc
      limit 1
    ) last
    where p.failing_since is null and p.enabled and p.deleted_at is null
      and last.step <> 'recovered' and p.last_delivered_at > last.failing_since`;
}

/** Rows in one statement: it takes milliseconds, and holds up nobody. */
const maxRemoved = 5000;

/**
 * Removes old notices, a bounded step. Those of an endpoint that still fails stay: they would be raised again.
 * @returns how many.
 */
export async function removeOldNotices({ $client: sql }: Database, retentionDays: number): Promise<number> {
  const removed = await sql`
    delete from notices
    where ctid = any(array(
      select n.ctid
      from notices n
      where n.created_at < now() - make_interval(days => ${retentionDays})
        and not exists (
          select from endpoints p
          where p.location_id = n.location_id and p.id = n.endpoint_id and p.failing_since = n.failing_since)
      limit ${maxRemoved}
      for update skip locked))`;
  return removed.count;
}
