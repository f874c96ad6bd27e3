import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpDatabase, withSql } from '../db/dump.ts';
import { startReceiver } from '../support/receiver.ts';
import { adminKey, startTestService, type TestService } from '../support/service.ts';
import { addEndpoint, addLocation, handOver, newEvent } from '../support/venue.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

describe('a new key', () => {
  it('is shown once, works, and is listed without itself', async () => {
    const made = await service.api.post('/v1/keys', {
      name: 'Core app',
      scopes: ['events:write', 'settings:read'],
    });
    const { key, ...rest } = made.body;
    expect(made.status).toBe(201);
    expect(key).toMatch(/^bellhop_[\w-]{43}$/);
    expect(rest).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'Core app',
      scopes: ['events:write', 'settings:read'],
      locationId: null,
      allowedIps: null,
      hint: `…${key.slice(-4)}`,
      createdAt: expect.any(String),
      expiresAt: null,
      lastUsedAt: null,
    });
    expect((await service.api.as(key).get('/v1/locations')).status).toBe(200);
    const { body } = await service.api.get('/v1/keys');
    expect(body.items).toContainEqual({ ...rest, lastUsedAt: expect.any(String) });
    expect(JSON.stringify(body)).not.toContain(key.slice(8));
  });

  it.each<[body: unknown, path: string, message: string]>([
    [{ scopes: ['admin'] }, 'name', 'must be a text'],
    [{ name: '', scopes: ['admin'] }, 'name', 'must not be empty'],
    [{ name: 'a'.repeat(101), scopes: ['admin'] }, 'name', 'at most 100 characters'],
    [{ name: 'a\0', scopes: ['admin'] }, 'name', 'must not hold NUL'],
    [{ name: 'x' }, 'scopes', 'must be a list of scopes'],
    [{ name: 'x', scopes: [] }, 'scopes', 'at least one scope'],
    [{ name: 'x', scopes: ['root'] }, 'scopes.0', 'must be one of admin, events:write'],
    [{ name: 'x', scopes: ['__proto__'] }, 'scopes.0', 'must be one of admin, events:write'],
    [{ name: 'x', scopes: Array.from({ length: 300_000 }, () => 0) }, 'scopes', 'at most 100 scopes'],
    [{ name: 'x', scopes: ['admin'], locationId: 'nowhere' }, 'locationId', 'there is no location nowhere'],
    [{ name: 'x', scopes: ['admin'], locationId: '' }, 'locationId', 'must be 1 to 64'],
    [{ name: 'x', scopes: ['admin'], allowedIps: [] }, 'allowedIps', 'at least one address'],
    [{ name: 'x', scopes: ['admin'], allowedIps: ['x'] }, 'allowedIps.0', 'must be an IP address or a range'],
    [{ name: 'x', scopes: ['admin'], allowedIps: ['1.2.3.4/33'] }, 'allowedIps.0', 'must be an IP address'],
    [
      { name: 'x', scopes: ['admin'], allowedIps: ['1.2.3.4,5.6.7.8'] },
      'allowedIps.0',
      'must be an IP address',
    ],
    [{ name: 'x', scopes: ['admin'], allowedIps: ['1.2.3.4\0'] }, 'allowedIps.0', 'must be an IP address'],
    [{ name: 'x', scopes: ['admin'], allowedIps: [''] }, 'allowedIps.0', 'must be an IP address'],
    [
      { name: 'x', scopes: ['admin'], allowedIps: Array.from({ length: 101 }, () => '::1') },
      'allowedIps',
      '100 ranges',
    ],
    [
      { name: 'x', scopes: ['admin'], expiresAt: '2020-01-01T00:00:00Z' },
      'expiresAt',
      'must be in the future',
    ],
    [{ name: 'x', scopes: ['admin'], expiresAt: '2027-02-30T00:00:00Z' }, 'expiresAt', 'must be a time like'],
    [{ name: 'x', scopes: ['admin'], expiresAt: 'tomorrow' }, 'expiresAt', 'must be a time like'],
    [
      { name: 'x', scopes: ['admin'], expiresAt: '9999-12-31T23:59:59-23:59' },
      'expiresAt',
      'year from 1 to 9999',
    ],
  ])('is refused as %.80j', async (body, path, message) => {
    const before = await dumpDatabase(service.databaseUrl);
    const answer = await service.api.post('/v1/keys', body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([{ path, message: expect.stringContaining(message) }]);
    expect(await dumpDatabase(service.databaseUrl)).toBe(before);
  });
});

