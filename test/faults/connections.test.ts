import postgres from 'postgres';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { connect } from '../../src/db/client.ts';
import { Sockets } from '../../src/db/sockets.ts';
import { readTls } from '../../src/db/tls.ts';
import { expectOnce, uuidsOf } from '../support/arrivals.ts';
import { startDatabaseRelay } from '../support/database-relay.ts';
import { startReceiver } from '../support/receiver.ts';
import { spawnService, testEnvironment } from '../support/service.ts';
import { running, setStage } from '../support/stage.ts';
import { startTlsPostgres } from '../support/tls-postgres.ts';
import { until } from '../support/until.ts';
import { addVenue, handOver, newEvent } from '../support/venue.ts';

/** One for all: its start takes long on a busy machine. */
const tlsPostgres = startTlsPostgres();
afterAll(async () => (await tlsPostgres).stop());

/** A database, and a way to it that can be disturbed. `query` is for the end of the URL. */
const ways = {
  plain: async () => ({ ...(await byRelay((await setStage()).databaseUrl)), query: '' }),
  TLS: async () => ({
    ...(await byRelay((await tlsPostgres).url)),
    query: '?sslmode=require',
  }),
  'several hosts': async () => {
    const { relay, url } = await byRelay((await setStage()).databaseUrl);
    // Nothing listens at the first.
    return { relay, url: url.replace('@', '@127.0.0.1:1,'), query: '' };
  },
};

async function byRelay(databaseUrl: string) {
  const relay = await running(startDatabaseRelay(databaseUrl));
  return { relay, url: relay.url };
}

function open(url: string, max: number) {
  const sql = connect(url, { max }).$client;
  onTestFinished(() => sql.end({ timeout: 0 }));
  return sql;
}

/** Whether a connection is by TLS. */
function select(url: string) {
  return open(url, 1)`select ssl from pg_stat_ssl where pid = pg_backend_pid()`;
}

describe.each(Object.entries(ways))(
  'a connection to the database (%s)',
  { timeout: 120_000 },
  (name, setWay) => {
    test('is lost again and again under load: every statement ends, with its own answer or with none', async () => {
      const { relay, url, query } = await setWay();
      const sql = open(url + query, 4);
      const state = { isOver: false, answered: 0 };
      const wrong: unknown[] = [];
      const callers = Array.from({ length: 30 }, async (_none, caller) => {
        for (let n = caller; !state.isOver; n += 100) {
          const answer = await sql`select ${n}::int as n`.catch(() => null);
          if (answer) state.answered += 1;
          if (answer && answer[0]?.['n'] !== n) wrong.push([n, answer]);
        }
      });
      for (let round = 1; round <= 8; round += 1) {
        const before = state.answered;
        await until('statements are answered', async () => state.answered > before + 100);
        await relay.cut();
        await relay.restore();
      }
      state.isOver = true;
      // Each of them ends.
      await Promise.all(callers);
      expect(wrong).toEqual([]);
    });

    test('says nothing more: it is given up', async () => {
      const { relay, url } = await setWay();
      const { host, port } = postgres(url).options;
      const addresses = host.map((one, n) => ({ host: one, port: port[n] ?? 0 }));
      const tls = name === 'TLS' ? readTls('require', undefined) : null;
      const sockets = new Sockets({ addresses, rotates: false, tls, connectMs: 5000, silentMs: 500 });
      const options = { max: 1, ssl: false, idle_timeout: 60, socket: sockets.open };
      const sql = postgres(url, options);
      onTestFinished(() => sql.end({ timeout: 0 }));
      await sql`select 1`;
      relay.stall();
      await expect(sql`select 2`).rejects.toThrow('CONNECTION_CLOSED');
      relay.flow();
      expect(await sql`select 3 as n`).toEqual([{ n: 3 }]);
    });
  },
);

test('what was begun on a connection that is being lost is written before the driver hears of the loss, and nothing is begun meanwhile', async () => {
  const receiver = await running(startReceiver());
  const addresses = [{ host: '127.0.0.1', port: receiver.port }];
  const sockets = new Sockets({ addresses, rotates: false, tls: null, connectMs: 5000, silentMs: 5000 });
  const socket = await sockets.open({ idle_timeout: null });
  const order: string[] = [];
  socket.on('close', () => order.push('closed'));
  socket.destroy();
  // As the driver writes: in the next turn.
  setImmediate(() => order.push('written'));
  await sockets.whenSteady(() => order.push('begun'));
  expect(order).toEqual(['written', 'closed', 'begun']);
});

describe('the certificate of the database', { timeout: 180_000 }, () => {
  test.each(['require', 'verify-ca', 'verify-full', 'prefer'])(
    'is good enough for sslmode=%s',
    async (mode) => {
      const { url, certificateFile } = await tlsPostgres;
      const known = mode.startsWith('verify') ? `&sslrootcert=${certificateFile}` : '';
      expect(await select(`${url}?sslmode=${mode}${known}`)).toEqual([{ ssl: true }]);
    },
  );

  test('is refused when nobody that is trusted signed it, or when it is for another name', async () => {
    const { url, certificateFile } = await tlsPostgres;
    const elsewhere = url.replace('127.0.0.1', 'localhost');
    const known = `sslrootcert=${certificateFile}`;
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    for (const mode of ['verify-ca', 'verify-full', 'true'])
      await expect(select(`${url}?${mode === 'true' ? 'ssl' : 'sslmode'}=${mode}`)).rejects.toThrow(
        'self-signed certificate',
      );
    await expect(select(`${elsewhere}?sslmode=verify-full&${known}`)).rejects.toThrow(
      "does not match certificate's altnames",
    );
    expect(await select(`${elsewhere}?sslmode=verify-ca&${known}`)).toEqual([{ ssl: true }]);
    expect(await select(`${elsewhere}?sslmode=require&${known}`)).toEqual([{ ssl: true }]);
  });

  test('is trusted by NODE_EXTRA_CA_CERTS, and a service by TLS does what it does without', async () => {
    const { url, certificateFile } = await tlsPostgres;
    const relay = await running(startDatabaseRelay(url));
    const receiver = await running(startReceiver());
    const service = await spawnService(
      testEnvironment(`${relay.url}?sslmode=verify-full`, { NODE_EXTRA_CA_CERTS: certificateFile }),
    );
    onTestFinished(async () => {
      await service.end('SIGKILL');
    });
    const locationId = await addVenue(service.api, receiver.url);
    await handOver(service.api, newEvent(locationId));
    await receiver.received(1);
    await relay.cut();
    expect((await service.api.post('/v1/events', newEvent(locationId))).status).toBe(503);
    await relay.restore();
    const event = newEvent(locationId);
    await until('it accepts again', async () => (await service.api.post('/v1/events', event)).status === 202);
    await until('it is sent', async () => uuidsOf(receiver.requests).includes(event.uuid));
    expectOnce(receiver.requests);
    expect(await service.end('SIGTERM')).toBe(0);
  });

  test('is asked for in vain of a server without TLS, unless it may do without', async () => {
    const { relay } = await ways.plain();
    await expect(select(`${relay.url}?sslmode=require`)).rejects.toThrow('does not offer TLS');
    expect(await select(`${relay.url}?sslmode=prefer`)).toEqual([{ ssl: false }]);
    expect(() => connect(`${relay.url}?sslmode=verify`, { max: 1 })).toThrow(
      'sslmode must be disable, allow',
    );
    expect(() => connect(`${relay.url}?sslmode=verify-full&sslrootcert=/none`, { max: 1 })).toThrow(
      'cannot be read',
    );
  });
});
