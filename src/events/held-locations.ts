import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../db/client.ts';
import { Overloaded } from '../db/gather.ts';

/** Milliseconds between two looks whether a held location is free again. */
const lookMs = 10;
/** Events that may wait for one held location, and for all of them: about 200 bytes each in memory. */
const maxWaiting = 5000;
const maxWaitingInAll = 50_000;

/**
 * The locations whose row another transaction holds, such as a long one of the core app. Requests wait for them here, in
 * the order in which they came, and not in a statement or on a connection: so that nobody else waits.
 */
export class HeldLocations {
  readonly #db: Database;
  readonly #waiting = new Map<string, { events: number }>();
  #waitingInAll = 0;
  #look: Promise<void> | null = null;

  constructor(db: Database) {
    this.#db = db;
  }

  /** These were just found held. */
  add(locationIds: string[]): void {
    for (const id of locationIds) if (!this.#waiting.has(id)) this.#waiting.set(id, { events: 0 });
  }

  /**
   * Waits while any of these locations is held; one that is not known to be costs nothing.
   * @param events how many wait with this request.
   * @param giveUpAt when waiting ends, by `performance.now()`.
   * @throws Overloaded when one is still held then, or when too many events wait for it already.
   */
  async pass(locationIds: string[], events: number, giveUpAt: number): Promise<void> {
    for (;;) {
      const held = locationIds.map((id) => this.#waiting.get(id)).find((line) => line !== undefined);
      if (!held) return;
      if (this.#isFull(held, events) || performance.now() > giveUpAt)
        throw new Overloaded(`Another transaction holds one of ${locationIds.join(', ')}.`);
      held.events += events;
      this.#waitingInAll += events;
      await this.#nextLook().finally(() => {
        held.events -= events;
        this.#waitingInAll -= events;
      });
    }
  }

  #isFull(held: { events: number }, events: number): boolean {
    const isOverByItself = held.events > 0 && held.events + events > maxWaiting;
    return isOverByItself || this.#waitingInAll + events > maxWaitingInAll;
  }

  #nextLook(): Promise<void> {
    this.#look ??= this.#findFree().finally(() => {
      this.#look = null;
    });
    return this.#look;
  }

  async #findFree(): Promise<void> {
    await delay(lookMs);
    const ids = [...this.#waiting.keys()];
    const rows = await this.#db.$client<{ id: string }[]>`
      with free as (
        select id
        from locations
        where id = any(${ids})
        for update skip locked
      )
      select id
      from locations
      where id = any(${ids}) and id not in (select id from free)`;
    const held = new Set(rows.map((row) => row.id));
    for (const id of ids) if (!held.has(id)) this.#waiting.delete(id);
  }
}
