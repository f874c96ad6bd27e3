import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import type { Database } from '../db/client.ts';
import { gather } from '../db/gather.ts';
import { notOverdue } from '../overdue.ts';
import type { NewEvent } from './event.ts';
import { HeldLocations } from './held-locations.ts';

/** An event's place in its location's log. `duplicate`: an event with this id was there before; it was not stored again. */
type Accepted = { id: string; locationId: string; sequence: number; duplicate: boolean };

/** What became of one request: all of its events stored, or none because of locations that are not there. */
export type Acceptance = { events: Accepted[]; unknown: [] } | { events: []; unknown: [string, ...string[]] };

/** Events in one statement, and events that may wait for it: about 200 bytes each in memory. */
const limits = { size: (request: NewEvent[]) => request.length, maxFlush: 5000, maxWaiting: 50_000 };

/** Milliseconds that a request waits for a location which another transaction holds: shorter than callers have patience. */
const maxHeldMs = 10_000;

/** How often a statement is repeated that lost a race for the id of an event. Each repetition sees the winner's event. */
const maxAttempts = 5;

/**
 * The way into the log. The function it returns accepts the events of one request, all or nothing, and resolves after
 * their commit; requests that arrive together share one statement. A location that another transaction holds delays the
 * requests that name it, and no others.
 * @throws Overloaded (the returned function) when more wait than memory should hold, or a location is held for too long.
 * @throws (the returned function) what the database throws; nothing is stored then, or everything is and its answer was lost.
 * @example
 * const accept = createLog(db);
 * await accept([{ uuid, action: 'create', locationId: 'kamen-test', stations: 1, customerid: 7685 }]);
 * // { events: [{ id, locationId: 'kamen-test', sequence: 1, duplicate: false }], unknown: [] }
 */
export function createLog(db: Database): (request: NewEvent[]) => Promise<Acceptance> {
  const held = new HeldLocations(db);
  const acceptTogether = gather((requests: NewEvent[][]) => acceptAll(db, requests), limits);
  return async (request) => {
    const giveUpAt = performance.now() + maxHeldMs;
    const locationIds = [...new Set(request.map((event) => event.locationId))];
    for (;;) {
      await held.pass(locationIds, request.length, giveUpAt);
      const acceptance = await acceptTogether(request);
      if (!('held' in acceptance)) return acceptance;
      held.add(acceptance.held);
    }
  };
}

/** What became of one request for now: nothing of it is stored while one of its locations is held. */
type Attempted = Acceptance | { held: string[] };

async function acceptAll(db: Database, requests: NewEvent[][]): Promise<Attempted[]> {
  const input = requests.flatMap((events, request) =>
    events.map((event) => ({ ...event, id: event.id ?? randomUUID(), request })),
  );
  const rows = await append(db, JSON.stringify(input.map((event, n) => ({ ...event, n }))));
  let end = 0;
  return requests.map((events) => toAttempted(rows.slice(end, (end += events.length))));
}

function toAttempted(rows: AppendedRow[]): Attempted {
  const [first, ...others] = locationsOf(rows.filter((row) => row.unknown));
  if (first !== undefined) return { events: [], unknown: [first, ...others] };
  const held = locationsOf(rows.filter((row) => row.held));
  return held.length > 0 ? { held } : { unknown: [], events: rows.map(toAccepted) };
}

function locationsOf(rows: AppendedRow[]): string[] {
  return [...new Set(rows.map((row) => row.locationId))];
}

function toAccepted({ id, locationId, sequence, duplicate }: AppendedRow): Accepted {
  return { id, locationId, sequence, duplicate };
}

type AppendedRow = Accepted & { unknown: boolean; held: boolean };

async function append(db: Database, input: string): Promise<AppendedRow[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await notOverdue(appendOnce(db, input));
    } catch (error) {
      if (!lostRaceForId(error) || attempt === maxAttempts) throw error;
    }
  }
}

/** Another process stored an event with the same id after this statement had begun. */
function lostRaceForId(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === '23505';
}

/**
 * The location rows stay locked until commit: that makes sequences gapless and in commit order. It waits for no lock: a
 * request with a location that somebody else holds is left out, whole. What is looked up one by one (`lateral`) would
 * otherwise be joined, by a plan that may read a table whole: see docs/decisions/statistics.md.
 */
async function appendOnce({ $client: sql }: Database, input: string): Promise<AppendedRow[]> {
  return sql<AppendedRow[]>`
    with input as (
      select *
      from json_to_recordset(${input}::text::json) as x(
        request int, n int, "locationId" text, id uuid, uuid uuid, action text, stations int, customerid bigint)
    ),
    locked as (
      select l.id
      from (select distinct "locationId" from input) i
      cross join lateral (
        select l.id
        from locations l
        where l.id = i."locationId" and l.deleted_at is null
        for update skip locked
      ) l
    ),
    left_out as (
      select distinct request
      from input
      where "locationId" not in (select id from locked)
    ),
    present as (
      select e.*
      from (select distinct "locationId", id from input) i
      cross join lateral (
        select e.location_id, e.id, e.sequence
        from events e
        where e.location_id = i."locationId" and e.id = i.id
        limit 1
      ) e
    ),
    fresh as (
      select distinct on ("locationId", id) *
      from input
      where request not in (select request from left_out)
        and ("locationId", id) not in (select location_id, id from present)
      order by "locationId", id, n
    ),
    bumped as (
      update locations l
      set last_sequence = l.last_sequence + f.count
      from (select "locationId", count(*) from fresh group by 1) f
      where l.id = f."locationId"
      returning l.id, l.last_sequence - f.count as base
    ),
    stored as (
      insert into events (location_id, sequence, id, uuid, action, stations, customerid)
      select f."locationId", b.base + row_number() over (partition by f."locationId" order by f.n),
        f.id, f.uuid, f.action, f.stations, f.customerid
      from fresh f
      join bumped b on b.id = f."locationId"
      returning location_id, id, sequence
    )
    select i.id, i."locationId", coalesce(s.sequence, p.sequence) as sequence,
      i.n not in (select n from fresh) as duplicate,
      i."locationId" not in (select id from locked) as held,
      i."locationId" not in (select id from locked) and not exists (
        select from locations l where l.id = i."locationId" and l.deleted_at is null) as unknown
    from input i
    left join stored s on s.location_id = i."locationId" and s.id = i.id
    left join present p on p.location_id = i."locationId" and p.id = i.id
    order by i.n`;
}
