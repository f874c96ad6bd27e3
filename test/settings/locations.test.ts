import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withSql } from '../db/dump.ts';
import { startReceiver } from '../support/receiver.ts';
import { running } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, handOver, newEvent, newEvents } from '../support/venue.ts';
import { newLocationId, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

describe('a location', () => {
  it('is made, read, renamed and deleted under the id of the core app', async () => {
    const id = newLocationId();
    const made = await service.api.put(`/v1/locations/${id}`, { title: 'Kamen Test' });
    expect(made).toMatchObject({ status: 200, body: { id, title: 'Kamen Test', lastSequence: 0 } });
    expect(await service.api.get(`/v1/locations/${id}`)).toMatchObject({ status: 200, body: made.body });

    const renamed = await service.api.put(`/v1/locations/${id}`, { title: 'Kamen "🕶" Test' });
    expect(renamed.body).toEqual({ ...made.body, title: 'Kamen "🕶" Test', updatedAt: expect.any(String) });

    expect((await service.api.delete(`/v1/locations/${id}`)).status).toBe(204);
    for (const path of ['', '/events', '/endpoints', '/deliveries', '/stats'])
      expect((await service.api.get(`/v1/locations/${id}${path}`)).status).toBe(404);
    expect((await service.api.delete(`/v1/locations/${id}`)).status).toBe(404);
  });

  it('goes on with its sequence when it is made again, without its endpoints', async () => {
    const id = newLocationId();
    await service.api.put(`/v1/locations/${id}`, { title: 'Before' });
    await service.api.post(`/v1/locations/${id}/endpoints`, { url: 'http://127.0.0.1:1/', enabled: false });
    await service.api.post('/v1/events', newEvent(id));
    await service.api.delete(`/v1/locations/${id}`);
    const again = await service.api.put(`/v1/locations/${id}`, { title: 'After' });
    expect(again.body).toMatchObject({ title: 'After', lastSequence: 1 });
    expect((await service.api.get(`/v1/locations/${id}/endpoints`)).body.items).toEqual([]);
    expect((await service.api.post('/v1/events', newEvent(id))).body.events[0].sequence).toBe(2);
  });

  it('is made once by parallel requests', async () => {
    const id = newLocationId();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => service.api.put(`/v1/locations/${id}`, { title: 'x' })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.uuid)).size).toBe(1);
  });

  it.each([
    [{}, 'title', 'must be a text'],
    [{ title: '' }, 'title', 'must not be empty'],
    [{ title: 5 }, 'title', 'must be a text'],
    [{ title: 'a'.repeat(501) }, 'title', 'must have at most 500 characters'],
    [{ title: 'a\0b' }, 'title', 'must not hold NUL or half a surrogate pair'],
    [{ title: 'a\ud800' }, 'title', 'must not hold NUL or half a surrogate pair'],
    [null, '', 'expected object'],
    [[], '', 'expected object'],
  ])('is refused as %j', async (body, path, message) => {
    const id = newLocationId();
    const answer = await service.api.put(`/v1/locations/${id}`, body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([{ path, message: expect.stringContaining(message) }]);
    expect((await service.api.get(`/v1/locations/${id}`)).status).toBe(404);
  });

  it.each(['a b', 'a%00', '%ff', 'a'.repeat(65), 'ä', "a'--", '%2e%2e'])('has no id like %s', async (id) => {
    expect([404, 422]).toContain((await service.api.put(`/v1/locations/${id}`, { title: 'x' })).status);
    expect((await service.api.get(`/v1/locations/${id}`)).status).toBe(404);
  });
});

describe('the list of locations', () => {
  it('is paged by id over several pages, each location once', async () => {
    const fresh = await startTestService();
    const ids = ['Z', 'a', 'b-1', 'b_1', 'b1', 'c', 'z'];
    for (const id of ids) await fresh.api.put(`/v1/locations/${id}`, { title: id });
    await fresh.api.delete('/v1/locations/c');
    const pages: string[][] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await fresh.api.get(`/v1/locations?limit=2${cursor && `&cursor=${cursor}`}`);
      pages.push(body.items.map(({ id }: { id: string }) => id));
      cursor = body.nextCursor;
    }
    await fresh.stop();
    expect(pages.map((page) => page.length)).toEqual([2, 2, 2]);
    expect(pages.flat()).toEqual(ids.filter((id) => id !== 'c').toSorted());
  });

  it.each([
    ['limit=0', 'limit', 'must be at least 1'],
    ['limit=1001', 'limit', 'must be at most 1000'],
    ['limit=x', 'limit', 'must be a number'],
    ['cursor=%00', 'cursor', 'must be 1 to 64'],
    ['cursor=a&cursor=b', 'cursor', 'must be'],
  ])('refuses ?%s', async (query, path, message) => {
    const { status, body } = await service.api.get(`/v1/locations?${query}`);
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ path, message: expect.stringContaining(message) }]);
  });
});

