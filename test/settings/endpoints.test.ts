import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newEvent, newEvents } from '../support/venue.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { adminKey, newLocationId, startTestService, type TestService } from '../support/service.ts';

const mask = '••••••';
let service: TestService;
let receiver: Receiver;
let location: string;
let endpoints: string;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());
beforeEach(async () => {
  receiver = await startReceiver();
  location = newLocationId();
  endpoints = `/v1/locations/${location}/endpoints`;
  await service.api.put(`/v1/locations/${location}`, { title: 'Kamen Test' });
  return () => receiver.stop();
});

describe('a new endpoint', () => {
  it('is answered with its secret, which is shown nowhere else', async () => {
    const made = await service.api.post(endpoints, { url: 'https://example.com/hook' });
    const { secret, warnings, ...endpoint } = made.body;
    expect(made.status).toBe(201);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(warnings).toEqual([]);
    expect(endpoint).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      url: 'https://example.com/hook',
      description: '',
      actions: ['create', 'delete'],
      enabled: true,
      headers: {},
      secretHint: `…${secret.slice(-5)}`,
      disabledReason: null,
      health: {
        state: 'new',
        lastDeliveredAt: null,
        lastFailedAt: null,
        failuresInARow: 0,
        failingSince: null,
        step: null,
      },
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    expect((await service.api.get(`${endpoints}/${endpoint.id}`)).body).toEqual(endpoint);
    expect((await service.api.get(endpoints)).body).toEqual({ items: [endpoint], nextCursor: null });
  });

  it('warns of http, and only of http', async () => {
    const { body } = await service.api.post(endpoints, { url: 'http://example.com/' });
    expect(body.warnings).toEqual([expect.stringContaining('Prefer https')]);
  });

  it('is sent only what is accepted from then on', async () => {
    await service.api.post('/v1/events', newEvents(location, 3));
    await service.api.post(endpoints, { url: receiver.url });
    await service.api.post('/v1/events', newEvent(location, { customerid: 99 }));
    const [first] = await receiver.received(1);
    expect(JSON.parse(first?.body ?? '')).toMatchObject([{ customerid: 99 }]);
    expect(first?.headers['bellhop-sequence']).toBe('4-4');
  });

  it('keeps the order and number of its actions simple', async () => {
    const { body } = await service.api.post(endpoints, {
      url: 'https://example.com/',
      actions: ['delete', 'create', 'delete'],
    });
    expect(body.actions).toEqual(['create', 'delete']);
  });

  const url = 'https://example.com/';
  it.each([
    [{}, 'url', 'must be a text'],
    [{ url: 5 }, 'url', 'must be a text'],
    [{ url: '' }, 'url', 'must not be empty'],
    [{ url: 'example.com' }, 'url', 'not a full URL'],
    [{ url: 'ftp://example.com/' }, 'url', 'must begin with https://'],
    [{ url: 'javascript:alert(1)' }, 'url', 'must begin with https://'],
    [{ url: 'https://user:password@example.com/' }, 'url', 'must not hold a user name or password'],
    [{ url: 'https://10.0.0.1/' }, 'url', 'not an address on the public internet'],
    [{ url: 'https://[::1]/' }, 'url', 'not an address on the public internet'],
    [{ url: 'https://169.254.169.254/latest' }, 'url', 'not an address on the public internet'],
    [{ url: 'https://0xa000001/' }, 'url', 'not an address on the public internet'],
    [{ url: `https://example.com/${'a'.repeat(2048)}` }, 'url', 'at most 2048 characters'],
    [{ url: `https://example.com/${'ä'.repeat(1000)}` }, 'url', 'longer than 2048 characters'],
    [{ url: 'https://example.com/\0' }, 'url', 'must not hold NUL'],
    [{ url: 'https://example.com/\ud800' }, 'url', 'half a surrogate pair'],
    [{ url, description: 'a'.repeat(501) }, 'description', 'at most 500 characters'],
    [{ url, description: '\0' }, 'description', 'must not hold NUL'],
    [{ url, description: null }, 'description', 'must be a text'],
    [{ url, actions: [] }, 'actions', 'must name create, delete or both'],
    [{ url, actions: ['update'] }, 'actions.0', 'must be "create" or "delete"'],
    [{ url, actions: 'create' }, 'actions', 'must be a list'],
    [{ url, enabled: 'yes' }, 'enabled', 'must be true or false'],
    [{ url, enabled: null }, 'enabled', 'must be true or false'],
  ])('is refused as %j', async (body, path, message) => {
    const answer = await service.api.post(endpoints, body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([{ path, message: expect.stringContaining(message) }]);
    expect((await service.api.get(endpoints)).body.items).toEqual([]);
  });

  it.each(['actions', 'headers'])(
    'is refused at once with a %s that is as large as a body can be',
    async (name) => {
      const answers = await Promise.all([
        service.api.post(endpoints, { url, [name]: Array.from({ length: 300_000 }, () => 0) }),
        service.api.post(endpoints, { url, [name]: Array.from({ length: 80_000 }, () => 'create') }),
        service.api.post(endpoints, {
          url,
          [name]: Object.fromEntries(Array.from({ length: 120_000 }, (_, n) => [n.toString(36), 1])),
        }),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([422, 422, 422]);
    },
  );
});

describe('a URL of a private network', () => {
  it('is refused in words, at creation and change, and the endpoint stays as it was', async () => {
    const strict = await startTestService({ DELIVERY_ALLOW_CIDRS: '', DATABASE_URL: service.databaseUrl });
    const made = await strict.api.post(endpoints, { url: 'https://example.com/' });
    for (const url of [
      'http://127.0.0.1/',
      'http://localhost/',
      'http://db.internal/',
      'https://example.com:22/',
    ]) {
      const answers = [
        await strict.api.post(endpoints, { url }),
        await strict.api.patch(`${endpoints}/${made.body.id}`, { url, description: 'changed' }),
      ];
      for (const { status, body } of answers) {
        expect(status).toBe(422);
        expect(body.errors).toEqual([{ path: 'url', message: expect.stringMatching(/^[A-Z1].{20,}\.$/) }]);
      }
    }
    const { body } = await strict.api.get(endpoints);
    await strict.stop();
    expect(body.items).toMatchObject([{ url: 'https://example.com/', description: '' }]);
  });
});

describe('custom headers', () => {
  it('are sent with every POST and masked in every answer', async () => {
    const headers = { Authorization: 'Bearer venue-secret-1', 'x-api-key': 'venue-secret-2', 'X-Empty': '' };
    const made = await service.api.post(endpoints, { url: receiver.url, headers });
    const masked = { Authorization: mask, 'x-api-key': mask, 'X-Empty': mask };
    expect(made.body.headers).toEqual(masked);
    await service.api.post('/v1/events', newEvent(location));
    const [request] = await receiver.received(1);
    expect(request?.headers).toMatchObject({
      authorization: 'Bearer venue-secret-1',
      'x-api-key': 'venue-secret-2',
      'x-empty': '',
    });
    const answers = await readEverything();
    expect(answers).toContain(mask);
    expect(answers).not.toContain('venue-secret');
    expect(answers).not.toContain(made.body.secret.slice(6));
  });

  it('are replaced as a whole by a change, where the mask keeps what is stored', async () => {
    const made = await service.api.post(endpoints, {
      url: receiver.url,
      headers: { 'x-kept': 'one', 'x-changed': 'two', 'x-gone': 'three', constructor: 'four' },
    });
    const changed = await service.api.patch(`${endpoints}/${made.body.id}`, {
      headers: { 'X-Kept': mask, 'x-changed': 'new', 'x-added': 'five', constructor: mask },
    });
    expect(changed.body.headers).toEqual({
      'X-Kept': mask,
      'x-changed': mask,
      'x-added': mask,
      constructor: mask,
    });
    await service.api.post('/v1/events', newEvent(location));
    const [request] = await receiver.received(1);
    expect(request?.headers).toMatchObject({
      'x-kept': 'one',
      'x-changed': 'new',
      'x-added': 'five',
      constructor: 'four',
    });
    expect(request?.headers).not.toHaveProperty('x-gone');
  });

  it.each(['x-new', 'constructor', 'toString'])(
    'are refused with the mask as value of %s, which has none that is stored',
    async (name) => {
      const headers = { [name]: mask };
      const made = await service.api.post(endpoints, { url: receiver.url, headers: { 'x-old': 'one' } });
      const answers = [
        await service.api.post(endpoints, { url: receiver.url, headers }),
        await service.api.patch(`${endpoints}/${made.body.id}`, { headers }),
      ];
      for (const { status, body } of answers) {
        expect(status).toBe(422);
        expect(body.errors).toEqual([{ path: `headers.${name}`, message: expect.any(String) }]);
      }
      expect((await service.api.get(endpoints)).body.items).toMatchObject([{ headers: { 'x-old': mask } }]);
    },
  );

  const reserved =
    'host Connection keep-alive proxy-authorization Content-Length content-type te transfer-encoding trailer upgrade expect ' +
    'User-Agent webhook-id WEBHOOK-SIGNATURE webhook-anything bellhop-location Bellhop-X';
  it.each<[headers: unknown, path: string, message: string]>([
    ...reserved
      .split(' ')
      .map((name): [unknown, string, string] => [
        { [name]: 'x' },
        `headers.${name}`,
        'is a header that Bellhop',
      ]),
    ...['', 'a b', 'a:b', 'a\nb', 'ä', '\0', '(a)', 'a'.repeat(101)].map(
      (name): [unknown, string, string] => [{ [name]: 'x' }, `headers.${name}`, 'must be a header name'],
    ),
    ...['a\nb', 'a\r\nx: y', '\0', 'ä', '🕶', ' a', 'a ', '\x7f', '\ud800', 'a•'].map(
      (value): [unknown, string, string] => [
        { 'x-a': value },
        'headers.x-a',
        'must be visible ASCII characters',
      ],
    ),
    [{ 'x-a': 'a'.repeat(4001) }, 'headers.x-a', 'at most 4000 characters'],
    ...[5, null, true, ['a'], {}].map((value): [unknown, string, string] => [
      { 'x-a': value },
      'headers.x-a',
      'must be a text',
    ]),
    [{ 'x-a': '1', 'X-A': '2' }, 'headers', 'twice in different cases'],
    [
      Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`x-${n}`, 'a'])),
      'headers',
      'at most 20 headers',
    ],
    ...[null, 'x', 5, []].map((value): [unknown, string, string] => [
      value,
      'headers',
      'must be an object of header names and values',
    ]),
  ])('are refused as %j', async (headers, path, message) => {
    const made = await service.api.post(endpoints, { url: receiver.url, headers: { 'x-old': 'one' } });
    const answers = [
      await service.api.post(endpoints, { url: receiver.url, headers }),
      await service.api.patch(`${endpoints}/${made.body.id}`, { headers }),
    ];
    for (const { status, body } of answers) {
      expect(status).toBe(422);
      expect(body.errors).toEqual([{ path, message: expect.stringContaining(message) }]);
    }
    expect((await service.api.get(endpoints)).body.items).toMatchObject([{ headers: { 'x-old': mask } }]);
  });
});

