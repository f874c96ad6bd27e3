import type { Connection } from './connection.ts';

/**
 * The connections that wait a moment for the next request to their origin. The one that rested last goes first, so that
 * those which nobody needs run out of time.
 */
export class IdleConnections {
  readonly #byOrigin = new Map<string, Connection[]>();

  /** Takes out a connection to an origin, e.g. `https://example.com`. Those that waited too long are closed. */
  take(origin: string): Connection | null {
    for (;;) {
      const connection = this.#byOrigin.get(origin)?.at(-1);
      if (connection === undefined) return null;
      this.forget(connection);
      if (connection.isFresh) return connection;
      connection.destroy();
    }
  }

  /** Lets a connection wait. */
  keep(connection: Connection): void {
    const waiting = this.#byOrigin.get(connection.origin);
    if (waiting) waiting.push(connection);
    else this.#byOrigin.set(connection.origin, [connection]);
    connection.rest();
  }

  /** Drops a connection that was taken, or that was closed, whether it waited or not. */
  forget(connection: Connection): void {
    const waiting = this.#byOrigin.get(connection.origin);
    const place = waiting?.lastIndexOf(connection) ?? -1;
    if (place >= 0) waiting?.splice(place, 1);
    if (waiting?.length === 0) this.#byOrigin.delete(connection.origin);
  }

  /** Closes all that wait. */
  destroy(): void {
    for (const connection of [...this.#byOrigin.values()].flat()) connection.destroy();
    this.#byOrigin.clear();
  }
}
