import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dumpDatabase } from '../db/dump.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { addLocation } from '../support/venue.ts';
import { register, withKey } from './register.ts';

const mask = '••••••';
let service: TestService;
let receiver: Receiver;
beforeAll(async () => {
  service = await startTestService();
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.stop();
  await service.stop();
});

const nothing = {
  method: null,
  headers: {},
  queryParams: [],
  payload_encoding: null,
  dataSchema: null,
  timeoutMs: 10_000,
  recordBodies: false,
  sign: false,
  createdAt: expect.any(String),
  updatedAt: expect.any(String),
};

describe('the two registrations of the source format', () => {
  it('get-randomapi works as it stands', async () => {
    const locationId = await addLocation(service.api);
    const path = `/v1/locations/${locationId}/webhooks/get-randomapi`;
    const registration = {
      id: 'get-randomapi',
      url: `${receiver.url}/public/randomusers`,
      method: 'GET',
      headers: {},
      queryParams: ['pageNum'],
    };
    const put = await service.api.put(path, registration);
    expect(put.status).toBe(200);
    expect(put.body).toEqual({ ...nothing, ...registration, warnings: [expect.stringContaining('http')] });

    receiver.answerWith((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"page":2}'),
    );
    const seen = receiver.requests.length;
    const answer = await service.api.post(`${path}/trigger`, {
      data: {},
      headers: {},
      queryParams: { pageNum: 2 },
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      referenceId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      status: 200,
      data: { page: 2 },
      error: false,
    });
    const [request] = receiver.requests.slice(seen);
    expect(request).toMatchObject({ method: 'GET', url: '/public/randomusers?pageNum=2', body: '' });
    expect(request?.headers).not.toHaveProperty('content-type');
    expect(request?.headers).not.toHaveProperty('content-length');
  });

  it('send-jpeg works as it stands', async () => {
    const locationId = await addLocation(service.api);
    const path = `/v1/locations/${locationId}/webhooks/send-jpeg`;
    const registration = {
      id: 'send-jpeg',
      url: `${receiver.url}/photos`,
      headers: { 'Content-Type': 'image/jpeg' },
      payload_encoding: 'base64',
    };
    const put = await service.api.put(path, registration);
    expect(put.status).toBe(200);
    expect(put.body).toMatchObject({ ...registration, headers: { 'Content-Type': mask }, method: null });

    receiver.answerWith((_request, response) => response.writeHead(201).end());
    const seen = receiver.requests.length;
    const jpeg = Buffer.from([0xff, 0xd8, 0x41, 0x42, 0xff, 0xd9]);
    const answer = await service.api.post(`${path}/trigger`, { data: jpeg.toString('base64') });
    expect(answer.body).toMatchObject({ status: 201, data: null, error: false });
    const [request] = receiver.requests.slice(seen);
    expect(request).toMatchObject({ method: 'POST', url: '/photos' });
    expect(request?.headers).toMatchObject({ 'content-type': 'image/jpeg', 'content-length': '6' });
  });
});

