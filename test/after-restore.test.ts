import { expect, it, onTestFinished, vi } from 'vitest';
import { withSql } from './db/dump.ts';
import type { Api } from './support/api.ts';
import { copyDatabase, createTestDatabase } from './support/database.ts';
import { createLedger } from './support/ledger.ts';
import { type ReceivedRequest, startReceiver } from './support/receiver.ts';
import { run } from './support/run.ts';
import { startTestService, testEnvironment } from './support/service.ts';
import { running } from './support/stage.ts';
import { until } from './support/until.ts';
import { addEndpoint, addLocation, handOver, newEvent, newEvents } from './support/venue.ts';
import { createVisitor } from './support/visitor.ts';

// Several services one after the other, on a machine that is busy.
vi.setConfig({ testTimeout: 90_000 });

it('a restored database sends and runs nothing a second time, and goes on with what comes after', async () => {
  const { backup, venue, receiver } = await makeBackup();
  const before = receiver.requests.length;
  const restored = await restore(backup);
  expect(await run('dist/after-restore.js', testEnvironment(restored))).toEqual({
    code: 0,
    said: [
      'Locations whose sequences go on behind a jump: 1',
      'Endpoints that get events accepted from now on: 1',
      'Events moved from the inbox to the log, not to be sent: 1',
      'Resends and tests dropped: 1',
      'Queued runs abandoned: 1',
      'Sign-ins ended: 1',
      '',
    ].join('\n'),
  });

  const { api } = await running(startTestService({ DATABASE_URL: restored }));
  const [event] = await handOver(api, newEvent(venue.location));
  const [request] = (await receiver.received(before + 1)).slice(before);
  // A lane is in order, resends go before events: what comes first shows that nothing was sent before it.
  expect(request?.headers['bellhop-sequence']).toBe(`${event?.sequence}-${event?.sequence}`);
  expect(event?.sequence).toBeGreaterThan(1_000_000);
  const flow = await api.post(`/v1/locations/${venue.location}/runs/${venue.run}/rerun`);
  expect(flow.status).toBe(202);
  await receiver.received(before + 2);
  await withSql(restored, async (sql) => {
    const ledger = createLedger(sql);
    await ledger.settled();
    expect(await ledger.unaccounted()).toEqual([]);
    expect(await ledger.events(venue.location)).toMatchObject(
      [1, 2, 3, 4, 1_000_005, 1_000_006].map((sequence) => ({ sequence })),
    );
  });
  expect(receiver.requests).toHaveLength(before + 2);
});

it('without that, it would send all of it again', async () => {
  const { backup, receiver, sentSince } = await makeBackup();
  const before = receiver.requests.length;
  await running(startTestService({ DATABASE_URL: await restore(backup) }));
  await until(
    'all of it came again',
    async () => uuidsIn(receiver.requests.slice(before)).length === sentSince.length,
  );
  expect(uuidsIn(receiver.requests.slice(before))).toEqual(sentSince);
});

it('may be repeated', async () => {
  const { backup } = await makeBackup();
  const restored = await restore(backup);
  await run('dist/after-restore.js', testEnvironment(restored));
  const { code, said } = await run('dist/after-restore.js', testEnvironment(restored));
  expect([code, said]).toEqual([0, expect.stringContaining('Resends and tests dropped: 0\n')]);
  await withSql(restored, async (sql) => expect(await createLedger(sql).unaccounted()).toEqual([]));
});

it('says so when the key is not that of the database', async () => {
  const { backup } = await makeBackup();
  const BELLHOP_ENCRYPTION_KEY = Buffer.alloc(32, 8).toString('base64');
  const { code, said } = await run(
    'dist/after-restore.js',
    testEnvironment(await restore(backup), { BELLHOP_ENCRYPTION_KEY }),
  );
  expect([code, said]).toEqual([1, expect.stringContaining('encrypted with the key')]);
});

/**
 * A venue whose event 1 has been sent when the backup is made, while two events, a booking's event, a resend and a run wait; all of
 * that is sent after it.
 */
async function makeBackup() {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const receiver = await running(startReceiver());
  const environment = { DATABASE_URL: database.url };

  const first = await startTestService(environment);
  const location = await addLocation(first.api);
  await addEndpoint(first.api, location, receiver.url);
  await handOver(first.api, newEvent(location));
  const [delivery] = await withSql(database.url, (sql) => createLedger(sql).ended(location, 1));
  await first.stop();

  const waiting = await startTestService({ ...environment, ROLE: 'api' });
  const run = await leaveWork(waiting.api, database.url, location, delivery?.id ?? '');
  await waiting.stop();
  const backup = await restore(nameOf(database.url));

  const sentBefore = receiver.requests.length;
  const last = await startTestService(environment);
  await withSql(database.url, async (sql) => {
    await until(
      'everything that waited is sent',
      async () => (await createLedger(sql).events(location)).length === 5,
    );
    await createLedger(sql).settled();
  });
  await last.stop();
  const sentSince = uuidsIn(receiver.requests.slice(sentBefore));
  return { backup: nameOf(backup), receiver, venue: { location, run }, sentSince };
}

/** The sessions that requests told of, in whatever batches. */
function uuidsIn(requests: ReceivedRequest[]): string[] {
  const uuids: string[] = requests.flatMap(({ body }) => body.match(/(?<="uuid":")[^"]+/g) ?? []);
  return uuids.toSorted();
}

const nameOf = (databaseUrl: string) => new URL(databaseUrl).pathname.slice(1);

async function restore(backup: string): Promise<string> {
  const database = await copyDatabase(backup);
  onTestFinished(() => database.drop());
  return database.url;
}

/** Leaves what a service without a dispatcher cannot send. @returns the id of the run that waits. */
async function leaveWork(
  api: Api,
  databaseUrl: string,
  location: string,
  deliveryId: string,
): Promise<string> {
  const path = `/v1/locations/${location}`;
  await handOver(api, newEvents(location, 2));
  expect((await api.post(`${path}/deliveries/${deliveryId}/resend`)).status).toBe(202);
  const emit = { uuid: '{{ web1.uuid }}', action: 'create', stations: 1, customerid: 1 };
  const flow = await api.put(`${path}/flows/book`, {
    status: 'live',
    async: true,
    steps: [{ ref: 'made', emit }],
  });
  const { uuid } = newEvent(location);
  const queued = await api.as(flow.body.token).post(flow.body.url, { uuid });
  const link = await api.post(`${path}/portal-links`);
  await createVisitor(api.url).get(new URL(link.body.url).pathname);
  await withSql(
    databaseUrl,
    (sql) => sql`select bellhop.emit_session_events(${sql.json(newEvent(location))})`,
  );
  return queued.body.runId;
}
