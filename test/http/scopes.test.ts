import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Answer } from '../support/api.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { newLocationId, startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';

/** What the routes below are about. */
type Venue = { location: string; endpoint: string; delivery: string; resend: string; key: string };
type Route = {
  method: string;
  path: string;
  scope: string;
  status: number;
  body?: (venue: Venue) => unknown;
};

const range = { from: '2020-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' };
const location = '/v1/locations/{id}';
const endpoint = `${location}/endpoints/{endpointId}`;
const delivery = `${location}/deliveries/{deliveryId}`;
const resend = `${location}/resends/{resendId}`;
const routes: Route[] = [
  {
    method: 'POST',
    path: '/v1/events',
    scope: 'events:write',
    status: 202,
    body: (venue) => newEvent(venue.location),
  },
  { method: 'GET', path: '/v1/locations', scope: 'settings:read', status: 200 },
  { method: 'PUT', path: location, scope: 'settings:write', status: 200, body: () => ({ title: 'x' }) },
  { method: 'GET', path: location, scope: 'settings:read', status: 200 },
  { method: 'DELETE', path: location, scope: 'settings:write', status: 204 },
  { method: 'GET', path: `${location}/events`, scope: 'events:read', status: 200 },
  { method: 'GET', path: `${location}/notices`, scope: 'events:read', status: 200 },
  { method: 'GET', path: '/v1/notices', scope: 'events:read', status: 200 },
  {
    method: 'POST',
    path: `${location}/endpoints`,
    scope: 'settings:write',
    status: 201,
    body: () => ({ url: 'https://example.com/' }),
  },
  { method: 'GET', path: `${location}/endpoints`, scope: 'settings:read', status: 200 },
  { method: 'GET', path: endpoint, scope: 'settings:read', status: 200 },
  {
    method: 'PATCH',
    path: endpoint,
    scope: 'settings:write',
    status: 200,
    body: () => ({ description: 'x' }),
  },
  { method: 'DELETE', path: endpoint, scope: 'settings:write', status: 204 },
  { method: 'POST', path: `${endpoint}/test`, scope: 'settings:write', status: 200, body: () => ({}) },
  {
    method: 'POST',
    path: `${endpoint}/rotate-secret`,
    scope: 'settings:write',
    status: 200,
    body: () => ({}),
  },
  { method: 'POST', path: `${endpoint}/resend`, scope: 'settings:write', status: 202, body: () => range },
  { method: 'GET', path: `${location}/deliveries`, scope: 'events:read', status: 200 },
  { method: 'GET', path: `${location}/deliveries/stream`, scope: 'events:read', status: 200 },
  { method: 'GET', path: `${location}/deliveries/export`, scope: 'events:read', status: 200 },
  { method: 'GET', path: delivery, scope: 'events:read', status: 200 },
  { method: 'POST', path: `${delivery}/resend`, scope: 'settings:write', status: 201, body: () => ({}) },
  { method: 'GET', path: resend, scope: 'events:read', status: 200 },
  { method: 'DELETE', path: resend, scope: 'settings:write', status: 200 },
  { method: 'GET', path: `${location}/stats`, scope: 'events:read', status: 200 },
  {
    method: 'POST',
    path: `${location}/portal-links`,
    scope: 'settings:write',
    status: 201,
    body: () => ({ ttlMinutes: 5 }),
  },
  { method: 'GET', path: '/metrics', scope: 'metrics:read', status: 200 },
  { method: 'GET', path: '/v1/audit', scope: 'admin', status: 200 },
  {
    method: 'POST',
    path: `${location}/template-preview`,
    scope: 'settings:write',
    status: 200,
    body: () => ({ template: 'x' }),
  },
  { method: 'GET', path: '/v1/keys', scope: 'admin', status: 200 },
  {
    method: 'POST',
    path: '/v1/keys',
    scope: 'admin',
    status: 201,
    body: () => ({ name: 'x', scopes: ['events:read'] }),
  },
  { method: 'DELETE', path: '/v1/keys/{id}', scope: 'admin', status: 204 },
];

const scopes = [
  'events:write',
  'events:read',
  'settings:read',
  'settings:write',
  'webhooks:trigger',
  'metrics:read',
];

let service: TestService;
let receiver: Receiver;
let venue: Venue;
beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
});
afterAll(async () => {
  await service.stop();
  await receiver.stop();
});
beforeEach(async () => {
  venue = await makeVenue();
});

it('every route of the core is in the table', async () => {
  const { body } = await service.api.get('/openapi.json');
  const paths: Record<string, object> = body.paths;
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const core = described.filter(
    (route) => !/webhooks|invocations|flow|apps?\/|runs|healthz|readyz|openapi/.test(route),
  );
  expect(core.toSorted()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).toSorted());
});

