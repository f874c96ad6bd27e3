import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { cpuSeconds } from './cpu.ts';
import { startProgram } from './processes.ts';

const run = promisify(execFile);

/** The Redis of BullMQ, reached by a socket. */
export type Redis = {
  socket: string;
  cpu(): Promise<number>;
  empty(): Promise<unknown>;
  stop(): Promise<void>;
};

/**
 * Starts Redis as BullMQ's documentation advises: an append-only file that reaches the disk every second, nothing evicted.
 * @returns null where no redis-server is installed.
 */
export async function startRedis(): Promise<Redis | null> {
  const isInstalled = await run('redis-server', ['--version']).then(
    () => true,
    () => false,
  );
  if (!isInstalled) return null;
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-bench-redis-'));
  const socket = join(folder, 'socket');
  const settings = { port: 0, unixsocket: socket, dir: folder, appendonly: 'yes', appendfsync: 'everysec' };
  const more = { save: '', 'maxmemory-policy': 'noeviction' };
  const args = Object.entries({ ...settings, ...more }).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const child = startProgram('redis-server', args, { stdio: 'ignore' });
  const ask = (...command: string[]) => run('redis-cli', ['-s', socket, ...command]);
  while (!(await ask('ping').catch(() => null))) {
    if (child.hasEnded()) throw new Error('Redis did not start.');
    await wait(20);
  }
  return {
    socket,
    cpu: () => cpuSeconds(child.pid),
    empty: () => ask('flushall'),
    async stop() {
      await child.end();
      await rm(folder, { recursive: true });
    },
  };
}