describe('a key that is not valid any more', () => {
  it('stops at once when it is revoked', async () => {
    const { id, key } = await makeKey({ scopes: ['settings:read'] });
    const api = service.api.as(key);
    expect((await api.get('/v1/locations')).status).toBe(200);
    expect((await service.api.delete(`/v1/keys/${id}`)).status).toBe(204);
    const refused = await api.get('/v1/locations');
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect(refused.body.detail).toContain('unknown, revoked or expired');
    expect((await service.api.delete(`/v1/keys/${id}`)).status).toBe(404);
  });

  it('stops when its time is over', async () => {
    const { id, key } = await makeKey({ scopes: ['settings:read'], expiresAt: '2099-01-01T00:00:00+02:00' });
    expect((await service.api.as(key).get('/v1/locations')).status).toBe(200);
    await withSql(
      service.databaseUrl,
      (sql) => sql`update api_keys set expires_at = now() - interval '1 second' where id = ${id}`,
    );
    expect((await service.api.as(key).get('/v1/locations')).status).toBe(401);
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic dXNlcjpwYXNz',
    `Basic ${adminKey}`,
    adminKey,
    `Bearer ${adminKey} x`,
    `Bearer ${adminKey}x`,
    `Bearer ${adminKey.slice(1)}`,
    `Bearer ${adminKey.toUpperCase()}`,
    `Bearer ${'a'.repeat(513)}`,
    'Bearer \u00e4',
    `Bearer, Bearer ${adminKey}`,
    "Bearer ' or 1=1 --",
    'Bearer null',
    `Token ${adminKey}`,
  ])('is not let in: Authorization %j', async (authorization) => {
    const headers = new Headers(authorization === undefined ? {} : { authorization });
    for (const [method, path] of [
      ['GET', '/v1/locations'],
      ['POST', '/v1/events'],
      ['GET', '/v1/nothing'],
    ] as const) {
      const answer = await fetch(service.url + path, { method, headers });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(await answer.json()).toMatchObject({ status: 401, requestId: expect.stringMatching(/./) });
    }
  });

  it.each([`Bearer ${adminKey}`, `bearer ${adminKey}`, `BEARER   ${adminKey}  `])(
    'is let in: %j',
    async (authorization) => {
      expect((await fetch(`${service.url}/v1/locations`, { headers: { authorization } })).status).toBe(200);
    },
  );
});

describe('a key with addresses', () => {
  const elsewhere = { allowedIps: ['198.51.100.0/24', '2001:db8::/32'] };

  it('works from there only, and says from where it was tried', async () => {
    const here = await makeKey({ scopes: ['admin'], allowedIps: ['198.51.100.1', '127.0.0.0/8'] });
    expect((await service.api.as(here.key).get('/v1/locations')).status).toBe(200);
    const there = await makeKey({ scopes: ['admin'], ...elsewhere });
    const refused = await service.api.as(there.key).get('/v1/locations');
    expect(refused.status).toBe(403);
    expect(refused.body.detail).toBe('This API key may not be used from the address 127.0.0.1.');
  });

  it('does not believe X-Forwarded-For without trusted proxies', async () => {
    const { key } = await makeKey({ scopes: ['admin'], ...elsewhere });
    for (const forwarded of ['198.51.100.7', '198.51.100.7, 127.0.0.1', '127.0.0.1'])
      expect((await via(service.url, key, forwarded)).status).toBe(403);
  });

  it('believes what trusted proxies wrote, and nothing before it', async () => {
    const { key } = await makeKey({ scopes: ['admin'], ...elsewhere });
    const proxied = await startTestService({
      DATABASE_URL: service.databaseUrl,
      TRUST_PROXY: '127.0.0.0/8, 10.0.0.0/8',
    });
    const attempts: [forwarded: string | undefined, status: number][] = [
      ['198.51.100.7', 200],
      [' 198.51.100.7 ', 200],
      ['198.51.100.7, 10.0.0.1', 200],
      ['203.0.113.9, 198.51.100.7, 10.0.0.1, 127.0.0.2', 200],
      ['2001:db8::7', 200],
      ['::ffff:198.51.100.7', 200],
      // A client may write what it likes: the last address that a proxy of ours did not write is its own.
      ['198.51.100.7, 203.0.113.9', 403],
      ['198.51.100.7, 203.0.113.9, 10.0.0.1', 403],
      ['198.51.100.7, x', 403],
      ['198.51.100.7,', 403],
      ['198.51.100.7, [2001:db8::7]', 403],
      ["198.51.100.7' or '1'='1", 403],
      ['', 403],
      [undefined, 403],
      ['10.0.0.1, 127.0.0.1', 403],
    ];
    for (const [forwarded, status] of attempts)
      expect({ forwarded, status: (await via(proxied.url, key, forwarded)).status }).toEqual({
        forwarded,
        status,
      });
    await proxied.stop();
  });
});