it('says what an id may be made of', async () => {
  const { status, body } = await service.api.put('/v1/locations/a%20b', { title: 'x' });
  expect(status).toBe(422);
  expect(body.errors).toEqual([
    { path: 'id', message: expect.stringContaining('1 to 64 of the characters') },
  ]);
});

it('takes its webhooks, flows and keys with it when it is deleted', async () => {
  const { api } = service;
  const path = `/v1/locations/${await addLocation(api)}`;
  const locationId = path.slice('/v1/locations/'.length);
  await api.put(`${path}/webhooks/hook`, {
    url: 'http://127.0.0.1:1/',
    headers: { 'x-key': 'hidden value' },
  });
  await api.put(`${path}/flows/flow`, { steps: [] });
  const { body: key } = await api.post('/v1/keys', { name: 'Venue', scopes: ['admin'], locationId });
  await api.delete(path);
  await api.put(path, { title: 'Again' });
  expect((await api.get(`${path}/webhooks`)).body.items).toEqual([]);
  expect((await api.get(`${path}/flows`)).body.items).toEqual([]);
  expect((await api.as(key.key).get(path)).status).toBe(401);
});

describe('the list of locations', () => {
  it('is searched by part of an id or title', async () => {
    const [percent, plain] = [
      await addLocation(service.api, 'Halle 100%_wild \\o/'),
      await addLocation(service.api, 'Halle 1000 wild'),
    ];
    const find = async (q: string) => {
      const { body } = await service.api.get(`/v1/locations?limit=1000&q=${encodeURIComponent(q)}`);
      return body.items.map(({ id }: { id: string }) => id).toSorted();
    };
    expect(await find('hALLE 100')).toEqual([percent, plain].toSorted());
    expect(await find('100%')).toEqual([percent]);
    expect(await find('0_w')).toEqual([]);
    expect(await find('%_wild \\O')).toEqual([percent]);
    expect(await find(plain.toUpperCase().slice(3))).toEqual([plain]);
    expect(await find('')).toEqual(expect.arrayContaining([percent, plain]));
    const bound = await service.api.post('/v1/keys', { name: 'x', scopes: ['admin'], locationId: plain });
    const { body } = await service.api.as(bound.body.key).get('/v1/locations?q=Halle&withStats=true');
    expect(body.items.map(({ id }: { id: string }) => id)).toEqual([plain]);
  });

  it('tells on demand how each is doing', async () => {
    const receiver = await running(startReceiver());
    receiver.answerWith((request, response) => response.writeHead(request.url === '/bad' ? 500 : 204).end());
    const [quiet, busy] = [await addLocation(service.api, 'Stats'), await addLocation(service.api, 'Stats')];
    await addEndpoint(service.api, busy, receiver.url);
    const bad = await addEndpoint(service.api, busy, `${receiver.url}/bad`);
    await handOver(service.api, newEvents(busy, 2));
    await until('both have ended', async () => {
      const { body } = await service.api.get(`/v1/locations/${busy}/deliveries`);
      return body.items.filter(({ endedAt }: { endedAt: string }) => endedAt).length === 2;
    });
    await service.api.post(`${bad.path}/test`);
    await withSql(
      service.databaseUrl,
      (sql) =>
        sql`update endpoints set cursor = cursor - 2, lease_delivery_id = ${randomUUID()} where id = ${bad.id}`,
    );
    const { body } = await service.api.get('/v1/locations?q=Stats&withStats=true');
    const statsOf = (id: string) => body.items.find((item: { id: string }) => item.id === id).stats;
    const { body: history } = await service.api.get(`/v1/locations/${busy}/events`);
    expect(statsOf(busy)).toEqual({
      endpoints: 2,
      failing: 1,
      failingSince: expect.any(String),
      disabled: 0,
      backlog: 2,
      lastEventAt: history.items[1].acceptedAt,
      deliveries: 2,
      delivered: 1,
    });
    const nothing = {
      endpoints: 0,
      failing: 0,
      failingSince: null,
      disabled: 0,
      backlog: 0,
      lastEventAt: null,
      deliveries: 0,
      delivered: 0,
    };
    expect(statsOf(quiet)).toEqual(nothing);
    const { body: without } = await service.api.get('/v1/locations?q=Stats');
    expect(without.items.every((item: object) => !('stats' in item))).toBe(true);
  });

  it('counts no delivery that is still under way', async () => {
    const receiver = await running(startReceiver());
    receiver.answerWith(() => {});
    const id = await addLocation(service.api, 'Under way');
    await addEndpoint(service.api, id, receiver.url);
    await handOver(service.api, newEvent(id));
    await receiver.received(1);
    const { body } = await service.api.get('/v1/locations?q=Under%20way&withStats=true');
    expect(body.items[0].stats).toMatchObject({ endpoints: 1, deliveries: 0 });
  });

  it.each([
    ['withStats=1', 'withStats', 'must be true or false'],
    ['q=%00', 'q', 'must not hold NUL or half a surrogate pair'],
  ])('refuses ?%s', async (query, path, message) => {
    const { status, body } = await service.api.get(`/v1/locations?${query}`);
    expect([status, body.errors]).toEqual([422, [{ path, message }]]);
  });
});
