import type { Database } from '../db/client.ts';
import type { Listen } from '../db/listen.ts';
import { logger } from '../logger.ts';
import { type Ended, listenForWatches, notifyEnded } from './ended.ts';

/** Milliseconds for which a location counts as watched after somebody said so: two announcements, and time to spare. */
const rememberMs = 25_000;

/** Tells of deliveries that have ended, at locations that somebody watches. Where nobody does, it costs a look into a map. */
export class Announcer {
  readonly #db: Database;
  readonly #watchedUntil = new Map<string, number>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** Begins to hear who watches. */
  async start(listen: Listen): Promise<void> {
    await listenForWatches(listen, (locationIds) => this.#note(locationIds));
  }

  /** Tells of these, as far as somebody watches. What gets lost is found by those who watch, seconds later. */
  tell(ended: Ended[]): void {
    const now = performance.now();
    const heard = ended.filter(({ locationId }) => (this.#watchedUntil.get(locationId) ?? 0) > now);
    if (heard.length === 0) return;
    notifyEnded(this.#db, heard).catch((error: unknown) => {
      logger.warn({ err: error, deliveries: heard.length }, 'watchers not notified');
    });
  }

  #note(locationIds: string[]): void {
    const now = performance.now();
    for (const [locationId, until] of this.#watchedUntil)
      if (until <= now) this.#watchedUntil.delete(locationId);
    for (const locationId of locationIds) this.#watchedUntil.set(locationId, now + rememberMs);
  }
}
