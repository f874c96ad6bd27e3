import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { findBinaries, run, temporaryFolder } from './embedded-binaries.ts';
import { chooseUser, pathFor, prepareData, type Settings } from './embedded-data.ts';
import { supervise } from './supervise.ts';

/** A PostgreSQL of our own, running. */
export type EmbeddedPostgres = {
  /** For postgres.js: `host` is the folder of a Unix socket that only this user can reach. */
  connection: { host: string; port: number; user: string; database: string };
  /** Resolves when PostgreSQL has ended, by `stop()` (`expected`) or by itself, with the last lines it logged. */
  exited: Promise<{ expected: boolean; log: string }>;
  /** Ends every connection, then PostgreSQL; it may be called again. */
  stop(): Promise<void>;
};

/**
 * Starts PostgreSQL with its data in `<dataDir>/postgres`, which the first start makes (about 1.5 s; later ones 0.1 s).
 * It ends with this process, however this one ends. It listens on a Unix socket only. Root runs it as the owner of the
 * data, at first `nobody`, because PostgreSQL refuses root.
 * @param options.fsync false only in tests: data may be lost when the machine stops.
 * @throws Error that says what to do: no PostgreSQL for this platform, data of another major version, data in use.
 * @example
 * const server = await startEmbeddedPostgres({ dataDir: './data' });
 * const db = connect(server.connection, { max: 10 });
 */
export async function startEmbeddedPostgres({
  dataDir,
  fsync = true,
}: {
  dataDir: string;
  fsync?: boolean;
}): Promise<EmbeddedPostgres> {
  const folder = join(resolve(dataDir), 'postgres');
  const user = await chooseUser(folder);
  const settings = { user, binaries: await findBinaries(user), fsync };
  await prepareData(folder, settings);
  return launchWhenFree(folder, settings);
}

/** How long to wait for a PostgreSQL whose owner was killed: it stops within a fraction of a second. */
const lockWaitMs = 5000;
const lockRetryMs = 50;
const inUse = /lock file "postmaster\.pid" already exists|shared memory block .* is still in use/;

async function launchWhenFree(folder: string, settings: Settings): Promise<EmbeddedPostgres> {
  const giveUpAt = performance.now() + lockWaitMs;
  for (;;) {
    const started = await launch(folder, settings);
    if (typeof started !== 'string') return started;
    if (!inUse.test(started)) throw new Error(`PostgreSQL did not start on ${folder}:\n${started}`);
    if (performance.now() > giveUpAt)
      throw new Error(
        `Another Bellhop uses the data in ${folder}: stop it, or give this one a DATA_DIR of its own.`,
      );
    await removeStaleLock(folder);
    await setTimeout(lockRetryMs);
  }
}

/**
 * PostgreSQL takes a lock for held when any process has the number in it, which after a restart of the machine or
 * container is often another program. It checks its shared memory as well, should this judge wrong.
 */
async function removeStaleLock(folder: string): Promise<void> {
  const file = join(folder, 'postmaster.pid');
  const [pid] = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  if (!pid || !/^\d+$/.test(pid)) return;
  const program =
    process.platform === 'linux'
      ? await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
      : await run('ps', ['-o', 'comm=', '-p', pid]).then(
          ({ stdout }) => stdout,
          () => '',
        );
  if (!program.trim().endsWith('postgres')) await rm(file, { force: true });
}

/** The number is part of the socket's name only. */
const port = 5432;

/** @returns the running server, or what it logged when it ended instead. */
async function launch(
  folder: string,
  { user, binaries, fsync }: Settings,
): Promise<EmbeddedPostgres | string> {
  const socketFolder = await mkdtemp(join(await temporaryFolder(user), 'bellhop-'));
  if (user) await chown(socketFolder, user.uid, user.gid);
  const server = supervise(
    [binaries.postgres, '-D', pathFor(user, folder), ...serverOptions(socketFolder, fsync)],
    { user, cwd: folder, signal: 'INT', socketFolder },
  );
  let stopping = false;
  const exited = server.exited.then(async ({ log }) => {
    await rm(socketFolder, { recursive: true, force: true });
    return { expected: stopping, log };
  });
  const failed = await Promise.race([server.logged('ready to accept connections'), exited]);
  if (failed) return failed.log;
  return {
    connection: { host: socketFolder, port, user: 'postgres', database: 'postgres' },
    exited,
    async stop() {
      stopping = true;
      server.release();
      await exited;
    },
  };
}

/** The rest is as initdb chose it: 100 connections and 128 MB of shared buffers where the machine has them. */
function serverOptions(socketFolder: string, fsync: boolean): string[] {
  return [
    'listen_addresses=',
    `unix_socket_directories="${socketFolder}"`,
    'unix_socket_permissions=0700',
    `port=${port}`,
    'timezone=UTC',
    'log_timezone=UTC',
    // Compiling a query takes longer than any of ours runs.
    'jit=off',
    // Statements may hold what no log should.
    'log_min_error_statement=panic',
    ...(fsync ? [] : ['fsync=off', 'full_page_writes=off']),
  ].flatMap((option) => ['-c', option]);
}