describe('a registration', () => {
  let locationId: string;
  let webhooks: string;
  beforeEach(async () => {
    locationId = await addLocation(service.api);
    webhooks = `/v1/locations/${locationId}/webhooks`;
  });

  it('can be read, listed, replaced as a whole and removed', async () => {
    const full = {
      url: 'https://example.com/a?b=c',
      method: 'PATCH',
      headers: { 'X-Api-Key': 'key-1', 'X-Caller': '' },
      queryParams: ['a', 'b c'],
      payload_encoding: 'base64',
      dataSchema: { type: 'string', maxLength: 5 },
      timeoutMs: 30_000,
      recordBodies: true,
      sign: false,
    };
    const put = await service.api.put(`${webhooks}/one`, full);
    const { warnings, ...stored } = put.body;
    expect(warnings).toEqual([]);
    expect(stored).toEqual({
      ...nothing,
      id: 'one',
      ...full,
      headers: { 'X-Api-Key': mask, 'X-Caller': '' },
    });
    expect((await service.api.get(`${webhooks}/one`)).body).toEqual(stored);

    const replaced = await service.api.put(`${webhooks}/one`, { url: 'https://example.com/b' });
    expect(replaced.body).toEqual({ ...nothing, id: 'one', url: 'https://example.com/b', warnings: [] });
    expect(replaced.body.createdAt).toBe(stored.createdAt);

    await service.api.put(`${webhooks}/two`, { url: 'https://example.com/' });
    const first = await service.api.get(`${webhooks}?limit=1`);
    expect(first.body).toMatchObject({ items: [{ id: 'one' }], nextCursor: 'one' });
    const second = await service.api.get(`${webhooks}?limit=1&cursor=one`);
    expect(second.body).toMatchObject({ items: [{ id: 'two' }], nextCursor: null });

    expect((await service.api.delete(`${webhooks}/one`)).status).toBe(204);
    for (const answer of [
      await service.api.get(`${webhooks}/one`),
      await service.api.delete(`${webhooks}/one`),
      await service.api.post(`${webhooks}/one/trigger`, {}),
    ])
      expect(answer.status).toBe(404);
  });

  it('keeps its invocations on record when it is removed', async () => {
    const { trigger, path } = await register(service.api, { url: receiver.url }, locationId);
    const { body } = await trigger();
    await service.api.delete(path);
    const record = await service.api.get(`/v1/locations/${locationId}/invocations/${body.referenceId}`);
    expect(record.body).toMatchObject({ webhookId: 'hook', outcome: 'answered' });
  });

  const url = 'https://example.com/';
  it.each<[body: object, path: string, message: string]>([
    [{}, 'url', 'must be a text'],
    [{ url: 'ftp://example.com/' }, 'url', 'must begin with https://'],
    [{ url: 'https://user:password@example.com/' }, 'url', 'must not hold a user name or password'],
    [{ url: 'https://10.0.0.1/' }, 'url', 'not an address on the public internet'],
    [{ url: 'https://[::ffff:a00:1]/' }, 'url', 'not an address on the public internet'],
    [{ url: 'http://169.254.169.254/latest/meta-data' }, 'url', 'not an address on the public internet'],
    [{ url: `https://example.com/${'ä'.repeat(1000)}` }, 'url', 'longer than 2048 characters'],
    [{ url, id: 'other' }, 'id', 'must be the id of the path, hook'],
    [{ url, id: 5 }, 'id', 'must be a text'],
    [{ url, method: 'HEAD' }, 'method', 'must be one of GET, POST, PUT, PATCH, DELETE'],
    [{ url, method: 'CONNECT' }, 'method', 'must be one of'],
    [{ url, method: 'get' }, 'method', 'must be one of'],
    [{ url, payload_encoding: 'hex' }, 'payload_encoding', 'must be "base64"'],
    [{ url, timeoutMs: 99 }, 'timeoutMs', 'must be at least 100'],
    [{ url, timeoutMs: 30_001 }, 'timeoutMs', 'must be at most 30000'],
    [{ url, timeoutMs: 1000.5 }, 'timeoutMs', 'must be a whole number'],
    [{ url, queryParams: [''] }, 'queryParams.0', 'must not be empty'],
    [{ url, queryParams: ['\0'] }, 'queryParams.0', 'must not hold NUL'],
    [{ url, queryParams: Array.from({ length: 51 }, String) }, 'queryParams', 'at most 50'],
    [{ url, recordBodies: 'yes' }, 'recordBodies', 'must be true or false'],
    [{ url, sign: 1 }, 'sign', 'must be true or false'],
    [{ url, dataSchema: 'x' }, 'dataSchema', 'must be a JSON Schema'],
    [{ url, headers: { Host: 'x' } }, 'headers.Host', 'Bellhop or HTTP sets itself'],
    [{ url, headers: { 'Transfer-Encoding': 'chunked' } }, 'headers.Transfer-Encoding', 'sets itself'],
    [{ url, headers: { 'a\r\nb': 'x' } }, 'headers.a\r\nb', 'must be a header name'],
    [{ url, headers: { 'x-a': 'a\r\nb: c' } }, 'headers.x-a', 'must be visible ASCII'],
    [{ url, headers: { 'x-a': '\0' } }, 'headers.x-a', 'must be visible ASCII'],
    [{ url, headers: { 'x-a': '1', 'X-A': '2' } }, 'headers', 'twice in different cases'],
    [
      { url, headers: Object.fromEntries(Array.from({ length: 31 }, (_, n) => [`x-${n}`, ''])) },
      'headers',
      'at most 30',
    ],
    [
      { url, headers: Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`x-${n}`, 'a'.repeat(3900)])) },
      'headers',
      'at most 16384 characters together',
    ],
  ])('is refused as %j', async (body, path, message) => {
    const answer = await service.api.put(`${webhooks}/hook`, body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([{ path, message: expect.stringContaining(message) }]);
    expect((await service.api.get(webhooks)).body.items).toEqual([]);
  });

  it.each(['%00', 'a b', 'a/b', 'ä', '..%2f..', 'a'.repeat(65)])('has no id such as %s', async (id) => {
    const path = `${webhooks}/${id === 'a/b' ? id : encodeURIComponent(decodeURIComponent(id))}`;
    const answers = [
      await service.api.put(path, { url }),
      await service.api.get(path),
      await service.api.delete(path),
      await service.api.post(`${path}/trigger`, {}),
      await service.api.get(`${path}/invocations`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
  });

  it('is refused at once with as many headers or parameters as a body can hold', async () => {
    const names = Array.from({ length: 50_000 }, (_, n) => `a${n}`);
    const answers = await Promise.all([
      service.api.put(`${webhooks}/hook`, {
        url,
        headers: Object.fromEntries(names.map((name) => [name, 1])),
      }),
      service.api.put(`${webhooks}/hook`, { url, queryParams: names.map(() => '') }),
    ]);
    for (const { status, body } of answers) {
      expect(status).toBe(422);
      expect(body.errors).toHaveLength(1);
    }
  });
});

describe('hidden header values', () => {
  it('are kept by the mask, in any case of the name, and changed by anything else', async () => {
    const { path, trigger } = await register(service.api, {
      url: receiver.url,
      headers: { Authorization: 'Bearer one', 'x-changed': 'two', 'x-gone': 'three', constructor: 'four' },
    });
    const put = await service.api.put(path, {
      url: receiver.url,
      headers: { AUTHORIZATION: mask, 'x-changed': 'new', constructor: mask },
    });
    expect(put.body.headers).toEqual({ AUTHORIZATION: mask, 'x-changed': mask, constructor: mask });
    const seen = receiver.requests.length;
    await trigger();
    const [request] = receiver.requests.slice(seen);
    expect(request?.headers).toMatchObject({
      authorization: 'Bearer one',
      'x-changed': 'new',
      constructor: 'four',
    });
    expect(request?.headers).not.toHaveProperty('x-gone');
  });

  it.each(['x-new', 'constructor', 'toString'])('cannot be kept where none is stored (%s)', async (name) => {
    const { path } = await register(service.api, { url: receiver.url });
    const put = await service.api.put(path, { url: receiver.url, headers: { [name]: mask } });
    expect(put.status).toBe(422);
    expect(put.body.errors).toEqual([
      { path: `headers.${name}`, message: 'has no stored value to keep: send the value itself' },
    ]);
    expect((await service.api.get(path)).body.headers).toEqual({});
  });

  it('stay with their webhook: the mask at another one does not fetch them', async () => {
    const { locationId } = await register(service.api, { url: receiver.url, headers: { 'x-key': 'mine' } });
    const other = await service.api.put(`/v1/locations/${locationId}/webhooks/other`, {
      url: receiver.url,
      headers: { 'x-key': mask },
    });
    expect(other.status).toBe(422);
  });

  it('and the signing secret are in the database in cipher only, and in no answer', async () => {
    const secret = `hidden-${randomUUID()}`;
    const { path, locationId, registered } = await register(service.api, {
      url: receiver.url,
      headers: { authorization: `Bearer ${secret}` },
      sign: true,
    });
    const signing = registered.secret.slice('whsec_'.length);
    expect(signing).toHaveLength(44);
    const again = await service.api.put(path, {
      url: receiver.url,
      headers: { authorization: mask },
      sign: true,
    });
    expect(again.body).not.toHaveProperty('secret');
    const answers = [
      again,
      await service.api.get(path),
      await service.api.get(`/v1/locations/${locationId}/webhooks`),
      await service.api.post(`${path}/trigger`, { headers: { Authorization: 'x' } }),
    ];
    const texts = [
      ...answers.map(({ body }) => JSON.stringify(body)),
      await dumpDatabase(service.databaseUrl),
    ];
    for (const text of texts) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(signing);
    }
  });

  it('of a webhook that is signed no longer are forgotten with its secret', async () => {
    const { path, registered } = await register(service.api, { url: receiver.url, sign: true });
    await service.api.put(path, { url: receiver.url });
    const again = await service.api.put(path, { url: receiver.url, sign: true });
    expect(again.body.secret).toMatch(/^whsec_/);
    expect(again.body.secret).not.toBe(registered.secret);
  });
});

