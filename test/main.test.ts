import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type postgres from 'postgres';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { withSql } from './db/dump.ts';
import { createApi } from './support/api.ts';
import { nameDatabase } from './support/database.ts';
import { startDatabaseRelay } from './support/database-relay.ts';
import { startRawReceiver, startReceiver } from './support/receiver.ts';
import { adminKey, type ServiceProcess, spawnService, testEnvironment } from './support/service.ts';
import { running, setStage } from './support/stage.ts';
import { until } from './support/until.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent, newEvents } from './support/venue.ts';

const firstKeyPattern = /bellhop_[\w-]{43}/g;

describe('a start that cannot succeed', () => {
  it('lists every configuration mistake for people to read', async () => {
    const { code, stdout, stderr } = await run({ PORT: 'http', DATABASE_URL: 'mysql://x', TRUST_PROXY: 'y' });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.split('\n')).toEqual([
      'The configuration has 4 mistakes:',
      '  - PORT must be a whole number from 0 to 65535',
      '  - DATABASE_URL must begin with postgres://',
      expect.stringMatching(/^ {2}- TRUST_PROXY must be IP addresses or ranges .*; "y" is neither$/),
      expect.stringMatching(/^ {2}- BELLHOP_ENCRYPTION_KEY is required with DATABASE_URL/),
      '',
    ]);
  });

  it('says so when the port is taken, and has made no key that nobody saw', async () => {
    const databaseUrl = await createEmptyDatabase();
    const other = await running(startReceiver());
    const environment = testEnvironment(databaseUrl, { BELLHOP_ADMIN_KEY: '' });
    const failed = await run({ ...environment, PORT: String(other.port), LOG_LEVEL: 'info' });
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain(`Cannot listen on 127.0.0.1:${other.port}`);
    expect(failed.stdout).not.toMatch(firstKeyPattern);

    const service = await start(environment);
    expect(printedKeys(service)).toHaveLength(1);
  });

  it('says so when the database is not there, without its password', async () => {
    const databaseUrl = 'postgres://bellhop:hunter2@127.0.0.1:1/bellhop';
    const { code, stdout, stderr } = await run({ ...testEnvironment(databaseUrl), LOG_LEVEL: 'info' });
    expect(code).toBe(1);
    expect(stdout).toContain('Cannot connect to the database at DATABASE_URL: connect ECONNREFUSED');
    expect(stdout + stderr).not.toContain('hunter2');
  });

  it('says so when the encryption key is not that of the database', async () => {
    const { start: startHere, databaseUrl } = await setStage();
    const { api } = await startHere();
    await addVenue(api, 'https://example.com/');
    const { code, stdout } = await run(
      testEnvironment(databaseUrl, {
        BELLHOP_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
        LOG_LEVEL: 'info',
      }),
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/encrypted with the key [0-9a-f]{8}, but BELLHOP_ENCRYPTION_KEY is [0-9a-f]{8}/);
  });
});

describe('the first key', () => {
  it('is printed by the first start and works; the second start prints none', async () => {
    const environment = testEnvironment(await createEmptyDatabase(), { BELLHOP_ADMIN_KEY: '' });
    const first = await start(environment);
    const [key, ...more] = printedKeys(first);
    expect(more).toEqual([]);
    expect((await createApi(first.url, key).get('/v1/keys')).body.items).toMatchObject([
      { name: 'First admin key', scopes: ['admin'] },
    ]);
    expect(await first.end('SIGTERM')).toBe(0);

    const second = await start(environment);
    expect(printedKeys(second)).toEqual([]);
    expect((await createApi(second.url, key).get('/v1/keys')).status).toBe(200);
  });

  it('is printed by one of two processes that start at once on an empty database, and both work', async () => {
    const databaseUrl = await createEmptyDatabase();
    const environment = testEnvironment(databaseUrl, { BELLHOP_ADMIN_KEY: '' });
    const services = await Promise.all([start(environment), start(environment)]);
    const [key, ...more] = services.flatMap(printedKeys);
    expect(more).toEqual([]);
    for (const { url } of services) {
      const api = createApi(url, key);
      await handOver(api, newEvent(await addLocation(api)));
    }
    const migrations = (await readdir('drizzle')).filter((name) => name.endsWith('.sql'));
    const applied = await withSql(databaseUrl, (sql) => sql`select from bellhop.migrations`);
    expect(applied).toHaveLength(migrations.length);
  });

  it('is not made where the environment names one', async () => {
    const databaseUrl = await createEmptyDatabase();
    const service = await start(testEnvironment(databaseUrl));
    expect(printedKeys(service)).toEqual([]);
    expect((await service.api.get('/v1/keys')).body).toEqual({ items: [], nextCursor: null });
  });
});

