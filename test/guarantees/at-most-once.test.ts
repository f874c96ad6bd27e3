import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { certificate, privateKey } from '../delivery/certificate.ts';
import { eventsOf, expectOnce, expectOnceInOrder, uuidsOf } from '../support/arrivals.ts';
import {
  type Answer,
  answerBytes,
  onFirstData,
  reset,
  sayNothing,
  startRawReceiver,
  startReceiver,
} from '../support/receiver.ts';
import { startRelay } from '../support/relay.ts';
import { running, setStage, type Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent, newEvents } from '../support/venue.ts';

/** A lease is 5 s; what sweeps every second, on a busy machine, notices its end a little later. */
const leaseMs = 5000;
const sweptMs = 4000;

/** Expects that the location's first delivery is abandoned as soon as its lease is over and a process is there to see it. */
async function expectAbandoned({ ledger }: Stage, locationId: string, aliveAt: number): Promise<void> {
  const [delivery] = await ledger.ended(locationId, 1);
  expect(delivery).toMatchObject({ outcome: 'abandoned', reason: 'crashed', statusCode: null });
  const overAt = Math.max(Number(delivery?.startedAt) + leaseMs, aliveAt);
  expect(Number(delivery?.endedAt) - overAt).toBeLessThan(sweptMs);
}

/** Makes the certificate of test receivers trusted by a process that gets this environment. */
async function trustCertificate(): Promise<{ NODE_EXTRA_CA_CERTS: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-certificate-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'certificate.pem');
  await writeFile(file, certificate);
  return { NODE_EXTRA_CA_CERTS: file };
}