describe.each(routes)('$method $path', (route) => {
  it(`needs the scope ${route.scope}`, async () => {
    const others = await makeKey({ scopes: scopes.filter((scope) => scope !== route.scope) });
    const refused = await call(route, venue, others);
    expect(refused.status).toBe(403);
    expect(refused.body.detail).toBe(`This API key lacks the scope ${route.scope}.`);
    expect((await call(route, venue, undefined)).status).toBe(401);
    expect((await call(route, venue, await makeKey({ scopes: [route.scope] }))).status).toBe(route.status);
  });

  it('works with a key of this very location', async () => {
    const own = await makeKey({ scopes: [route.scope], locationId: venue.location });
    // The key that is to be revoked belongs to nobody's location, and metrics are of all of them.
    const status = ['/v1/keys/{id}', '/metrics'].includes(route.path) ? 404 : route.status;
    expect((await call(route, venue, own)).status).toBe(status);
  });
});

describe.each(routes.filter(({ path }) => path.startsWith(location)))('$method $path', (route) => {
  it('answers a key of another location as if the location did not exist', async () => {
    const elsewhere = await makeKey({ scopes: ['admin'], locationId: await addLocation(service.api) });
    const before = await describeVenue();
    const hidden = await call(route, venue, elsewhere);
    const missing = await call(route, { ...venue, location: newLocationId() }, elsewhere);
    const invented = await call(
      route,
      {
        ...venue,
        location: newLocationId(),
        endpoint: randomUUID(),
        delivery: randomUUID(),
        resend: randomUUID(),
      },
      elsewhere,
    );
    expect(hidden.status).toBe(404);
    expect(comparable(hidden)).toEqual(comparable(missing));
    expect(comparable(hidden)).toEqual(comparable(invented));
    expect(await describeVenue()).toEqual(before);
  });
});

describe.each(routes.filter(({ path }) => /endpointId|deliveryId|resendId/.test(path)))(
  '$method $path',
  (route) => {
    it('answers 404 at a location that has other endpoints, deliveries and resends', async () => {
      const other = await makeVenue();
      const { status } = await call(route, { ...venue, location: other.location }, undefined, service.api);
      expect(status).toBe(404);
    });
  },
);

describe('lists for a key of one location', () => {
  it('hold that location only, whatever the cursor', async () => {
    const other = await makeVenue();
    const bound = service.api.as(await makeKey({ scopes: ['admin'], locationId: venue.location }));
    for (const cursor of ['', '?cursor=0', `?cursor=${other.location}`, '?limit=1000']) {
      const { body } = await bound.get(`/v1/locations${cursor}`);
      for (const item of body.items) expect(item.id).toBe(venue.location);
      expect(body.nextCursor).toBeNull();
    }
    for (const [list, id] of [
      ['deliveries', other.delivery],
      ['endpoints', other.endpoint],
    ] as const) {
      const { status, body } = await bound.get(`/v1/locations/${venue.location}/${list}?cursor=${id}`);
      expect(status).toBe(200);
      expect(JSON.stringify(body)).not.toContain(other.location);
      expect(JSON.stringify(body)).not.toContain(id);
    }
    const filtered = await bound.get(
      `/v1/locations/${venue.location}/deliveries?endpointId=${other.endpoint}`,
    );
    expect(filtered.body.items).toEqual([]);
  });
});

async function makeVenue(): Promise<Venue> {
  const id = await addLocation(service.api);
  const { id: endpointId } = await addEndpoint(service.api, id, receiver.url);
  await handOver(service.api, newEvent(id));
  const sent = await until('the event is delivered', async () => {
    const { body } = await service.api.get(`/v1/locations/${id}/deliveries?outcome=delivered`);
    return body.items[0];
  });
  const { body: begun } = await service.api.post(`/v1/locations/${id}/endpoints/${endpointId}/resend`, range);
  await until('the resend is delivered', async () => {
    const { body } = await service.api.get(`/v1/locations/${id}/resends/${begun.id}`);
    return body.endedAt;
  });
  const { body } = await service.api.post('/v1/keys', { name: 'x', scopes: ['events:read'] });
  return { location: id, endpoint: endpointId, delivery: sent.id, resend: begun.id, key: body.id };
}

async function describeVenue() {
  const path = `/v1/locations/${venue.location}`;
  const parts = ['', '/endpoints', '/events', '/deliveries'];
  const answers = await Promise.all(parts.map((part) => service.api.get(path + part)));
  return answers.map(({ body }) => body);
}

async function makeKey(settings: object): Promise<string> {
  const { status, body } = await service.api.post('/v1/keys', { name: 'x', ...settings });
  expect(status).toBe(201);
  return body.key;
}

async function call(
  route: Route,
  about: Venue,
  key: string | undefined,
  api = service.api.as(key),
): Promise<Answer> {
  const path = route.path
    .replace('/keys/{id}', `/keys/${about.key}`)
    .replace('{id}', about.location)
    .replace('{endpointId}', about.endpoint)
    .replace('{deliveryId}', about.delivery)
    .replace('{resendId}', about.resend);
  const body = route.body?.(about);
  const calls: Record<string, () => Promise<Answer>> = {
    GET: () => api.get(path),
    PUT: () => api.put(path, body),
    POST: () => api.post(path, body),
    PATCH: () => api.patch(path, body),
    DELETE: () => api.delete(path),
  };
  return calls[route.method]?.() ?? Promise.reject(new Error(`No test for ${route.method}.`));
}

/** All of an answer that could tell something, without what differs between any two. */
function comparable({ status, headers, body }: Answer) {
  const shown = [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id');
  return { status, shown, body: { ...body, requestId: '' } };
}
