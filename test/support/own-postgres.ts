import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import postgres from 'postgres';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import type { DatabaseRelay } from './database-relay.ts';

/**
 * Starts a PostgreSQL that a test may restart and kill. `sql` are connections of the test's own, past every fault but these.
 * @example const database = await startOwnPostgres(folder); await database.restart('kill', relay, async () => {});
 */
export async function startOwnPostgres(dataDir: string) {
  const start = async () => {
    const server = await startEmbeddedPostgres({ dataDir, fsync: false });
    const { host, user, database } = server.connection;
    const sql = postgres({ ...server.connection, max: 6, onnotice: () => {} });
    return { server, sql, url: `postgres://${user}@${encodeURIComponent(host)}/${database}` };
  };
  let current = await start();
  let restarting = Promise.resolve();
  const stop = async () => {
    await current.sql.end({ timeout: 0 }).catch(() => {});
    await current.server.stop();
  };
  const restart = async (how: 'stop' | 'kill', relay: DatabaseRelay, meanwhile: () => Promise<unknown>) => {
    const pidFile = await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8');
    if (how === 'kill') process.kill(Number(pidFile.split('\n')[0]), 'SIGKILL');
    await stop();
    await meanwhile();
    current = await start();
    relay.pointTo(current.url);
  };
  return {
    sql: () => current.sql,
    url: () => current.url,
    stop,
    /** Stops PostgreSQL, gently or by a kill, and starts it again after `meanwhile`: one restart after the other. */
    restart: (...how: Parameters<typeof restart>): Promise<void> => {
      const restarted = restarting.then(() => restart(...how));
      restarting = restarted.catch(() => {});
      return restarted;
    },
  };
}
