import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { version } from '../../src/version.ts';

// Packing, and processes of their own, take a while on a machine that is busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const run = promisify(execFile);
const manifestSchema = z.object({
  dependencies: z.record(z.string(), z.string()),
  optionalDependencies: z.record(z.string(), z.string()),
});

/** A folder in which the packed tarball is installed, with what it depends on and nothing else. */
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bellhop-package-'));
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]);
  const installed = join(folder, 'node_modules/bellhop');
  await mkdir(installed, { recursive: true });
  await run('tar', ['-xzf', join(folder, stdout.trim()), '-C', installed, '--strip-components', '1']);
  const manifest = manifestSchema.parse(JSON.parse(await readFile('package.json', 'utf8')));
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const link = join(folder, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(resolve('node_modules', name), link);
  }
  await mkdir(join(folder, 'node_modules/.bin'));
  await symlink('../bellhop/bin/bellhop.js', join(folder, 'node_modules/.bin/bellhop'));
});
afterAll(() => rm(folder, { recursive: true }));

it.each([
  { from: 'an empty folder with the packed tarball', cwd: () => folder },
  { from: 'the checkout', cwd: () => process.cwd() },
])('`npx bellhop` works from $from', async ({ cwd }) => {
  const { stdout } = await run('npx', ['--no-install', 'bellhop', '--version'], { cwd: cwd() });
  expect(stdout).toBe(`${version}\n`);
});

it('the packed service starts: it has its page, its tables, and nothing missing', async () => {
  const program = join(folder, 'node_modules/.bin/bellhop');
  const { stdout } = await run(program, ['doctor', '--json'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '' },
  });
  expect(JSON.parse(stdout)).toMatchObject({ ok: true });
  const service = execFile(program, ['start'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', PORT: '0' },
  });
  try {
    let log = '';
    for await (const chunk of service.stdout ?? []) {
      log += String(chunk);
      if (log.includes('"msg":"ready"')) break;
    }
    const [, url = ''] = /"url":"([^"]+)"/.exec(log) ?? [];
    const page = await fetch(url);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Bellhop')]);
  } finally {
    const ended = new Promise((settle) => service.once('exit', settle));
    service.kill('SIGTERM');
    await ended;
  }
});
