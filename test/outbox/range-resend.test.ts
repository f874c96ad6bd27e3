import { EventEmitter, once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import { running, setStage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, handOver, newEvents } from '../support/venue.ts';

const range = { from: '2020-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' };

it('a dry run tells what would be resent, and stores nothing', async () => {
  const { api, endpoint, ledger, location } = await setScene();
  const before = await ledger.deliveries(location);
  const dry = await api.post(`${endpoint.path}/resend`, { ...range, dryRun: true });
  expect([dry.status, dry.body]).toEqual([200, { resends: 3, events: 6 }]);
  const failed = await api.post(`${endpoint.path}/resend`, { ...range, outcomes: ['failed'], dryRun: true });
  expect(failed.body).toEqual({ resends: 0, events: 0 });
  expect(await ledger.deliveries(location)).toEqual(before);
  const { status, body } = await api.post(`${endpoint.path}/resend`, { ...range, dryRun: 'yes' });
  expect([status, body.errors]).toEqual([422, [{ path: 'dryRun', message: 'must be true or false' }]]);
  const sending = await api.post(`${endpoint.path}/resend`, { ...range, outcomes: ['sending'] });
  expect([sending.status, sending.body.errors]).toEqual([
    422,
    [{ path: 'outcomes.0', message: 'must be one of delivered, failed, timed_out, abandoned' }],
  ]);
});

it('the resends of a range are watched until all have ended', async () => {
  const { api, endpoint, location, receiver, ledger } = await setScene();
  const signals = new EventEmitter();
  const released = once(signals, 'release');
  receiver.answerWith(async (request, response) => {
    if (request.headers['bellhop-sequence'] === '2-3') await released;
    response.writeHead(request.headers['bellhop-sequence'] === '2-3' ? 500 : 204).end();
  });
  const { body: begun } = await api.post(`${endpoint.path}/resend`, range);
  expect(begun).toEqual({ id: expect.any(String), resends: 3 });
  const path = `/v1/locations/${location}/resends/${begun.id}`;
  await receiver.received(5);

  const { body: midway } = await api.get(path);
  const all = { id: begun.id, endpointId: endpoint.id, resends: 3, events: 6, timedOut: 0, abandoned: 0 };
  const counts = { ...all, waiting: 1, sending: 1, delivered: 1, failed: 0 };
  expect(midway).toEqual({ ...counts, startedAt: expect.any(String), endedAt: null });
  signals.emit('release');
  const ended = await until('the resends have ended', async () => {
    const { body } = await api.get(path);
    return body.endedAt && body;
  });
  expect(ended).toMatchObject({ ...all, waiting: 0, sending: 0, delivered: 2, failed: 1 });
  const resends = (await ledger.deliveries(location)).filter(({ resendOf }) => resendOf !== null);
  expect([ended.startedAt, ended.endedAt]).toEqual([
    resends[0]?.startedAt?.toISOString(),
    resends.at(-1)?.endedAt?.toISOString(),
  ]);
  expect((await api.delete(path)).body).toEqual({ dropped: 0 });
  expect((await api.get(path)).body).toEqual(ended);
});

it('resends that still wait are dropped, and no others', async () => {
  const { endpoint, location, stage, ledger, receiver, stop } = await setScene();
  await stop();
  const { api: later } = await stage.start({ ROLE: 'api' });
  const ask = () => later.post(`${endpoint.path}/resend`, range);
  const [{ body: first }, { body: second }] = [await ask(), await ask()];
  const path = (id: string) => `/v1/locations/${location}/resends/${id}`;
  const { body: waiting } = await later.get(path(first.id));
  expect(waiting).toMatchObject({ waiting: 3, sending: 0, startedAt: null, endedAt: null });
  // One of the first has begun.
  await stage.sql`
    update deliveries set started_at = now()
    where id = (select id from deliveries where range_id = ${first.id} order by id limit 1)`;

  expect((await later.delete(path(first.id))).body).toEqual({ dropped: 2 });
  expect((await later.get(path(first.id))).body).toMatchObject({
    resends: 1,
    events: 1,
    waiting: 0,
    sending: 1,
  });
  expect((await later.get(path(second.id))).body).toMatchObject({ resends: 3, waiting: 3 });
  await stage.sql`update deliveries set outcome = 'abandoned', ended_at = now() where started_at is not null and ended_at is null`;
  await stage.start();
  await ledger.ended(location, 7);
  expect(receiver.requests).toHaveLength(6);
  expect((await later.get(path(second.id))).body).toMatchObject({ delivered: 3 });
});

it.each(['x', '%00', randomUUID()])('resends of a range that are not there: %s', async (id) => {
  const { api, location } = await setScene(0);
  expect((await api.get(`/v1/locations/${location}/resends/${id}`)).status).toBe(404);
  expect((await api.delete(`/v1/locations/${location}/resends/${id}`)).status).toBe(404);
});

/** A venue with deliveries of 1, 2, 3 ... events. */
async function setScene(deliveries = 3) {
  const stage = await setStage();
  const receiver = await running(startReceiver());
  const { api, stop } = await stage.start();
  const location = await addLocation(api);
  const endpoint = await addEndpoint(api, location, receiver.url);
  for (let n = 1; n <= deliveries; n += 1) {
    await handOver(api, newEvents(location, n));
    await stage.ledger.ended(location, n);
  }
  return { stage, receiver, api, stop, location, endpoint, ledger: stage.ledger };
}