describe.each(['SIGTERM', 'SIGINT'] as const)('a process that gets %s', { timeout: 120_000 }, (signal) => {
  it('while it starts, stops as soon as it has, with 0', async () => {
    const databaseUrl = await createEmptyDatabase();
    await withSql(databaseUrl, async (sql) => {
      // What another process holds that migrates.
      await sql`select pg_advisory_lock(7235641209)`;
      const { child, ended } = launch({ ...testEnvironment(databaseUrl), LOG_LEVEL: 'info' });
      await until('it waits', async () => {
        const rows = await sql`select from pg_locks where locktype = 'advisory' and not granted`;
        return rows.length > 0;
      });
      child.kill(signal);
      await once(child.stdout, 'data');
      await sql`select pg_advisory_unlock(7235641209)`;
      expect(await ended).toMatchObject({ code: 0, stdout: expect.stringContaining('"msg":"stopped"') });
    });
  });

  it('while the database does not answer its start, ends with 1 and says why', async () => {
    const silent = await running(startRawReceiver(() => {}));
    const environment = testEnvironment(`postgres://bellhop@127.0.0.1:${silent.port}/bellhop`);
    const { child, ended } = launch({ ...environment, LOG_LEVEL: 'info' });
    await silent.opened(1);
    child.kill(signal);
    const said = expect.stringContaining('Cannot connect to the database at DATABASE_URL');
    expect(await ended).toMatchObject({ code: 1, stdout: said });
  });

  it('when its database has been dropped, ends with 0', async () => {
    const databaseUrl = await createEmptyDatabase();
    const service = await start(testEnvironment(databaseUrl));
    await addVenue(service.api, 'https://example.com/');
    const name = new URL(databaseUrl).pathname.slice(1);
    await withSql(inject('postgres').url, (sql) => sql`drop database ${sql(name)} with (force)`);
    await until('it has noticed', async () => service.log.some((line) => line.includes('a round failed')));
    expect(await service.end(signal)).toBe(0);
  });

  it('when its database says nothing any more, ends with 1 in the end', async () => {
    const { databaseUrl } = await setStage();
    const relay = await running(startDatabaseRelay(databaseUrl));
    const service = await start(testEnvironment(relay.url));
    relay.stall();
    const waiting = service.api.post('/v1/events', newEvent('none')).catch(() => {});
    await until('it is not ready', async () => (await service.api.get('/readyz')).status === 503);
    expect(await service.end(signal)).toBe(1);
    expect(service.log.join('\n')).toContain('Stopping took too long.');
    await waiting;
  });
});

describe.each(['SIGTERM', 'SIGINT'] as const)('a service that is told to stop by %s', (signal) => {
  it('finishes and records the POST in flight, claims nothing new, and ends with 0', async () => {
    const stage = await setStage();
    const receiver = await running(startReceiver());
    const held: ServerResponse[] = [];
    receiver.answerWith((_request, response) => held.push(response));
    const service = await stage.spawn();
    const location = await addVenue(service.api, receiver.url);
    await handOver(service.api, newEvent(location));
    await receiver.received(1);
    await handOver(service.api, newEvents(location, 3));

    const ended = service.end(signal);
    await until('it is stopping', async () => service.log.some((line) => line.includes('"msg":"stopping"')));
    service.child.kill(signal);
    held[0]?.writeHead(200).end();
    expect(await ended).toBe(0);
    // A machine that is very busy may let its 2 s pass; what may not happen is that it is cut off or lost.
    expect(await stage.ledger.deliveries(location)).toMatchObject([
      { firstSequence: 1, lastSequence: 1, outcome: expect.stringMatching(/^(delivered|timed_out)$/) },
    ]);
    expect(receiver.requests).toHaveLength(1);

    // What waited is sent by the next one.
    receiver.answerWith((_request, response) => response.writeHead(204).end());
    await stage.spawn();
    expect(await stage.ledger.ended(location, 2)).toMatchObject([
      {},
      { firstSequence: 2, lastSequence: 4, outcome: 'delivered' },
    ]);
  });
});

describe('the roles api and dispatcher in two processes', () => {
  it('deliver an event well before a sweep would find it', async () => {
    const stage = await setStage();
    const receiver = await running(startReceiver());
    const [api] = await Promise.all([stage.spawn({ ROLE: 'api' }), stage.spawn({ ROLE: 'dispatcher' })]);
    const location = await addVenue(api.api, receiver.url);
    const latencies: number[] = [];
    for (let count = 1; count <= 9; count += 1) {
      const sentAt = performance.now();
      await handOver(api.api, newEvent(location));
      const requests = await receiver.received(count);
      latencies.push((requests.at(-1)?.receivedAt ?? Number.NaN) - sentAt);
      await stage.ledger.ended(location, count);
    }
    const median = latencies.toSorted((a, b) => a - b)[4];
    // A sweep comes once in a second: by itself it would take most of that, for each event is handed over just after one.
    expect(median).toBeLessThan(500);
  });
});

