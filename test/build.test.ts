import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

it('touches no file that has not changed, replaces the others, and leaves none of another build behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-build-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const build = async () => {
    await promisify(execFile)(process.execPath, ['build.js', folder]);
    const names = await readdir(folder);
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await read(name)])));
  };
  const read = async (name: string) => {
    const { size, mtimeMs } = await stat(join(folder, name));
    return { size, mtimeMs };
  };

  const { 'main.js': main, ...others } = await build();
  await writeFile(join(folder, 'main.js'), '');
  await writeFile(join(folder, 'chunk-OF-ANOTHER.js'), '');
  const { 'main.js': mainAgain, ...othersAgain } = await build();
  expect(othersAgain).toEqual(others);
  expect(mainAgain.size).toBe(main.size);
  expect(mainAgain.size).toBeGreaterThan(0);
});
