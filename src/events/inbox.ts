import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../db/client.ts';
import type { Listen } from '../db/listen.ts';
import { Loop } from '../loop.ts';
import { metrics } from '../metrics.ts';

/** What `bellhop.emit_session_events` notifies of: there is something new in the inbox. */
const channel = 'bellhop_emit';

/** Locations in one move, and events of each: it takes milliseconds (a full one about 70 on a busy machine), and a large backlog of one delays no other. */
const maxLocations = 20;
const maxEvents = 500;
/** Milliseconds between two looks at the inbox when no notification came, and when a location is held by somebody. */
const sweepMs = 1000;
const heldMs = 10;

/**
 * Moves what transactions of the core app have committed from the inbox to the logs, right after their commit: until
 * {@link stop}, whatever happens to the database. Several at once share the work.
 * @example
 * const mover = new Mover(db, (locationIds) => dispatcher.wake(locationIds));
 * await mover.start(listen);
 * await mover.stop();
 */
export class Mover {
  readonly #db: Database;
  readonly #wake: (locationIds: string[]) => void;
  readonly #moving = new Loop(() => this.#moveOnce(), { name: 'inbox', idleMs: sweepMs });

  /** @param wake is told the locations that have new events in their log, after their commit. */
  constructor(db: Database, wake: (locationIds: string[]) => void) {
    this.#db = db;
    this.#wake = wake;
  }

  async start(listen: Listen): Promise<void> {
    await listen(channel, () => this.#moving.wake());
    this.#moving.start();
  }

  async stop(): Promise<void> {
    await this.#moving.stop();
  }

  async #moveOnce(): Promise<number> {
    const { events, stored, locationIds, held } = await moveOnce(this.#db);
    this.#wake(locationIds);
    metrics.eventsAccepted.inc(stored);
    metrics.eventsDuplicate.inc(events - stored);
    if (events === 0 && held > 0) await delay(heldMs);
    return events + held;
  }
}

/**
 * What one move did: how many events left the inbox and how many of them are new to the log, the locations whose logs
 * grew, and how many it passed over as held.
 */
type Move = { events: number; stored: number; locationIds: string[]; held: number };

/**
 * Moves committed events from the inbox to the logs of their locations, where they get their sequences: in the order in
 * which they were handed over, and those whose id the log already has not again. Who waits for longest goes first.
 *
 * One statement, so that a crash leaves all of it or nothing; what it deletes is what it appends, so that no two append the
 * same. A location that somebody holds, or to whose log another statement has just appended, is passed over: it waits for
 * no lock. `accepted_at` never falls within a log, for expiry relies on it.
 */
export async function moveOnce({ $client: sql }: Database): Promise<Move> {
  const [move] = await sql<[Move]>`
    with recursive head as (
      (select location_id, number from inbox order by location_id, number limit 1)
      union all
      select following.*
      from head
      cross join lateral (
        select i.location_id, i.number
        from inbox i
        where i.location_id > head.location_id
        order by i.location_id, i.number
        limit 1
      ) following
    ),
    waiting as (
      select l.id, l.last_sequence, head.number
      from head
      join locations l on l.id = head.location_id
    ),
    locked as (
      select l.id, l.last_sequence
      from waiting w
      join locations l on l.id = w.id
      order by w.number
      limit ${maxLocations}
      for update of l skip locked
    ),
    -- The lock shows the newest row: where that is not the one this statement sees, it does not see the newest events either.
    steady as (
      select id
      from locked
      join waiting using (id, last_sequence)
    ),
    taken as (
      delete from inbox i
      using steady
      cross join lateral (
        select number from inbox where location_id = steady.id order by number limit ${maxEvents}
      ) due
      where i.location_id = steady.id and i.number = due.number
      returning i.*
    ),
    fresh as (
      select distinct on (location_id, id) *
      from taken t
      where not exists (select from events e where e.location_id = t.location_id and e.id = t.id)
      order by location_id, id, number
    ),
    bumped as (
      update locations l
      set last_sequence = l.last_sequence + f.count
      from (select location_id, count(*) from fresh group by 1) f
      where l.id = f.location_id
      returning l.id, l.last_sequence - f.count as base
    ),
    stored as (
      insert into events (location_id, sequence, id, uuid, action, stations, customerid, accepted_at)
      select f.location_id, b.base + row_number() over log, f.id, f.uuid, f.action, f.stations, f.customerid,
        greatest(max(f.emitted_at) over log, newest.accepted_at)
      from fresh f
      join bumped b on b.id = f.location_id
      left join events newest on newest.location_id = b.id and newest.sequence = b.base
      window log as (partition by f.location_id order by f.number)
    )
    select (select count(*) from taken) as events, (select count(*) from fresh) as stored, array(select id from bumped) as "locationIds",
      (select count(*) from waiting where id not in (select id from steady)) as held`;
  return move;
}
