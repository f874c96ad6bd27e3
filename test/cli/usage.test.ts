import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { findCommand } from '../../src/cli/find-command.ts';
import { Input, type Terminal } from '../../src/cli/command.ts';
import { UsageError } from '../../src/cli/errors.ts';
import { clean, Output, toJson } from '../../src/cli/output.ts';
import { suggest } from '../../src/cli/suggest.ts';
import { align } from '../../src/cli/table.ts';
import { version } from '../../src/version.ts';
import { runBellhop, startOnTerminal } from './bellhop.ts';

// Each process of its own takes a while on a machine that is busy.
vi.setConfig({ testTimeout: 90_000 });

const terminal: Terminal = {
  output: new Output({ isJson: false, hasColor: false }),
  environment: { BELLHOP_URL: 'http://127.0.0.1:8080', BELLHOP_KEY: 'key' },
};

/** What a command line means, without running it. */
function read(...args: string[]) {
  const found = findCommand(commands, args);
  return found.kind === 'command' ? new Input(found.command, found.args) : found;
}

it('help lists every command, and each command tells its options and examples', async () => {
  const all = await runBellhop(['--help']);
  expect(all).toMatchObject({ code: 0, stderr: '' });
  for (const { name } of commands) expect(all.stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
  const one = await runBellhop(['keys', 'create', '--help']);
  expect(one.stdout).toMatch(/^bellhop keys create \[OPTIONS\]\n/);
  expect(one.stdout).toContain('--allowed-ips RANGES');
  expect(JSON.parse((await runBellhop(['--help', '--json'])).stdout).commands).toHaveLength(commands.length);
  expect((await runBellhop(['--version'])).stdout).toBe(`${version}\n`);
});

it('every command has a help with at least one example, and its examples are command lines that it takes', () => {
  for (const { examples } of commands) {
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const [, words = ''] = /(?:^|[ (])bellhop ((?:[^|<>]|<\()*?)(?: ?[|>)].*)?$/.exec(example) ?? [];
      const args = [...words.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
      expect(() => read(...args)).not.toThrow();
    }
  }
});

it.each([
  ['deliverys', 'Did you mean `bellhop deliveries`?'],
  ['keys creat', 'Did you mean `bellhop keys create`?'],
  ['deliveries shwo', 'Did you mean `bellhop deliveries show`?'],
  ['emit --actoin create', 'Did you mean --action?'],
  ['emit --action remove --location a', '--action must be create, delete; "remove" is none of them.'],
  ['keys create --name x --scope admn', 'Did you mean admin?'],
  ['deliveries', '--location ID is required.'],
  ['deliveries --location', '--location needs a value: --location ID'],
  ['deliveries --location a --limit 0', '--limit must be a whole number from 1'],
  ['deliveries --location a --from yesterday', '--from must be a time like 2026-11-22T20:28:00Z, or 2h'],
  ['deliveries --location a --follow --limit 3', '--limit is not for --follow.'],
  ['deliveries --location a --follow=yes', '--follow takes no value.'],
  ['deliveries show --location a', 'DELIVERY_ID is required'],
  ['keys delete a b', 'does not take "b"'],
  ['--nonsense', '--nonsense is for a command'],
  ['listen --secret nonsense', 'A secret is whsec_ and base64'],
  ['listen --url https://example.com', '--url is for --register.'],
  ['listen --register --location a --api https://hooks.example.com', '--url is required'],
  ['listen --forward-to nowhere', '--forward-to must be a URL'],
  ['emit --file a --count 3', '--count is not for --file'],
  ['resend 01a2 --location a --from 2h', '--from is for a range'],
  ['resend --location a --endpoint b --from 2h', '--to TIME is required.'],
  ['completions tcsh', 'Completions are there for bash, zsh and fish.'],
])('`bellhop %s` is refused with the reason', async (line, reason) => {
  const run = async () => {
    const found = findCommand(commands, line.split(' '));
    if (found.kind === 'command') await found.command.run(new Input(found.command, found.args), terminal);
  };
  const error: unknown = await run().catch((refused: unknown) => refused);
  if (!(error instanceof UsageError)) throw new Error('It was not refused.', { cause: error });
  expect(`${error.message}\n${error.hint}`).toContain(reason);
});

it('a wrong command line ends with 2, and says so to people and to programs', async () => {
  const told = await runBellhop(['keys', 'creat']);
  expect(told).toEqual({
    code: 2,
    stdout: '',
    stderr: 'There is no command "keys creat".\nDid you mean `bellhop keys create`?\n',
  });
  const { code, stderr } = await runBellhop(['keys', 'list', '--json']);
  expect(code).toBe(2);
  expect(JSON.parse(stderr)).toEqual({ error: { message: expect.stringContaining('There is no API key') } });
});

it('without a key it says where keys come from, and a key as an argument is warned of', async () => {
  const without = await runBellhop(['keys', 'list']);
  expect(without).toMatchObject({ code: 2, stderr: expect.stringContaining('set BELLHOP_KEY') });
  const { port, stop } = await startClosed();
  await stop();
  const given = await runBellhop([
    'keys',
    'list',
    '--key',
    'hunter2-hunter2',
    '--api',
    `http://127.0.0.1:${port}`,
  ]);
  expect(given.code).toBe(1);
  expect(given.stderr).toContain('Warning: other users of this machine can read --key');
  expect(given.stderr).toContain(
    `Bellhop cannot be reached at http://127.0.0.1:${port}: connect ECONNREFUSED`,
  );
  expect(given.stderr).toContain('Its address is set by --api URL, or BELLHOP_URL.');
  expect(given.stderr).not.toContain('hunter2');
});

it('ends quietly when nobody reads its output any more', async () => {
  const child = spawn('bash', [
    '-c',
    `"$0" "$1" --help | head -n 1; echo "\${PIPESTATUS[0]}"`,
    process.execPath,
    resolve('bin/bellhop.js'),
  ]);
  let printed = '';
  child.stdout.on('data', (text: Buffer) => (printed += text.toString()));
  child.stderr.on('data', (text: Buffer) => (printed += text.toString()));
  await once(child, 'close');
  expect(printed).toMatch(/^bellhop COMMAND .*\n0\n$/);
});

it('has colors on a terminal, and none with NO_COLOR or on a dumb one', async () => {
  const bold = '\u001b[1mCommands\u001b[0m';
  expect((await startOnTerminal(['--help']).ended).stdout).toContain(bold);
  expect((await startOnTerminal(['--help'], { NO_COLOR: '1' }).ended).stdout).not.toContain('\u001b');
  expect((await startOnTerminal(['--help'], { TERM: 'dumb' }).ended).stdout).not.toContain('\u001b');
});

it('texts of others steer no terminal, in tables and in JSON', () => {
  const hostile = 'a\u001b[2J\u009b1m\u202eb\nc';
  expect(clean(hostile)).toBe('a\\u001b[2J\\u009b1m\\u202eb\\u000ac');
  expect(JSON.parse(toJson({ hostile }))).toEqual({ hostile });
  // oxlint-disable-next-line no-control-regex -- they are what must not be there
  expect(toJson({ hostile })).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  expect(
    align([
      ['試験', 'x'],
      ['abcd', 'y'],
    ]),
  ).toBe('試験  x\nabcd  y');
});

it('suggests what is near, and nothing that is not', () => {
  expect(suggest('lsit', ['list', 'create'])).toBe('list');
  expect(suggest('del', ['list', 'delete'])).toBe('delete');
  expect(suggest('xyzzy', ['list', 'create'])).toBeUndefined();
});

/** A port on which nothing listens once it has been stopped. */
async function startClosed() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const stop = async () => {
    server.close();
    await once(server, 'close');
  };
  onTestFinished(() => void server.close());
  return { port: typeof address === 'object' ? address?.port : 0, stop };
}
