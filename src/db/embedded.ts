import { chown, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  type Binaries,
  findBinaries,
  hasCode,
  run,
  type ServerUser,
  temporaryFolder,
} from './embedded-binaries.ts';
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
  const parent = resolve(dataDir);
  const folder = join(parent, 'postgres');
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const user = await chooseUser(folder);
  const binaries = await findBinaries(user);
  const version = await readVersion(folder);
  if (version === undefined) await initialize(parent, folder, { user, binaries, fsync });
  else if (version !== binaries.major) throw new Error(describeOtherVersion(folder, version, binaries.major));
  await removeLeftovers(parent);
  return launchWhenFree(folder, { user, binaries, fsync });
}

type Settings = { user: ServerUser; binaries: Binaries; fsync: boolean };

/** 65534 is `nobody` wherever glibc is. */
const nobody = { uid: 65_534, gid: 65_534 };

async function chooseUser(folder: string): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(folder).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  // Data that was restored by root, say from a backup.
  if (owner && (await readVersion(folder)))
    await run('chown', ['-hR', `${nobody.uid}:${nobody.gid}`, folder]);
  return nobody;
}

async function readVersion(folder: string): Promise<string | undefined> {
  try {
    return (await readFile(join(folder, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw new Error(`The data in ${folder} cannot be read: start Bellhop as the user it belongs to.`, {
      cause: error,
    });
  }
}

function describeOtherVersion(folder: string, found: string, brought: string): string {
  return (
    `The data in ${folder} is of PostgreSQL ${found}, but this Bellhop brings PostgreSQL ${brought}. ` +
    'Go back to the version of Bellhop that wrote it, or move the data with pg_dump and psql, ' +
    'or set DATABASE_URL to a server that holds it, or move the folder away to start empty.'
  );
}

const unfinished = 'postgres-unfinished-';

/** Makes the data beside its place and renames it, so that one killed in the middle is not taken for the data. */
async function initialize(parent: string, folder: string, settings: Settings): Promise<void> {
  const fresh = await mkdtemp(join(parent, unfinished));
  try {
    await makeData(fresh, settings);
    await rename(fresh, folder).catch((cause: unknown) => {
      throw new Error(`${folder} is not a PostgreSQL data folder: move it away.`, { cause });
    });
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    const madeByAnother = (await readVersion(folder)) !== undefined;
    if (!madeByAnother) throw error;
  }
  if (settings.fsync) await syncFolder(parent);
}

async function makeData(folder: string, { user, binaries, fsync }: Settings): Promise<void> {
  if (user) await chown(folder, user.uid, user.gid);
  const options = [
    '--username=postgres',
    '--encoding=UTF8',
    '--locale=C',
    '--auth-local=trust',
    '--auth-host=reject',
  ];
  const initdb = supervise(
    [binaries.initdb, '-D', pathFor(user, folder), ...options, ...(fsync ? [] : ['--no-sync'])],
    // One that is ended early leaves shared memory behind, and it takes only a second.
    { user, cwd: folder, signal: '0' },
  );
  const { code, log } = await initdb.exited;
  if (code !== 0) throw new Error(`PostgreSQL could not make its data in ${folder}:\n${log}`);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * PostgreSQL may run as a user who cannot pass the folders above its data, say root's home. Node enters the working
 * directory before it changes the user, and this path leads there without passing them.
 */
const pathFor = (user: ServerUser, folder: string) => (user ? '/proc/self/cwd' : folder);

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

/** An initdb takes a second or so. One that touched its folder within this time may still be at work there. */
const initdbMaxMs = 60_000;

/** Removes what first starts that were killed have left. */
async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const leftover = join(parent, name);
    if (!name.startsWith(unfinished)) continue;
    // Another start may have finished with it.
    const found = await stat(leftover).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > initdbMaxMs)
      await rm(leftover, { recursive: true, force: true });
  }
}
