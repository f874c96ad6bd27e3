import type { Database } from '../db/client.ts';
import type { Listen } from '../db/listen.ts';
import { Problem } from '../http/problem.ts';
import { Loop } from '../loop.ts';
import { findEndedAmong, findEndedSince, findEndOf } from './delivery-log.ts';
import { announceWatch, listenForEnded } from './ended.ts';
import { type WatchFilter, Watcher } from './watcher.ts';

/** Streams in one process, and at one location of them: each may hold about 1 MB. */
const maxWatchers = 200;
const maxWatchersPerLocation = 50;
/** Ids of a location that may wait to be loaded; what is beyond is found with the next announcement. */
const maxHeard = 5000;
/** Milliseconds between two announcements; dispatchers remember for longer. */
const announceMs = 10_000;
/** Milliseconds by which outcomes may become visible in another order than that of their `ended_at`. */
const overlapMs = 1000;

type Wanted = WatchFilter & { lastId: string | undefined };

/** Those who watch a location, and until when it is known that they have seen everything. */
type Watched = { watchers: Set<Watcher>; seenUntil: Date };

/**
 * Everybody in this process who watches deliveries end. Dispatchers, here or in other processes, notify of what ended at
 * locations that are announced as watched. What was not heard is looked for with every announcement.
 */
export class Watch {
  readonly #db: Database;
  readonly #watched = new Map<string, Watched>();
  readonly #ended = new Map<string, Set<string>>();
  readonly #loading = new Loop(() => this.loadOnce(), { name: 'watch', idleMs: announceMs });
  readonly #announcing = new Loop(() => this.announceOnce().then(() => 0), {
    name: 'announce watch',
    idleMs: announceMs,
  });
  #count = 0;
  #isStopping = false;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Begins to listen: until {@link stop}, whatever happens to the database. */
  async start(listen: Listen): Promise<void> {
    await listenForEnded(
      listen,
      (locationId, ids) => this.#hear(locationId, ids),
      () => this.#announcing.wake(),
    );
    this.#loading.start();
    this.#announcing.start();
  }

  /** Ends every watcher at once. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const { watchers } of this.#watched.values()) for (const watcher of watchers) watcher.end();
    await Promise.all([this.#loading.stop(), this.#announcing.stop()]);
  }

  /**
   * Begins to watch a location. Whoever gets the watcher gives it back by {@link leave}.
   * @param wanted.lastId the delivery that was seen last: what ended since comes first.
   * @param hangUp ends the connection of a reader that does not read.
   * @throws Problem when there are too many watchers already.
   */
  async join(locationId: string, { lastId, ...filter }: Wanted, hangUp: () => void): Promise<Watcher> {
    const watcher = new Watcher(filter, () => {
      this.leave(locationId, watcher);
      hangUp();
    });
    this.#add(locationId, watcher);
    try {
      const now = await announceWatch(this.#db, [locationId]);
      const lastEndedAt = lastId && (await findEndOf(this.#db, locationId, lastId));
      const since = lastEndedAt ? earlier(lastEndedAt) : now;
      const missed = lastEndedAt ? await findEndedSince(this.#db, locationId, since, filter) : [];
      watcher.begin(since, missed, lastId);
      return watcher;
    } catch (error) {
      this.leave(locationId, watcher);
      throw error;
    }
  }

  /** Ends a watcher, and forgets it. */
  leave(locationId: string, watcher: Watcher): void {
    watcher.leave();
    const watched = this.#watched.get(locationId);
    if (!watched?.watchers.delete(watcher)) return;
    this.#count -= 1;
    if (watched.watchers.size === 0) this.#watched.delete(locationId);
  }

  /** Loads what was heard of, and hands it out. @returns how many locations that were. */
  async loadOnce(): Promise<number> {
    const heard = [...this.#ended];
    this.#ended.clear();
    for (const [locationId, ids] of heard) {
      const rows = await findEndedAmong(this.#db, locationId, [...ids]);
      this.#push(locationId, rows);
    }
    return heard.length;
  }

  /** Tells the dispatchers what is watched, and hands out what went unheard. */
  async announceOnce(): Promise<void> {
    if (this.#watched.size === 0) return;
    const now = await announceWatch(this.#db, [...this.#watched.keys()]);
    for (const [locationId, watched] of this.#watched) {
      const rows = await findEndedSince(this.#db, locationId, earlier(watched.seenUntil), {});
      watched.seenUntil = now;
      this.#push(locationId, rows);
    }
  }

  #add(locationId: string, watcher: Watcher): void {
    const watched = this.#watched.get(locationId) ?? { watchers: new Set(), seenUntil: new Date() };
    if (this.#isStopping || this.#count >= maxWatchers) throw tooMany(503);
    if (watched.watchers.size >= maxWatchersPerLocation) throw tooMany(429);
    watched.watchers.add(watcher);
    this.#watched.set(locationId, watched);
    this.#count += 1;
  }

  #hear(locationId: string, ids: string[]): void {
    if (!this.#watched.has(locationId)) return;
    const ended = this.#ended.get(locationId) ?? new Set();
    for (const id of ids) if (ended.size < maxHeard) ended.add(id);
    this.#ended.set(locationId, ended);
    this.#loading.wake();
  }

  #push(locationId: string, rows: Parameters<Watcher['push']>[0]): void {
    for (const watcher of this.#watched.get(locationId)?.watchers ?? []) watcher.push(rows);
  }
}

function earlier(time: Date): Date {
  return new Date(time.getTime() - overlapMs);
}

function tooMany(status: 429 | 503): Problem {
  return new Problem(status, 'Too many streams are open: close one, or try again later.', {
    headers: { 'retry-after': '10' },
  });
}
