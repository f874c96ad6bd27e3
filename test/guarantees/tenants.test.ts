import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { dumpDatabase, withSql } from '../db/dump.ts';
import type { Api } from '../support/api.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { newLocationId, startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';

// Several processes, or several dumps of a database, on a machine that is busy.
vi.setConfig({ testTimeout: 90_000 });

/** One of everything that a location can hold, by id. */
type Venue = {
  location: string;
  endpoint: string;
  delivery: string;
  resends: string;
  session: string;
  webhook: string;
  invocation: string;
  flow: string;
  flowId: string;
  run: string;
  appWebhook: string;
  key: string;
};
type Operation = { name: string; method: string; path: string; query: string[]; hasBody: boolean };

/** What the path of an operation names, besides `{id}`. */
const pathMembers: Record<string, keyof Venue> = {
  endpointId: 'endpoint',
  deliveryId: 'delivery',
  resendId: 'resends',
  webhookId: 'webhook',
  referenceId: 'invocation',
  name: 'flow',
  flowId: 'flowId',
  runId: 'run',
  webhookUuid: 'appWebhook',
};
/** What its query names; and what names nothing. A cursor is any id. */
const queryMembers: Record<string, keyof Venue> = {
  endpointId: 'endpoint',
  uuid: 'session',
  locationId: 'location',
  actorId: 'key',
  flow: 'flow',
};
const harmless = [
  'q',
  'withStats',
  'limit',
  'cursor',
  'after',
  'outcome',
  'status',
  'hours',
  'action',
  'from',
  'to',
  // Of the path, and looked at apart from the others.
  'id',
  'appUuid',
];

const range = { from: '2020-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' };
const event = newEvent('');
/** The bodies of those operations that take one. Where they name something, they name it of this venue. */
const bodies: Record<string, (venue: Venue) => unknown> = {
  'POST /v1/events': ({ location }) => ({ ...event, locationId: location }),
  'PUT /v1/locations/{id}': () => ({ title: 'Taken over' }),
  'POST /v1/locations/{id}/endpoints': () => ({ url: 'https://example.com/' }),
  'PATCH /v1/locations/{id}/endpoints/{endpointId}': () => ({ url: 'https://example.com/' }),
  'POST /v1/locations/{id}/endpoints/{endpointId}/rotate-secret': () => ({ overlapHours: 0 }),
  'POST /v1/locations/{id}/endpoints/{endpointId}/test': () => ({}),
  'POST /v1/locations/{id}/endpoints/{endpointId}/resend': () => range,
  'POST /v1/locations/{id}/portal-links': () => ({ ttlMinutes: 5 }),
  'POST /v1/keys': ({ location }) => ({ name: 'x', scopes: ['admin'], locationId: location }),
  'PUT /v1/locations/{id}/webhooks/{webhookId}': () => ({ url: 'https://example.com/' }),
  'POST /v1/locations/{id}/webhooks/{webhookId}/trigger': () => ({ data: {} }),
  'PUT /v1/locations/{id}/flows/{name}': ({ webhook }) => ({ steps: [{ ref: 'a', trigger: webhook }] }),
  'PATCH /v1/locations/{id}/flows/{name}': () => ({ status: 'paused' }),
  'POST /v1/locations/{id}/template-preview': () => ({ template: 'x' }),
  'POST /v1/locations/{id}/flows/{name}/rotate-token': () => ({ overlapHours: 0 }),
  'POST /v1/flow-webhook/{flowId}': () => ({}),
  'POST /apps/{appUuid}/webhooks/{webhookUuid}': () => ({}),
  'POST /app/webhooks': ({ flow }) => ({ action: flow, props: {} }),
};
/** What makes something of its own under a name that another location uses too. */
const makesItsOwn = ['PUT /v1/locations/{id}/webhooks/{webhookId}'];
const namesInBody = ['POST /v1/events', 'POST /v1/keys', 'POST /app/webhooks'];

let service: TestService;
let receiver: Receiver;
let operations: Operation[];
let own: Venue;
let other: Venue;
/** The API with a key of the location `own`, which may do everything there. */
let api: Api;
beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
  operations = await readOperations();
  [own, other] = [await makeVenue(), await makeVenue()];
  const settings = { name: 'Own', scopes: ['admin'], locationId: own.location };
  api = service.api.as((await service.api.post('/v1/keys', settings)).body.key);
  // No key is marked as used while the tests compare what is stored.
  await withSql(
    service.databaseUrl,
    (sql) => sql`update api_keys set last_used_at = now() + interval '1 day'`,
  );
});
afterAll(async () => {
  await service.stop();
  await receiver.stop();
});

