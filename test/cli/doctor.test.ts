import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { spawnService, testEnvironment } from '../support/service.ts';
import { running, setStage } from '../support/stage.ts';
import { addLocation, addVenue } from '../support/venue.ts';
import { runBellhop } from './bellhop.ts';

// Each process of its own takes a while on a machine that is busy.
vi.setConfig({ testTimeout: 120_000 });

type Check = { name: string; state: string; message: string; advice?: string };

async function doctor(environment: Record<string, string>, ...args: string[]) {
  const { code, stdout } = await runBellhop(['doctor', '--json', ...args], environment);
  const { ok, checks }: { ok: boolean; checks: Check[] } = JSON.parse(stdout);
  expect(ok).toBe(code === 0);
  return { code, find: (name: string) => checks.find((check) => check.name === name), checks };
}

it('finds nothing wrong with a good environment, and sees how far the receiver, the database and its clock are', async () => {
  const stage = await setStage();
  const { api } = await stage.start();
  const receiver = await running(startReceiver());
  await addVenue(api, receiver.url);
  const { code, find, checks } = await doctor(
    testEnvironment(stage.databaseUrl),
    '--url',
    `${receiver.url}/x`,
  );
  expect([code, checks.filter(({ state }) => state === 'failed')]).toEqual([0, []]);
  expect(find('Database')?.message).toMatch(/^PostgreSQL 1\d, [\d.]+ ms away$/);
  expect(find('Schema')).toMatchObject({ state: 'ok', message: 'the newest' });
  expect(find('Encryption key')).toMatchObject({ state: 'ok', message: 'opens all 1 stored secrets' });
  expect(find('Privileges')?.state).toBe('ok');
  expect(find('Clock')?.message).toMatch(/^\d+ ms (ahead of|behind) the database$/);
  expect(find('Way out')?.message).toMatch(/HEAD was answered 204$/);
  expect(receiver.requests).toMatchObject([{ method: 'HEAD', url: '/x' }]);
  expect(find('Address')).toMatchObject({
    state: 'warning',
    message: expect.stringContaining('DELIVERY_ALLOW_CIDRS'),
  });
});

it('lists every mistake of the configuration, in lines for people too', async () => {
  const { code, stdout } = await runBellhop(['doctor'], { PORT: 'http', TRUST_PROXY: 'y' });
  expect(code).toBe(1);
  expect(stdout).toContain(
    '✗ Configuration: The configuration has 2 mistakes:\n      - PORT must be a whole number',
  );
  expect(stdout).toMatch(/\n1 failed, 0 warnings\n$/);
});

it('warns of an address that does not fit what stands in front of it', async () => {
  const { checks } = await doctor({
    HOST: '0.0.0.0',
    PUBLIC_URL: 'http://hooks.example.com',
    TRUST_PROXY: '0.0.0.0/0',
    FRAME_ANCESTORS: 'https://app.example.com',
    DATABASE_URL: 'postgres://bellhop:hunter2@127.0.0.1:1/x',
    BELLHOP_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  });
  const warnings = checks.filter(({ name }) => name === 'Address').map(({ message }) => message);
  expect(warnings).toEqual([
    expect.stringContaining('HOST=0.0.0.0 opens the API'),
    expect.stringContaining('go to http://hooks.example.com without encryption'),
    expect.stringContaining('TRUST_PROXY believes everybody'),
    expect.stringContaining('FRAME_ANCESTORS is set'),
  ]);
  expect(checks.find(({ name }) => name === 'Database')).toMatchObject({
    state: 'failed',
    message: expect.stringMatching(/^Cannot connect to the database at DATABASE_URL/),
  });
  expect(JSON.stringify(checks)).not.toContain('hunter2');
});

it('tells a wrong encryption key, a previous one that is still needed, a schema that is behind, and a way out that is shut', async () => {
  const stage = await setStage();
  const { api } = await stage.start();
  await addVenue(api, 'https://example.com/');
  const other = randomBytes(32).toString('base64');
  const environment = testEnvironment(stage.databaseUrl, { BELLHOP_ENCRYPTION_KEY: other });
  const wrong = await doctor(environment, '--url', 'http://10.0.0.1/');
  expect(wrong.find('Encryption key')).toMatchObject({
    state: 'failed',
    message: expect.stringContaining('1 of 1 stored secrets cannot be opened'),
  });
  expect(wrong.find('Way out')).toMatchObject({
    state: 'failed',
    message: expect.stringContaining('10.0.0.1'),
  });
  const previous = { BELLHOP_PREVIOUS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64') };
  const both = await doctor({ ...environment, ...previous });
  expect([both.code, both.checks.find(({ advice }) => advice?.includes('reencrypt'))?.state]).toEqual([
    0,
    'warning',
  ]);
  await stage.sql`delete from bellhop.migrations`;
  expect((await doctor(environment)).find('Schema')).toMatchObject({
    state: 'warning',
    advice: expect.stringContaining('bellhop migrate'),
  });
});

it('sees the embedded database before its first start, while the service runs, and after; and who can read its key', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-doctor-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const environment = { DATA_DIR: folder, PORT: '0', DELIVERY_ALLOW_CIDRS: '127.0.0.0/8' };
  const before = await doctor(environment);
  expect(before.find('Database')).toMatchObject({
    state: 'ok',
    message: expect.stringContaining('none yet'),
  });
  await expect(stat(join(folder, 'postgres'))).rejects.toThrow('ENOENT');

  const service = await spawnService(environment);
  onTestFinished(async () => void (await service.end('SIGKILL')));
  const [key] = /bellhop_[\w-]{43}/.exec(service.log.join('\n')) ?? [];
  await addVenue(service.api.as(key), 'http://127.0.0.1:8080/');
  await addLocation(service.api.as(key));
  const during = await doctor(environment, '--api', service.url);
  expect(during.find('Database')?.message).toContain('which says that it is ready');
  expect(during.find('Schema, key, clock')?.state).toBe('skipped');
  await service.end('SIGTERM');

  await chmod(join(folder, 'encryption.key'), 0o644);
  const after = await doctor(environment);
  expect(after.find('Encryption key')?.message).toBe('opens all 1 stored secrets');
  expect(after.checks).toContainEqual({
    name: 'Data folder',
    state: 'failed',
    message: expect.stringContaining('other users can read'),
    advice: expect.stringContaining('chmod 600'),
  });
  expect(after.code).toBe(1);
});
