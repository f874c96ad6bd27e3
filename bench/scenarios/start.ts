import { cp, mkdtemp, rm } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median, nowMs } from '../support/numbers.ts';
import { startService } from '../support/service.ts';
import type { Result, Target } from '../support/result.ts';
import type { World } from '../support/world.ts';

/** Starts Bellhop on a database that exists, and from a fresh checkout. */
export async function start(world: World): Promise<Result> {
  const seconds: number[] = [];
  for (let round = 0; round < world.repeat; round += 1) seconds.push(await startOnce(world));
  const fromCheckout = world.scale === 1 ? await demo() : null;
  const ready: Target = {
    what: 'seconds to ready, on an existing database',
    ratio: median(seconds),
    atMost: 1,
  };
  const rows = [{ name: 'to ready, on an existing database', values: { s: median(seconds) } }];
  const title = 'From the start of the process to ready, and from a fresh checkout to the first POST';
  if (fromCheckout === null) return { scenario: 'start', title, rows, targets: [ready] };
  rows.push({ name: '`npm ci && npm run demo`, to the first POST', values: { s: fromCheckout } });
  const demoed = { what: 'seconds of npm ci && npm run demo', ratio: fromCheckout, atMost: 30 };
  return { scenario: 'start', title, rows, targets: [ready, demoed] };
}

async function startOnce({ postgres, template }: World): Promise<number> {
  const database = await postgres.createDatabase(template);
  const service = await startService(database.url);
  await service.stop();
  await database.drop();
  return service.readyMs / 1000;
}

const left = new Set(['node_modules', '.git', 'data', 'dist', 'coverage']);

/** @returns the seconds of `npm ci && npm run demo` in a copy of this checkout, on a warm cache of npm. */
async function demo(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-bench-demo-'));
  try {
    await cp(fileURLToPath(new URL('../..', import.meta.url)), folder, {
      recursive: true,
      filter: (path) => !left.has(path.split('/').at(-1) ?? ''),
    });
    await runDemo(folder); // warms the cache
    return await runDemo(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runDemo(cwd: string): Promise<number> {
  const startedAt = nowMs();
  // A group of its own, so that all that npm starts can be ended.
  const child = spawn('sh', ['-c', 'npm ci && exec npm run demo'], {
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
  };
  process.once('exit', end);
  const exited = once(child, 'exit');
  const received = new Promise<number>((resolve) => {
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      if (printed.includes('the receiver got')) resolve((nowMs() - startedAt) / 1000);
    });
  });
  const seconds = await Promise.race([received, exited.then(() => Number.NaN)]);
  end();
  await exited;
  process.off('exit', end);
  return seconds;
}