describe('with the key of another location', () => {
  test('every operation that is described is covered here', () => {
    const covered = [...Object.keys({ ...pathMembers, ...queryMembers, ...bodies }), ...harmless];
    for (const { name, path, query, hasBody } of operations) {
      const members = [...membersOf(path), ...query, ...(hasBody ? [name] : [])];
      const unknown = members.filter((member) => !covered.includes(member));
      expect([name, unknown]).toEqual([name, []]);
    }
    expect(operations.length).toBeGreaterThan(40);
  });

  test('a location answers to everything as if it were not there, and stays as it is', async () => {
    const atLocation = operations.filter(({ path }) => path.startsWith('/v1/locations/{id}'));
    expect(atLocation.length).toBeGreaterThan(30);
    for (const operation of atLocation) {
      const before = await dump();
      const hidden = await call(operation, other);
      expect([operation.name, hidden.status]).toEqual([operation.name, 404]);
      expect([operation.name, hidden]).toEqual([operation.name, await call(operation, gone)]);
      expect(await dump()).toEqual(before);
    }
  });

  test('what it holds is not there under the own location either, nor under none', async () => {
    const naming = operations.filter(
      ({ name, path }) =>
        membersOf(path).some((member) => member in pathMembers) || name === 'DELETE /v1/keys/{id}',
    );
    expect(naming.length).toBeGreaterThan(20);
    for (const operation of naming.filter(({ name }) => !makesItsOwn.includes(name))) {
      const before = await dump();
      const hidden = await call(operation, { ...other, location: own.location });
      const unknown = await call(operation, { ...gone, location: own.location });
      expect([operation.name, hidden]).toEqual([operation.name, unknown]);
      expect([operation.name, isNothing(hidden)]).toEqual([operation.name, true]);
      expect(await dump()).toEqual(before);
      // A refused trigger is on record where it was tried.
      await withSql(service.databaseUrl, (sql) => sql`delete from invocations where outcome = 'refused'`);
    }
  });

  test('what it holds cannot be named in a body', async () => {
    for (const operation of operations.filter(({ name }) => namesInBody.includes(name))) {
      const before = await dump();
      const hidden = await call(operation, other);
      expect([operation.name, hidden.status]).toEqual([operation.name, 422]);
      expect([operation.name, hidden]).toEqual([operation.name, await call(operation, gone)]);
      expect(await dump()).toEqual(before);
    }
  });

  test('what it holds cannot be named in a query, nor be read on from', async () => {
    for (const operation of operations.filter(({ query }) => query.length > 0)) {
      const { name, query } = operation;
      for (const member of query.filter((candidate) => candidate in queryMembers)) {
        const id = queryMembers[member] ?? 'location';
        const hidden = await call(operation, own, { [member]: other[id] });
        expect([name, member, hidden]).toEqual([
          name,
          member,
          await call(operation, own, { [member]: gone[id] }),
        ]);
        expect([name, member, isNothing(hidden)]).toEqual([name, member, true]);
      }
      for (const cursor of query.includes('cursor') ? Object.values(other) : []) {
        const { status, text } = await call(operation, own, { cursor });
        expect([name, [200, 422]]).toEqual([name, expect.arrayContaining([status])]);
        for (const id of Object.values(other))
          expect([name, text.replaceAll(cursor, '')]).toEqual([name, expect.not.stringContaining(id)]);
      }
      for (const id of Object.values(other)) expect((await call(operation, own)).text).not.toContain(id);
    }
  });

  test('the token of a flow runs that flow only', async () => {
    const { body } = await api.post(`/v1/locations/${own.location}/flows/${own.flow}/rotate-token`);
    const before = await dump();
    const run = operations.find(({ name }) => name === 'POST /v1/flow-webhook/{flowId}');
    if (!run) throw new Error('Flows have no URL.');
    const withToken = async (venue: Venue) => call(run, venue, {}, api.as(body.token));
    expect(await withToken(other)).toEqual(await withToken(gone));
    expect((await withToken(other)).status).toBe(401);
    expect(await dump()).toEqual(before);
    expect((await withToken(own)).status).toBe(200);
  });

  test('the same name can be used, for something of its own', async () => {
    for (const operation of operations.filter(({ name }) => makesItsOwn.includes(name))) {
      const before = await dumpOf(other.location);
      expect((await call(operation, { ...other, location: own.location })).status).toBe(200);
      expect(await dumpOf(other.location)).toEqual(before);
    }
  });
});

/** Ids that nothing has, as long as those of a venue. */
const gone: Venue = {
  location: newLocationId(),
  endpoint: randomUUID(),
  delivery: randomUUID(),
  resends: randomUUID(),
  session: randomUUID(),
  webhook: newName(),
  invocation: randomUUID(),
  flow: newName(),
  flowId: randomUUID(),
  run: randomUUID(),
  appWebhook: randomUUID(),
  key: randomUUID(),
};