describe('the list of keys', () => {
  it('is filtered by location, and shows a bound key nothing of another', async () => {
    const [own, other] = [await addLocation(service.api), await addLocation(service.api)];
    const make = async (locationId: string) =>
      (await service.api.post('/v1/keys', { name: 'x', scopes: ['admin'], locationId })).body;
    const [first, second, foreign] = [await make(own), await make(own), await make(other)];
    const list = async (locationId: string, api = service.api) => {
      const { status, body } = await api.get(`/v1/keys?locationId=${locationId}`);
      return [status, body.items.map(({ id }: { id: string }) => id)];
    };
    expect(await list(own)).toEqual([200, [second.id, first.id]]);
    expect(await list(other)).toEqual([200, [foreign.id]]);
    expect(await list('nowhere')).toEqual([200, []]);
    const bound = service.api.as(first.key);
    expect(await list(own, bound)).toEqual([200, [second.id, first.id]]);
    expect(await list(other, bound)).toEqual([200, []]);
  });

  it('is paged, newest first', async () => {
    const fresh = await startTestService();
    const ids: string[] = [];
    for (let n = 0; n < 7; n += 1)
      ids.push((await fresh.api.post('/v1/keys', { name: `${n}`, scopes: ['admin'] })).body.id);
    const pages: string[][] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await fresh.api.get(`/v1/keys?limit=3${cursor && `&cursor=${cursor}`}`);
      pages.push(body.items.map(({ id }: { id: string }) => id));
      cursor = body.nextCursor;
    }
    await fresh.stop();
    const newest = ids.toReversed();
    expect(pages).toEqual([newest.slice(0, 3), newest.slice(3, 6), newest.slice(6)]);
  });
});

describe('a key of one location that may do everything there', () => {
  it('makes, sees and revokes keys of that location only', async () => {
    const [own, other] = [await addLocation(service.api), await addLocation(service.api)];
    const foreign = await makeKey({ scopes: ['admin'], locationId: other });
    const unbound = await makeKey({ scopes: ['admin'] });
    const bound = await makeKey({ scopes: ['admin'], locationId: own });
    const api = service.api.as(bound.key);

    for (const locationId of [undefined, null, own]) {
      const made = await api.post('/v1/keys', { name: 'x', scopes: ['admin'], locationId });
      expect(made.body.locationId).toBe(own);
    }
    const refusals = await Promise.all(
      [other, 'nowhere'].map((locationId) =>
        api.post('/v1/keys', { name: 'x', scopes: ['admin'], locationId }),
      ),
    );
    expect(refusals.map(({ status, body }) => [status, body.errors[0].message])).toEqual([
      [422, `there is no location ${other}`],
      [422, 'there is no location nowhere'],
    ]);

    const { body } = await api.get('/v1/keys');
    expect(new Set(body.items.map((key: { locationId: string }) => key.locationId))).toEqual(new Set([own]));
    expect(body.items).toHaveLength(4);
    const behindForeign = await api.get(`/v1/keys?cursor=${bound.id}`);
    expect(behindForeign.body.items).toEqual([]);
    const missing = await api.delete(`/v1/keys/${randomUUID()}`);
    for (const { id } of [foreign, unbound]) {
      const { status, body: problem } = await api.delete(`/v1/keys/${id}`);
      expect([status, problem.detail]).toEqual([404, missing.body.detail]);
    }
    expect((await service.api.as(foreign.key).get('/v1/keys')).status).toBe(200);
  });
});

it('the database holds no key, secret or header value in the clear', async () => {
  const receiver = await startReceiver();
  const { key } = await makeKey({ scopes: ['admin'] });
  const location = await addLocation(service.api);
  const headers = { authorization: 'Bearer venue-password-1', 'x-api-key': 'venue-password-2' };
  const endpoint = await addEndpoint(service.api, location, receiver.url, { headers });
  const rotated = await service.api.post(`${endpoint.path}/rotate-secret`);
  await service.api.patch(endpoint.path, { headers: { 'x-api-key': '••••••', 'x-new': 'venue-password-3' } });
  await handOver(service.api.as(key), newEvent(location));
  await service.api.post(`${endpoint.path}/test`);
  await receiver.received(2);
  await receiver.stop();

  const dump = await dumpDatabase(service.databaseUrl);
  expect(dump).toContain(location);
  const secrets = [
    key,
    key.slice('bellhop_'.length),
    adminKey,
    'venue-password',
    ...[endpoint.secret, rotated.body.secret].flatMap((secret: string) => [
      secret.slice('whsec_'.length, -6),
      bytesOf(secret).toString('hex'),
      bytesOf(secret).toString('base64url'),
    ]),
  ];
  for (const secret of secrets) {
    expect(dump).not.toContain(secret);
    expect(dump).not.toContain(Buffer.from(secret).toString('base64').slice(0, -4));
    expect(dump).not.toContain(Buffer.from(secret).toString('hex'));
  }
});

async function via(url: string, key: string, forwarded?: string) {
  const headers = {
    authorization: `Bearer ${key}`,
    ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }),
  };
  return fetch(`${url}/v1/locations`, { headers });
}

const bytesOf = (secret: string) => Buffer.from(secret.slice('whsec_'.length), 'base64');

async function makeKey(settings: object): Promise<{ id: string; key: string }> {
  const { status, body } = await service.api.post('/v1/keys', { name: 'test', ...settings });
  expect(status).toBe(201);
  return body;
}
