import { type Connection, connect, disconnect } from './client.ts';

/**
 * Calls `hear` with every notification on a channel, and `listening` whenever hearing begins, the first time or again.
 * Resolves when it has begun; what was notified of before, or while the connection was lost, went unheard.
 */
export type Listen = (
  channel: string,
  hear: (payload: string) => void,
  listening?: () => void,
) => Promise<unknown>;

/** All that a process hears from others, on one connection, which comes back by itself when it is lost. */
export type Listener = { listen: Listen; stop: () => Promise<void> };

/**
 * @param connection leads to PostgreSQL itself; null: there is no such way, and nothing is ever heard. Notifications only
 * make things fast, so whatever they tell of is found without them, too.
 */
export function createListener(connection: Connection | null): Listener {
  if (!connection) return { listen: async () => {}, stop: async () => {} };
  const db = connect(connection, { max: 1 });
  return { listen: (...args) => db.$client.listen(...args), stop: () => disconnect(db) };
}
