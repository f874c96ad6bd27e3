import type { Connection } from './connection.ts';

/** The connections that wait a moment for the next request of their lane: at most one a lane, never shared. */
export class IdleConnections {
  readonly #byLane = new Map<string, Connection>();

  /** Takes out the connection that waits in a lane. One for another URL, or one that waited too long, is closed. */
  take(lane: string, url: string): Connection | null {
    const connection = this.#byLane.get(lane);
    if (connection === undefined) return null;
    this.#byLane.delete(lane);
    if (connection.url === url && connection.isFresh) return connection;
    connection.destroy();
    return null;
  }

  /** Lets a connection wait in its lane, in place of one that waits there already. */
  keep(lane: string, connection: Connection): void {
    this.#byLane.get(lane)?.destroy();
    this.#byLane.set(lane, connection);
    connection.rest();
  }

  /** Drops a connection that was closed while it waited. */
  forget(lane: string, connection: Connection): void {
    if (this.#byLane.get(lane) === connection) this.#byLane.delete(lane);
  }

  /** Closes all that wait. */
  destroy(): void {
    for (const connection of this.#byLane.values()) connection.destroy();
    this.#byLane.clear();
  }
}