describe('at most once', { timeout: 90_000 }, () => {
  test('a kill before the POST, before its answer or before its record: abandoned, never sent again, and the lane goes on', async () => {
    const stage = await setStage();
    const { sql, ledger } = stage;
    const silent = await running(startRawReceiver(sayNothing));
    const receiver = await running(startReceiver());
    const killed = await stage.spawn();
    const { api } = killed;
    // Connected, but the TLS handshake hangs: it is claimed and not sent.
    const unsentAt = await addLocation(api);
    const endpoint = await addEndpoint(api, unsentAt, `https://127.0.0.1:${silent.port}/`);
    const unansweredAt = await addVenue(api, `${receiver.url}/unanswered`);
    const unrecordedAt = await addVenue(api, `${receiver.url}/unrecorded`);
    const unsent = newEvent(unsentAt);
    const [unanswered, unrecorded] = [newEvent(unansweredAt), newEvent(unrecordedAt)];
    await sql.begin(async (lock) => {
      receiver.answerWith(async (request, response) => {
        if (request.url === '/unanswered') return;
        await lock`lock table deliveries in exclusive mode`;
        response.writeHead(204).end();
      });
      await handOver(api, [unsent, unanswered]);
      await Promise.all([silent.opened(1), receiver.received(1)]);
      await handOver(api, unrecorded);
      const backend = await until('an outcome waits to be recorded', async () => {
        const [row] = await sql`
          select pid from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and query like '%recorded as (%'`;
        return row;
      });
      await killed.end('SIGKILL');
      // Left alone, the statement would still be carried out when the lock is gone.
      await sql`select pg_terminate_backend(${backend['pid']}, 5000)`;
    });

    receiver.answerWith((_request, response) => response.writeHead(204).end());
    const restarted = await stage.spawn();
    const restartedAt = Date.now();
    await restarted.api.patch(endpoint.path, { url: `${receiver.url}/unsent` });
    const next = [unsentAt, unansweredAt, unrecordedAt].map((locationId) => newEvent(locationId));
    await handOver(restarted.api, next);
    await receiver.received(5);
    await ledger.settled();
    for (const locationId of [unsentAt, unansweredAt, unrecordedAt])
      await expectAbandoned(stage, locationId, restartedAt);
    const expected = [unanswered, unrecorded, ...next].map((event) => event.uuid);
    expect(uuidsOf(receiver.requests).toSorted()).toEqual(expected.toSorted());
    expectOnceInOrder(receiver.requests);
    expect(silent.openedCount()).toBe(1);
  });

  test('two processes on one database, one of them killed under load: no event is sent twice', async () => {
    const { spawn, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const [killed, other] = await Promise.all([spawn(), spawn()]);
    const locationIds = await Promise.all(
      Array.from({ length: 12 }, async (_, n) => {
        const locationId = await addVenue(other.api, `${receiver.url}/a${n}`);
        await addEndpoint(other.api, locationId, `${receiver.url}/b${n}`);
        return locationId;
      }),
    );
    const state = { isOver: false };
    const load = locationIds.map(async (locationId) => {
      for (let round = 0; round < 20 || !state.isOver; round += 1) {
        const { api } = round % 2 === 0 ? killed : other;
        await handOver(api, newEvents(locationId, 3)).catch(() => {}); // refused by the dead
      }
    });
    await receiver.received(100);
    await killed.end('SIGKILL');
    state.isOver = true;
    await Promise.all(load);
    await ledger.settled();
    expectOnceInOrder(receiver.requests);
    expect(await ledger.unaccounted()).toEqual([]);
    expect(await ledger.gaps()).toEqual([]);
  });

  test('a process that sleeps past its lease while another goes on sends nothing late when it wakes', async () => {
    const stage = await setStage();
    const https = await running(startReceiver({ tls: { key: privateKey, cert: certificate } }));
    const relay = await running(startRelay(https.port));
    const receiver = await running(startReceiver());
    const sleeper = await stage.spawn(await trustCertificate());
    const locationId = await addLocation(sleeper.api);
    const endpoint = await addEndpoint(sleeper.api, locationId, `https://127.0.0.1:${relay.port}/`);
    await handOver(sleeper.api, newEvent(locationId));
    await relay.answered();
    sleeper.child.kill('SIGSTOP');

    const { api } = await stage.spawn();
    const otherAt = Date.now();
    await api.patch(endpoint.path, { url: receiver.url });
    const next = newEvent(locationId);
    await handOver(api, next);
    await receiver.received(1);
    await expectAbandoned(stage, locationId, otherAt);

    // The rest of the handshake waits for it when it wakes: everything it needs to send is there.
    await relay.release();
    sleeper.child.kill('SIGCONT');
    await relay.closed(1);
    expect(await sleeper.end('SIGTERM')).toBe(0);
    await expectAbandoned(stage, locationId, otherAt);
    expect(https.requests).toEqual([]);
    expect(uuidsOf(receiver.requests)).toEqual([next.uuid]);
  });

  test('a process that sleeps under load while another goes on: no event is sent twice', async () => {
    const { spawn, ledger } = await setStage();
    const receiver = await running(startReceiver());
    const [sleeper, other] = await Promise.all([spawn(), spawn()]);
    const locationIds = await Promise.all(
      Array.from({ length: 8 }, (_, n) => addVenue(other.api, `${receiver.url}/${n}`)),
    );
    for (const locationId of locationIds) await handOver(sleeper.api, newEvents(locationId, 5));
    await receiver.received(4);
    sleeper.child.kill('SIGSTOP');
    for (const locationId of locationIds) await handOver(other.api, newEvents(locationId, 5));
    await ledger.settled();
    sleeper.child.kill('SIGCONT');
    for (const locationId of locationIds) await handOver(sleeper.api, newEvents(locationId, 5));
    await ledger.settled();
    expect(await sleeper.end('SIGTERM')).toBe(0);
    expectOnce(receiver.requests);
    expect(await ledger.unaccounted()).toEqual([]);
  });

  const answers: [string, Answer][] = [
    ['421 Misdirected Request', (_request, response) => response.writeHead(421).end()],
    ['503 with Retry-After', (_request, response) => response.writeHead(503, { 'retry-after': '0' }).end()],
    ['408 Request Timeout', (_request, response) => response.writeHead(408, { connection: 'close' }).end()],
    ['429 Too Many Requests', (_request, response) => response.writeHead(429).end()],
    ['307 to itself', (request, response) => response.writeHead(307, { location: request.url }).end()],
    [
      '401 asking for credentials',
      (_request, response) => response.writeHead(401, { 'www-authenticate': 'Basic' }).end(),
    ],
    ['no answer but the end of the connection', (_request, response) => response.destroy()],
  ];
  test.each(answers)('a receiver that answers %s gets each event once', async (_name, answer) => {
    const { start, ledger } = await setStage();
    const { api } = await start();
    const receiver = await running(startReceiver());
    receiver.answerWith(answer);
    const locationId = await addVenue(api, receiver.url);
    const events = newEvents(locationId, 3);
    for (const [index, event] of events.entries()) {
      await handOver(api, event);
      await ledger.ended(locationId, index + 1);
    }
    expect(receiver.requests.map((request) => eventsOf(request)[0]?.uuid)).toEqual(
      events.map((event) => event.uuid),
    );
    expect((await ledger.deliveries(locationId)).map(({ outcome }) => outcome)).toEqual(
      Array(3).fill('failed'),
    );
  });

  test('a receiver that resets the connection, or speaks no HTTP, is connected to once for each event', async () => {
    const { start, ledger } = await setStage();
    const { api } = await start();
    const behaviours = [
      reset,
      onFirstData((socket) => socket.end()),
      answerBytes('220 smtp.example.com\r\n'),
    ];
    for (const behave of behaviours) {
      const receiver = await running(startRawReceiver(behave));
      const locationId = await addVenue(api, receiver.url);
      for (const count of [1, 2, 3]) {
        await handOver(api, newEvent(locationId));
        await ledger.ended(locationId, count);
      }
      expect(receiver.openedCount()).toBe(3);
    }
  });

  test('a receiver that closes its idle connections at once gets each event at most once', async () => {
    const { start, ledger } = await setStage();
    const { api } = await start();
    const receiver = await running(startReceiver());
    receiver.answerWith((_request, response) => {
      response.writeHead(204).end(() => setImmediate(() => response.socket?.end()));
    });
    const locationId = await addVenue(api, receiver.url);
    for (let count = 1; count <= 50; count += 1) {
      await handOver(api, newEvent(locationId));
      await ledger.ended(locationId, count);
    }
    expectOnceInOrder(receiver.requests);
    expect(await ledger.unaccounted()).toEqual([]);
    const delivered = (await ledger.deliveries(locationId)).filter(({ outcome }) => outcome === 'delivered');
    const receivedIds = receiver.requests.map((request) => request.headers['webhook-id']);
    expect(receivedIds).toEqual(expect.arrayContaining(delivered.map(({ id }) => id)));
  });
});
