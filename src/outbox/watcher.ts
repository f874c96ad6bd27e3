import { setTimeout as delay } from 'node:timers/promises';
import type { DeliveryRow } from './delivery.ts';

/** What a watcher wants to see. */
export type WatchFilter = { endpointId?: string | undefined; outcome?: DeliveryRow['outcome'] | undefined };

/** Deliveries that may wait for a reader; one that is slower is ended. About 1 MB. */
const maxWaiting = 2000;
/** Ids that are remembered so that nothing comes twice: more than any catching up can repeat. */
const maxSeen = 5000;

/** One reader of the deliveries of a location: what has ended waits here until it is read. Each comes once. */
export class Watcher {
  readonly #filter: WatchFilter;
  readonly #seen = new Set<string>();
  #waiting: DeliveryRow[] = [];
  #since = new Date(0);
  #isEnded = false;
  #endWait: (() => void) | null = null;
  readonly #hangUp: () => void;

  /** @param hangUp is called when it ends while nobody reads: by itself, such a reader would never notice. */
  constructor(filter: WatchFilter, hangUp: () => void) {
    this.#filter = filter;
    this.#hangUp = hangUp;
  }

  /** Adds deliveries that have ended, unless they were there before. */
  push(rows: DeliveryRow[]): void {
    const fresh = rows.filter((row) => this.#wants(row));
    if (fresh.length === 0 || this.#isEnded) return;
    for (const { id } of fresh) this.#see(id);
    this.#waiting.push(...fresh);
    if (this.#waiting.length > maxWaiting) this.end();
    else this.#endWait?.();
  }

  /** Begins with `missed`; leaves out what ended before `since`, and `seenId`. */
  begin(since: Date, missed: DeliveryRow[], seenId: string | undefined): void {
    const live = this.#waiting.splice(0);
    this.#since = since;
    this.#seen.clear();
    if (seenId) this.#see(seenId);
    this.push(missed);
    this.push(live);
  }

  /**
   * Waits for deliveries, at most `waitMs`.
   * @returns those that have come, none when the time is over; null when it has been ended.
   */
  async next(waitMs: number): Promise<DeliveryRow[] | null> {
    if (this.#waiting.length === 0 && !this.#isEnded) await this.#wait(waitMs);
    return this.#isEnded ? null : this.#waiting.splice(0);
  }

  /** Ends it at once, though its reader may not be reading. */
  end(): void {
    if (!this.#endWait) this.#hangUp();
    this.leave();
  }

  /** Ends it when its reader knows. */
  leave(): void {
    this.#isEnded = true;
    this.#waiting = [];
    this.#endWait?.();
  }

  #wants({ id, endpointId, outcome, endedAt }: DeliveryRow): boolean {
    const filter = this.#filter;
    const isNew = endedAt !== null && endedAt >= this.#since && !this.#seen.has(id);
    return (
      isNew &&
      (!filter.endpointId || filter.endpointId === endpointId) &&
      (!filter.outcome || filter.outcome === outcome)
    );
  }

  #see(id: string): void {
    this.#seen.add(id);
    const [oldest] = this.#seen;
    if (oldest && this.#seen.size > maxSeen) this.#seen.delete(oldest);
  }

  async #wait(ms: number): Promise<void> {
    const waiting = new AbortController();
    this.#endWait = () => waiting.abort();
    await delay(ms, undefined, { signal: waiting.signal }).catch(() => {});
    this.#endWait = null;
  }
}
