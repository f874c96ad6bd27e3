import { EventEmitter, once } from 'node:events';
import { Server } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { withSql } from '../db/dump.ts';
import { startDatabaseRelay } from '../support/database-relay.ts';
import { openStream } from '../support/event-stream.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { running, setStage, type Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, addVenue, handOver, newEvent, newEvents } from '../support/venue.ts';

let service: TestService;
let receiver: Receiver;
let location: string;
beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
});
afterAll(async () => {
  await service.stop();
  await receiver.stop();
});
beforeEach(async () => {
  location = await addVenue(service.api, receiver.url);
});

const streamOf = (id: string, url = service.url) => `${url}/v1/locations/${id}/deliveries/stream`;

it('a stream shows each delivery as it ends, as lists do, and those of no other location', async () => {
  const stream = await openStream(streamOf(location));
  expect(stream.status).toBe(200);
  expect(stream.headers.get('content-type')).toBe('text/event-stream');
  await handOver(service.api, newEvent(await addVenue(service.api, receiver.url)));
  await handOver(service.api, newEvent(location));
  await stream.received(1);
  await handOver(service.api, newEvents(location, 2));
  const shown = await stream.received(2);
  const { body } = await service.api.get(`/v1/locations/${location}/deliveries`);
  expect(shown).toEqual(body.items.toReversed());
  expect(stream.messages.map(({ event, id }) => [event, id])).toEqual([
    [undefined, undefined],
    ['delivery', shown[0].id],
    ['delivery', shown[1].id],
  ]);
});

it('a stream shows what it was asked for: an endpoint, an outcome', async () => {
  const bad = await addEndpoint(service.api, location, `${receiver.url}/bad`);
  receiver.answerWith((request, response) => response.writeHead(request.url === '/bad' ? 500 : 204).end());
  const [failed, ofBad, all] = await Promise.all([
    openStream(`${streamOf(location)}?outcome=failed`),
    openStream(`${streamOf(location)}?endpointId=${bad.id}`),
    openStream(streamOf(location)),
  ]);
  await handOver(service.api, newEvent(location));
  await all.received(2);
  await service.api.post(`${bad.path}/test`);
  expect((await failed.received(2)).map(({ endpointId }) => endpointId)).toEqual([bad.id, bad.id]);
  expect((await ofBad.received(2)).map(({ test }) => test)).toEqual([false, true]);
});

it.each([
  ['outcome=lost', 'outcome'],
  ['endpointId=x', 'endpointId'],
])('a stream refuses ?%s', async (query, path) => {
  const { status, body } = await service.api.get(`/v1/locations/${location}/deliveries/stream?${query}`);
  expect([status, body.errors[0].path]).toEqual([422, path]);
});

it('a stream shows that it is still there when nothing ends', async () => {
  const stream = await openStream(streamOf(location));
  await stream.commented('still here');
  expect(stream.messages).toEqual([{ comment: 'watching' }, { comment: 'still here' }]);
});

it('a stream works when another process dispatches', async () => {
  const { spawn } = await setStage();
  const [api] = await Promise.all([spawn({ ROLE: 'api' }), spawn({ ROLE: 'dispatcher' })]);
  const id = await addVenue(api.api, receiver.url);
  const stream = await openStream(streamOf(id, api.url));
  for (let n = 1; n <= 3; n += 1) {
    await handOver(api.api, newEvent(id));
    expect(await stream.received(n)).toHaveLength(n);
  }
});

it('a reader that comes back is shown what it missed', async () => {
  const stream = await openStream(streamOf(location));
  await handOver(service.api, newEvent(location));
  const [first] = await stream.received(1);
  // Long enough ago to have been seen for sure.
  await withSql(
    service.databaseUrl,
    (sql) => sql`update deliveries set ended_at = ended_at - interval '1 minute' where id = ${first.id}`,
  );
  stream.close();
  await stream.ended;
  const missed: string[] = [];
  for (let n = 2; n <= 4; n += 1) {
    await handOver(service.api, newEvent(location));
    missed.push((await endedAt(location, n)).id);
  }
  // Too long ago to be found by anything but its own request for them.
  await withSql(
    service.databaseUrl,
    (sql) => sql`
      update deliveries set ended_at = ended_at - interval '30 seconds'
      where location_id = ${location} and id <> ${first.id}`,
  );
  const again = await openStream(streamOf(location), { lastEventId: first.id });
  expect((await again.received(3)).map(({ id }) => id)).toEqual(missed);
  await handOver(service.api, newEvent(location));
  const { id } = await endedAt(location, 5);
  expect((await again.received(4)).map((delivery) => delivery.id)).toEqual([...missed, id]);

  // A delivery that is not there tells nothing; one of another location neither.
  const other = await openStream(streamOf(await addVenue(service.api, receiver.url)), {
    lastEventId: first.id,
  });
  const unknown = await openStream(streamOf(location), { lastEventId: randomUUID() });
  await handOver(service.api, newEvent(location));
  expect((await unknown.received(1))[0].firstSequence).toBe(6);
  expect(other.messages).toHaveLength(1);
});

it('a stream goes on after the database was away, and misses nothing', async () => {
  const { start, databaseUrl, ledger } = await setStage();
  const relay = await running(startDatabaseRelay(databaseUrl));
  const dispatching = await start();
  const watching = await start({ ROLE: 'api', DATABASE_URL: relay.url });
  const id = await addVenue(dispatching.api, receiver.url);
  const stream = await openStream(streamOf(id, watching.url));
  await handOver(dispatching.api, newEvent(id));
  await stream.received(1);
  await relay.cut();
  await handOver(dispatching.api, newEvent(id));
  await ledger.ended(id, 2);
  await relay.restore();
  await stream.received(2);
  await handOver(dispatching.api, newEvent(id));
  const shown = await stream.received(3);
  expect(shown.map(({ firstSequence }) => firstSequence)).toEqual([1, 2, 3]);
});

