import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Api } from '../support/api.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { addLocation } from '../support/venue.ts';
import { boundTo, makeFlow, sendTo } from './flow.ts';

let service: TestService;
let locationId: string;
let app: Api;
let location: { uuid: string };
beforeAll(async () => {
  service = await startTestService();
  locationId = await addLocation(service.api);
  app = await boundTo(service.api, locationId);
  ({ body: location } = await service.api.get(`/v1/locations/${locationId}`));
  const response = { body: '{{ props.who }} {{ event.n }} {{ web1.n }}' };
  await makeFlow(service, { response }, { locationId, name: 'listen' });
});
afterAll(() => service.stop());

const urlOf = (uuid: string, appUuid = location.uuid) => `${service.url}/apps/${appUuid}/webhooks/${uuid}`;

describe('an app webhook', () => {
  it('is answered with the members of the specification, and runs the flow with its props and the event', async () => {
    const made = await app.post('/app/webhooks', {
      action: 'listen',
      props: { who: 'Ada', more: [1, null] },
    });
    expect(made.status).toBe(200);
    expect(made.body).toEqual({
      uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      action: 'listen',
      props: { who: 'Ada', more: [1, null] },
      environment_id: expect.any(Number),
      user_id: null,
    });
    expect(Object.keys(made.body)).toEqual(['uuid', 'action', 'props', 'environment_id', 'user_id']);
    expect((await sendTo(urlOf(made.body.uuid), { n: 3 })).text).toBe('Ada 3 3');
    const elsewhere = await boundTo(service.api, await addLocation(service.api));
    const { body: other } = await elsewhere.post('/app/webhooks', { action: 'listen' });
    expect(other.status).toBe(422);
  });

  it('is refused for an unknown action, too deep props, a key of no location, and without the scope', async () => {
    const unknown = await app.post('/app/webhooks', { action: 'nobody', props: {} });
    expect(unknown.status).toBe(422);
    expect(unknown.body.errors).toEqual([{ path: 'action', message: 'there is no flow named nobody' }]);
    expect((await app.post('/app/webhooks', { props: {} })).status).toBe(422);
    const deep = JSON.parse('['.repeat(3000) + ']'.repeat(3000));
    expect((await app.post('/app/webhooks', { action: 'listen', props: deep })).status).toBe(422);
    expect((await service.api.post('/app/webhooks', { action: 'listen' })).status).toBe(403);
    const reader = await boundTo(service.api, locationId, ['settings:read']);
    expect((await reader.post('/app/webhooks', { action: 'listen' })).status).toBe(403);
    expect((await service.api.as(undefined).post('/app/webhooks', { action: 'listen' })).status).toBe(401);
  });

  it('answers 404 for an unknown app, an unknown webhook, and the app of somebody else', async () => {
    const { body } = await app.post('/app/webhooks', { action: 'listen' });
    const { body: other } = await service.api.get(`/v1/locations/${await addLocation(service.api)}`);
    const urls = [
      urlOf(body.uuid, randomUUID()),
      urlOf(body.uuid, other.uuid),
      urlOf(randomUUID()),
      urlOf('x'),
      urlOf(body.uuid, '%00'),
    ];
    const said = await Promise.all(urls.map((url) => sendTo(url, {})));
    expect(said.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    const details = said.map(({ text }) => JSON.parse(text).detail);
    expect(new Set(details).size).toBe(1);
  });

  it('is listed and deleted by its own location alone', async () => {
    const at = await addLocation(service.api);
    await makeFlow(service, {}, { locationId: at, name: 'listen' });
    const own = await boundTo(service.api, at);
    const made: string[] = [];
    for (let n = 0; n < 3; n += 1)
      made.push((await own.post('/app/webhooks', { action: 'listen' })).body.uuid);
    const first = await own.get('/app/webhooks?limit=2');
    const second = await own.get(`/app/webhooks?limit=2&cursor=${first.body.nextCursor}`);
    const items: { uuid: string }[] = [...first.body.items, ...second.body.items];
    expect(items.map(({ uuid }) => uuid).toSorted()).toEqual(made.toSorted());
    expect((await app.delete(`/app/webhooks/${made[0]}`)).status).toBe(404);
    expect((await own.delete(`/app/webhooks/${made[0]}`)).status).toBe(204);
    expect((await own.delete(`/app/webhooks/${made[0]}`)).status).toBe(404);
    expect((await own.get('/app/webhooks')).body.items).toHaveLength(2);
    const { body } = await service.api.get(`/v1/locations/${at}`);
    expect((await sendTo(urlOf(made[0] ?? '', body.uuid), {})).status).toBe(404);
    expect((await sendTo(urlOf(made[1] ?? '', body.uuid), {})).status).toBe(200);
  });

  it('is listed, by its flow too, and deleted by whoever keeps the settings of the location', async () => {
    const at = await addLocation(service.api);
    for (const name of ['one', 'two']) await makeFlow(service, {}, { locationId: at, name });
    const own = await boundTo(service.api, at);
    const { body: one } = await own.post('/app/webhooks', { action: 'one', props: { a: 1 } });
    const { body: two } = await own.post('/app/webhooks', { action: 'two' });
    const path = `/v1/locations/${at}/app-webhooks`;
    expect((await service.api.get(path)).body.items).toHaveLength(2);
    expect((await service.api.get(`${path}?action=one`)).body).toEqual({ items: [one], nextCursor: null });
    expect((await service.api.get(`/v1/locations/${locationId}/app-webhooks?action=one`)).body.items).toEqual(
      [],
    );
    expect((await service.api.delete(`/v1/locations/${locationId}/app-webhooks/${one.uuid}`)).status).toBe(
      404,
    );
    expect((await service.api.delete(`${path}/${one.uuid}`)).status).toBe(204);
    expect((await own.get('/app/webhooks?action=one')).body.items).toEqual([]);
    expect((await own.get('/app/webhooks')).body.items).toEqual([two]);
  });

  it('answers as its flow does when that is paused, and 404 when it is deleted', async () => {
    const flow = await makeFlow(service, { status: 'paused' }, { locationId, name: 'fleeting' });
    const { body } = await app.post('/app/webhooks', { action: 'fleeting' });
    expect((await sendTo(urlOf(body.uuid), {})).text).toContain('biz_logic');
    await service.api.delete(flow.path);
    expect((await sendTo(urlOf(body.uuid), {})).status).toBe(404);
  });
});

describe('a location that is deleted', () => {
  it('takes its flows and app webhooks with it', async () => {
    const flow = await makeFlow(service, {}, { name: 'listen' });
    const own = await boundTo(service.api, flow.locationId);
    const { body } = await own.post('/app/webhooks', { action: 'listen' });
    const { body: before } = await service.api.get(`/v1/locations/${flow.locationId}`);
    await service.api.delete(`/v1/locations/${flow.locationId}`);
    expect((await flow.send()).status).toBe(401);
    expect((await sendTo(urlOf(body.uuid, before.uuid), {})).status).toBe(404);
    // Its keys may have gone with it.
    expect([401, 404]).toContain((await own.get('/app/webhooks')).status);
    expect((await service.api.get(flow.path)).status).toBe(404);
  });
});
