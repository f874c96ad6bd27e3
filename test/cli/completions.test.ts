import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished, vi } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { runBellhop } from './bellhop.ts';

const run = promisify(execFile);

// A process of its own takes a while on a machine that is busy.
vi.setConfig({ testTimeout: 90_000 });

/** As `bellhop completions bash` prints them. */
const printed = promisify(execFile)(process.execPath, ['bin/bellhop.js', 'completions', 'bash']);

/** What bash offers behind a command line, whose last word is being typed. */
async function complete(...words: string[]): Promise<string[]> {
  const program = `${(await printed).stdout}
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _bellhop
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['--norc', '-c', program, 'bash', 'bellhop', ...words]);
  return stdout.split('\n').filter((line) => line !== '');
}

it('bash takes the script, registers it, and completes commands, options and their values', async () => {
  const script = (await printed).stdout;
  await run('bash', ['-n', '-c', script]);
  const { stdout } = await run('bash', ['--norc', '-c', `${script}\ncomplete -p bellhop`]);
  expect(stdout).toBe('complete -F _bellhop bellhop\n');
  expect(await complete('')).toEqual([...new Set(commands.map(({ name }) => name.split(' ')[0]))]);
  expect(await complete('ke')).toEqual(['keys']);
  expect(await complete('keys', '')).toEqual(['list', 'create', 'delete']);
  expect(await complete('keys', 'create', '--sc')).toEqual(['--scope']);
  expect(await complete('emit', '--location', 'a', '--action', '')).toEqual(['create', 'delete']);
  expect(await complete('deliveries', 's')).toEqual(['show']);
  expect(await complete('deliveries', '--outcome', 'f')).toEqual(['failed']);
  expect(await complete('completions', '')).toEqual(['bash', 'zsh', 'fish']);
});

it('bash completes files for options that take one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-completions-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'events.json'), '[]');
  expect(await complete('emit', '--file', join(folder, 'ev'))).toEqual([join(folder, 'events.json')]);
});

for (const shell of ['zsh', 'fish']) {
  const isThere = await run(shell, ['--version']).then(
    () => true,
    () => false,
  );
  it(`${shell} is told every command and option`, async () => {
    const { code, stdout } = await runBellhop(['completions', shell]);
    expect(code).toBe(0);
    for (const { name, options } of commands) {
      for (const word of name.split(' ')) expect(stdout).toContain(word);
      for (const option of Object.keys(options)) expect(stdout).toContain(option);
    }
  });
  it.skipIf(!isThere)(
    `${shell} takes the script${isThere ? '' : ` (skipped: ${shell} is not installed here)`}`,
    async () => {
      const { stdout } = await runBellhop(['completions', shell]);
      await expect(run(shell, ['-n', '-c', stdout])).resolves.toMatchObject({ stderr: '' });
    },
  );
}
