import { chown, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Binaries, hasCode, run, type ServerUser } from './embedded-binaries.ts';
import { supervise } from './supervise.ts';

/** How PostgreSQL is run: as whom, with which programs, and whether it waits for the disk. */
export type Settings = { user: ServerUser; binaries: Binaries; fsync: boolean };

/**
 * Makes the data folder of PostgreSQL, where there is none.
 * @param folder an absolute path; the folders above it are made too.
 * @throws Error that says what to do when what is there is of another major version, of another user, or no data at all.
 * @example await prepareData('/srv/data/postgres', { user: undefined, binaries, fsync: true });
 */
export async function prepareData(folder: string, settings: Settings): Promise<void> {
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await removeLeftovers(parent);
  const brought = settings.binaries.major;
  const version = await readVersion(folder);
  if (version === undefined) await initialize(parent, folder, settings);
  else if (version !== brought) throw new Error(describeOtherVersion(folder, version, brought));
}

/** 65534 is `nobody` wherever glibc is. */
const nobody = { uid: 65_534, gid: 65_534 };

/**
 * Whom PostgreSQL runs as: this process's user, but for root, whom it refuses, the owner of the data or else `nobody`.
 */
export async function chooseUser(folder: string): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(folder).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  // Data that was restored by root, say from a backup.
  if (owner && (await readVersion(folder)))
    await run('chown', ['-hR', `${nobody.uid}:${nobody.gid}`, folder]);
  return nobody;
}

/**
 * The path by which PostgreSQL, started in `folder`, names it. It may run as a user who cannot pass the folders above,
 * say root's home. Node enters the working directory before it changes the user, and this path leads there directly.
 */
export const pathFor = (user: ServerUser, folder: string) => (user ? '/proc/self/cwd' : folder);

const unfinished = 'postgres-unfinished-';

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