it('a stream ends when its key is revoked', async () => {
  const { body: key } = await service.api.post('/v1/keys', { name: 'x', scopes: ['events:read'] });
  const stream = await openStream(streamOf(location), { key: key.key });
  await handOver(service.api, newEvent(location));
  await stream.received(1);
  await service.api.delete(`/v1/keys/${key.id}`);
  let hasEnded = false;
  const ended = stream.ended.finally(() => {
    hasEnded = true;
  });
  await until('the stream has ended', async () => {
    await handOver(service.api, newEvent(location));
    return hasEnded;
  });
  expect(await ended).toBe('end');
});

it('streams end at once when the service stops', async () => {
  const stopping = await startTestService();
  const stream = await openStream(streamOf(await addLocation(stopping.api), stopping.url));
  const force = vi.spyOn(Server.prototype, 'closeAllConnections');
  onTestFinished(() => force.mockRestore());
  await stopping.stop();
  expect(await stream.ended).toBe('end');
  expect(force).not.toHaveBeenCalled();
});

it('a reader that does not read is hung up on, and another at its location is not', async () => {
  const stage = await setStage();
  const { api, url } = await stage.start();
  const id = await addVenue(api, receiver.url);
  const stream = await openStream(streamOf(id, url));
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on('error', () => {});
  onTestFinished(() => void socket.destroy());
  socket.write(`GET ${new URL(streamOf(id, url)).pathname} HTTP/1.1\r\nhost: x\r\n`);
  socket.write(`authorization: Bearer ${adminKey}\r\n\r\n`);
  await once(socket, 'readable');
  // What was sent before fills the buffers of the connection; the rest waits in the service, which has a limit.
  let count = 0;
  for (let round = 1; round <= 40; round += 1) {
    await endMany(stage, id, 1000);
    count += 1000;
    await stream.received(count);
  }
  const rest = await text(socket).catch(() => '');
  expect(rest.match(/event: delivery/g)?.length ?? 0).toBeLessThan(count);
  expect(stream.messages.filter(({ event }) => event)).toHaveLength(count);
});

it('a location has a bounded number of streams, and one that is left makes room', async () => {
  const streams = await Promise.all(Array.from({ length: 50 }, () => openStream(streamOf(location))));
  expect(streams.every(({ status }) => status === 200)).toBe(true);
  const { status, body } = await service.api.get(`/v1/locations/${location}/deliveries/stream`);
  expect([status, body.detail]).toEqual([429, 'Too many streams are open: close one, or try again later.']);
  streams[0]?.close();
  await until('there is room', async () => (await openStream(streamOf(location))).status === 200);
});

it('a HEAD opens no stream', async () => {
  const ask = () =>
    fetch(streamOf(location), { method: 'HEAD', headers: { authorization: `Bearer ${adminKey}` } });
  const heads = await Promise.all(Array.from({ length: 50 }, ask));
  expect(new Set(heads.map(({ status }) => status))).toEqual(new Set([200]));
  expect((await openStream(streamOf(location))).status).toBe(200);
});

it('nothing is told to anybody while nobody watches', async () => {
  const stage = await setStage();
  const { api, url } = await stage.start();
  const id = await addVenue(api, receiver.url);
  const heard: string[] = [];
  const signals = new EventEmitter();
  await stage.sql.listen('bellhop_ended', (payload) => {
    heard.push(payload);
    signals.emit('heard');
  });
  await handOver(api, newEvent(id));
  await stage.ledger.ended(id, 1);
  const stream = await openStream(streamOf(id, url));
  await until('somebody is known to watch', async () => {
    await handOver(api, newEvent(id));
    return heard.length > 0;
  });
  await stream.received(1);
  const [unwatched] = await stage.ledger.deliveries(id);
  expect(heard.join()).not.toContain(unwatched?.id);
  expect(heard[0]).toMatch(new RegExp(`^${id}:[0-9a-f-]{36}`));
});

/** Waits until the delivery of this sequence has ended. */
async function endedAt(id: string, sequence: number): Promise<{ id: string }> {
  return until(`the delivery of ${sequence} has ended`, async () => {
    const { body } = await service.api.get(`/v1/locations/${id}/deliveries`);
    return body.items.find(
      (item: { endedAt: string | null; lastSequence: number }) =>
        item.endedAt && item.lastSequence === sequence,
    );
  });
}

/** Makes deliveries that have ended, and tells of them as a dispatcher does. */
async function endMany({ sql }: Stage, id: string, count: number): Promise<void> {
  await sql`
    with ended as (
      insert into deliveries
        (location_id, id, endpoint_id, first_sequence, last_sequence, events, title, url, outcome, started_at, ended_at)
      select ${id}, gen_random_uuid(), gen_random_uuid(), 1, 1, 1, 'x', 'x', 'delivered', now(), now()
      from generate_series(1, ${count})
      returning id
    ),
    pieces as (
      select string_agg(id::text, ',') as ids
      from (select id, row_number() over () / 100 as piece from ended) e
      group by piece
    )
    select pg_notify('bellhop_ended', ${`${id}:`} || ids) from pieces`;
}
