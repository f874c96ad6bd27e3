import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { assert, asyncProperty, constantFrom, dictionary, record, string } from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { createSecret, sign } from '../../src/delivery/signature.ts';
import { toCurl, toReceiver } from '../../src/page/deliveries/snippets.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);

/** The words that a POSIX shell hands to curl. */
async function wordsOf(command: string): Promise<string[]> {
  const script = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  const { stdout } = await run('sh', ['-c', script], { maxBuffer: 16 * 1024 * 1024 });
  return stdout.split('\0').slice(0, -1);
}

function wordsFor({ url, requestHeaders, body }: Parameters<typeof toCurl>[0]): string[] {
  const headers = Object.entries(requestHeaders).flatMap(([name, value]) => [
    '--header',
    `${name}: ${value}`,
  ]);
  return ['--globoff', '--request', 'POST', ...headers, '--data-raw', body, url];
}

it('the command for a shell is what was sent, whatever that holds', async () => {
  const hostile = {
    url: "https://a.example/'$(id)`id`?q=[1-9]&r={a,b};x",
    requestHeaders: { "x-'a": '••••••', 'x-b': `"; rm -rf $HOME #\\' \\` },
    body: `[{"location":"it's \\n'\\\\'' $(touch /tmp/x) \`id\` !! ü 💥 \n\r\t%s"}]`,
  };
  expect(await wordsOf(toCurl(hostile))).toEqual(wordsFor(hostile));
});

it('the command for a shell is one command for any text', async () => {
  const text = string({ unit: 'grapheme' }).map((any) => any.replaceAll('\0', ''));
  const sent = record({
    url: text,
    requestHeaders: dictionary(constantFrom("x-'", 'y'), text),
    body: text,
  });
  await assert(
    asyncProperty(sent, async (any) => {
      expect(await wordsOf(toCurl(any))).toEqual(wordsFor(any));
    }),
    { numRuns: 50 },
  );
});

it('the receiver believes what we signed, and nothing else', async () => {
  const secret = createSecret();
  const url = await startReceiver(toReceiver('…'), secret);
  const body = '[{"uuid":"41509791-3de8-5bb9-b4fc-a9753da95aad","action":"create"}]';
  const timestamp = Math.floor(Date.now() / 1000);
  const post = async (signature: string) => {
    const headers = {
      'webhook-id': 'a',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signature,
    };
    return (await fetch(url, { method: 'POST', headers, body })).status;
  };
  expect(await post(sign({ secrets: [secret], id: 'a', timestamp, body }))).toBe(204);
  expect(await post(sign({ secrets: [createSecret()], id: 'a', timestamp, body }))).toBe(401);
});

/** Runs a receiver as somebody who pasted it into a file would. @returns its URL, once it listens. */
async function startReceiver(code: string, secret: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'receiver-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'receiver.mjs'), code);
  const port = await findPort();
  const env = { PATH: process.env['PATH'] ?? '', WEBHOOK_SECRET: secret, PORT: String(port) };
  const child = spawn(process.execPath, [join(folder, 'receiver.mjs')], { env, stdio: 'ignore' });
  onTestFinished(() => void child.kill());
  const url = `http://127.0.0.1:${port}`;
  await until('the receiver listens', async () => fetch(url).then(Boolean, () => false));
  return url;
}

async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || !address) throw new Error('It has no port.');
  return address.port;
}