describe('keys', () => {
  it('of another location get 404 on every route, as if nothing were there', async () => {
    const { path, locationId, trigger } = await register(service.api, { url: receiver.url });
    const { body } = await trigger();
    const elsewhere = await addLocation(service.api);
    const scopes = ['settings:read', 'settings:write', 'webhooks:trigger'];
    const stranger = await withKey(service.api, scopes, { locationId: elsewhere });
    const seen = receiver.requests.length;
    const answers = await Promise.all([
      stranger.get(`/v1/locations/${locationId}/webhooks`),
      stranger.get(path),
      stranger.put(path, { url: 'https://example.com/' }),
      stranger.delete(path),
      stranger.post(`${path}/trigger`, {}),
      stranger.get(`${path}/invocations`),
      stranger.get(`/v1/locations/${locationId}/invocations/${body.referenceId}`),
    ]);
    for (const answer of answers) {
      expect(answer.status).toBe(404);
      expect(answer.body.detail).toBe('There is no location with this id.');
    }
    const own = `/v1/locations/${elsewhere}`;
    expect((await stranger.post(`${own}/webhooks/hook/trigger`, {})).status).toBe(404);
    expect((await stranger.get(`${own}/invocations/${body.referenceId}`)).status).toBe(404);
    expect((await stranger.get(`${own}/webhooks`)).body.items).toEqual([]);
    expect(receiver.requests).toHaveLength(seen);
    expect((await service.api.get(path)).body.url).toBe(`${receiver.url}/`);
  });

  it('may do what their scopes say, and no more', async () => {
    const { path, locationId, trigger } = await register(service.api, { url: receiver.url });
    const { body } = await trigger();
    const record = `/v1/locations/${locationId}/invocations/${body.referenceId}`;
    const app = await withKey(service.api, ['webhooks:trigger'], { locationId });
    expect((await app.post(`${path}/trigger`, {})).status).toBe(200);
    const reader = await withKey(service.api, ['settings:read'], { locationId });
    const writer = await withKey(service.api, ['settings:write'], { locationId });
    const refused = await Promise.all([
      ...[path, `/v1/locations/${locationId}/webhooks`, `${path}/invocations`, record].flatMap((read) => [
        app.get(read),
        writer.get(read),
      ]),
      ...[app, reader].flatMap((api) => [api.put(path, { url: 'https://example.com/' }), api.delete(path)]),
      ...[reader, writer].map((api) => api.post(`${path}/trigger`, {})),
    ]);
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 403));
    expect((await reader.get(record)).status).toBe(200);
  });
});