describe('a change', () => {
  it('keeps what it does not name', async () => {
    const before = await service.api.post(endpoints, {
      url: receiver.url,
      description: 'Display',
      actions: ['delete'],
      headers: { 'x-a': 'one' },
    });
    const path = `${endpoints}/${before.body.id}`;
    const { secret: _, warnings: __, ...endpoint } = before.body;
    const changes = [
      {},
      { description: 'Screen' },
      { actions: null },
      { headers: {} },
      { url: 'https://example.com/' },
      { enabled: false },
    ];
    let expected = endpoint;
    for (const change of changes) {
      const { status, body } = await service.api.patch(path, change);
      expect(status).toBe(200);
      expected = {
        ...expected,
        ...change,
        ...('actions' in change && { actions: ['create', 'delete'] }),
        ...('enabled' in change && { health: { ...expected.health, state: 'paused' } }),
        updatedAt: expect.any(String),
      };
      expect(body).toEqual({ ...expected, warnings: [] });
      expect((await service.api.get(path)).body).toEqual(expected);
    }
  });

  it('warns when it names an http URL', async () => {
    const { body } = await service.api.post(endpoints, { url: 'https://example.com/' });
    const changed = await service.api.patch(`${endpoints}/${body.id}`, { url: 'http://example.com/' });
    expect(changed.body.warnings).toHaveLength(1);
  });

  it('is refused whole when one member is wrong', async () => {
    const { body } = await service.api.post(endpoints, { url: 'https://example.com/' });
    const answer = await service.api.patch(`${endpoints}/${body.id}`, { description: 'new', enabled: 'x' });
    expect(answer.status).toBe(422);
    expect((await service.api.get(`${endpoints}/${body.id}`)).body.description).toBe('');
  });

  it('is refused when it is not sent as JSON, instead of changing nothing', async () => {
    const { body } = await service.api.post(endpoints, { url: 'https://example.com/' });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      const answer = await fetch(`${service.url}${endpoints}/${body.id}`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${adminKey}`, 'content-type': type },
        body: '{"enabled":false}',
      });
      expect(answer.status).toBe(415);
      expect(await answer.json()).toMatchObject({
        detail: expect.stringContaining('content-type: application/json'),
      });
    }
  });
});

describe('a paused endpoint', () => {
  it('is sent nothing, and after it is resumed only what comes then', async () => {
    const { body } = await service.api.post(endpoints, { url: receiver.url });
    const path = `${endpoints}/${body.id}`;
    await service.api.patch(path, { enabled: false });
    expect((await service.api.get(path)).body.health.state).toBe('paused');
    await service.api.post('/v1/events', newEvents(location, 3));
    await service.api.patch(path, { enabled: true });
    await service.api.post('/v1/events', newEvent(location, { customerid: 99 }));
    const [first] = await receiver.received(1);
    expect(JSON.parse(first?.body ?? '')).toMatchObject([{ customerid: 99 }]);
    const { body: log } = await service.api.get(`/v1/locations/${location}/deliveries`);
    expect(log.items).toMatchObject([{ firstSequence: 4, lastSequence: 4 }]);
  });
});

describe('a deleted endpoint', () => {
  it('answers 404 everywhere, and is sent nothing more', async () => {
    const { body } = await service.api.post(endpoints, { url: receiver.url });
    const other = await service.api.post(endpoints, { url: receiver.url });
    await service.api.post('/v1/events', newEvent(location));
    await receiver.received(2);
    const path = `${endpoints}/${body.id}`;
    expect((await service.api.delete(path)).status).toBe(204);

    const range = { from: '2020-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' };
    const answers = await Promise.all([
      service.api.get(path),
      service.api.patch(path, {}),
      service.api.delete(path),
      service.api.post(`${path}/test`),
      service.api.post(`${path}/rotate-secret`),
      service.api.post(`${path}/resend`, range),
    ]);
    for (const answer of answers) {
      expect(answer.status).toBe(404);
      expect(answer.body.detail).toBe('There is no endpoint with this id at this location.');
    }
    expect((await service.api.get(endpoints)).body.items).toMatchObject([{ id: other.body.id }]);
    await service.api.post('/v1/events', newEvent(location));
    const requests = await receiver.received(3);
    expect(requests).toHaveLength(3);
  });

  it.each(['%00', '%ff', 'x', '..%2f', 'a'.repeat(3000), randomUUID()])(
    'may be asked for as %.20s',
    async (id) => {
      for (const suffix of ['', '/test', '/rotate-secret', '/resend', '/nothing']) {
        const method = suffix === '' ? service.api.get : service.api.post;
        expect((await method(`${endpoints}/${id}${suffix}`, {})).status).toBeOneOf([404, 422]);
      }
    },
  );
});

describe('the list of endpoints', () => {
  it('is paged, newest first', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 7; n += 1)
      ids.push((await service.api.post(endpoints, { url: `https://example.com/${n}` })).body.id);
    const pages: string[][] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await service.api.get(`${endpoints}?limit=3${cursor && `&cursor=${cursor}`}`);
      pages.push(body.items.map(({ id }: { id: string }) => id));
      cursor = body.nextCursor;
    }
    const newest = ids.toReversed();
    expect(pages).toEqual([newest.slice(0, 3), newest.slice(3, 6), newest.slice(6)]);
  });
});

/** All that the API tells about the location and its endpoints and deliveries. */
async function readEverything(): Promise<string> {
  const list = await service.api.get(endpoints);
  const log = await service.api.get(`/v1/locations/${location}/deliveries`);
  const paths = [
    ...list.body.items.map(({ id }: { id: string }) => `${endpoints}/${id}`),
    ...log.body.items.map(({ id }: { id: string }) => `/v1/locations/${location}/deliveries/${id}`),
    `/v1/locations/${location}/stats`,
    `/v1/locations/${location}/events`,
  ];
  const answers = await Promise.all(paths.map((path) => service.api.get(path)));
  const tested = await service.api.post(`${endpoints}/${list.body.items[0].id}/test`);
  return JSON.stringify([list, log, ...answers, tested].map(({ body }) => body));
}