describe('a service on the embedded database', () => {
  it('keeps its data and keys over a restart, and lets no second one at them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bellhop-main-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const environment = { PORT: '0', DATA_DIR: folder };
    const first = await start(environment);
    const [key] = printedKeys(first);
    const location = await addLocation(createApi(first.url, key));
    await addEndpoint(createApi(first.url, key), location, 'https://example.com/');

    const second = await run({ ...environment, LOG_LEVEL: 'info' });
    expect(second.code).toBe(1);
    expect(second.stdout).toContain(`Another Bellhop uses the data in ${join(folder, 'postgres')}`);
    expect(second.stdout).not.toMatch(firstKeyPattern);

    expect(await first.end('SIGTERM')).toBe(0);
    const again = await start(environment);
    expect(printedKeys(again)).toEqual([]);
    const { body } = await createApi(again.url, key).get(`/v1/locations/${location}/endpoints`);
    expect(body.items).toMatchObject([{ url: 'https://example.com/' }]);
    expect(await again.end('SIGTERM')).toBe(0);
  });
});

describe('the log', () => {
  it('tells of requests and deliveries, and holds no key, secret, header value, body or URL path', async () => {
    const stage = await setStage();
    const receiver = await running(startReceiver());
    const service = await stage.spawn();
    const location = await addLocation(service.api);
    const headers = { 'x-api-key': 'venue-password-1' };
    const endpoint = await addEndpoint(
      service.api,
      location,
      `${receiver.url}/path-secret?token=query-secret`,
      { headers },
    );
    const rotated = await service.api.post(`${endpoint.path}/rotate-secret`);
    const made = await service.api.post('/v1/keys', { name: 'x', scopes: ['events:write'] });
    const event = newEvent(location, { customerid: 4_815_162_342 });
    await handOver(service.api.as(made.body.key), event);
    await receiver.received(1);
    receiver.answerWith((_request, response) =>
      response.writeHead(500, { 'x-echo': 'answer-secret' }).end('answer-secret'),
    );
    await service.api.post(`${endpoint.path}/test`);
    await service.api.as('wrong-key-wrong-key').get('/v1/locations?token=query-secret');
    await service.api.post('/v1/events', { ...event, action: 'body-secret' });
    await service.api.put(`/v1/locations/${location}`, { title: 'title-secret\ud800' });
    await service.api.patch(endpoint.path, { url: 'https://user:url-secret@example.com/' });
    await stage.ledger.settled();
    expect(await service.end('SIGTERM')).toBe(0);

    const log = service.log.join('\n');
    expect(log).toContain('"msg":"request answered"');
    expect(log).toContain('"msg":"delivery ended"');
    const secrets = [
      adminKey,
      made.body.key,
      endpoint.secret,
      rotated.body.secret,
      'venue-password',
      'path-secret',
    ];
    const more = [
      'query-secret',
      'answer-secret',
      'wrong-key',
      'body-secret',
      'title-secret',
      'url-secret',
      '4815162342',
    ];
    for (const secret of [...secrets, ...more]) expect(log).not.toContain(secret);
    expect(log).not.toContain(event.uuid);
    for (const line of service.log) expect(JSON.parse(line)).toHaveProperty('msg');
  });
});

/** Starts the service in a process of its own, which ends with the test. */
async function start(environment: Record<string, string>): Promise<ServiceProcess> {
  const service = await spawnService(environment);
  onTestFinished(async () => {
    await service.end('SIGKILL');
  });
  return service;
}

/** Runs the service until it ends by itself. */
async function run(environment: Record<string, string>) {
  return launch(environment).ended;
}

/** Launches the service, and does not wait until it is ready. */
function launch(environment: Record<string, string>) {
  const child = spawn(process.execPath, ['dist/main.js'], {
    env: { PATH: process.env['PATH'] ?? '', TMPDIR: tmpdir(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { child, ended: ended.then(([stdout, stderr, [code]]) => ({ code, stdout, stderr })) };
}

function printedKeys({ log }: ServiceProcess): string[] {
  return log.join('\n').match(firstKeyPattern) ?? [];
}

/** A database without any tables, as the first start finds it. */
async function createEmptyDatabase(): Promise<string> {
  const server = inject('postgres').url;
  const name = `bellhop_test_${randomBytes(6).toString('hex')}`;
  const onServer = async (statement: (sql: postgres.Sql) => Promise<unknown>) => withSql(server, statement);
  await onServer((sql) => sql`create database ${sql(name)} template template0 encoding 'UTF8' locale 'C'`);
  onTestFinished(async () => {
    await onServer((sql) => sql`drop database if exists ${sql(name)} with (force)`);
  });
  return nameDatabase(server, name);
}