function newName(): string {
  return `name-${randomUUID()}`;
}

async function readOperations(): Promise<Operation[]> {
  const { body } = await service.api.get('/openapi.json');
  type Described = { parameters?: { in: string; name: string }[]; requestBody?: unknown };
  const paths: Record<string, Record<string, Described>> = body.paths;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      query: parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name),
      hasBody: requestBody !== undefined,
    })),
  );
}

function membersOf(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, member = '']) => member);
}

/** All of an answer that could tell something, without what differs between any two, and without the ids that were sent. */
async function call(
  { name, method, path, hasBody }: Operation,
  venue: Venue,
  query: Record<string, string> = {},
  as: Api = api,
) {
  const appUuid = await uuidOf(own.location);
  const idOf = (member: string) => {
    if (member === 'appUuid') return appUuid;
    if (member === 'id') return path.startsWith('/v1/keys') ? venue.key : venue.location;
    return venue[pathMembers[member] ?? 'location'];
  };
  const filled = path.replaceAll(/\{(\w+)\}/g, (_all, member: string) => idOf(member));
  const body = hasBody ? { body: JSON.stringify(bodies[name]?.(venue)) } : {};
  const response = await fetch(`${as.url}${filled}?${new URLSearchParams(query).toString()}`, {
    method,
    headers: { authorization: `Bearer ${as.key}`, ...(hasBody && { 'content-type': 'application/json' }) },
    ...body,
  });
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  const answered = isStream ? '' : await response.text();
  if (isStream) await response.body?.cancel();
  const sent = [...Object.values(query), ...Object.values(venue)];
  const text = sent.reduce(
    (rest, id) => rest.replaceAll(id, '…'),
    answered.replace(/"requestId":"[^"]*"/, ''),
  );
  const headers = [...response.headers].filter(
    ([header]) => !/^(date|x-request-id|ratelimit.*)$/.test(header),
  );
  return { status: response.status, headers, text };
}

/** Nothing: it is not there, is refused for that, or is an empty list, stream, or table. */
function isNothing({ status, text }: { status: number; text: string }): boolean {
  const isEmpty = ['', '{"items":[],"nextCursor":null}'].includes(text) || /^id,[\w,]+\r\n$/.test(text);
  return [401, 404, 422].includes(status) || (status === 200 && isEmpty);
}

async function uuidOf(location: string): Promise<string> {
  return (await service.api.get(`/v1/locations/${location}`)).body.uuid;
}

/** Every row, but for what the audit log and the invocations tell of refusals. */
async function dump(): Promise<string[]> {
  const rows = await dumpDatabase(service.databaseUrl);
  return rows
    .split('\n')
    .filter((row) => !/key\.refused|,refused,not_registered,/.test(row))
    .toSorted();
}

async function dumpOf(location: string): Promise<string[]> {
  return (await dump()).filter((row) => row.includes(location));
}

async function makeVenue(): Promise<Venue> {
  const location = await addLocation(service.api);
  const path = `/v1/locations/${location}`;
  const { id: endpoint } = await addEndpoint(service.api, location, receiver.url);
  const handed = newEvent(location);
  await handOver(service.api, handed);
  const delivery = await until('the event is delivered', async () => {
    const { body } = await service.api.get(`${path}/deliveries?outcome=delivered`);
    return body.items[0]?.id;
  });
  const resent = await service.api.post(`${path}/endpoints/${endpoint}/resend`, range);
  await until('it is delivered again', async () => {
    const { body } = await service.api.get(`${path}/resends/${resent.body.id}`);
    return body.endedAt;
  });
  const [webhook, flow] = [newName(), newName()];
  await service.api.put(`${path}/webhooks/${webhook}`, { url: receiver.url });
  const triggered = await service.api.post(`${path}/webhooks/${webhook}/trigger`, {});
  const saved = await service.api.put(`${path}/flows/${flow}`, { steps: [] });
  await service.api.as(saved.body.token).post(saved.body.url, {});
  const { body: runs } = await service.api.get(`${path}/runs`);
  const settings = { name: 'Venue', scopes: ['admin'], locationId: location };
  const { body: key } = await service.api.post('/v1/keys', settings);
  const app = await service.api.as(key.key).post('/app/webhooks', { action: flow, props: {} });
  return {
    location,
    endpoint,
    delivery,
    resends: resent.body.id,
    session: handed.uuid,
    webhook,
    invocation: triggered.body.referenceId,
    flow,
    flowId: saved.body.id,
    run: runs.items[0].id,
    appWebhook: app.body.uuid,
    key: key.id,
  };
}
