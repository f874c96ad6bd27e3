import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { chmod, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import postgres from 'postgres';
import { until } from './until.ts';
import { findFreePort } from './free-port.ts';

/** Where pgbouncer is installed; undefined: it is not. */
export const pgbouncerFile = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  .map((folder) => join(folder, 'pgbouncer'))
  .find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** A real pgbouncer in front of a database, which lends a connection for each transaction. */
export type Pgbouncer = {
  /** The database's URL through it. */
  url: string;
  /** Kills it, with every connection, and starts it again. */
  restart: () => Promise<void>;
  stop: () => Promise<void>;
};

type Options = { poolSize?: number; ignores?: string[] };

/** Whom it runs as, since it refuses root: `nobody`. */
const nobody = 65_534;

/**
 * Starts pgbouncer.
 * @param options.poolSize connections to the database at most.
 * @param options.ignores startup parameters that it drops in silence; it refuses those that it does not know.
 */
export async function startPgbouncer(
  databaseUrl: string,
  { poolSize = 5, ignores = [] }: Options = {},
): Promise<Pgbouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-pgbouncer-'));
  const port = await findFreePort();
  const file = join(folder, 'pgbouncer.ini');
  await chmod(folder, 0o755);
  await writeFile(file, await configure(databaseUrl, { port, poolSize, ignores }));
  const { pathname } = new URL(databaseUrl);
  const url = `postgres://bellhop@127.0.0.1:${port}${pathname}`;
  let child = await launch(file, url);
  const end = async () => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return {
    url,
    async restart() {
      await end();
      child = await launch(file, url);
    },
    async stop() {
      await end();
      await rm(folder, { recursive: true });
    },
  };
}

async function launch(file: string, url: string) {
  const child = spawn(pgbouncerFile ?? '', ['-q', file], {
    ...(process.getuid?.() === 0 && { uid: nobody, gid: nobody }),
    stdio: 'ignore',
  });
  const sql = postgres(url, { max: 1, fetch_types: false, prepare: false });
  await until('pgbouncer answers', () => sql`select 1`.catch(() => null));
  await sql.end();
  return child;
}

async function configure(
  databaseUrl: string,
  { port, poolSize, ignores }: Required<Options> & { port: number },
): Promise<string> {
  const { hostname, port: databasePort, username, password } = new URL(databaseUrl);
  const host = decodeURIComponent(hostname);
  const target = {
    // It takes a comma for the end of a host.
    host: host.startsWith('/') ? await realpath(host) : host,
    port: databasePort || '5432',
    user: decodeURIComponent(username),
    ...(password && { password: decodeURIComponent(password) }),
  };
  return `[databases]
* = ${Object.entries(target)
    .map(([key, value]) => `${key}='${value}'`)
    .join(' ')}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 1000
server_login_retry = 0.2
ignore_startup_parameters = ${ignores.join(', ')}
`;
}
