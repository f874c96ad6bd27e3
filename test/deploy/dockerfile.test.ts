import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { startTestService } from '../support/service.ts';
import { running } from '../support/stage.ts';
import { variables } from './described.ts';

// Several processes one after the other, on a machine that is busy.
vi.setConfig({ testTimeout: 90_000 });

const instructions = readFileSync('Dockerfile', 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [name = '', ...words] = line.split(' ');
    return { name, text: words.join(' ') };
  });
const all = (name: string) => instructions.filter((one) => one.name === name).map(({ text }) => text);
const last = (name: string) => all(name).at(-1) ?? '';
const program = (text: string): string[] => JSON.parse(text.slice(text.indexOf('[')));

it('is built on a Node.js that Bellhop runs on, of a named version, with glibc', () => {
  expect(all('FROM')).toHaveLength(2);
  for (const from of all('FROM')) {
    const [, major = ''] = /^node:(\d+)-bookworm-slim( AS build)?$/.exec(from) ?? [];
    expect(Number(major)).toBeGreaterThanOrEqual(22);
  }
});

it('takes in what is there and not ignored, and what a start needs', () => {
  const sources = all('COPY')
    .filter((text) => !text.startsWith('--from'))
    .flatMap((text) => text.split(' ').slice(0, -1));
  const [everything, ...kept] = readFileSync('.dockerignore', 'utf8').trim().split('\n');
  expect(everything).toBe('*');
  expect(sources.map((source) => `!${source}`).toSorted()).toEqual(kept.toSorted());
  expect(sources.filter((source) => !existsSync(source))).toEqual([]);
  expect(sources).toEqual(expect.arrayContaining(['src', 'drizzle', 'package.json', 'tsconfig.json']));
});

it('installs exactly what the lockfile says, without what only tests need', () => {
  expect(all('RUN').at(-2)).toMatch(/^npm prune --omit=dev\b/);
});

it('runs as a user who is not root, by the command of `npm start`, as the first process', () => {
  expect(last('USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  const { scripts }: { scripts: { start: string } } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(`exec ${program(last('CMD')).join(' ')}`).toBe(scripts.start);
  expect(all('ENTRYPOINT')).toEqual([]);
});

it('sets variables that Bellhop reads', () => {
  const names = [...last('ENV').matchAll(/(\w+)=/g)].map(([, name]) => name);
  expect([...variables, 'NODE_ENV']).toEqual(expect.arrayContaining(names));
});

it('knows whether it is healthy: 0 when the service answers, 1 when nobody or somebody else does', async () => {
  const { url } = await running(startTestService());
  const other = await running(startReceiver());
  other.answerWith((_request, response) => response.writeHead(404).end());
  expect(await check(new URL(url).port)).toBe(0);
  expect(await check(String(other.port))).toBe(1);
  await other.stop();
  expect(await check(String(other.port))).toBe(1);
});

async function check(port: string): Promise<unknown> {
  const [command = '', ...args] = program(last('HEALTHCHECK'));
  return new Promise((resolve) => {
    execFile(command, args, { env: { PATH: process.env['PATH'], PORT: port } }, (error) =>
      resolve(error ? error.code : 0),
    );
  });
}
